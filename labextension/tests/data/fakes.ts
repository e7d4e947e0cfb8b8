/** A server's stream, and the means of a browser, as tests need them. */

import { vi } from 'vitest';

import type { FromPump, Line, OpenLine, Server, ToPump } from '../../src/data/protocol';
import type { Surroundings } from '../../src/data/pump';

export const STORE = '01234567-89ab-cdef-0123-456789abcdef';
export const OTHER = '11234567-89ab-cdef-0123-456789abcdef';
export const SERVER: Server = { root: 'http://host/user/a/tracker-nb/api/v1', headers: { 'X-XSRFToken': 'x' } };

export class FakeEventSource {
  static all: FakeEventSource[] = [];
  static get last(): FakeEventSource {
    return FakeEventSource.all.at(-1)!;
  }

  onerror: (() => void) | null = null;
  closed = false;
  private readonly listeners = new Map<string, (event: MessageEvent) => void>();

  constructor(readonly url: string) {
    FakeEventSource.all.push(this);
  }

  addEventListener(kind: string, listener: (event: MessageEvent) => void): void {
    this.listeners.set(kind, listener);
  }

  close(): void {
    this.closed = true;
  }

  get asked(): { store: string[]; live: string[]; since: string | null } {
    const query = new URL(this.url).searchParams;
    return { store: query.getAll('store'), live: query.getAll('live'), since: query.get('since') };
  }

  say(kind: string, data: unknown, id = ''): void {
    this.listeners.get(kind)?.({ data: JSON.stringify(data), lastEventId: id } as MessageEvent);
  }

  hello(stream = '0123456789abcdef'): void {
    this.say('hello', { stream }, 'boot-1');
  }
}

export function surroundings(answer: () => Promise<Response> = async () => Response.json({})): {
  all: Surroundings;
  puts: { url: string; body: { stores: string[]; live: string[] } }[];
} {
  FakeEventSource.all = [];
  const puts: { url: string; body: { stores: string[]; live: string[] } }[] = [];
  return {
    puts,
    all: {
      EventSource: FakeEventSource as unknown as Surroundings['EventSource'],
      fetch: (url, init) => {
        puts.push({ url: url as string, body: JSON.parse(init!.body as string) as (typeof puts)[0]['body'] });
        return answer();
      },
      random: () => 0.5
    }
  };
}

export function want(stores: string[], live: string[] = [], since = ''): ToPump {
  return { kind: 'want', server: SERVER, wish: { stores, live }, since };
}

/** A line that tests hold the other end of. */
export function fakeLine() {
  const sent: ToPump[] = [];
  const ends = { hear: undefined as unknown as (message: FromPump) => void, again: () => undefined as void };
  const close = vi.fn();
  const open: OpenLine = (_server, hear, again) => {
    ends.hear = hear;
    ends.again = again;
    return { send: message => void sent.push(message), close } satisfies Line;
  };
  return { sent, ends, close, open };
}
