/**
 * The one stream of a browser: what all its pages want is asked of the server together, and each page is told what it
 * wanted. A server allows few connections to a page's host, and Jupyter needs them itself.
 */

import type { FromPump, Server, ToPump } from './protocol';
import type { RunChange, SourceEvent } from './source';

/** Milliseconds before trying again: at first, and at most. */
export const BACKOFF = { first: 500, most: 8_000 };
/** The server allows so many stores in one stream. */
const MOST_STORES = 100;
/** Milliseconds in which wishes are put together: 20 displays that open at once are one request. */
const GATHER = 10;
/** Milliseconds: a clock that jumps says that the computer slept, and that the connection is dead though nobody said so. */
const CLOCK = { tick: 20_000, jump: 150_000 };

interface Page {
  hear: (message: FromPump) => void;
  stores: Set<string>;
  live: Set<string>;
}

/** What of the browser a pump uses; tests have their own. */
export interface Surroundings {
  EventSource: new (url: string) => EventSource;
  fetch: typeof fetch;
  random(): number;
}

export class Pump {
  constructor(private readonly surroundings: Surroundings = browser()) {}

  /** A page says what it wants, or that it goes. */
  take(id: string, message: ToPump, hear: (message: FromPump) => void): void {
    if (message.kind === 'leave') {
      this.leave(id);
      return;
    }
    const known = this._pages.get(id);
    const { stores, live } = message.wish;
    this._pages.set(id, { hear, stores: new Set([...stores, ...live]), live: new Set(live) });
    this._server = message.server;
    this._seen ||= message.since;
    if (known === undefined && this._state !== 'idle') {
      hear(this._event({ kind: 'connection', state: this._state }));
    }
    // Of what the stream tells already the page hears from now on.
    const begun = [...stores, ...live].filter(store => this._begun.has(store));
    if (begun.length > 0 && !this._putting) hear({ kind: 'begun', stores: begun });
    this._gather();
  }

  /** A page is gone. */
  leave(id: string): void {
    if (this._pages.delete(id)) this._gather();
  }

  /** True if this page is there. */
  knows(id: string): boolean {
    return this._pages.has(id);
  }

  close(): void {
    this._pages.clear();
    clearTimeout(this._gathering);
    this._gathering = undefined;
    this._stop();
  }

  private _gather(): void {
    this._gathering ??= setTimeout(() => {
      this._gathering = undefined;
      this._follow();
    }, GATHER);
  }

  private _wanted(): { stores: string[]; live: string[] } {
    const live = new Set<string>();
    const stores = new Set<string>();
    for (const page of this._pages.values()) {
      for (const store of page.live) live.add(store);
      for (const store of page.stores) stores.add(store);
    }
    const most = [...live, ...[...stores].filter(store => !live.has(store))].slice(0, MOST_STORES).sort();
    return { stores: most.filter(store => !live.has(store)), live: most.filter(store => live.has(store)) };
  }

  private _follow(): void {
    const wanted = this._wanted();
    if (wanted.stores.length + wanted.live.length === 0) {
      this._stop();
    } else if (this._source === undefined && this._retry === undefined) {
      this._open();
    } else if (this._stream !== '') {
      void this._put();
    }
  }

  private _stop(): void {
    clearTimeout(this._retry);
    this._retry = undefined;
    this._source?.close();
    this._source = undefined;
    clearInterval(this._clock);
    this._clock = undefined;
    this._stream = '';
    this._begun.clear();
    this._told = '';
    this._state = 'idle';
    this._seen = '';
    this._failures = 0;
  }

