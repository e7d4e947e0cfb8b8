/** What every view has: its root, its model and feed, the ruler, the theme, the line that says the connection is lost. */

import type { Host, ViewRequest } from './host';
import { Disposables, h } from './dom';
import { Feed } from './feed';
import { HoverBus } from './hover';
import { Model } from './model';
import type { LinePanel, Shared } from './panel';
import { reconnecting, skeleton } from './states';
import { onContrast, readTheme } from './theme';
import { Screen } from './visible';

const OURS = new Set(['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Enter', ' ', ...'jke/?+=-0']);

export class Dashboard {
  readonly root: HTMLElement;
  readonly body: HTMLElement;
  readonly model = new Model();
  readonly feed: Feed;
  readonly shared: Shared;
  readonly disposables = new Disposables();
  readonly abort = new AbortController();
  private readonly panels = new Set<LinePanel>();

  constructor(
    node: HTMLElement,
    readonly request: ViewRequest,
    readonly host: Host,
    readonly go: (request: ViewRequest) => void
  ) {
    const t = host.translate;
    const banner = reconnecting(t);
    const spoken = h('div', { class: 'tnb-offscreen', 'aria-live': 'polite' });
    this.body = h('div', { class: 'tnb-body' });
    this.root = h('div', { class: `tnb-root tnb-view-${request.view}` }, banner, this.body, spoken);
    node.replaceChildren(this.root);
    this.feed = new Feed(host.source, request.store, this.model);
    const bus = new HoverBus();
    let theme = readTheme(this.root);
    this.shared = {
      model: this.model,
      bus,
      screen: new Screen(),
      theme: () => theme,
      translate: t,
      poke: () => this.feed.poke(),
      retry: () => this.feed.retry(),
      say: text => (spoken.textContent = text)
    };
    this.disposables.add(this.feed);
    this.disposables.add(bus);
    this.disposables.add(this.shared.screen);
    const recolour = (): void => {
      theme = readTheme(this.root);
      for (const panel of this.panels) panel.recolour();
    };
    const themed = host.onTheme?.(recolour);
    if (themed) this.disposables.add(themed);
    this.disposables.add(onContrast(recolour));
    this.disposables.add(
      this.model.changed.connect(aspect => {
        if (aspect !== 'connection') return;
        banner.hidden = this.model.connected;
        this.root.classList.toggle('tnb-disconnected', !this.model.connected);
      })
    );
    // JupyterLab hears keys at the document, before any node: at the window is earlier still.
    window.addEventListener('keydown', this.claim, true);
    this.disposables.call(() => window.removeEventListener('keydown', this.claim, true));
    this.load(null);
  }

  /** Keys with a meaning here are not JupyterLab's too ("j" moves between cells, "0 0" restarts the kernel); others stay its own. */
  private readonly claim = (event: KeyboardEvent): void => {
    if (!(event.target instanceof Node) || !this.root.contains(event.target)) return;
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !(event.shiftKey && event.key === 'Enter');
    this.root.toggleAttribute('data-lm-suppress-shortcuts', plain && OURS.has(event.key));
  };

  get signal(): AbortSignal {
    return this.abort.signal;
  }

  /** A panel that takes the colours of a new theme. */
  adopt(panel: LinePanel): void {
    this.panels.add(panel);
  }

  release(panel: LinePanel): void {
    this.panels.delete(panel);
  }

  /** How high it is at most. */
  resize(height: number | undefined): void {
    if (height === undefined) this.root.style.removeProperty('--tnb-max-height');
    else this.root.style.setProperty('--tnb-max-height', `${height}px`);
  }

  /** The first answers are there: whoever holds another picture of the same may let it go. */
  complete(): void {
    this.root.dataset['complete'] = '';
  }

  /** Shows content; null: shapes of what will come, but nothing for the first 200 ms. */
  load(content: Node | null): void {
    if (content) {
      this.body.replaceChildren(content);
      return;
    }
    const empty = h('div');
    this.body.replaceChildren(empty);
    setTimeout(() => empty.isConnected && empty.replaceWith(skeleton(this.host.translate)), 200);
  }

  dispose(): void {
    this.abort.abort();
    this.disposables.dispose();
    this.root.remove();
  }
}

/** Runs something at most every so often, the last call included. */
export function throttled(milliseconds: number, act: () => void): { (): void; cancel(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = -Infinity;
  const call = (): void => {
    timer ??= setTimeout(
      () => {
        timer = undefined;
        last = performance.now();
        act();
      },
      Math.max(0, last + milliseconds - performance.now())
    );
  };
  return Object.assign(call, { cancel: () => clearTimeout(timer) });
}
