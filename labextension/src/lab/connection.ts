/** The server as this page reaches it: one source of data for everything of ours on the page. */

import { ServerConnection } from '@jupyterlab/services';

import { bestLine } from '../data/lines';
import type { Server } from '../data/protocol';
import { type Request, RestSource } from '../data/rest';
import { Stream } from '../data/stream';

/** Whether a store is on the server's machine; undefined where nobody can say now, null where there is no extension of ours. */
export type IsHere = (store: string) => Promise<boolean | undefined | null>;

export interface Connection {
  source: RestSource;
  isHere: IsHere;
}

/** Milliseconds for which the list of stores is believed: a notebook of many displays asks once. */
const FRESH = 2000;

export function connect(settings: ServerConnection.ISettings): Connection {
  const root = new URL('tracker-nb/api/v1', new URL(settings.baseUrl, window.location.href)).href;
  const server = (): Server => ({
    root,
    headers: headers(settings),
    // As JupyterLab's own web sockets: only where cookies do not reach the server.
    ...(settings.appendToken && settings.token !== '' ? { token: settings.token } : {})
  });
  // JupyterLab's own request, so that what another extension does to its settings holds for us. It adds its headers itself.
  const request: Request = (url, init) => {
    const { headers: _, ...rest } = init;
    return ServerConnection.makeRequest(url, rest, settings);
  };
  const stream = new Stream(server, bestLine(makeWorker));
  const source = new RestSource(server, stream, request);
  let asked: { at: number; stores: Promise<Set<string> | undefined | null> } | undefined;
  const isHere: IsHere = async store => {
    if (asked === undefined || Date.now() - asked.at > FRESH) asked = { at: Date.now(), stores: source.storesHere() };
    const stores = await asked.stores;
    return stores === null ? null : stores?.has(store);
  };
  return { source, isHere };
}

/** The bundler sees this form and makes a file of the worker. */
function makeWorker(name: string): SharedWorker {
  return new SharedWorker(new URL('../data/stream.worker.js', import.meta.url), { name });
}

/** Of requests that do not go through JupyterLab: those of the stream's pump. */
function headers(settings: ServerConnection.ISettings): Record<string, string> {
  const found: Record<string, string> = {};
  if (settings.token !== '') found['Authorization'] = `token ${settings.token}`;
  // The last one, as Tornado reads it.
  const cookie = document.cookie.split(/;\s*/).findLast(part => part.startsWith('_xsrf='));
  if (cookie !== undefined) found['X-XSRFToken'] = cookie.slice('_xsrf='.length);
  return found;
}
