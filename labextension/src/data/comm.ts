/**
 * The same data over a widget's comm, for hosts without our server extension. A question is `{id, method, params}`, its answer
 * `{id, result}` or `{id, error: {type, message}}`; `{event}` comes unasked. The kernel answers between cells, and pushes
 * events while one runs.
 */

import {
  type BucketsRequest,
  type DataSource,
  type Metric,
  type Project,
  type RunDetail,
  type RunPath,
  type RunsPage,
  type RunsQuery,
  type Series,
  SourceError,
  type SourceEvent,
  type Subscription
} from './source';

/** What carries messages: an anywidget model. */
export interface Channel {
  send(content: unknown): void;
  on(event: 'msg:custom', listener: (message: unknown) => void): void;
  off(event: 'msg:custom', listener: (message: unknown) => void): void;
}

interface Waiting {
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
}

interface Listener {
  store: string;
  live: boolean;
  listener: (event: SourceEvent) => void;
}

export class CommSource implements DataSource {
  constructor(private readonly channel: Channel) {
    channel.on('msg:custom', this._heard);
  }

  /** Give up what is waited for and listen no more. */
  dispose(): void {
    this.channel.off('msg:custom', this._heard);
    for (const one of this._waiting.values()) one.reject(new DOMException('The view was closed.', 'AbortError'));
    this._waiting.clear();
    this._listeners.clear();
  }

  projects(store: string, signal?: AbortSignal): Promise<Project[]> {
    return this._ask('projects', { store }, signal);
  }

  runs(store: string, query: RunsQuery, signal?: AbortSignal): Promise<RunsPage> {
    return this._ask('runs', { store, query }, signal);
  }

  run(store: string, path: RunPath, signal?: AbortSignal): Promise<RunDetail> {
    return this._ask('run', { store, path }, signal);
  }

  metrics(store: string, runs: RunPath[], signal?: AbortSignal): Promise<Metric[]> {
    return this._ask('metrics', { store, runs }, signal);
  }

  buckets(store: string, request: BucketsRequest, signal?: AbortSignal): Promise<Series[]> {
    return this._ask('buckets', { store, request }, signal);
  }

  stop(store: string, path: RunPath): Promise<number> {
    return this._ask('stop', { store, path });
  }

  subscribe(store: string, listener: (event: SourceEvent) => void): Subscription {
    const mine: Listener = { store, live: true, listener };
    this._listeners.add(mine);
    this._watch();
    return {
      setLive: live => {
        if (mine.live === live || !this._listeners.has(mine)) return;
        mine.live = live;
        this._watch();
      },
      dispose: () => {
        if (this._listeners.delete(mine)) this._watch();
      }
    };
  }

  private _ask<T>(method: string, params: Record<string, unknown>, signal?: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(aborted(signal));
        return;
      }
      const id = `${this._prefix}-${++this._number}`;
      const stop = () => {
        this._waiting.delete(id);
        reject(aborted(signal!));
      };
      signal?.addEventListener('abort', stop, { once: true });
      const done = () => signal?.removeEventListener('abort', stop);
      this._waiting.set(id, {
        resolve: result => {
          done();
          resolve(result as T);
        },
        reject: error => {
          done();
          reject(error);
        }
      });
      this.channel.send({ id, method, params });
    });
  }

  /** Tell the kernel what is watched: the same wish as the stream's, needing no answer. */
  private _watch(): void {
    const live = new Set<string>();
    const stores = new Set<string>();
    for (const one of this._listeners) (one.live ? live : stores).add(one.store);
    const wish = { stores: [...stores].filter(store => !live.has(store)).sort(), live: [...live].sort() };
    const said = JSON.stringify(wish);
    if (said === this._said) return;
    this._said = said;
    this._ask('watch', wish).catch(() => undefined);
  }

  private readonly _heard = (message: unknown): void => {
    if (typeof message !== 'object' || message === null) return;
    if ('event' in message) {
      this._tell(message.event as SourceEvent);
      return;
    }
    const { id, result, error } = message as { id?: unknown; result?: unknown; error?: Said };
    // All views of a widget hear all answers.
    const waiting = typeof id === 'string' ? this._waiting.get(id) : undefined;
    if (waiting === undefined) return;
    this._waiting.delete(id as string);
    if (error === undefined) waiting.resolve(result);
    else waiting.reject(new SourceError(error.type, error.message, error.id ?? ''));
  };

  private _tell(event: SourceEvent): void {
    for (const one of [...this._listeners]) {
      if (event.kind !== 'connection' && event.store !== one.store) continue;
      try {
        one.listener(event);
      } catch (error) {
        reportError(error);
      }
    }
  }

  /** No `randomUUID`: it is missing where a page is served over http. */
  private readonly _prefix = [...crypto.getRandomValues(new Uint32Array(4))].map(n => n.toString(16)).join('');
  private _number = 0;
  private _said = JSON.stringify({ stores: [], live: [] });
  private readonly _waiting = new Map<string, Waiting>();
  private readonly _listeners = new Set<Listener>();
}

interface Said {
  type: string;
  message: string;
  id?: string;
}

/** What `fetch` rejects with, whatever reason was given. */
function aborted(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new DOMException('The request was aborted.', 'AbortError');
}
