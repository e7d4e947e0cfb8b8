/** Shows a display of a notebook: live where its store is, else the picture that was saved with it. */

import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';

import type { Host } from '../panels';
import { MIME, read } from './payload';
import { Mounted } from './mounted';

/** What a renderer needs to know of its surroundings. */
export interface Surroundings {
  host: Host;
  /** Whether a store is on the server's machine; undefined where nobody can say now. */
  isHere: (store: string) => Promise<boolean | undefined>;
}

/** Rank of our type: ipywidgets' is -10, and ours works where a widget does not: kernel busy, gone, notebook untrusted. */
export const RANK = -20;

export function factory(surroundings: Surroundings): IRenderMime.IRendererFactory {
  return { safe: true, mimeTypes: [MIME], createRenderer: () => new DisplayRenderer(surroundings) };
}

export class DisplayRenderer extends Widget implements IRenderMime.IRenderer {
  constructor(private readonly surroundings: Surroundings) {
    super();
    this.addClass('tnb-output');
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const said = JSON.stringify(model.data[MIME]) ?? '';
    if (said === this._said) return; // the same display again: it goes on
    this._said = said;
    this._mounted?.dispose();
    this._mounted = undefined;
    const found = read(model.data[MIME]);
    const { translate } = this.surroundings.host;
    if ('problem' in found) {
      this._fallback(
        model,
        found.problem === 'newer'
          ? translate('A newer tracker_nb has written this display. Update tracker_nb to see it live.')
          : translate('This display cannot be read.')
      );
      return;
    }
    const { request } = found;
    this._mounted = new Mounted(this.node, request, this.surroundings.host, async () => {
      if ((await this.surroundings.isHere(request.store)) !== false) return true;
      this._fallback(model, translate('This store is not on this machine.'));
      return false;
    });
    return Promise.resolve();
  }

  override dispose(): void {
    if (this.isDisposed) return;
    this._mounted?.dispose();
    super.dispose();
  }

  /** The last picture, and a line that says why it does not move. */
  private _fallback(model: IRenderMime.IMimeModel, why: string): void {
    const note = document.createElement('div');
    note.className = 'tnb-note';
    note.textContent = why;
    const text = joined(model.data['text/plain']);
    const picture = joined(model.data['image/png']).replace(/\s/g, '');
    if (picture !== '' && /^[A-Za-z0-9+/=]+$/.test(picture)) {
      const image = document.createElement('img');
      image.className = 'tnb-picture';
      image.src = `data:image/png;base64,${picture}`;
      image.alt = text;
      this.node.replaceChildren(image, note);
      return;
    }
    const summary = document.createElement('pre');
    summary.textContent = text;
    this.node.replaceChildren(...(text === '' ? [] : [summary]), note);
  }

  private _mounted: Mounted | undefined;
  private _said = '';
}

/** A value of a bundle: in files also a list of lines. */
function joined(value: unknown): string {
  if (Array.isArray(value)) return value.filter(part => typeof part === 'string').join('');
  return typeof value === 'string' ? value : '';
}
