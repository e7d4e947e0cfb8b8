/** What a dashboard shows: its runs, which of them are visible, the search, the x axis and the window. */

import type { Run, RunChange, RunPath } from '../data/source';
import { Signal } from './dom';
import { dashes, pathOf } from './lines';

/** What is chosen for all charts. "own": each metric over its own axis, the step where no definition names one. */
export type XAxis = 'own' | '_step' | '_runtime' | '_timestamp';
export type Window = [number, number];

/** What has changed: panels and lists listen for what concerns them. */
export type Aspect = 'runs' | 'shown' | 'x' | 'zoom' | 'panels' | 'axes' | 'connection';

export class Model {
  readonly changed = new Signal<Aspect>();
  private readonly known = new Map<RunPath, Run>();
  private readonly visible = new Set<RunPath>();
  private dashOf = new Map<RunPath, number[] | null>();
  private shownList: readonly Run[] = [];
  private axis: XAxis = 'own';
  private isDefined = false;
  private readonly windows = new Map<string, Window>();
  private panelSearch = '';
  private isConnected = true;

  /** All runs known here, in the order in which they were put in. */
  get runs(): readonly Run[] {
    return [...this.known.values()];
  }

  run(path: RunPath): Run | undefined {
    return this.known.get(path);
  }

  /** Runs whose lines are drawn. */
  get shown(): readonly Run[] {
    return this.shownList;
  }

  isShown(path: RunPath): boolean {
    return this.visible.has(path);
  }

  dash(path: RunPath): number[] | null {
    return this.dashOf.get(path) ?? null;
  }

  /** Adds runs or replaces what is known of them. `first`: new ones go to the top. */
  put(runs: readonly Run[], place: 'first' | 'last' = 'last'): void {
    const fresh = runs.filter(run => !this.known.has(pathOf(run)));
    const before = place === 'first' && fresh.length ? [...this.known] : null;
    if (before) this.known.clear();
    for (const run of before ? fresh : runs) this.known.set(pathOf(run), run);
    for (const [path, run] of before ?? []) this.known.set(path, run);
    for (const run of runs) this.known.set(pathOf(run), run);
    this.relist();
    this.changed.emit('runs');
  }

  remove(path: RunPath): void {
    if (!this.known.delete(path)) return;
    const was = this.visible.delete(path);
    this.relist();
    this.changed.emit('runs');
    if (was) this.changed.emit('shown');
  }

  /** Takes over what a change says of a run; whether the run is known here. */
  apply(change: RunChange): boolean {
    const path = pathOf(change);
    const run = this.known.get(path);
    if (!run) return false;
    if (change.deleted) {
      this.remove(path);
      return true;
    }
    const ended = run.state === 'running' && change.state !== 'running' ? change.updated : run.ended;
    const state = change.state;
    this.known.set(path, { ...run, state, updated: change.updated, ended: state === 'running' ? null : ended });
    this.relist();
    if (run.state !== state) this.changed.emit('runs');
    return true;
  }

  show(paths: Iterable<RunPath>, on: boolean): void {
    let differs = false;
    for (const path of paths) {
      if (this.visible.has(path) === on) continue;
      if (on) this.visible.add(path);
      else this.visible.delete(path);
      differs = true;
    }
    if (!differs) return;
    this.relist();
    this.changed.emit('shown');
  }

  private relist(): void {
    this.shownList = [...this.known.values()].filter(run => this.visible.has(pathOf(run)));
    this.dashOf = dashes(this.shownList);
  }

  get x(): XAxis {
    return this.axis;
  }

  /** Another axis has other units: the window is given up. */
  set x(axis: XAxis) {
    if (axis === this.axis) return;
    this.axis = axis;
    this.windows.clear();
    this.changed.emit('x');
  }

  /** The x axis of a metric whose own is `own`: "_step", "_runtime", "_timestamp" or a metric. */
  axisOf(own: string | null): string {
    return this.axis === 'own' ? (own ?? '_step') : this.axis;
  }

  /** Whether any metric has an axis of its own: only then is there a choice between that and the step. */
  get defined(): boolean {
    return this.isDefined;
  }

  set defined(defined: boolean) {
    if (defined === this.isDefined) return;
    this.isDefined = defined;
    this.changed.emit('axes');
  }

  /** From and to in units of an axis; null: all there is. All panels with this axis share it. */
  windowOf(axis: string): Window | null {
    return this.windows.get(axis) ?? null;
  }

  zoom(axis: string, window: Window | null): void {
    if (window && !(window[1] > window[0])) return;
    const before = this.windowOf(axis);
    if (window?.[0] === before?.[0] && window?.[1] === before?.[1]) return;
    if (window) this.windows.set(axis, window);
    else this.windows.delete(axis);
    this.changed.emit('zoom');
  }

  get zoomed(): boolean {
    return this.windows.size > 0;
  }

  /** All panels show all there is. */
  unzoom(): void {
    if (!this.zoomed) return;
    this.windows.clear();
    this.changed.emit('zoom');
  }

  /** Words that the names of panels hold. */
  get search(): string {
    return this.panelSearch;
  }

  set search(text: string) {
    if (text === this.panelSearch) return;
    this.panelSearch = text;
    this.changed.emit('panels');
  }

  get connected(): boolean {
    return this.isConnected;
  }

  set connected(connected: boolean) {
    if (connected === this.isConnected) return;
    this.isConnected = connected;
    this.changed.emit('connection');
  }
}

/** Whether a name holds all words of a search; upper and lower case are the same. */
export function matches(name: string, search: string): boolean {
  const lower = name.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every(word => lower.includes(word));
}
