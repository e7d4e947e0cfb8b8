/** Data over REST and the stream, wherever our server extension is. */

import type { Server } from './protocol';
import {
  type BucketsRequest,
  type DataSource,
  type Metric,
  type Project,
  type Run,
  type RunChanges,
  type RunCommands,
  type RunDetail,
  type RunPath,
  type RunsPage,
  type RunsQuery,
  type Series,
  SourceError,
  type SourceEvent,
  type Store,
  STORE,
  type Subscription
} from './source';
import type { Stream } from './stream';
import { VERSION } from './version';

/** How requests reach the server: JupyterLab's `ServerConnection.makeRequest`, or `fetch`. */
export type Request = (url: string, init: RequestInit) => Promise<Response>;

const INFO = '/info';

export class RestSource implements DataSource, RunCommands {
  /**
   * @param server where the server is, and what its requests need.
   * @param stream the page's end of the stream of the same server.
   */
  constructor(
    private readonly server: () => Server,
    private readonly stream: Pick<Stream, 'subscribe' | 'begun'>,
    private readonly request: Request = (url, init) => fetch(url, init)
  ) {}

  /** Stores that are on the server's machine; undefined where nobody can say now, null where there is no extension of ours. */
  async storesHere(): Promise<Set<string> | undefined | null> {
    try {
      return new Set((await this.stores()).filter(one => one.here).map(one => one.id));
    } catch (error) {
      return error instanceof SourceError && error.type === 'NoExtension' ? null : undefined;
    }
  }

  async stores(signal?: AbortSignal): Promise<Store[]> {
    const parameters = new URLSearchParams({ no_track_activity: '1' });
    return (await this._ask<{ stores: Store[] }>('GET', '/stores', { signal, parameters })).stores;
  }

  async projects(store: string, signal?: AbortSignal): Promise<Project[]> {
    const answer = await this._read<{ projects: Project[] }>(store, '/projects', { signal });
    return answer.projects;
  }

