/** By which metric the runs of each project are measured, and which run is the best. */

import type { RunPath } from '../../data/source';
import { beside } from '../beside';
import { figureOf } from '../figure';
import { pathOf } from '../lines';
import type { RunAt, SidebarHost } from './host';

export interface Goal {
  metric: string;
  direction: 'minimize' | 'maximize' | null;
  /** The best run of the project, where it is known which values are better. */
  best: RunPath | null;
}

/** Runs by which a project's metrics are judged, the first ones listed. */
const ASKED = 20;
/** Milliseconds after which the best run is asked for again. */
const EVERY = 10_000;

interface Known {
  goal: Goal | undefined;
  at: number;
}

export class Goals {
  private readonly known = new Map<string, Known>();

  constructor(private readonly host: SidebarHost) {}

  of(project: string): Goal | undefined {
    return this.known.get(project)?.goal;
  }

  /** A run of the project has begun or ended: another one may be the best. */
  forget(project: string): void {
    const known = this.known.get(project);
    if (known) known.at = -Infinity;
  }

  forgetAll(): void {
    for (const known of this.known.values()) known.at = -Infinity;
  }

  /** Finds out what is not known, or not any more, of the projects of these runs. */
  async read(runs: readonly RunAt[], stores: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const groups = new Map<string, RunAt[]>();
    for (const at of runs) {
      if (!stores.has(at.store)) continue;
      const key = `${at.store}/${at.run.entity}/${at.run.project}`;
      const group = groups.get(key) ?? [];
      groups.set(key, group);
      group.push(at);
    }
    const now = performance.now();
    const late = [...groups].filter(([key]) => now - (this.known.get(key)?.at ?? -Infinity) > EVERY);
    await Promise.all(
      late.map(async ([key, group]) => {
        const goal = await this.find(group, signal).catch(() => this.of(key)); // lists say what is wrong
        this.known.set(key, { goal, at: now });
      })
    );
  }

  private async find(group: readonly RunAt[], signal: AbortSignal): Promise<Goal | undefined> {
    const { source, settings } = this.host;
    const { store, run } = group[0] as RunAt;
    const paths = [...new Set(group.map(at => pathOf(at.run)))].slice(0, ASKED);
    const metrics = await source.metrics(store, paths, signal);
    const { metric } = settings();
    const chosen = (metric && metrics.find(one => one.name === metric)) || beside(metrics);
    if (!chosen) return undefined;
    const { name, direction } = chosen;
    return { metric: name, direction, best: direction && (await this.best(store, run, name, direction, signal)) };
  }

  private async best(
    store: string,
    { entity, project }: RunAt['run'],
    name: string,
    direction: 'minimize' | 'maximize',
    signal: AbortSignal
  ): Promise<RunPath | null> {
    const order = `${direction === 'maximize' ? '-' : '+'}summary_metrics.${name}`;
    const page = await this.host.source.runs(store, { entity, project, order, limit: 2 }, signal);
    const able = page.runs.filter(run => Number.isFinite(figureOf(run.summary[name], direction).value));
    // Of a single run nothing is said by calling it the best.
    return able.length > 1 ? pathOf(able[0] as RunAt['run']) : null;
  }
}
