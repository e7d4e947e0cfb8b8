/** The page's end of the stream: who listens to which store, and what the pump is told about it. */

import type { FromPump, Line, OpenLine, Server } from './protocol';
import type { SourceEvent, Subscription } from './source';

/** Milliseconds that reading a store waits for the server to begin telling of it. */
export const PATIENCE = 300;

interface Listener {
  store: string;
  live: boolean;
  listener: (event: SourceEvent) => void;
}

/** Of what a page's visibility depends on; `document`, but for tests. */
type Visible = Pick<Document, 'visibilityState' | 'addEventListener' | 'removeEventListener'>;

export class Stream {
  /**
   * @param server where the server is; asked again with every wish.
   * @param open the way to the pump.
   */
  constructor(
    private readonly server: () => Server,
    private readonly open: OpenLine,
    private readonly page: Visible = document,
    private readonly scope: Pick<Window, 'addEventListener'> = window
  ) {
    this.scope.addEventListener('pagehide', () => this._close());
    this.scope.addEventListener('pageshow', () => this._say()); // back from the browser's cache of pages
  }

  subscribe(store: string, listener: (event: SourceEvent) => void): Subscription {
    const mine: Listener = { store, live: true, listener };
    this._listeners.add(mine);
    if (this._lost) this._later(mine, { kind: 'connection', state: 'reconnecting' });
    this._say();
    return {
      setLive: live => {
        if (mine.live === live || !this._listeners.has(mine)) return;
        mine.live = live;
        this._say();
      },
      dispose: () => {
        if (this._listeners.delete(mine)) this._say();
      }
    };
  }

  /**
   * Wait until changes of a store are told: what is read then does not get old unnoticed. Not long, and not where nobody
   * listens; who did not wait long enough is told to read again.
   */
  async begun(store: string): Promise<void> {
    if (this._begun.has(store) || this._lost || ![...this._listeners].some(one => one.store === store)) return;
    await new Promise<void>(resolve => {
      const waiting = this._waiting.get(store) ?? [];
      this._waiting.set(store, waiting);
      waiting.push(resolve);
      setTimeout(() => {
        if (!this._begun.has(store)) this._late.add(store);
        resolve();
      }, PATIENCE);
    });
  }

  private _say(): void {
    if (this._listeners.size === 0) {
      this._close();
      return;
    }
    if (this._line === undefined) {
      this.page.addEventListener('visibilitychange', this._looked);
      this._line = this.open(
        this.server(),
        message => this._hear(message),
        () => this._send()
      );
    }
    this._send();
  }

  private readonly _looked = () => this._send();

  private _send(): void {
    if (this._line === undefined) return;
    const all = [...this._listeners];
    const live = new Set<string>();
    // What nobody sees can wait a second.
    if (this.page.visibilityState !== 'hidden') for (const one of all) if (one.live) live.add(one.store);
    const stores = new Set(all.map(one => one.store).filter(store => !live.has(store)));
    for (const store of this._begun) if (!live.has(store) && !stores.has(store)) this._begun.delete(store);
    this._line.send({
      kind: 'want',
      server: this.server(),
      wish: { stores: [...stores].sort(), live: [...live].sort() },
      since: this._seen
    });
  }

  private _close(): void {
    this._line?.send({ kind: 'leave' });
    this._line?.close();
    this._line = undefined;
    this.page.removeEventListener('visibilitychange', this._looked);
    this._begun.clear();
    this._lost = false;
    if (this._listeners.size === 0) this._seen = '';
  }

  private _hear(message: FromPump): void {
    if (message.kind === 'begun') {
      for (const store of message.stores) {
        this._begun.add(store);
        for (const resolve of this._waiting.get(store) ?? []) resolve();
        this._waiting.delete(store);
        if (this._late.delete(store)) this._dispatch({ kind: 'reset', store });
      }
      return;
    }
    this._seen = message.id || this._seen;
    if (message.event.kind === 'connection') {
      const lost = message.event.state === 'reconnecting';
      if (lost === this._lost) return;
      this._lost = lost;
      if (lost) this._begun.clear();
    }
    this._dispatch(message.event);
  }

  private _dispatch(event: SourceEvent): void {
    for (const one of [...this._listeners]) {
      if (event.kind === 'connection' || event.store === one.store) this._tell(one, event);
    }
  }

  private _tell(one: Listener, event: SourceEvent): void {
    if (!this._listeners.has(one)) return;
    try {
      one.listener(event);
    } catch (error) {
      reportError(error); // one display's fault is not that of the others
    }
  }

  private _later(one: Listener, event: SourceEvent): void {
    queueMicrotask(() => this._tell(one, event));
  }

  private readonly _listeners = new Set<Listener>();
  private readonly _waiting = new Map<string, (() => void)[]>();
  private _line: Line | undefined;
  private _begun = new Set<string>();
  /** Stores that were read before the server told of them. */
  private _late = new Set<string>();
  private _seen = '';
  private _lost = false;
}