  async runs(store: string, query: RunsQuery, signal?: AbortSignal): Promise<RunsPage> {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) parameters.set(name, name === 'filter' ? JSON.stringify(value) : String(value));
    }
    return this._read<RunsPage>(store, '/runs', { signal, parameters });
  }

  async run(store: string, path: RunPath, signal?: AbortSignal): Promise<RunDetail> {
    return this._read<RunDetail>(store, address(path), { signal });
  }

  async metrics(store: string, runs: RunPath[], signal?: AbortSignal): Promise<Metric[]> {
    if (runs.length === 0) return [];
    const answer = await this._read<{ metrics: Metric[] }>(store, '/metrics', { signal, body: { runs } });
    return answer.metrics;
  }

  async buckets(store: string, request: BucketsRequest, signal?: AbortSignal): Promise<Series[]> {
    if (request.runs.length === 0 || request.keys.length === 0) return [];
    const answer = await this._read<{ series: Series[] }>(store, '/buckets', { signal, body: request });
    return answer.series;
  }

  async stop(store: string, path: RunPath): Promise<number> {
    const answer = await this._ask<{ asked: number }>('POST', of(store, `${address(path)}/stop`), { body: {} });
    return answer.asked;
  }

  async update(store: string, path: RunPath, changes: RunChanges): Promise<Run> {
    return this._ask<Run>('PATCH', of(store, address(path)), { body: changes });
  }

  async remove(store: string, path: RunPath): Promise<void> {
    await this._ask('DELETE', of(store, address(path)), {});
  }

  async restore(store: string, path: RunPath): Promise<void> {
    await this._ask('POST', of(store, `${address(path)}/restore`), { body: {} });
  }

  subscribe(store: string, listener: (event: SourceEvent) => void): Subscription {
    return this.stream.subscribe(store, listener);
  }

  private async _read<T>(store: string, path: string, what: Asked): Promise<T> {
    const place = of(store, path);
    // What is read before changes are told might change unnoticed.
    await this.stream.begun(store);
    what.signal?.throwIfAborted();
    const parameters = what.parameters ?? new URLSearchParams();
    // Panels read on their own account: an open tab keeps no idle server alive.
    parameters.set('no_track_activity', '1');
    return this._ask<T>(what.body === undefined ? 'GET' : 'POST', place, { ...what, parameters });
  }

  private async _ask<T>(method: string, place: string, what: Asked): Promise<T> {
    const server = this.server();
    const parameters = what.parameters ?? new URLSearchParams();
    if (server.token !== undefined) parameters.set('token', server.token);
    const query = parameters.toString();
    const init: RequestInit = {
      method,
      headers: { ...server.headers },
      credentials: 'same-origin',
      cache: 'no-store'
    };
    if (what.signal !== undefined) init.signal = what.signal;
    if (what.body !== undefined) {
      init.body = JSON.stringify(what.body);
      init.headers = { ...server.headers, 'Content-Type': 'application/json' };
    }
    let answer: Response;
    try {
      answer = await this.request(`${server.root}${place}${query === '' ? '' : `?${query}`}`, init);
    } catch (error) {
      what.signal?.throwIfAborted();
      if (error instanceof Error && error.name === 'AbortError') throw error;
      throw new SourceError('NoConnection', 'The Jupyter server cannot be reached.');
    }
    if (!answer.ok) {
      const why = await refused(answer);
      throw why.type === 'NoExtension' && place !== INFO ? await this._notThere(why, what.signal) : why;
    }
    try {
      return (await answer.json()) as T;
    } catch (error) {
      what.signal?.throwIfAborted();
      if (error instanceof Error && error.name === 'AbortError') throw error;
      throw new SourceError('NoConnection', 'The answer of the Jupyter server was cut off, or is not one of ours.');
    }
  }

  /** An address is not there: because there is no extension of ours, or because it is that of another release. */
  private async _notThere(why: SourceError, signal: AbortSignal | undefined): Promise<SourceError> {
    const parameters = new URLSearchParams({ no_track_activity: '1' });
    try {
      const { version } = await this._ask<{ version: string }>('GET', INFO, { signal, parameters });
      if (version === VERSION)
        return new SourceError('NoConnection', 'Something on the way has not let the question pass.');
      return new SourceError('OtherVersion', `This page is of tracker_nb ${VERSION}, the server of ${version}.`);
    } catch (error) {
      signal?.throwIfAborted();
      return error instanceof SourceError ? error : why;
    }
  }
}

interface Asked {
  signal?: AbortSignal | undefined;
  parameters?: URLSearchParams;
  body?: unknown;
}

/** An address within a store. */
function of(store: string, path: string): string {
  if (!STORE.test(store)) throw new SourceError('StoreNotHere', 'This is no id of a store.');
  return `/stores/${store}${path}`;
}

/** The address of a run; names may hold anything but a slash. */
function address(path: RunPath): string {
  const parts = path.split('/');
  if (parts.length !== 3 || parts.some(part => part === '' || part === '.' || part === '..')) {
    throw new SourceError('BadValue', 'A run is named by entity/project/run.');
  }
  const [entity, project, run] = parts.map(encodeURIComponent) as [string, string, string];
  return `/projects/${entity}/${project}/runs/${run}`;
}

/** What the server said; a proxy or a login page in between says nothing of use. */
async function refused(answer: Response): Promise<SourceError> {
  try {
    const { error } = (await answer.json()) as { error: { id: string; type: string; message: string } };
    if (typeof error.type === 'string' && typeof error.message === 'string') {
      return new SourceError(error.type, error.message, String(error.id));
    }
  } catch {
    // no answer of ours
  }
  if (answer.status === 403) return new SourceError('Forbidden', 'The Jupyter server asks you to log in again.');
  if (answer.status === 404) return new SourceError('NoExtension', 'The Jupyter server has no tracker_nb extension.');
  return new SourceError('NoConnection', `The Jupyter server answered with status ${answer.status}.`);
}
