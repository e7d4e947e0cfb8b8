import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { bestLine, FORGOTTEN, STILL_THERE, WORKER_ANSWERS, withoutWorker } from '../../src/data/lines';
import type { FromPump, Line } from '../../src/data/protocol';
import { Pump } from '../../src/data/pump';
import { serve } from '../../src/data/serving';
import { FakeEventSource, OTHER, SERVER, STORE, surroundings, want } from './fakes';

const soon = () => vi.advanceTimersByTimeAsync(30);

/** Channels of one browser. */
class FakeChannel {
  static all = new Set<FakeChannel>();
  onmessage: ((event: MessageEvent) => void) | null = null;
  constructor(readonly name: string) {
    FakeChannel.all.add(this);
  }
  postMessage(data: unknown): void {
    const copy: unknown = structuredClone(data);
    for (const other of FakeChannel.all) {
      if (other !== this && other.name === this.name)
        queueMicrotask(() => other.onmessage?.({ data: copy } as MessageEvent));
    }
  }
  close(): void {
    FakeChannel.all.delete(this);
  }
}

/** Locks of one browser: who asks first holds, the others wait. */
class FakeLocks {
  private readonly queues = new Map<string, Promise<unknown>>();
  request(name: string, ...rest: unknown[]): Promise<unknown> {
    const hold = rest.at(-1) as () => unknown;
    const signal = (rest[0] as { signal?: AbortSignal }).signal;
    const turn = (this.queues.get(name) ?? Promise.resolve()).then(() => (signal?.aborted ? undefined : hold()));
    this.queues.set(name, turn);
    return turn;
  }
}

interface Tab {
  line: Line;
  heard: FromPump[];
}

