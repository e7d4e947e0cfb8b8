import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { FromPump } from '../../src/data/protocol';
import { Pump } from '../../src/data/pump';
import { FakeEventSource, OTHER, STORE, surroundings, want } from './fakes';

const soon = () => vi.advanceTimersByTimeAsync(20);
const change = (store: string) => ({ store, runs: [], many: false });

describe('the pump', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  function setUp(answer?: () => Promise<Response>) {
    const { all, puts } = surroundings(answer);
    const pump = new Pump(all);
    const heard: Record<string, FromPump[]> = { a: [], b: [] };
    const take = (page: 'a' | 'b', message: Parameters<Pump['take']>[1]) =>
      pump.take(page, message, said => heard[page]!.push(said));
    const events = (page: 'a' | 'b') => heard[page]!.flatMap(said => (said.kind === 'event' ? [said.event] : []));
    return { pump, puts, heard, take, events };
  }

  it('opens one stream for what all pages want, live where any wants it live', async () => {
    const { take } = setUp();
    take('a', want([STORE]));
    take('b', want([OTHER], [STORE]));
    await soon();
    expect(FakeEventSource.all).toHaveLength(1);
    expect(FakeEventSource.last.asked).toEqual({ store: [OTHER], live: [STORE], since: null });
  });

  it('tells each page of its stores only, and that telling has begun', async () => {
    const { take, heard, events } = setUp();
    take('a', want([], [STORE]));
    take('b', want([], [OTHER]));
    await soon();
    FakeEventSource.last.hello();
    expect(heard['a']).toContainEqual({ kind: 'begun', stores: [STORE] });
    FakeEventSource.last.say('change', change(STORE), 'boot-2');
    FakeEventSource.last.say('reset', { store: OTHER }, 'boot-3');
    expect(events('a')).toEqual([
      { kind: 'connection', state: 'connected' },
      { kind: 'change', ...change(STORE) }
    ]);
    expect(events('b')).toEqual([
      { kind: 'connection', state: 'connected' },
      { kind: 'reset', store: OTHER }
    ]);
  });

  it('changes the open stream by one request when wishes change, and says when the new ones have begun', async () => {
    const { take, puts, heard } = setUp();
    take('a', want([], [STORE]));
    await soon();
    FakeEventSource.last.hello('feedfeedfeedfeed');
    take('b', want([OTHER]));
    take('a', want([STORE]));
    await soon();
    expect(FakeEventSource.all).toHaveLength(1);
    expect(puts).toEqual([
      {
        url: 'http://host/user/a/tracker-nb/api/v1/events/feedfeedfeedfeed',
        body: { stores: [STORE, OTHER], live: [] }
      }
    ]);
    expect(heard['b']).toContainEqual({ kind: 'begun', stores: [OTHER] });
  });

  it('asks again for what was wished while a request was under way, and begins nothing before', async () => {
    let done: (() => void) | undefined;
    const { take, puts, heard } = setUp(() => new Promise(resolve => (done = () => resolve(Response.json({})))));
    take('a', want([STORE]));
    await soon();
    FakeEventSource.last.hello();
    take('b', want([OTHER]));
    await soon();
    take('b', want([]));
    await soon();
    take('b', want([OTHER]));
    await soon();
    expect(puts).toHaveLength(1);
    expect(heard['b']).not.toContainEqual({ kind: 'begun', stores: [OTHER] });
    done!();
    await soon();
    expect(puts).toHaveLength(1);
    expect(heard['b']).toContainEqual({ kind: 'begun', stores: [OTHER] });
  });

  it('comes back after a loss, later each time, from where it was, and says so to all pages', async () => {
    const { take, events } = setUp();
    take('a', want([], [STORE]));
    await soon();
    FakeEventSource.last.hello();
    FakeEventSource.last.say('change', change(STORE), 'boot-7');
    FakeEventSource.last.onerror!();
    expect(events('a').at(-1)).toEqual({ kind: 'connection', state: 'reconnecting' });
    expect(FakeEventSource.last.closed).toBe(true);
    await vi.advanceTimersByTimeAsync(499);
    expect(FakeEventSource.all).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2);
    expect(FakeEventSource.all).toHaveLength(2);
    expect(FakeEventSource.last.asked).toEqual({ store: [], live: [STORE], since: 'boot-7' });
    FakeEventSource.last.onerror!();
    await vi.advanceTimersByTimeAsync(999);
    expect(FakeEventSource.all).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(2);
    expect(FakeEventSource.all).toHaveLength(3);
    FakeEventSource.last.hello();
    expect(events('a').at(-1)).toEqual({ kind: 'connection', state: 'connected' });
    expect(events('a').filter(event => event.kind === 'connection')).toHaveLength(3);
  });

  it('never waits longer than ten seconds', async () => {
    const { take } = setUp();
    take('a', want([STORE]));
    await soon();
    for (let i = 0; i < 12; i++) {
      FakeEventSource.last.onerror!();
      await vi.advanceTimersByTimeAsync(10_001);
    }
    expect(FakeEventSource.all).toHaveLength(13);
  });

  it('opens another stream where the server knows the old one no more', async () => {
    const { take } = setUp(async () => new Response('', { status: 404 }));
    take('a', want([STORE]));
    await soon();
    FakeEventSource.last.hello();
    take('b', want([OTHER]));
    await vi.advanceTimersByTimeAsync(600);
    expect(FakeEventSource.all).toHaveLength(2);
    expect(FakeEventSource.last.asked.store).toEqual([STORE, OTHER]);
  });

  it('closes the stream with the last page', async () => {
    const { take, pump } = setUp();
    take('a', want([STORE]));
    take('b', want([STORE]));
    await soon();
    pump.leave('a');
    await soon();
    expect(FakeEventSource.last.closed).toBe(false);
    take('b', { kind: 'leave' });
    await soon();
    expect(FakeEventSource.last.closed).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeEventSource.all).toHaveLength(1);
  });

  it('tells a page that comes while the connection is lost that it is', async () => {
    const { take, events } = setUp();
    take('a', want([STORE]));
    await soon();
    FakeEventSource.last.onerror!();
    take('b', want([STORE]));
    expect(events('b')).toEqual([{ kind: 'connection', state: 'reconnecting' }]);
  });

  it('takes over from another page where that one was', async () => {
    const { take } = setUp();
    take('a', want([STORE], [], 'boot-41'));
    await soon();
    expect(FakeEventSource.last.asked.since).toBe('boot-41');
  });

  it('opens the stream anew when the computer has slept', async () => {
    const { take } = setUp();
    take('a', want([STORE]));
    await soon();
    FakeEventSource.last.hello();
    vi.setSystemTime(Date.now() + 3_600_000);
    await vi.advanceTimersByTimeAsync(21_000);
    expect(FakeEventSource.all).toHaveLength(2);
    expect(FakeEventSource.all[0]!.closed).toBe(true);
  });
});
