/**
 * Feeds panels: asks for what visible panels lack, many runs and metrics in one request, and hands each its series.
 *
 * One request is under way at a time. What is missing is asked for at once; what a live run adds is asked for as often as
 * drawing it takes at most a quarter of the main thread. A panel that is off the screen, or a page that is hidden, costs nothing.
 */

import type { BucketsRequest, DataSource, Run, RunPath, Series, SourceEvent } from '../data/source';
import { SourceError } from '../data/source';
import { Disposables, Signal } from './dom';
import { pathOf, sameSeries } from './lines';
import type { Model } from './model';

/** Something that shows a metric of some runs. */
export interface Client {
  readonly key: string;
  /** Reads all there is, whatever window the charts show. */
  readonly whole?: boolean;
  /** Its x axis: "_step", "_runtime", "_timestamp" or a metric. */
  x(): string;
  /** On the screen: only then is anything asked for. */
  wanted(): boolean;
  /** Pixels across: more buckets could not be seen. */
  width(): number;
  runs(): readonly Run[];
  /** Draws what is there; called only where something has changed. */
  draw(series: ReadonlyMap<RunPath, Series | null>): Promise<void> | void;
  /** What could not be read; null once it could. */
  fail(error: SourceError | null): void;
}

/** Limits of the server for one request, and ours: an answer should be drawn before the next one is waited for. */
const MOST_SERIES = 5000;
const MOST_BUCKETS = 2_000_000;
const MOST_AT_ALL = 10_000;
const SERIES_AT_ONCE = 64;
/** Live updates: few lines at most ten times a second, many at most twice. */
const FEW = { lines: 6, every: 100 };
const MANY_EVERY = 450;
const SHARE = 0.25;
/** A zoomed window may hold fewer points than were asked for at another width: asked again beyond this factor only. */
const WIDER = 1.3;

interface Held {
  stamp: string;
  n: number;
  series: Series | null;
}

interface State {
  client: Client;
  held: Map<RunPath, Held>;
  stale: Set<RunPath>;
  /** Its runs, or how they look, are others than were drawn. */
  redraw: boolean;
  failed: boolean;
  /** When it was last asked for, in turns. */
  turn: number;
}

interface Batch {
  states: State[];
  request: BucketsRequest & { runs: RunPath[] };
  stamp: string;
  urgent: boolean;
}

export class Feed {
  /** Changes as they come, for lists and headers. */
  readonly events = new Signal<SourceEvent>();
  private readonly states = new Set<State>();
  private readonly disposables = new Disposables();
  private readonly subscription;
  private flight: { abort: AbortController; stamp: string } | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private notBefore = 0;
  private turn = 0;
  private live = false;

  constructor(
    private readonly source: DataSource,
    private readonly store: string,
    private readonly model: Model,
    private readonly now: () => number = () => performance.now()
  ) {
    this.subscription = source.subscribe(store, event => this.hear(event));
    this.disposables.add(this.subscription);
    this.disposables.listen(document, 'visibilitychange', () => this.poke());
    this.disposables.add(
      model.changed.connect(aspect => {
        if (aspect === 'runs' || aspect === 'shown') for (const state of this.states) state.redraw = true;
        if (aspect !== 'connection') this.poke();
      })
    );
  }

  /** Feeds a client until it is disposed of. */
  add(client: Client): { dispose(): void } {
    const state: State = { client, held: new Map(), stale: new Set(), redraw: true, failed: false, turn: 0 };
    this.states.add(state);
    this.poke();
    return { dispose: () => this.states.delete(state) };
  }

  /** Something may be lacking now: a panel came into view, a run was shown, the window changed. */
  poke(): void {
    if (this.disposables.isDisposed) return;
    if (this.flight && !this.current(this.flight.stamp)) this.flight.abort.abort();
    this.schedule(0);
  }

  /** After an error: tries again at once. */
  retry(): void {
    for (const state of this.states) if (state.failed) for (const held of state.held.values()) held.stamp = '';
    this.notBefore = 0;
    this.poke();
  }

  dispose(): void {
    this.disposables.dispose();
    this.flight?.abort.abort();
    clearTimeout(this.timer);
    this.states.clear();
  }

  private hear(event: SourceEvent): void {
    if (this.disposables.isDisposed) return;
    if (event.kind === 'connection') {
      this.model.connected = event.state === 'connected';
    } else if (event.store === this.store) {
      if (event.kind === 'change' && !event.many) {
        for (const change of event.runs) this.touch(pathOf(change));
      } else {
        this.touch(null);
      }
      this.schedule(0);
    }
    this.events.emit(event);
  }

  private touch(path: RunPath | null): void {
    for (const { held, stale, client } of this.states) {
      if (path === null) for (const run of client.runs()) stale.add(pathOf(run));
      else if (held.has(path)) stale.add(path);
    }
  }

  /** What an answer is for: series of another stamp are out of date. */
  private stamp(client: Client): string {
    // Without a window all want the same: figures and charts share a request.
    return JSON.stringify([client.x(), client.whole ? null : (this.model.windowOf(client.x()) ?? null)]);
  }

  private current(stamp: string): boolean {
    return [...this.states].some(state => this.stamp(state.client) === stamp);
  }

