/**
 * The live view of a widget in the place of a display. A display is drawn from the store at once; where the widget that made
 * it still lives in a kernel, its own view takes over, so that what Python sets is seen. Where it does not, nobody notices.
 */

import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { Panel, Widget } from '@lumino/widgets';

export const WIDGET_MIME = 'application/vnd.jupyter.widget-view+json';

/** What is needed of a registry of renderers. */
export interface Registry {
  getFactory(mimeType: string): IRenderMime.IRendererFactory | undefined;
  createRenderer(mimeType: string): IRenderMime.IRenderer;
}

/** Milliseconds between two looks for ipywidgets' manager: the first, the longest, and all together. */
const LOOK = { first: 100, longest: 2000, all: 60_000 };
/** Milliseconds for which a view that is there may be without its first chart. */
const CHARTS = 2000;

export class LiveView {
  /**
   * @param place what shows the display; the view is put into it, unseen until it is drawn.
   * @param everywhere JupyterLab's own registry. A notebook has a copy, in which ipywidgets replaces its factory by one that
   *   knows the notebook's kernel.
   * @param swap called with true when the view can be seen, with false when it is gone.
   */
  constructor(
    private readonly place: Panel,
    private readonly model: string,
    private readonly everywhere: Pick<Registry, 'getFactory'>,
    private readonly swap: (live: boolean) => void
  ) {
    this._look(LOOK.first, LOOK.all);
  }

  dispose(): void {
    clearTimeout(this._timer);
    this._observer?.disconnect();
    this._renderer?.dispose();
    this._renderer = undefined;
  }

  private _look(wait: number, left: number): void {
    const registry = registryOf(this.place);
    const factory = registry?.getFactory(WIDGET_MIME);
    if (registry !== undefined && factory !== undefined && factory !== this.everywhere.getFactory(WIDGET_MIME)) {
      this._begin(registry);
    } else if (left > 0) {
      this._timer = setTimeout(() => this._look(Math.min(wait * 1.5, LOOK.longest), left - wait), wait);
    }
  }

  private _begin(registry: Registry): void {
    const renderer = (this._renderer = registry.createRenderer(WIDGET_MIME));
    renderer.addClass('tnb-live');
    renderer.addClass('tnb-waiting');
    this.place.addWidget(renderer);
    this._observer = new MutationObserver(() => this._check());
    const watched = { attributes: true, attributeFilter: ['data-complete'], childList: true, subtree: true };
    this._observer.observe(renderer.node, watched);
    // Not waited for: without the model, or without a kernel, it may never be done.
    renderer
      .renderModel({
        trusted: true,
        data: { [WIDGET_MIME]: { version_major: 2, version_minor: 0, model_id: this.model }, 'text/plain': '' },
        metadata: {},
        setData: () => undefined
      })
      .catch(() => undefined);
  }

  /** Whether there is a view of ours to be seen: ipywidgets writes its errors into the same node. */
  private _check(): void {
    const root = this._renderer?.node.querySelector('.tnb-root[data-complete]');
    if (root === null || root === undefined) return;
    const isDrawn = root.querySelector('.tnb-panel') === null || root.querySelector('canvas') !== null;
    if (isDrawn) this._show();
    else this._timer ??= setTimeout(() => this._show(), CHARTS);
  }

  private _show(): void {
    const renderer = this._renderer;
    if (renderer === undefined || this._isShown) return;
    this._isShown = true;
    clearTimeout(this._timer);
    renderer.removeClass('tnb-waiting');
    this.swap(true);
    // From now on only its end is of interest: what it draws is watched by nobody.
    this._observer?.disconnect();
    this._observer = new MutationObserver(() => {
      if (renderer.node.childElementCount > 0 && !renderer.isHidden) return;
      this.dispose();
      this.swap(false);
    });
    this._observer.observe(renderer.node, { attributes: true, attributeFilter: ['class'], childList: true });
  }

  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _observer: MutationObserver | undefined;
  private _renderer: IRenderMime.IRenderer | undefined;
  private _isShown = false;
}

/** The registry of the notebook, or of the console, in which a widget stands. */
function registryOf(widget: Widget): Registry | undefined {
  for (let at = widget.parent; at !== null; at = at.parent) {
    const found = (at as { rendermime?: Partial<Registry> }).rendermime;
    if (typeof found?.getFactory === 'function' && typeof found.createRenderer === 'function') return found as Registry;
  }
  return undefined;
}
