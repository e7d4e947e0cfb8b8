/** A source without a server, for looking at the panels: twelve runs, one of them live. */

import type {
  BucketsRequest,
  DataSource,
  Metric,
  Project,
  Run,
  RunDetail,
  RunPath,
  RunsPage,
  RunsQuery,
  Series,
  SourceEvent,
  Subscription
} from '../src/data/source';
import { SourceError } from '../src/data/source';

const NAMES = [
  'brave-otter-7', 'calm-hill-3', 'quiet-fern-6', 'bold-lake-12', 'dry-moon-1', 'shy-wolf-9',
  'wide-reed-4', 'late-crow-2', 'warm-dune-8', 'pale-iris-5', 'keen-moss-10', 'soft-rain-11'
]; // prettier-ignore
const STATES = ['running', 'finished', 'finished', 'failed', 'finished', 'crashed', 'killed'] as const;
const KEYS = [
  'loss', 'val_acc', 'lr', 'train/loss', 'train/grad_norm', 'train/accuracy', 'val/loss', 'val/accuracy',
  'val/f1', 'system/cpu', 'system/memory', 'system/gpu.0.utilization'
]; // prettier-ignore

/** What a page asks of it: `points` a run, `lines` drawn, `keys` logged, and a state to look at. */
export interface Wishes {
  points: number;
  /** How many runs there are, how many of them are live, and how often those log, in milliseconds. */
  runs: number;
  live: number;
  every: number;
  keys: number;
  show: 'data' | 'empty' | 'error' | 'lost' | 'slow' | 'waiting';
}

export class FakeSource implements DataSource {
  private readonly listeners = new Set<(event: SourceEvent) => void>();
  private readonly runs_: Run[];
  private readonly began = Date.now() * 1000;
  private steps: number;
  stops = 0;

  constructor(
    readonly store: string,
    private readonly wishes: Wishes
  ) {
    this.steps = wishes.points;
    this.runs_ = NAMES.slice(0, wishes.runs).map((name, at) => this.make(name, at));
    if (wishes.live) setInterval(() => this.advance(), wishes.every);
    if (wishes.show === 'lost') setTimeout(() => this.tell({ kind: 'connection', state: 'reconnecting' }), 1500);
  }

  private make(name: string, at: number): Run {
    const created = this.began - at * 5.3e9 - 42e6;
    const live = at < this.wishes.live;
    const past = STATES[at % STATES.length] ?? 'finished';
    return {
      entity: 'ada',
      project: 'digits',
      run: `r${(at * 7919 + 1234).toString(36)}x${at}`,
      generation: 0,
      name,
      state: live ? 'running' : past === 'running' ? 'finished' : past,
      exit_code: null,
      notes: '',
      tags: [],
      group: null,
      job_type: null,
      sweep: null,
      color: '',
      owner: 'ada',
      created,
      started: created,
      ended: live ? null : created + 1.9e9,
      updated: created + 1.9e9,
      config: {
        lr: at % 2 ? 1e-3 : 3e-4,
        dropout: 0.1 * (1 + (at % 3)),
        model: { depth: 4, width: at < 4 ? 256 : 128 }
      },
      summary: { val_acc: 0.9 + ((at * 37) % 50) / 1000, loss: 0.2 + ((at * 13) % 10) / 100 }
    };
  }

  private advance(): void {
    this.steps += 3;
    const live = this.runs_.filter(run => run.state === 'running');
    for (const run of live) run.updated = Date.now() * 1000;
    if (live.length) this.tellOf(live);
  }

  private tellOf(runs: Run[]): void {
    const [rows, step] = [this.steps, this.steps - 1];
    const changes = runs.map(({ entity, project, run, state, updated }) => {
      return { entity, project, run, state, rows, step, updated, deleted: false };
    });
    this.tell({ kind: 'change', store: this.store, runs: changes, many: false });
  }

  private tell(event: SourceEvent): void {
    for (const listener of this.listeners) listener(event);
  }

  private async answer<T>(value: T): Promise<T> {
    await new Promise(resolve => setTimeout(resolve, this.wishes.show === 'slow' ? 1e6 : 15));
    if (this.wishes.show === 'error') {
      throw new SourceError('StoreNotHere', 'No store with this id has been opened by this user.', 'e-4711');
    }
    return value;
  }

  projects(): Promise<Project[]> {
    const one = (project: string, runs: number, running: number, hours: number): Project => ({
      entity: 'ada',
      project,
      runs,
      running,
      created: this.began - 9e11,
      updated: this.began - hours * 3.6e9
    });
    const all = [
      one('digits', 12, 1, 0),
      one('llm-small', 148, 0, 5),
      one('housing-baseline', 31, 0, 80),
      one('gan', 7, 0, 3000)
    ];
    return this.answer(this.wishes.show === 'empty' ? [] : all);
  }

