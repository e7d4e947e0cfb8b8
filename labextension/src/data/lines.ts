/**
 * Ways to the pump: in a shared worker, which outlives any page; else in the page that holds a lock, whose place another
 * takes when it is closed; else in the page itself.
 */

import type { FromPump, Line, OpenLine, Server, ToPump } from './protocol';
import { Pump } from './pump';

/** Pages and workers that say other things to each other do not meet. */
const VERSION = 1;
/** Milliseconds after which a worker that has not answered is given up. */
export const WORKER_ANSWERS = 4000;
/** A page says this often that it is still there, and is forgotten after some silence. Hidden pages may speak once a minute. */
export const STILL_THERE = 30_000;
export const FORGOTTEN = 180_000;

/** What a page and a worker say beside `ToPump` and `FromPump`. */
export type ToWorker = ToPump | { kind: 'hello'; lock: string | undefined } | { kind: 'here' };
export type FromWorker = FromPump | { kind: 'welcome' } | { kind: 'again' };

/** The best way there is in this browser. */
export function bestLine(makeWorker?: (name: string) => SharedWorker): OpenLine {
  return (server, hear, again) => {
    if (makeWorker !== undefined && typeof SharedWorker !== 'undefined') {
      return new WorkerLine(makeWorker, server, hear, again);
    }
    return withoutWorker(server, hear, again);
  };
}

/** The best way without a worker. */
export const withoutWorker: OpenLine = (server, hear, again) => {
  // Locks are there in secure contexts only: https, or localhost.
  if (typeof BroadcastChannel !== 'undefined' && typeof navigator !== 'undefined' && navigator.locks !== undefined) {
    return new LeaderLine(server, hear, again);
  }
  return ownLine(server, hear, again);
};

/** A stream of the page's own. */
export const ownLine: OpenLine = (_server, hear) => {
  const pump = new Pump();
  return { send: message => pump.take('own', message, hear), close: () => pump.close() };
};

/** To a shared worker, or where that fails to what there is without. */
class WorkerLine implements Line {
  constructor(
    makeWorker: (name: string) => SharedWorker,
    private readonly server: Server,
    private readonly hear: (message: FromPump) => void,
    private readonly again: () => void
  ) {
    try {
      const worker = makeWorker(`tracker-nb ${VERSION} ${server.root}`);
      this._port = worker.port;
      worker.onerror = () => this._fail();
      worker.port.onmessage = (event: MessageEvent<FromWorker>) => {
        if (event.data.kind === 'welcome') {
          clearTimeout(this._waiting);
        } else if (event.data.kind === 'again') {
          this.again();
        } else {
          this.hear(event.data);
        }
      };
      worker.port.start();
      this._waiting = setTimeout(() => this._fail(), WORKER_ANSWERS);
      this._stillThere = setInterval(() => this._port?.postMessage({ kind: 'here' } satisfies ToWorker), STILL_THERE);
      this._greet();
    } catch {
      this._port = undefined;
      this._other = withoutWorker(server, hear, again);
    }
  }

  send(message: ToPump): void {
    if (this._other !== undefined) {
      this._other.send(message);
    } else {
      this._port?.postMessage(message);
    }
  }

  close(): void {
    clearTimeout(this._waiting);
    clearInterval(this._stillThere);
    this._port?.postMessage({ kind: 'leave' } satisfies ToWorker);
    this._port?.close();
    this._port = undefined;
    this._release?.();
    this._other?.close();
  }

  /** A lock that the worker waits for tells it when this page is gone, crashed or not. */
  private _greet(): void {
    const lock = navigator.locks === undefined ? undefined : `tracker-nb ${crypto.randomUUID()}`;
    const greet = () => this._port?.postMessage({ kind: 'hello', lock } satisfies ToWorker);
    if (lock === undefined) {
      greet();
      return;
    }
    navigator.locks
      .request(lock, () => {
        greet();
        return new Promise<void>(resolve => (this._release = resolve));
      })
      .catch(() => undefined); // the page is going
  }

  private _fail(): void {
    clearTimeout(this._waiting);
    clearInterval(this._stillThere);
    if (this._port === undefined) return;
    this._port.close();
    this._port = undefined;
    this._release?.();
    this._other = withoutWorker(this.server, this.hear, this.again);
    this.again();
  }

  private _port: MessagePort | undefined;
  private _other: Line | undefined;
  private _release: (() => void) | undefined;
  private _waiting: ReturnType<typeof setTimeout> | undefined;
  private _stillThere: ReturnType<typeof setInterval> | undefined;
}

type OnChannel =
  | { to: 'leader'; from: string; message: ToPump }
  | { to: string; message: FromPump }
  /** A page leads from now on, or looks for who leads. */
  | { to: 'all'; leads: boolean };

/** To the page that leads, which may be this one. */
class LeaderLine implements Line {
  constructor(
    server: Server,
    private readonly hear: (message: FromPump) => void,
    private readonly again: () => void
  ) {
    const name = `tracker-nb ${VERSION} ${server.root}`;
    this._channel = new BroadcastChannel(name);
    this._channel.onmessage = (event: MessageEvent<OnChannel>) => this._heard(event.data);
    navigator.locks
      .request(name, { signal: this._closing.signal }, () => {
        if (this._closing.signal.aborted) return;
        this._pump = new Pump();
        this._forgetting = setInterval(() => this._forget(), STILL_THERE);
        this._post({ to: 'all', leads: true });
        this.again();
        return new Promise<void>(resolve => (this._release = resolve));
      })
      .catch(() => undefined); // closed while waiting
    this._stillThere = setInterval(() => this.again(), STILL_THERE);
  }

  send(message: ToPump): void {
    if (this._pump !== undefined) {
      this._pump.take(this._id, message, this.hear);
    } else {
      this._post({ to: 'leader', from: this._id, message });
    }
  }

  close(): void {
    this.send({ kind: 'leave' });
    this._closing.abort();
    clearInterval(this._stillThere);
    clearInterval(this._forgetting);
    this._pump?.close();
    this._pump = undefined;
    this._release?.();
    this._channel.close();
    this._closed = true;
  }

  private _heard(said: OnChannel): void {
    if ('leads' in said) {
      this.again();
    } else if ('from' in said) {
      if (this._pump === undefined) return;
      const { from, message } = said;
      if (message.kind === 'leave') this._heardOf.delete(from);
      else this._heardOf.set(from, Date.now());
      this._pump.take(from, message, answer => this._post({ to: from, message: answer }));
    } else if (said.to === this._id) {
      this.hear(said.message);
    }
  }

  /** Pages that crashed have not said that they leave. */
  private _forget(): void {
    for (const [page, time] of this._heardOf) {
      if (Date.now() - time > FORGOTTEN) {
        this._heardOf.delete(page);
        this._pump?.leave(page);
      }
    }
  }

  private _post(message: OnChannel): void {
    if (!this._closed) this._channel.postMessage(message);
  }

  private readonly _id = crypto.randomUUID();
  private readonly _channel: BroadcastChannel;
  private readonly _closing = new AbortController();
  private readonly _heardOf = new Map<string, number>();
  private readonly _stillThere: ReturnType<typeof setInterval>;
  private _forgetting: ReturnType<typeof setInterval> | undefined;
  private _pump: Pump | undefined;
  private _release: (() => void) | undefined;
  private _closed = false;
}
