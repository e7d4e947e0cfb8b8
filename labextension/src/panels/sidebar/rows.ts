/** What stands in the sidebar, line by line, as the data is. Nothing here touches a page. */

import type { SourceError } from '../../data/source';
import { figureOf } from '../figure';
import { fill, type Translate } from '../format';
import { pathOf } from '../lines';
import { matches } from '../model';
import { isEmpty } from '../query';
import { type Data, type Listing, type ProjectAt, projectKey, runKey } from './data';
import type { RunAt, SidebarHost } from './host';

export type Section = 'notebook' | 'results' | 'projects';

interface Line {
  key: string;
  level: number;
}

export interface SectionRow extends Line {
  kind: 'section';
  section: Section;
  word: string;
  note: string;
  /** What the values beside the runs are of, where it is the same for all. */
  metric: string;
  open: boolean;
}

export interface ProjectRow extends Line {
  kind: 'project';
  at: ProjectAt;
  /** The store's name, where more than one is known. */
  store: string;
  open: boolean;
}

export interface RunRow extends Line {
  kind: 'run';
  at: RunAt;
  metric: string;
  value: unknown;
  best: boolean;
  /** Where it is, in lists of several projects. */
  where: string;
}

/** Something to press: further runs, further stores. */
export interface MoreRow extends Line {
  kind: 'more';
  word: string;
  /** "stores", "notebook", "results" or a project's key. */
  of: string;
}

export interface NoteRow extends Line {
  kind: 'note';
  word: string;
  code?: string;
  error?: SourceError;
}

export type Row = SectionRow | ProjectRow | RunRow | MoreRow | NoteRow;

const CODE = 'import tracker_nb\nwith tracker_nb.init(project="digits") as run:\n    run.log({"loss": 0.5})';

/** All lines, as sections and projects are open or folded. */
export function rowsOf(data: Data, host: SidebarHost, folded: ReadonlySet<Section>): Row[] {
  const t = host.translate;
  if (data.error && !data.loaded) return [{ kind: 'note', key: 'error', level: 1, word: '', error: data.error }];
  if (!data.loaded) return [];
  const { thisNotebook, projects } = host.settings();
  const searched = !isEmpty(data.search);
  return [
    ...troubles(data, t),
    ...(thisNotebook ? notebook(data, host, folded.has('notebook'), searched, t) : []),
    ...(searched ? results(data, folded.has('results'), t) : []),
    ...(projects ? all(data, folded.has('projects'), searched, t) : [])
  ];
}

/** What is not shown, and why: the rest is. */
function troubles(data: Data, t: Translate): Row[] {
  return [...data.troubles].map(([id, error]): NoteRow => {
    const name = data.stores.find(store => store.id === id)?.name ?? id;
    return { ...note(`trouble/${id}`, fill(t('Store %1: %2'), name, error.message)), level: 1 };
  });
}

function notebook(data: Data, host: SidebarHost, folded: boolean, searched: boolean, t: Translate): Row[] {
  const path = host.notebook();
  const name = path?.split('/').pop() ?? '';
  const head: SectionRow = {
    kind: 'section',
    key: 'notebook',
    level: 1,
    section: 'notebook',
    word: t('This notebook'),
    note: name,
    metric: '',
    open: !folded
  };
  if (folded) return [head];
  const { listing } = data.notebook;
  if (path === null) return [head, note('notebook/none', t('Open a notebook to see what it has recorded.'))];
  if (!listing.loaded && data.stores.length) return [head];
  if (listing.runs.length) return headed(head, runs(data, 'notebook', listing, 2, false, t));
  if (searched) return [head, note('notebook/none', t('No run of this notebook is like this.'))];
  return [head, note('notebook/none', t('No runs yet. These lines in a cell make the first one:'), CODE)];
}

function results(data: Data, folded: boolean, t: Translate): Row[] {
  const { listing } = data.results;
  const head: SectionRow = {
    kind: 'section',
    key: 'results',
    level: 1,
    section: 'results',
    word: t('Found'),
    note: listing.loaded ? String(listing.total) : '',
    metric: '',
    open: !folded
  };
  if (folded || !listing.loaded) return [head];
  if (!listing.runs.length) return [head, note('results/none', t('No run is like this.'))];
  return headed(head, runs(data, 'results', listing, 2, true, t));
}

function all(data: Data, folded: boolean, searched: boolean, t: Translate): Row[] {
  const { words, project } = data.search;
  const named = (at: ProjectAt): boolean =>
    (!project || at.project.project === project) && (!words || matches(at.project.project, words));
  const found = data.projects.filter(named);
  // A state or a tag is nothing that a project has.
  if (searched && (!found.length || (!words && !project))) return [];
  const head: SectionRow = {
    kind: 'section',
    key: 'projects',
    level: 1,
    section: 'projects',
    word: t('Projects'),
    note: data.projects.length ? String(found.length) : '',
    metric: '',
    open: !folded
  };
  if (folded) return [head];
  if (!data.projects.length) return [head, note('projects/none', t('What you record appears here.'))];
  const many = data.stores.length + data.storesLeft > 1;
  const rows = found.flatMap(at => projectRows(data, at, many, t));
  if (data.storesLeft && !searched) {
    const word = fill(t('%1 more stores'), String(data.storesLeft));
    rows.push({ kind: 'more', key: 'stores', level: 2, word, of: 'stores' });
  }
  return [head, ...rows];
}

function projectRows(data: Data, at: ProjectAt, many: boolean, t: Translate): Row[] {
  const { entity, project } = at.project;
  const key = projectKey(at.store, entity, project);
  const listing = data.listing(at.store, at.project);
  const store = many ? (data.stores.find(one => one.id === at.store)?.name ?? '') : '';
  const row: ProjectRow = { kind: 'project', key, level: 2, at, store, open: listing !== undefined };
  return listing?.loaded ? [row, ...runs(data, key, listing, 3, false, t)] : [row];
}

function runs(data: Data, list: string, listing: Listing, level: number, where: boolean, t: Translate): Row[] {
  const rows: Row[] = listing.runs.map(at => {
    const goal = data.goal(at);
    const value = goal && at.run.summary[goal.metric];
    const has = goal !== undefined && value !== undefined;
    return {
      kind: 'run',
      key: `${list}//${runKey(at)}`,
      level,
      at,
      metric: has ? goal.metric : '',
      value: has ? figureOf(value, goal.direction).value : undefined,
      best: has && goal.best === pathOf(at.run),
      where: where ? at.run.project : ''
    };
  });
  const left = listing.total - listing.runs.length;
  if (left > 0) {
    if (listing.more) {
      const word = fill(t('%1 more'), left.toLocaleString('en-US'));
      rows.push({ kind: 'more', key: `${list}//more`, level, word, of: list });
    } else {
      const word = fill(t('%1 more: search for them, or open the project.'), left.toLocaleString('en-US'));
      rows.push({ ...note(`${list}//left`, word), level });
    }
  }
  return rows;
}

function headed(head: SectionRow, rows: Row[]): Row[] {
  const metrics = new Set(rows.map(row => (row.kind === 'run' ? row.metric : '')).filter(Boolean));
  return [metrics.size === 1 ? { ...head, metric: [...metrics][0] as string } : head, ...rows];
}

function note(key: string, word: string, code?: string): NoteRow {
  return { kind: 'note', key, level: 2, word, ...(code === undefined ? {} : { code }) };
}