  private _open(): void {
    const server = this._server!;
    const { stores, live } = this._wanted();
    const query = new URLSearchParams();
    for (const store of stores) query.append('store', store);
    for (const store of live) query.append('live', store);
    if (this._seen !== '') query.set('since', this._seen);
    if (server.token !== undefined) query.set('token', server.token);
    const asked = JSON.stringify({ stores, live });
    const source = new this.surroundings.EventSource(`${server.root}/events?${query.toString()}`);
    this._source = source;
    this._watchClock();
    const on = (kind: string, act: (data: Record<string, unknown>) => void) => {
      source.addEventListener(kind, event => {
        if (this._source !== source) return;
        const message = event as MessageEvent<string>;
        this._seen = message.lastEventId || this._seen;
        act(JSON.parse(message.data) as Record<string, unknown>);
      });
    };
    on('hello', data => {
      this._stream = String(data['stream']);
      this._told = asked;
      this._failures = 0;
      this._become('connected');
      this._begin([...stores, ...live]);
      this._follow(); // more may be wanted by now
    });
    on('change', data => {
      const store = String(data['store']);
      this._tell(store, {
        kind: 'change',
        store,
        runs: data['runs'] as RunChange[],
        many: data['many'] === true
      });
    });
    on('reset', data => {
      const store = String(data['store']);
      this._tell(store, { kind: 'reset', store });
    });
    // The browser would try again by itself after some failures and give up after others; here all are one.
    source.onerror = () => {
      if (this._source === source) this._lost();
    };
  }

  private _watchClock(): void {
    let before = Date.now();
    this._clock ??= setInterval(() => {
      const slept = Date.now() - before > CLOCK.jump;
      before = Date.now();
      if (slept && this._source !== undefined) this._lost();
    }, CLOCK.tick);
  }

  private _lost(): void {
    this._source?.close();
    this._source = undefined;
    this._stream = '';
    this._begun.clear();
    this._become('reconnecting');
    const pause = Math.min(BACKOFF.first * 2 ** this._failures, BACKOFF.most);
    this._failures++;
    clearTimeout(this._retry);
    this._retry = setTimeout(
      () => {
        this._retry = undefined;
        this._follow();
      },
      pause * (0.75 + this.surroundings.random() / 2) // or all browsers come back in the same instant
    );
  }

  /** Ask the open stream for something else; one request at a time, and the last wish wins. */
  private async _put(): Promise<void> {
    if (this._putting) return;
    this._putting = true;
    try {
      for (;;) {
        const wanted = this._wanted();
        const asked = JSON.stringify(wanted);
        const [stream, source, server] = [this._stream, this._source, this._server!];
        if (stream === '') return;
        if (asked === this._told) {
          this._begin([...wanted.stores, ...wanted.live]);
          return;
        }
        const token = server.token === undefined ? '' : `?token=${encodeURIComponent(server.token)}`;
        const answer = await this.surroundings
          .fetch(`${server.root}/events/${stream}${token}`, {
            method: 'PUT',
            headers: { 'Content-Type': 'application/json', ...server.headers },
            credentials: 'same-origin',
            body: asked
          })
          .catch(() => undefined);
        if (this._source !== source) return; // lost meanwhile; the next one is opened with what is wanted then
        if (answer?.ok !== true) {
          this._lost();
          return;
        }
        this._told = asked;
        this._begin([...wanted.stores, ...wanted.live]);
      }
    } finally {
      this._putting = false;
    }
  }

  private _begin(stores: string[]): void {
    this._begun = new Set(stores);
    for (const page of this._pages.values()) {
      const mine = stores.filter(store => page.stores.has(store));
      if (mine.length > 0) page.hear({ kind: 'begun', stores: mine });
    }
  }

  private _become(state: 'connected' | 'reconnecting'): void {
    if (this._state === state) return;
    this._state = state;
    for (const page of this._pages.values()) page.hear(this._event({ kind: 'connection', state }));
  }

  private _tell(store: string, event: SourceEvent): void {
    for (const page of this._pages.values()) {
      if (page.stores.has(store)) page.hear(this._event(event));
    }
  }

  private _event(event: SourceEvent): FromPump {
    return { kind: 'event', event, id: this._seen };
  }

  private readonly _pages = new Map<string, Page>();
  private _server: Server | undefined;
  private _source: EventSource | undefined;
  /** The server's name of the open stream; "" until it has said it. */
  private _stream = '';
  /** What the open stream was asked for last. */
  private _told = '';
  private _begun = new Set<string>();
  /** Id of the last event. */
  private _seen = '';
  private _state: 'idle' | 'connected' | 'reconnecting' = 'idle';
  private _failures = 0;
  private _putting = false;
  private _retry: ReturnType<typeof setTimeout> | undefined;
  private _gathering: ReturnType<typeof setTimeout> | undefined;
  private _clock: ReturnType<typeof setInterval> | undefined;
}

function browser(): Surroundings {
  return { EventSource, fetch: (...request) => fetch(...request), random: () => Math.random() };
}