  private schedule(wait: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.pump(), wait);
  }

  private async pump(): Promise<void> {
    if (this.flight || this.disposables.isDisposed) return;
    const wanted = document.hidden ? [] : [...this.states].filter(state => state.client.wanted());
    this.setLive(wanted.length > 0);
    const batch = this.next(wanted);
    if (!batch) {
      await this.draw(wanted.filter(state => state.redraw));
      return;
    }
    const wait = this.notBefore - this.now();
    if (!batch.urgent && wait > 0) {
      this.schedule(wait);
      return;
    }
    // Only now: what waits for its turn is still out of date.
    this.turn += 1;
    for (const state of batch.states) {
      state.turn = this.turn;
      for (const run of batch.request.runs) state.stale.delete(run);
    }
    const flight = (this.flight = { abort: new AbortController(), stamp: batch.stamp });
    const began = this.now();
    let every = 0;
    try {
      const answer = await this.source.buckets(this.store, batch.request, flight.abort.signal);
      if (this.disposables.isDisposed) return;
      if (this.current(batch.stamp)) every = await this.take(batch, answer, wanted);
    } catch (error) {
      if (!flight.abort.signal.aborted) every = this.refuse(batch, error);
    } finally {
      this.flight = null;
    }
    this.notBefore = began + every;
    this.schedule(0);
  }

  /** Hands out an answer and draws it; how long to wait until the next live update. */
  private async take(batch: Batch, answer: Series[], wanted: State[]): Promise<number> {
    const found = new Map(answer.map(series => [`${series.key}\n${series.run}`, series]));
    for (const state of batch.states) {
      for (const run of batch.request.runs) {
        const series = found.get(`${state.client.key}\n${run}`) ?? null;
        const before = state.held.get(run)?.series ?? null;
        const same = series ? sameSeries(before ?? undefined, series) : before === null && state.held.has(run);
        state.held.set(run, { stamp: batch.stamp, n: batch.request.n ?? 0, series: same ? before : series });
        if (!same) state.redraw = true;
      }
      if (state.failed) {
        state.failed = false;
        state.client.fail(null);
      }
    }
    const cost = await this.draw(wanted.filter(state => state.redraw && this.states.has(state)));
    const lines = wanted.reduce((sum, state) => sum + state.client.runs().length, 0);
    return Math.max(lines <= FEW.lines ? FEW.every : MANY_EVERY, cost / SHARE);
  }

  private refuse(batch: Batch, error: unknown): number {
    const reason =
      error instanceof SourceError ? error : new SourceError('Unknown', error instanceof Error ? error.message : '');
    for (const state of batch.states) {
      // Marked as held: what failed is asked for again by a change of the run or by "Try again", not in a loop.
      for (const run of batch.request.runs) {
        const series = state.held.get(run)?.series ?? null;
        state.held.set(run, { stamp: batch.stamp, n: Infinity, series });
      }
      state.failed = true;
      state.client.fail(reason);
    }
    return 2000;
  }

  /** Draws clients one after the other and lets the page breathe between them; milliseconds spent. */
  private async draw(states: State[]): Promise<number> {
    let spent = 0;
    let since = 0;
    for (const state of states) {
      if (!state.client.runs().every(run => state.held.has(pathOf(run))) && state.held.size === 0) continue;
      const began = this.now();
      state.redraw = false;
      try {
        await state.client.draw(new Map([...state.held].map(([run, held]) => [run, held.series])));
      } catch (error) {
        // One panel that cannot be drawn leaves the others as they are.
        state.failed = true;
        state.client.fail(new SourceError('NotDrawn', String(error)));
      }
      const took = this.now() - began;
      spent += took;
      since += took;
      if (since > 24) {
        since = 0;
        await new Promise(resolve => setTimeout(resolve, 0));
        if (this.disposables.isDisposed) return spent;
      }
    }
    return spent;
  }

  /** What to ask for next: the panels that lack the same runs as the first one that lacks any. */
  private next(wanted: State[]): Batch | null {
    const missing = wanted.map(state => ({ state, runs: this.missing(state) })).filter(one => one.runs.length);
    const urgent = missing.length > 0;
    const lacking = urgent
      ? missing
      : wanted.map(state => ({ state, runs: this.changed(state) })).filter(one => one.runs.length);
    if (!lacking.length) return null;
    // In turns: a run that logs without a pause would have the first panel asked for again and again, and no other.
    const first = lacking.reduce((one, other) => (other.state.turn < one.state.turn ? other : one));
    const runs = first.runs.slice(0, MOST_SERIES);
    const { client } = first.state;
    const x = client.x();
    const stamp = this.stamp(client);
    const alike = lacking.filter(
      one =>
        this.stamp(one.state.client) === stamp &&
        one.runs.length === runs.length &&
        one.runs.every((run, at) => run === runs[at])
    );
    const n = Math.min(MOST_AT_ALL, Math.max(16, ...alike.map(one => Math.floor(one.state.client.width()))));
    const room = Math.min(SERIES_AT_ONCE, Math.floor(MOST_BUCKETS / n));
    const keys = [...new Set(alike.map(one => one.state.client.key))].slice(
      0,
      Math.max(1, Math.floor(room / runs.length))
    );
    const asked = new Set(keys);
    const states = alike.map(one => one.state).filter(state => asked.has(state.client.key));
    const window = client.whole ? undefined : (this.model.windowOf(x) ?? undefined);
    return { states, stamp, urgent, request: { runs, keys, x, window, n } };
  }

  private missing({ client, held }: State): RunPath[] {
    const stamp = this.stamp(client);
    const width = client.width();
    return client
      .runs()
      .map(pathOf)
      .filter(path => {
        const one = held.get(path);
        return !one || one.stamp !== stamp || (width > one.n * WIDER && one.series?.exact === false);
      });
  }

  private changed({ client, stale }: State): RunPath[] {
    return client
      .runs()
      .map(pathOf)
      .filter(path => stale.has(path));
  }

  private setLive(live: boolean): void {
    if (live === this.live) return;
    this.live = live;
    this.subscription.setLive(live);
  }
}
