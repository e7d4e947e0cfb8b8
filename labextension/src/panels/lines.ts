/** From a series of the server to what a chart draws and what a ruler reads. */

import type { Run, RunPath, Series } from '../data/source';
import { toNumber } from './format';
import { colour } from './palette';

/** One line of a panel. `x` ascends; `last` holds NaN and infinities. */
export interface Line {
  run: RunPath;
  label: string;
  color: string;
  live: boolean;
  dash: number[] | null;
  x: Float64Array;
  last: Float64Array;
  min: Float64Array | null;
  max: Float64Array | null;
}

/** A row of the chart's dataset "lines". */
export interface Row {
  run: string;
  label: string;
  color: string;
  dash: number[] | null;
  x: number;
  last: number | null;
  min?: number;
  max?: number;
}

export interface Rows {
  lines: Row[];
  points: object[];
  edges: object[];
}

/** `entity/project/run` of a run. */
export function pathOf(run: { entity: string; project: string; run: string }): RunPath {
  return `${run.entity}/${run.project}/${run.run}`;
}

/** Numbers from the wire, as they are drawn. `scale`: 1000 where the axis is a time and the wire has seconds. */
function numbers(values: readonly unknown[], scale = 1): Float64Array {
  return Float64Array.from(values, value => toNumber(value) * scale);
}

export function toLine(series: Series, run: Run, dash: number[] | null, timeAxis: boolean): Line {
  return {
    run: series.run,
    label: run.name || run.run,
    color: colour(run.run, run.color),
    live: run.state === 'running',
    dash,
    x: numbers(series.x, timeAxis ? 1000 : 1),
    last: numbers(series.last),
    min: !series.exact && series.min ? numbers(series.min) : null,
    max: !series.exact && series.max ? numbers(series.max) : null
  };
}

/** Rows of one line. A value that no axis can hold breaks the line and becomes a mark at the edge. */
export function rowsOf(line: Line): Rows {
  const rows: Rows = { lines: [], points: [], edges: [] };
  const { run, label, color, dash, min, max } = line;
  let end: Row | null = null;
  let alone = false;
  for (let at = 0; at < line.x.length; at++) {
    const x = line.x[at] as number;
    const value = line.last[at] as number;
    const row: Row = { run, label, color, dash, x, last: Number.isFinite(value) ? value : null };
    if (min && max && Number.isFinite(min[at]) && Number.isFinite(max[at])) {
      row.min = min[at];
      row.max = max[at];
    }
    rows.lines.push(row);
    if (row.last !== null) {
      end = row;
      // With nothing beside it, no line shows it.
      alone = !Number.isFinite(line.last[at - 1]) && !Number.isFinite(line.last[at + 1]);
      if (alone) rows.points.push({ run, color, x, last: row.last });
    } else rows.edges.push({ run, color, x, kind: Number.isNaN(value) ? 'nan' : value > 0 ? '+inf' : '-inf' });
  }
  if (end && line.live && !alone) rows.points.push({ run, color, x: end.x, last: end.last });
  return rows;
}

/** Whether two answers of the server draw the same. */
export function sameSeries(a: Series | undefined, b: Series): boolean {
  if (!a || a.exact !== b.exact || a.x.length !== b.x.length) return false;
  // From the end: what a live run adds is there.
  for (let at = a.x.length - 1; at >= 0; at--) {
    if (a.x[at] !== b.x[at] || a.last[at] !== b.last[at]) return false;
    if (a.min?.[at] !== b.min?.[at] || a.max?.[at] !== b.max?.[at]) return false;
  }
  return true;
}

/** Place of the point nearest to `x`; -1 where the line does not reach: further off than its own points lie apart. */
export function nearest(line: Line, x: number): number {
  const { x: xs } = line;
  const last = xs.length - 1;
  if (last < 0) return -1;
  let low = 0;
  let high = last;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((xs[middle] as number) < x) low = middle + 1;
    else high = middle;
  }
  if (low > 0 && x - (xs[low - 1] as number) <= (xs[low] as number) - x) low--;
  if (xs[low] === x || (low > 0 && low < last)) return low;
  const apart = last > 0 ? ((xs[last] as number) - (xs[0] as number)) / last : Infinity;
  return Math.abs((xs[low] as number) - x) <= apart ? low : -1;
}

const DASHES: (number[] | null)[] = [null, [6, 3], [2, 2], [8, 3, 2, 3]];

/** Runs that share a hue get different dashes, so that a chart never shows two lines alike. */
export function dashes(runs: readonly Run[]): Map<RunPath, number[] | null> {
  const seen = new Map<string, number>();
  const found = new Map<RunPath, number[] | null>();
  for (const run of runs) {
    const hue = colour(run.run, run.color);
    const before = seen.get(hue) ?? 0;
    seen.set(hue, before + 1);
    found.set(pathOf(run), DASHES[before % DASHES.length] ?? null);
  }
  return found;
}
