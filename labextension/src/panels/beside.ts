/** Which metrics count: those that have a panel, and the one that stands beside a run in lists. */

import type { Metric } from '../data/source';

/** Whether a metric has a panel by itself. */
export function drawable(metric: Metric): boolean {
  return !metric.hidden && isNumeric(metric);
}

/** A server that is older says nothing of numbers. */
export function isNumeric(metric: Metric & { numeric?: boolean }): boolean {
  return metric.numeric !== false;
}

/** The metric whose value stands beside a run: one with a direction, else the one most runs have. */
export function beside(metrics: readonly Metric[]): Metric | undefined {
  const able = metrics.filter(drawable);
  const most = able.reduce<Metric | undefined>((a, b) => (!a || b.runs > a.runs ? b : a), undefined);
  return able.find(metric => metric.direction) ?? most;
}
