/** The notebook that was in use last, in JupyterLab and in Notebook 7. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { type ISignal, Signal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';

/**
 * What we use of a NotebookPanel. It is told by its class: releases of @jupyterlab/notebook on npm name packages that are
 * not there, so nobody can install it to build against it.
 */
interface NotebookPanel extends Widget {
  context: { path: string; pathChanged: ISignal<unknown, string> };
  content: {
    activeCellIndex: number;
    mode: string;
    model: { sharedModel: { insertCell(index: number, cell: unknown): unknown } } | null;
    scrollToItem?(index: number, align?: string): Promise<void>;
  };
}

export class Notebooks {
  /** Another one is in use, or it has another name. */
  readonly changed = new Signal<this, void>(this);

  constructor(private readonly app: JupyterFrontEnd) {
    const shell = app.shell;
    shell.currentChanged?.connect(() => this._look(), this);
    void app.restored.then(() => this._look());
  }

  /** Its path as the contents API of the server has it. */
  get path(): string | null {
    return this._panel ? this.app.serviceManager.contents.localPath(this._panel.context.path) : null;
  }

  /** Puts a line into a new cell below the active one. */
  async insert(line: string): Promise<boolean> {
    const model = this._panel?.content.model;
    if (!this._panel || !model) return false;
    const { content, id } = this._panel;
    const index = content.activeCellIndex + 1;
    model.sharedModel.insertCell(index, cellOf(line));
    this.app.shell.activateById(id);
    content.activeCellIndex = index;
    await content.scrollToItem?.(index, 'smart');
    return true;
  }

  private _look(): void {
    const { currentWidget } = this.app.shell;
    if (!isNotebook(currentWidget) || currentWidget === this._panel) return;
    this._panel?.context.pathChanged.disconnect(this._tell);
    this._panel?.disposed.disconnect(this._closed);
    this._panel = currentWidget;
    this._panel.context.pathChanged.connect(this._tell);
    this._panel.disposed.connect(this._closed);
    this._tell();
  }

  private readonly _tell = (): void => this.changed.emit();

  private readonly _closed = (): void => {
    this._panel = null;
    this._look();
    if (this._panel === null) this._tell();
  };

  private _panel: NotebookPanel | null = null;
}

/** A code cell as notebooks hold it. */
export function cellOf(source: string): Record<string, unknown> {
  return { cell_type: 'code', source, metadata: {}, outputs: [], execution_count: null };
}

function isNotebook(widget: Widget | null): widget is NotebookPanel {
  return widget !== null && !widget.isDisposed && widget.hasClass('jp-NotebookPanel') && 'context' in widget;
}
