/** One number from a summary: where a definition asks for several figures, the one by which runs are compared. */

import type { Metric } from '../data/source';
import { toNumber } from './format';

export interface Figure {
  value: number;
  /** What it is of the run's values. */
  of: 'last' | 'min' | 'max' | 'mean' | 'first';
}

/** The server sorts by the same rule: the best, else the extreme that is better, else the last. */
export function figureOf(value: unknown, direction: Metric['direction'] | undefined): Figure {
  if (value === null || typeof value !== 'object') return { value: toNumber(value), of: 'last' };
  const figures = value as Record<string, unknown>;
  const [better, worse] = direction === 'maximize' ? (['max', 'min'] as const) : (['min', 'max'] as const);
  if ('best' in figures) return { value: toNumber(figures.best), of: better };
  for (const of of [better, 'last', 'mean', 'first', worse] as const)
    if (of in figures) return { value: toNumber(figures[of]), of };
  return { value: NaN, of: 'last' };
}