  runs(_store: string, query: RunsQuery): Promise<RunsPage> {
    const all = this.wishes.show === 'empty' ? [] : [...this.runs_];
    const key = query.order?.match(/^([+-])summary_metrics\.(.*)/);
    if (key) {
      const value = (run: Run): number => Number(run.summary[key[2] as string]);
      all.sort((a, b) => (value(a) - value(b)) * (key[1] === '-' ? -1 : 1));
    }
    const offset = Number(query.cursor ?? 0);
    const end = offset + (query.limit ?? 50);
    return this.answer({
      runs: all.slice(offset, end),
      total: all.length,
      offset,
      next: end < all.length ? String(end) : null
    });
  }

  async run(_store: string, path: RunPath): Promise<RunDetail> {
    const run = this.find(path);
    if (!run) throw new SourceError('RunNotFound', `No run ${path}.`);
    const metric = {
      rows: 1,
      count: 1,
      min: 0,
      max: 1,
      mean: 0,
      last: 0,
      last_step: this.steps - 1,
      last_time: run.updated
    };
    return this.answer({ ...run, metadata: {}, metrics: KEYS.map(name => ({ name, ...metric })) });
  }

  private find(path: RunPath): Run | undefined {
    return this.runs_.find(run => `${run.entity}/${run.project}/${run.run}` === path);
  }

  metrics(): Promise<Metric[]> {
    if (this.wishes.show === 'waiting') return this.answer([]);
    const keys = Array.from({ length: this.wishes.keys }, (_, at) => KEYS[at] ?? `more/metric_${at}`);
    return this.answer(
      keys.map(name => ({
        name,
        runs: 12,
        rows: 100,
        step_metric: null,
        direction: name === 'val_acc' ? ('maximize' as const) : null,
        hidden: false
      }))
    );
  }

  buckets(_store: string, request: BucketsRequest): Promise<Series[]> {
    const found: Series[] = [];
    for (const path of request.runs) {
      const run = this.find(path);
      if (run) for (const key of request.keys) found.push(this.series(run, key, request));
    }
    return this.answer(found);
  }

  private series(run: Run, key: string, { x, window, n = 300 }: BucketsRequest): Series {
    const at = this.runs_.indexOf(run);
    const all =
      at < this.wishes.live ? this.steps - at * 5 : Math.floor(this.wishes.points * (0.5 + ((at * 29) % 60) / 100));
    const place = (step: number): number =>
      x === '_runtime' ? step * 0.4 : x === '_timestamp' ? run.created / 1e6 + step * 0.4 : step;
    const within = (step: number): boolean =>
      !window || (place(step) >= Number(window[0] ?? -Infinity) && place(step) <= Number(window[1] ?? Infinity));
    let [from, to] = [0, all];
    while (from < to && !within(from)) from++;
    while (to > from && !within(to - 1)) to--;
    const size = Math.max(1, Math.ceil((to - from) / n));
    const series: Series = { run: `ada/digits/${run.run}`, key, exact: size === 1, x: [], last: [], min: [], max: [] };
    for (let begin = from; begin < to; begin += size) {
      const values = [];
      for (let step = begin; step < Math.min(to, begin + Math.min(size, 8)); step++) values.push(value(key, at, step));
      const last = values[values.length - 1] as number;
      series.x.push(place(begin));
      series.last.push(key === 'train/grad_norm' && begin % 97 === 96 ? 'NaN' : last);
      series.min?.push(Math.min(...values));
      series.max?.push(Math.max(...values));
    }
    if (series.exact) delete series.min;
    if (series.exact) delete series.max;
    return series;
  }

  stop(): Promise<number> {
    this.stops++;
    setTimeout(() => {
      const run = this.runs_[0] as Run;
      Object.assign(run, { state: 'killed', ended: Date.now() * 1000 });
      this.tellOf([run]);
    }, 1500);
    return this.answer(1);
  }

  subscribe(_store: string, listener: (event: SourceEvent) => void): Subscription {
    this.listeners.add(listener);
    return { setLive: () => undefined, dispose: () => void this.listeners.delete(listener) };
  }
}

/** Noise that is the same for the same step. */
function noise(seed: number): number {
  const wave = Math.sin(seed * 12.9898) * 43758.5453;
  return wave - Math.floor(wave) - 0.5;
}

function value(key: string, run: number, step: number): number {
  const pace = 150 + ((run * 71) % 200);
  if (key === 'lr') return run % 2 ? 1e-3 * 0.5 ** Math.floor(step / 300) : 3e-4;
  if (key.startsWith('system/')) return 50 + 20 * Math.sin(step / 40 + run) + 8 * noise(step + run * 31);
  if (key.includes('grad')) return 3 + 2 * Math.exp(-step / pace) + Math.abs(noise(step * 3 + run));
  const rises = /acc|f1/.test(key);
  const curve = rises
    ? 0.97 - 0.6 * Math.exp(-step / pace) - run * 0.004
    : 0.15 + run * 0.012 + 2 * Math.exp(-step / pace);
  return curve + noise(step + run * 977 + key.length * 13) * (rises ? 0.02 : 0.08) * (1 + Math.exp(-step / 100));
}
