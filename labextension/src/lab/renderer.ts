/** Shows a display of a notebook: live where its store is, else the picture that was saved with it. */

import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Panel, Widget } from '@lumino/widgets';

import type { Host, ViewRequest } from '../panels';
import type { IsHere } from './connection';
import { LiveView, type Registry } from './live';
import { MIME, read } from './payload';
import { Mounted } from './mounted';

/** What a renderer needs to know of its surroundings. */
export interface Surroundings {
  host: Host;
  isHere: IsHere;
  /** JupyterLab's own registry of renderers. */
  rendermime: Pick<Registry, 'getFactory'>;
}

/** Rank of our type: ipywidgets' is -10, and ours works where a widget does not: kernel busy, gone, notebook untrusted. */
export const RANK = -20;

export function factory(surroundings: Surroundings): IRenderMime.IRendererFactory {
  return { safe: true, mimeTypes: [MIME], createRenderer: () => new DisplayRenderer(surroundings) };
}

export class DisplayRenderer extends Panel implements IRenderMime.IRenderer {
  constructor(private readonly surroundings: Surroundings) {
    super();
    this.addClass('tnb-output');
    this.addWidget(this._base);
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const said = JSON.stringify(model.data[MIME]) ?? '';
    const before = this._said;
    this._bundle = model;
    this._said = said;
    this._trusted = model.trusted;
    // The same display again goes on; its notebook may have become a trusted one, or may be one no longer.
    if (said !== before || (this._live !== undefined && !this._trusted)) this._begin(model);
    else {
      this._enliven();
      if (this._why !== '') this._fallback(this._why); // where the picture stands, there is a newer one
    }
    return Promise.resolve();
  }

  private _begin(model: IRenderMime.IMimeModel): void {
    this._end();
    this._why = '';
    const found = read(model.data[MIME]);
    const { translate } = this.surroundings.host;
    if ('problem' in found) {
      this._fallback(
        found.problem === 'newer'
          ? translate(
              "A newer tracker_nb has written this display. To see it live: pip install -U 'tracker_nb[lab]' where Jupyter is installed, then restart Jupyter."
            )
          : translate('This display cannot be read.')
      );
      return;
    }
    this._model = found.model;
    this._mount(found.request);
  }

  /** The view of the store: no kernel is asked. */
  private _mount(request: ViewRequest): void {
    const { host, isHere } = this.surroundings;
    this._again = () => this._mount(request);
    this._mounted = new Mounted(this._base.node, request, host, async () => {
      this._isNear = true;
      this._enliven();
      const here = await isHere(request.store);
      if (here === true || here === undefined) return true; // the view has words for what else there may be
      this._fallback(
        here === null
          ? host.translate(
              "This Jupyter server has no tracker_nb, so charts stand still. Where it is installed: pip install 'tracker_nb[lab]', then restart Jupyter; if that is done already: jupyter server extension enable tracker_nb_server."
            )
          : host.translate('This store is not on this machine.')
      );
      return false;
    });
  }

  /** Looks for the widget that made the display, if one did, where its code may run. */
  private _enliven(): void {
    if (!this._trusted || !this._isNear || this._model === undefined || this._live !== undefined) return;
    this._live = new LiveView(this, this._model, this.surroundings.rendermime, live => {
      this._mounted?.dispose();
      this._mounted = undefined;
      this._base.setHidden(live);
      if (!live) this._again?.();
    });
  }

  private _end(): void {
    this._live?.dispose();
    this._mounted?.dispose();
    this._live = this._mounted = this._again = this._model = undefined;
    this._isNear = false;
    this._base.show();
  }

  override dispose(): void {
    if (this.isDisposed) return;
    this._end();
    super.dispose();
  }

  /** The last picture, and a line that says why it does not move. */
  private _fallback(why: string): void {
    const data = this._bundle?.data ?? {};
    this._why = why;
    const note = document.createElement('div');
    note.className = 'tnb-note';
    note.textContent = why;
    const text = joined(data['text/plain']);
    const picture = joined(data['image/png']).replace(/\s/g, '');
    if (picture !== '' && /^[A-Za-z0-9+/=]+$/.test(picture)) {
      const image = document.createElement('img');
      image.className = 'tnb-picture';
      image.src = `data:image/png;base64,${picture}`;
      image.alt = text;
      this._base.node.replaceChildren(image, note);
      return;
    }
    const summary = document.createElement('pre');
    summary.textContent = text;
    this._base.node.replaceChildren(...(text === '' ? [] : [summary]), note);
  }

  /** Where the view of the store stands, or the picture. */
  private readonly _base = new Widget();
  private _mounted: Mounted | undefined;
  private _live: LiveView | undefined;
  private _again: (() => void) | undefined;
  private _model: string | undefined;
  private _trusted = false;
  private _isNear = false;
  private _bundle: IRenderMime.IMimeModel | undefined;
  private _said = '';
  /** Why the picture stands here; "" where it does not. */
  private _why = '';
}

/** A value of a bundle: in files also a list of lines. */
function joined(value: unknown): string {
  if (Array.isArray(value)) return value.filter(part => typeof part === 'string').join('');
  return typeof value === 'string' ? value : '';
}
