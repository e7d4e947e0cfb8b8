/** What a notebook says about a display. Whoever wrote the notebook wrote it: nothing in it is believed unchecked. */

import { STORE } from '../data/source';
import type { ViewRequest } from '../panels';

export const MIME = 'application/vnd.tracker-nb.v1+json';

const RUN = /^[A-Za-z0-9_-]{1,64}$/;
const CELL = /^[A-Za-z0-9_.:-]{1,128}$/;
// eslint-disable-next-line no-control-regex -- names hold none
const NAME = /^[^/\x00-\x1f\x7f]{1,256}$/;
const MODEL = /^[0-9a-f]{32}$/;
const HEIGHT = { least: 80, most: 10_000 };

/** A view and the widget that shows it, if any; or why there is none: a newer release of ours, or no payload of ours. */
export type Read = { request: ViewRequest; model?: string } | { problem: 'newer' | 'broken' };

export function read(payload: unknown): Read {
  if (typeof payload !== 'object' || payload === null) return { problem: 'broken' };
  const given = payload as Record<string, unknown>;
  if (given['version'] !== 1) {
    return { problem: typeof given['version'] === 'number' && given['version'] > 1 ? 'newer' : 'broken' };
  }
  const { store, view, entity, project, run, height, cell } = given;
  if (!matches(STORE, store)) return { problem: 'broken' };
  const more: Pick<ViewRequest, 'height' | 'cell'> = {};
  if (typeof height === 'number' && height >= HEIGHT.least && height <= HEIGHT.most) more.height = Math.round(height);
  if (matches(CELL, cell)) more.cell = cell;
  const live = matches(MODEL, given['model_id']) ? { model: given['model_id'] } : {};
  if (view === 'projects') return { request: { store, view, ...more }, ...live };
  if (!isName(entity) || !isName(project)) return { problem: 'broken' };
  if (view === 'project') return { request: { store, view, entity, project, ...more }, ...live };
  if (view !== 'run' || !matches(RUN, run)) return { problem: 'broken' };
  return { request: { store, view, entity, project, run, ...more }, ...live };
}

function matches(form: RegExp, value: unknown): value is string {
  return typeof value === 'string' && form.test(value);
}

/** "." and ".." are no names: they would be another address. */
function isName(value: unknown): value is string {
  return matches(NAME, value) && value !== '.' && value !== '..';
}
