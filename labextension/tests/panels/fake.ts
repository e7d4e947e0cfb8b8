/** A source that answers what a test says, and remembers what it was asked. */

import type {
  BucketsRequest,
  DataSource,
  Metric,
  Project,
  Run,
  RunChange,
  RunChanges,
  RunCommands,
  RunDetail,
  RunPath,
  RunsPage,
  RunsQuery,
  Series,
  SourceEvent,
  Store,
  Subscription
} from '../../src/data/source';
import { SourceError } from '../../src/data/source';
import { figureOf } from '../../src/panels/figure';

export const STORE = '3f0c8a52-4a7e-4a41-9d53-2f1f3b6f8a10';

export function aRun(run: string, changed: Partial<Run> = {}): Run {
  return {
    entity: 'ada',
    project: 'digits',
    run,
    generation: 0,
    name: `name-${run}`,
    state: 'finished',
    exit_code: 0,
    notes: '',
    tags: [],
    group: null,
    job_type: null,
    sweep: null,
    color: '',
    owner: 'ada',
    created: 1_700_000_000_000_000,
    started: 1_700_000_000_000_000,
    ended: 1_700_000_042_000_000,
    updated: 1_700_000_042_000_000,
    config: {},
    summary: {},
    ...changed
  };
}

export function aMetric(name: string, changed: Partial<Metric> = {}): Metric {
  return { name, runs: 1, rows: 10, step_metric: null, direction: null, hidden: false, ...changed };
}

export class FakeSource implements DataSource, RunCommands {
  storeList: Store[] = [{ id: STORE, name: 'thesis', here: true, used: 1 }];
  /** What notebooks have made: ids of runs by path. */
  notebooks: Record<string, string[]> = {};
  /** Questions for runs, as they came. */
  readonly queries: RunsQuery[] = [];
  readonly changes: [RunPath, RunChanges][] = [];
  readonly asked: BucketsRequest[] = [];
  readonly live: boolean[] = [];
  readonly stopped: RunPath[] = [];
  projectList: Project[] = [];
  runList: Run[] = [];
  metricList: Metric[] = [];
  failure: SourceError | null = null;
  /** Series by "path key"; what is not here is 0, 1, 2 for every run and key. */
  series = new Map<string, Partial<Series>>();
  /** Where set, `buckets` waits for it. */
  gate: Promise<void> | null = null;
  stops = 1;
  private readonly listeners = new Set<(event: SourceEvent) => void>();

  private answer<T>(value: T): Promise<T> {
    return this.failure ? Promise.reject(this.failure) : Promise.resolve(value);
  }

  projects(): Promise<Project[]> {
    return this.answer(this.projectList);
  }

  stores(): Promise<Store[]> {
    return this.answer(this.storeList);
  }

  update(_store: string, path: RunPath, changes: RunChanges): Promise<Run> {
    this.changes.push([path, changes]);
    const run = this.runList.find(one => path.endsWith(`/${one.run}`))!;
    return this.answer(Object.assign(run, changes));
  }

  remove(): Promise<void> {
    return this.answer(undefined);
  }

  restore(): Promise<void> {
    return this.answer(undefined);
  }

  runs(_store: string, query: RunsQuery): Promise<RunsPage> {
    this.queries.push(query);
    const { order, limit = 50, cursor = '0', notebook, search, filter, project } = query;
    const asked = (run: Run): boolean =>
      (notebook === undefined || !!this.notebooks[notebook]?.includes(run.run)) &&
      (!search || run.name.includes(search)) &&
      (!project || run.project === project) &&
      (!filter?.state || run.state === filter.state) &&
      (!filter?.tags || run.tags.includes(filter.tags as string));
    const all = this.runList.filter(asked);
    const by = order?.match(/^([+-])summary_metrics\.(.+)/);
    if (by) {
      const better = by[1] === '-' ? 'maximize' : 'minimize';
      const value = (run: Run): number => figureOf(run.summary[by[2]!], better).value;
      all.sort((a, b) => (value(a) - value(b)) * (better === 'maximize' ? -1 : 1));
    }
    const offset = Number(cursor);
    const next = offset + limit < all.length ? String(offset + limit) : null;
    return this.answer({ runs: all.slice(offset, offset + limit), total: all.length, offset, next });
  }

  run(_store: string, path: RunPath): Promise<RunDetail> {
    const run = this.runList.find(one => `${one.entity}/${one.project}/${one.run}` === path);
    if (!run) return Promise.reject(new SourceError('RunNotFound', `No run ${path}.`));
    return this.answer({ ...run, metadata: {}, metrics: [] });
  }

  metrics(): Promise<Metric[]> {
    return this.answer(this.metricList);
  }

  async buckets(_store: string, request: BucketsRequest, signal?: AbortSignal): Promise<Series[]> {
    this.asked.push(request);
    const aborted = new Promise<never>((_, reject) =>
      signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')))
    );
    aborted.catch(() => undefined);
    if (this.gate) await Promise.race([this.gate, aborted]);
    return this.answer(
      request.runs.flatMap(run =>
        request.keys.map(key => ({
          run,
          key,
          exact: true,
          x: [0, 1, 2],
          last: [3, 2, 1],
          ...this.series.get(`${run} ${key}`)
        }))
      )
    );
  }

  stop(_store: string, path: RunPath): Promise<number> {
    this.stopped.push(path);
    return this.answer(this.stops);
  }

  subscribe(_store: string, listener: (event: SourceEvent) => void): Subscription {
    this.listeners.add(listener);
    return { setLive: live => this.live.push(live), dispose: () => void this.listeners.delete(listener) };
  }

  get listening(): number {
    return this.listeners.size;
  }

  tell(event: SourceEvent): void {
    for (const listener of this.listeners) listener(event);
  }

  change(run: string, changed: Partial<RunChange> = {}): void {
    const one = {
      entity: 'ada',
      project: 'digits',
      run,
      state: 'running' as const,
      rows: 3,
      step: 2,
      updated: Date.now() * 1000
    };
    this.tell({ kind: 'change', store: STORE, runs: [{ ...one, deleted: false, ...changed }], many: false });
  }
}
