import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { SourceEvent } from '../../src/data/source';
import { PATIENCE, Stream } from '../../src/data/stream';
import { fakeLine, OTHER, SERVER, STORE } from './fakes';

function setUp() {
  const line = fakeLine();
  const visibilityState: DocumentVisibilityState = 'visible';
  const page: EventTarget & { visibilityState: DocumentVisibilityState } = Object.assign(new EventTarget(), {
    visibilityState
  });
  const scope = new EventTarget();
  const stream = new Stream(() => SERVER, line.open, page, scope);
  const wish = () => {
    const last = line.sent.at(-1)!;
    return last.kind === 'want' ? last.wish : last.kind;
  };
  const look = (state: DocumentVisibilityState) => {
    page.visibilityState = state;
    page.dispatchEvent(new Event('visibilitychange'));
  };
  return { ...line, stream, wish, look, scope };
}

describe("a page's end of the stream", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('wants the union of its displays, live where one is', () => {
    const { stream, wish } = setUp();
    const one = stream.subscribe(STORE, () => undefined);
    const two = stream.subscribe(STORE, () => undefined);
    stream.subscribe(OTHER, () => undefined).setLive(false);
    expect(wish()).toEqual({ stores: [OTHER], live: [STORE] });
    one.setLive(false);
    expect(wish()).toEqual({ stores: [OTHER], live: [STORE] });
    two.setLive(false);
    expect(wish()).toEqual({ stores: [STORE, OTHER], live: [] });
    one.dispose();
    two.dispose();
    expect(wish()).toEqual({ stores: [OTHER], live: [] });
  });

  it('wants nothing live while it is hidden', () => {
    const { stream, wish, look } = setUp();
    stream.subscribe(STORE, () => undefined);
    look('hidden');
    expect(wish()).toEqual({ stores: [STORE], live: [] });
    look('visible');
    expect(wish()).toEqual({ stores: [], live: [STORE] });
  });

  it('leaves with its last display, and when the page is closed', () => {
    const { stream, wish, close, scope, sent } = setUp();
    stream.subscribe(STORE, () => undefined).dispose();
    expect(wish()).toBe('leave');
    expect(close).toHaveBeenCalledTimes(1);
    stream.subscribe(STORE, () => undefined);
    scope.dispatchEvent(new Event('pagehide'));
    expect(wish()).toBe('leave');
    scope.dispatchEvent(new Event('pageshow'));
    expect(wish()).toEqual({ stores: [], live: [STORE] });
    expect(sent).toHaveLength(5);
  });

  it('tells displays of their store only, and one that fails does not keep the others from hearing', () => {
    const { stream, ends } = setUp();
    const reported = vi.fn();
    vi.stubGlobal('reportError', reported);
    const heard: SourceEvent[] = [];
    stream.subscribe(STORE, () => {
      throw new Error('broken');
    });
    stream.subscribe(STORE, event => heard.push(event));
    stream.subscribe(OTHER, () => expect.unreachable());
    ends.hear({ kind: 'event', event: { kind: 'reset', store: STORE }, id: 'boot-2' });
    expect(heard).toEqual([{ kind: 'reset', store: STORE }]);
    expect(reported).toHaveBeenCalledTimes(1);
    vi.unstubAllGlobals();
  });

  it('says once that the connection is lost and once that it is back, to displays that come later too', async () => {
    const { stream, ends } = setUp();
    const [first, later]: [SourceEvent[], SourceEvent[]] = [[], []];
    stream.subscribe(STORE, event => first.push(event));
    const say = (state: 'connected' | 'reconnecting') =>
      ends.hear({ kind: 'event', event: { kind: 'connection', state }, id: '' });
    say('connected');
    say('reconnecting');
    say('reconnecting');
    stream.subscribe(STORE, event => later.push(event));
    await vi.advanceTimersByTimeAsync(0);
    say('connected');
    expect(first.map(event => 'state' in event && event.state)).toEqual(['reconnecting', 'connected']);
    expect(later.map(event => 'state' in event && event.state)).toEqual(['reconnecting', 'connected']);
  });

  it('says what it wants, and where it was, to whoever leads now', () => {
    const { stream, ends, sent } = setUp();
    stream.subscribe(STORE, () => undefined);
    ends.hear({ kind: 'event', event: { kind: 'reset', store: STORE }, id: 'boot-9' });
    ends.again();
    expect(sent.at(-1)).toEqual({
      kind: 'want',
      server: SERVER,
      wish: { stores: [], live: [STORE] },
      since: 'boot-9'
    });
  });

  it('lets reading wait until changes are told, but not for long', async () => {
    const { stream, ends } = setUp();
    const heard: SourceEvent[] = [];
    await stream.begun(STORE); // nobody listens
    stream.subscribe(STORE, event => heard.push(event));
    let done = false;
    void stream.begun(STORE).then(() => (done = true));
    await vi.advanceTimersByTimeAsync(PATIENCE - 1);
    expect(done).toBe(false);
    ends.hear({ kind: 'begun', stores: [STORE] });
    await vi.advanceTimersByTimeAsync(0);
    expect(done).toBe(true);
    await vi.advanceTimersByTimeAsync(PATIENCE);
    expect(heard).toEqual([]);
  });

  it('has those who read too early read again', async () => {
    const { stream, ends } = setUp();
    const heard: SourceEvent[] = [];
    stream.subscribe(STORE, event => heard.push(event));
    const waiting = stream.begun(STORE);
    await vi.advanceTimersByTimeAsync(PATIENCE);
    await waiting;
    ends.hear({ kind: 'begun', stores: [STORE] });
    expect(heard).toEqual([{ kind: 'reset', store: STORE }]);
    await stream.begun(STORE);
  });
});
