import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Run, RunPath, Series } from '../../src/data/source';
import { SourceError } from '../../src/data/source';
import { type Client, Feed } from '../../src/panels/feed';
import { pathOf } from '../../src/panels/lines';
import { Model } from '../../src/panels/model';
import { aRun, FakeSource, STORE } from './fake';

class FakeClient implements Client {
  seen = true;
  wide = 300;
  drawn: Map<RunPath, Series | null>[] = [];
  failures: (SourceError | null)[] = [];
  cost = 0;

  constructor(
    readonly key: string,
    private readonly model: Model,
    private readonly clock: { now: number }
  ) {}

  own: string | null = null;
  x = (): string => this.model.axisOf(this.own);
  wanted = (): boolean => this.seen;
  width = (): number => this.wide;
  runs = (): readonly Run[] => this.model.shown;
  draw(series: ReadonlyMap<RunPath, Series | null>): void {
    this.clock.now += this.cost;
    this.drawn.push(new Map(series));
  }
  fail(error: SourceError | null): void {
    this.failures.push(error);
  }
}

describe('a feed', () => {
  let source: FakeSource;
  let model: Model;
  let feed: Feed;
  let clock: { now: number };

  const client = (key: string): FakeClient => {
    const made = new FakeClient(key, model, clock);
    feed.add(made);
    return made;
  };
  /** Lets time pass, for timers and for the feed's clock. */
  const pass = async (milliseconds: number): Promise<void> => {
    for (let left = milliseconds; left > 0; left -= 10) {
      clock.now += 10;
      await vi.advanceTimersByTimeAsync(10);
    }
  };

  beforeEach(() => {
    vi.useFakeTimers();
    source = new FakeSource();
    model = new Model();
    clock = { now: 1000 };
    feed = new Feed(source, STORE, model, () => clock.now);
    model.put([aRun('a', { state: 'running' }), aRun('b')]);
    model.show(['ada/digits/a', 'ada/digits/b'], true);
  });

  afterEach(() => {
    feed.dispose();
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it('asks for all panels and runs at once, with as many buckets as pixels', async () => {
    const [loss, acc] = [client('loss'), client('acc')];
    await pass(20);
    expect(source.asked).toEqual([
      { runs: ['ada/digits/a', 'ada/digits/b'], keys: ['loss', 'acc'], x: '_step', window: undefined, n: 300 }
    ]);
    expect([...loss.drawn[0]!.keys()]).toEqual(['ada/digits/a', 'ada/digits/b']);
    expect(acc.drawn[0]!.get('ada/digits/b')).toMatchObject({ key: 'acc', last: [3, 2, 1] });
  });

  it('asks for nothing that is not on the screen, and for it as soon as it is', async () => {
    const hidden = client('loss');
    hidden.seen = false;
    await pass(500);
    source.change('a');
    await pass(2000);
    expect(source.asked).toEqual([]);

    hidden.seen = true;
    feed.poke();
    await pass(20);
    expect(source.asked).toHaveLength(1);
  });

  it('costs nothing while the page is hidden', async () => {
    client('loss');
    await pass(20);
    const state = vi.spyOn(document, 'hidden', 'get').mockReturnValue(true);
    document.dispatchEvent(new Event('visibilitychange'));
    source.change('a');
    await pass(5000);
    expect(source.asked).toHaveLength(1);
    expect(source.live).toEqual([true, false]);

    state.mockReturnValue(false);
    document.dispatchEvent(new Event('visibilitychange'));
    await pass(20);
    expect(source.asked).toHaveLength(2);
    expect(source.live).toEqual([true, false, true]);
  });

  it('asks again only for the run that changed', async () => {
    client('loss');
    await pass(200);
    source.change('a');
    await pass(20);
    expect(source.asked[1]!.runs).toEqual(['ada/digits/a']);
    source.change('elsewhere');
    await pass(500);
    expect(source.asked).toHaveLength(2);
  });

  it('asks for all shown runs where more changed than were told, or anything may have', async () => {
    client('loss');
    await pass(200);
    source.tell({ kind: 'change', store: STORE, runs: [], many: true });
    await pass(200);
    source.tell({ kind: 'reset', store: STORE });
    await pass(200);
    source.tell({ kind: 'reset', store: 'another store' });
    await pass(200);
    expect(source.asked.map(one => one.runs.length)).toEqual([2, 2, 2]);
  });

  it('has one request under way at a time, and what changed meanwhile is in the next', async () => {
    client('loss');
    await pass(200);
    let open = (): void => undefined;
    source.gate = new Promise(resolve => (open = resolve));
    for (let i = 0; i < 20; i++) {
      source.change('a');
      await pass(50);
    }
    expect(source.asked).toHaveLength(2);
    source.gate = null;
    open();
    await pass(500);
    expect(source.asked).toHaveLength(3);
  });

  it('draws only what differs from what is drawn', async () => {
    const loss = client('loss');
    await pass(200);
    source.change('a');
    await pass(200);
    expect(source.asked).toHaveLength(2);
    expect(loss.drawn).toHaveLength(1);

    source.series.set('ada/digits/a loss', { x: [0, 1, 2, 3], last: [3, 2, 1, 0] });
    source.change('a');
    await pass(200);
    expect(loss.drawn).toHaveLength(2);
  });

  it('spends at most a quarter of the time on drawing', async () => {
    const loss = client('loss');
    await pass(200);
    loss.cost = 200;
    const [from, since] = [loss.drawn.length, clock.now];
    for (let i = 0; i < 800; i++) {
      source.series.set('ada/digits/a loss', { x: [0, 1], last: [0, i] });
      source.change('a');
      await pass(10);
    }
    const spent = (loss.drawn.length - from) * loss.cost;
    expect(spent / (clock.now - since)).toBeLessThanOrEqual(0.27);
    expect(spent / (clock.now - since)).toBeGreaterThan(0.15);
  });

  it('updates few lines ten times a second at most, and many twice', async () => {
    client('loss');
    await pass(500);
    const rate = async (): Promise<number> => {
      const before = source.asked.length;
      for (let i = 0; i < 300; i++) {
        source.change('a');
        await pass(10);
      }
      return (source.asked.length - before) / 3;
    };
    const few = await rate();
    expect(few).toBeGreaterThan(7);
    expect(few).toBeLessThanOrEqual(10.5);
    for (let i = 0; i < 9; i++) client(`k${i}`);
    await pass(1000);
    const many = await rate();
    expect(many).toBeGreaterThan(1);
    expect(many).toBeLessThanOrEqual(2.7);
  });

  it('reads a new window at once and gives up the request for the old one', async () => {
    const loss = client('loss');
    await pass(200);
    source.gate = new Promise(() => undefined);
    source.change('a');
    await pass(20);
    source.gate = null;
    model.zoom('_step', [1, 2]);
    await pass(20);
    expect(source.asked[2]).toMatchObject({ window: [1, 2], runs: ['ada/digits/a', 'ada/digits/b'] });
    expect(loss.failures).toEqual([]);
  });

  it('forgets no change of any panel while it waits its turn, the last one least of all', async () => {
    const loss = client('loss');
    const val = client('val/loss');
    val.own = 'epoch';
    loss.cost = val.cost = 100;
    await pass(1000);
    for (let step = 0; step < 5; step++) {
      source.change('a');
      await pass(30);
    }
    for (const key of ['loss', 'val/loss']) source.series.set(`ada/digits/a ${key}`, { last: [7, 7, 7] });
    source.change('a');
    await pass(5000);
    for (const one of [loss, val]) expect(one.drawn.at(-1)!.get('ada/digits/a')!.last).toEqual([7, 7, 7]);
  });

  it('serves panels that cannot share a request in turns, however often a run logs', async () => {
    const [loss, late] = [client('loss'), client('late')];
    late.own = 'epoch';
    await pass(300);
    const before = [loss.drawn.length, late.drawn.length];
    for (let i = 0; i < 60; i += 1) {
      for (const key of ['loss', 'late']) source.series.set(`ada/digits/a ${key}`, { last: [i, i, i] });
      source.change('a');
      await pass(50);
    }
    const updates = [loss.drawn.length - before[0]!, late.drawn.length - before[1]!];
    expect(Math.min(...updates)).toBeGreaterThan(8);
    expect(Math.abs(updates[0]! - updates[1]!)).toBeLessThan(3);
  });

  it('asks for metrics over other axes in requests of their own, each with the window of its axis', async () => {
    client('loss');
    const val = client('val/loss');
    val.own = 'epoch';
    await pass(200);
    expect(source.asked.map(one => [one.keys, one.x, one.window])).toEqual([
      [['loss'], '_step', undefined],
      [['val/loss'], 'epoch', undefined]
    ]);
    model.zoom('epoch', [1, 2]);
    await pass(200);
    expect(source.asked.slice(2).map(one => [one.keys, one.x, one.window])).toEqual([[['val/loss'], 'epoch', [1, 2]]]);
    model.x = '_runtime';
    await pass(200);
    expect(source.asked.slice(3).map(one => [one.keys, one.x, one.window])).toEqual([
      [['loss', 'val/loss'], '_runtime', undefined]
    ]);
  });

  it('keeps an answer for one axis while another axis is zoomed', async () => {
    client('loss');
    const val = client('val/loss');
    val.own = 'epoch';
    await pass(200);
    let answer: () => void = () => undefined;
    source.gate = new Promise(resolve => (answer = resolve));
    source.change('a');
    await pass(20);
    expect(source.asked[2]).toMatchObject({ keys: ['loss'], x: '_step' });
    model.zoom('epoch', [1, 2]);
    source.series.set('ada/digits/a loss', { last: [9, 9, 9] });
    answer();
    source.gate = null;
    await pass(200);
    expect(source.asked.filter(one => one.keys.includes('loss'))).toHaveLength(2);
  });

  it('asks only for a run that is newly shown, and for no run that was shown before', async () => {
    client('loss');
    await pass(200);
    model.put([aRun('c')]);
    model.show(['ada/digits/c'], true);
    await pass(100);
    model.show(['ada/digits/b'], false);
    await pass(100);
    model.show(['ada/digits/b'], true);
    await pass(100);
    expect(source.asked.map(one => one.runs)).toEqual([['ada/digits/a', 'ada/digits/b'], ['ada/digits/c']]);
  });

  it('keeps a request within what one answer should hold', async () => {
    for (let i = 0; i < 100; i++) client(`k${i}`);
    await pass(500);
    expect(Math.max(...source.asked.map(one => one.runs.length * one.keys.length))).toBeLessThanOrEqual(64);
    expect(source.asked.flatMap(one => one.keys)).toHaveLength(100);

    model.put(Array.from({ length: 300 }, (_, i) => aRun(`r${i}`)));
    model.show(model.runs.map(pathOf), true);
    await pass(3000);
    const largest = Math.max(...source.asked.map(one => one.runs.length * one.keys.length * (one.n ?? 0)));
    expect(largest).toBeLessThanOrEqual(2_000_000);
  });

  it('asks again at another width only where it would show more', async () => {
    const loss = client('loss');
    await pass(100);
    loss.wide = 900;
    feed.poke();
    await pass(100);
    expect(source.asked).toHaveLength(1); // every bucket was a point already

    source.series.set('ada/digits/a loss', { exact: false });
    source.change('a');
    await pass(200);
    loss.wide = 1000;
    feed.poke();
    await pass(100);
    expect(source.asked).toHaveLength(2);
    loss.wide = 2000;
    feed.poke();
    await pass(100);
    expect(source.asked[2]).toMatchObject({ runs: ['ada/digits/a'], n: 2000 });
  });

  it('tells a panel what went wrong, does not ask in a loop, and recovers', async () => {
    const loss = client('loss');
    source.failure = new SourceError('StoreBusy', 'locked');
    await pass(5000);
    expect(source.asked).toHaveLength(1);
    expect(loss.failures.map(one => one?.type)).toEqual(['StoreBusy']);

    source.failure = null;
    source.change('a');
    await pass(100);
    expect(loss.failures.map(one => one?.type)).toEqual(['StoreBusy', undefined]);
    expect(loss.drawn.at(-1)!.get('ada/digits/a')).toMatchObject({ last: [3, 2, 1] });
  });

  it('reads what failed when one asks for it', async () => {
    const loss = client('loss');
    source.failure = new SourceError('StoreBusy', 'locked');
    await pass(100);
    source.failure = null;
    feed.retry();
    await pass(100);
    expect(loss.drawn.at(-1)!.size).toBe(2);
    expect([...loss.drawn.at(-1)!.values()].every(Boolean)).toBe(true);
  });

  it('leaves the other panels alone where one cannot be drawn', async () => {
    const [bad, good] = [client('bad'), client('good')];
    bad.draw = () => {
      throw new Error('no canvas');
    };
    await pass(100);
    expect(bad.failures[0]).toMatchObject({ type: 'NotDrawn' });
    expect(good.drawn).toHaveLength(1);
  });

  it('says that the connection is lost, and asks for nothing new by itself', async () => {
    client('loss');
    await pass(100);
    source.tell({ kind: 'connection', state: 'reconnecting' });
    await pass(1000);
    expect(model.connected).toBe(false);
    expect(source.asked).toHaveLength(1);
    source.tell({ kind: 'connection', state: 'connected' });
    expect(model.connected).toBe(true);
  });

  it('hears and asks nothing once it is disposed of', async () => {
    client('loss');
    await pass(100);
    feed.dispose();
    source.change('a');
    await pass(1000);
    expect(source.asked).toHaveLength(1);
    expect(source.listening).toBe(0);
  });
});