describe('ways to the one stream', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    surroundings();
    FakeChannel.all.clear();
    vi.stubGlobal('EventSource', FakeEventSource);
    vi.stubGlobal(
      'fetch',
      vi.fn(async () => Response.json({}))
    );
    vi.stubGlobal('BroadcastChannel', FakeChannel);
    Object.defineProperty(navigator, 'locks', { value: new FakeLocks(), configurable: true });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    Reflect.deleteProperty(navigator, 'locks');
  });

  /** A tab that wants a store, and says so again whenever it is asked to. */
  function tab(store: string, open = withoutWorker): Tab {
    const heard: FromPump[] = [];
    let since = '';
    const found: Tab = { heard, line: undefined as unknown as Line };
    const say = () => found.line.send(want([], [store], since));
    found.line = open(
      SERVER,
      message => {
        heard.push(message);
        if (message.kind === 'event') since = message.id || since;
      },
      say
    );
    say();
    return found;
  }

  it('has one tab hold the stream for all, and each hears of its own store', async () => {
    const [one, two] = [tab(STORE), tab(OTHER)];
    await soon();
    expect(FakeEventSource.all).toHaveLength(1);
    expect(FakeEventSource.last.asked.live).toEqual([STORE, OTHER]);
    FakeEventSource.last.hello();
    FakeEventSource.last.say('reset', { store: OTHER }, 'boot-2');
    await soon();
    expect(two.heard).toContainEqual({ kind: 'event', event: { kind: 'reset', store: OTHER }, id: 'boot-2' });
    expect(one.heard.some(said => said.kind === 'event' && said.event.kind === 'reset')).toBe(false);
  });

  it('goes on in another tab, from where it was, when the one that held the stream is closed', async () => {
    const [one, two, three] = [tab(STORE), tab(STORE), tab(OTHER)];
    await soon();
    FakeEventSource.last.hello();
    FakeEventSource.last.say('reset', { store: STORE }, 'boot-5');
    FakeEventSource.last.say('reset', { store: OTHER }, 'boot-6');
    await soon();
    const first = FakeEventSource.last;
    one.line.close();
    await soon();
    expect(first.closed).toBe(true);
    expect(FakeEventSource.all).toHaveLength(2);
    expect(FakeEventSource.last.asked).toEqual({ store: [], live: [STORE, OTHER], since: 'boot-5' });
    FakeEventSource.last.hello();
    FakeEventSource.last.say('reset', { store: OTHER }, 'boot-7');
    await soon();
    expect(three.heard).toContainEqual({ kind: 'event', event: { kind: 'reset', store: OTHER }, id: 'boot-7' });
    two.line.close();
    three.line.close();
    await soon();
    expect(FakeEventSource.last.closed).toBe(true);
  });

  it('forgets a tab that crashed, and not one that is only quiet', async () => {
    const [, two] = [tab(STORE), tab(OTHER)];
    await soon();
    FakeEventSource.last.hello();
    await vi.advanceTimersByTimeAsync(2 * FORGOTTEN);
    expect(fetch).not.toHaveBeenCalled();
    for (const channel of [...FakeChannel.all].slice(1)) channel.close(); // says nothing more
    two.line.send = () => undefined;
    await vi.advanceTimersByTimeAsync(FORGOTTEN + 2 * STILL_THERE);
    expect(vi.mocked(fetch).mock.lastCall![1]!.body).toBe(JSON.stringify({ stores: [], live: [STORE] }));
  });

  it('has a stream of its own where a browser has no locks', async () => {
    Reflect.deleteProperty(navigator, 'locks');
    tab(STORE);
    tab(STORE);
    await soon();
    expect(FakeEventSource.all).toHaveLength(2);
  });

  describe('in a shared worker', () => {
    function browser(answers = true) {
      const connect = serve(new Pump(surroundings().all));
      const make = vi.fn((_name: string) => {
        const { port1, port2 } = new FakePorts();
        if (answers) connect(port2 as unknown as MessagePort);
        return { port: port1, onerror: null as (() => void) | null } as unknown as SharedWorker;
      });
      vi.stubGlobal('SharedWorker', class {});
      return { open: bestLine(make), make };
    }

    it('serves all tabs by one stream, whichever closes', async () => {
      const { open, make } = browser();
      const [one, two] = [tab(STORE, open), tab(STORE, open)];
      await soon();
      expect(make.mock.calls).toEqual([[expect.stringContaining(SERVER.root)], [expect.stringContaining(SERVER.root)]]);
      FakeEventSource.last.hello();
      one.line.close();
      await soon();
      FakeEventSource.last.say('reset', { store: STORE }, 'boot-2');
      await soon();
      expect(FakeEventSource.all).toHaveLength(1);
      expect(two.heard).toContainEqual({ kind: 'event', event: { kind: 'reset', store: STORE }, id: 'boot-2' });
      two.line.close();
      await soon();
      expect(FakeEventSource.last.closed).toBe(true);
    });

    it('asks a tab that it has forgotten to say again what it wants', async () => {
      Reflect.deleteProperty(navigator, 'locks'); // silence tells
      const { open } = browser();
      const one = tab(STORE, open);
      await soon();
      FakeEventSource.last.hello();
      vi.setSystemTime(Date.now() + 10 * FORGOTTEN); // the computer slept
      await vi.advanceTimersByTimeAsync(2 * STILL_THERE + 100);
      expect(FakeEventSource.last.closed).toBe(false);
      FakeEventSource.last.hello();
      FakeEventSource.last.say('reset', { store: STORE }, 'boot-9');
      await soon();
      expect(one.heard).toContainEqual({ kind: 'event', event: { kind: 'reset', store: STORE }, id: 'boot-9' });
    });

    it('goes another way when the worker does not answer', async () => {
      const { open } = browser(false);
      tab(STORE, open);
      await soon();
      expect(FakeEventSource.all).toHaveLength(0);
      await vi.advanceTimersByTimeAsync(WORKER_ANSWERS);
      await soon();
      expect(FakeEventSource.last.asked.live).toEqual([STORE]);
    });

    it('goes another way when there may be no worker', async () => {
      vi.stubGlobal('SharedWorker', class {});
      const open = bestLine(() => {
        throw new DOMException('not this origin', 'SecurityError');
      });
      tab(STORE, open);
      await soon();
      expect(FakeEventSource.last.asked.live).toEqual([STORE]);
    });
  });
});

/** Two ends of a channel, as `MessageChannel`, under the test's clock. */
class FakePorts {
  readonly port1 = new FakePort();
  readonly port2 = new FakePort();
  constructor() {
    this.port1.other = this.port2;
    this.port2.other = this.port1;
  }
}

class FakePort {
  other: FakePort | undefined;
  onmessage: ((event: MessageEvent) => void) | null = null;
  private closed = false;
  start(): void {}
  close(): void {
    this.closed = true;
  }
  postMessage(data: unknown): void {
    const copy: unknown = structuredClone(data);
    const other = this.other!;
    setTimeout(() => {
      if (!other.closed) other.onmessage?.({ data: copy } as MessageEvent);
    });
  }
}
