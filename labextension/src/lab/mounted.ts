/** A view that comes to be when its place is first near the screen: a notebook may hold hundreds. */

import type { Host, ViewRequest } from '../panels';

/** How near. */
const MARGIN = '300px';
/** CSS pixels that a view takes before it is there, so that what is below it does not jump far. */
const PLACE = { run: 320, project: 480, projects: 160 };

export class Mounted {
  /** @param ready asked once before the view is made; false: make none. */
  constructor(
    private readonly node: HTMLElement,
    private readonly request: ViewRequest,
    private readonly host: Host,
    private readonly ready: () => Promise<boolean>
  ) {
    node.style.minHeight = `${request.height ?? PLACE[request.view]}px`;
    this._observer = new IntersectionObserver(
      entries => {
        if (entries.some(entry => entry.isIntersecting)) void this._mount();
      },
      { rootMargin: MARGIN }
    );
    this._observer.observe(node);
  }

  dispose(): void {
    this._disposed = true;
    this._observer.disconnect();
    this._view?.dispose();
    this._view = undefined;
    this.node.style.minHeight = '';
    this.node.replaceChildren();
  }

  private async _mount(): Promise<void> {
    this._observer.disconnect();
    // The panels and Vega are loaded when something is to be shown, not when JupyterLab starts.
    const [isReady, panels] = await Promise.all([this.ready(), import('../panels')]);
    if (this._disposed) return;
    this.node.style.minHeight = '';
    if (!isReady) return;
    this.node.replaceChildren();
    this._view = panels.mountView(this.node, this.request, this.host);
  }

  private readonly _observer: IntersectionObserver;
  private _view: { dispose(): void } | undefined;
  private _disposed = false;
}
