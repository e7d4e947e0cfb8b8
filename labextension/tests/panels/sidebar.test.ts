import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { SourceError } from '../../src/data/source';
import type { ViewRequest } from '../../src/panels';
import { type RunAt, Sidebar, type SidebarHost, type SidebarSettings } from '../../src/panels/sidebar';
import { DEFAULTS } from '../../src/panels/sidebar/host';
import { aMetric, aRun, FakeSource, STORE } from './fake';

const NOTEBOOK = 'work/exp.ipynb';

let source: FakeSource;
let sidebar: Sidebar;
let node: HTMLElement;
let path: string | null;
let settings: SidebarSettings;
let told: (what: 'notebook' | 'settings') => void;
const opened: ViewRequest[] = [];
const stopped: RunAt[] = [];
const dragged: string[] = [];

const pass = (milliseconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds);
const rows = (kind = 'row'): HTMLElement[] => [...node.querySelectorAll<HTMLElement>(`.tnb-side-${kind}`)];
const names = (): string[] => rows('run').map(row => row.querySelector('.tnb-side-text')!.textContent);
const labels = (): string[] => rows().map(row => row.getAttribute('aria-label') ?? row.textContent);
const row = (name: string): HTMLElement =>
  rows().find(one => one.querySelector('.tnb-side-text')?.textContent === name)!;
const press = (key: string, target: Element = document.activeElement!): boolean =>
  target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
const search = async (text: string): Promise<void> => {
  const input = node.querySelector('input')!;
  input.value = text;
  input.dispatchEvent(new Event('input'));
  await pass(400);
};

async function show(): Promise<void> {
  const host: SidebarHost = {
    source,
    translate: text => text,
    open: view => void opened.push(view),
    notebook: () => path,
    settings: () => settings,
    onChange: listener => {
      told = listener;
      return { dispose: () => undefined };
    },
    drag: line => Promise.resolve(void dragged.push(line)),
    act: {
      change: async ({ store, run }, changes) => {
        await source.update(store, `${run.entity}/${run.project}/${run.run}`, changes);
        return true;
      },
      stop: runs => Promise.resolve(stopped.push(...runs) > 0)
    }
  };
  sidebar = new Sidebar(node, host);
  sidebar.visible = true;
  await pass(100);
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] });
  source = new FakeSource();
  source.runList = [
    aRun('c', { name: 'otter', state: 'running', ended: null, summary: { acc: 0.91 }, created: 3e15 }),
    aRun('b', { name: 'hill', tags: ['base'], summary: { acc: 0.945 }, created: 2e15 }),
    aRun('a', { name: 'fern', state: 'failed', summary: {}, created: 1e15, project: 'llm' })
  ];
  const updated = Date.now() * 1000;
  source.projectList = [
    { entity: 'ada', project: 'digits', runs: 2, running: 1, created: 0, updated },
    { entity: 'ada', project: 'llm', runs: 1, running: 0, created: 0, updated: updated - 1e9 }
  ];
  source.metricList = [aMetric('loss'), aMetric('acc', { direction: 'maximize' })];
  source.notebooks = { [NOTEBOOK]: ['c', 'b'] };
  path = NOTEBOOK;
  settings = { ...DEFAULTS };
  node = document.createElement('div');
  document.body.replaceChildren(node);
  for (const list of [opened, stopped, dragged]) list.length = 0;
});

afterEach(() => {
  sidebar.dispose();
  vi.useRealTimers();
});

describe('the sidebar', () => {
  it('shows what this notebook has made, with state, figure and the best, and all projects', async () => {
    await show();
    expect(labels()).toEqual([
      'This notebook, exp.ipynb',
      'otter, Running, acc 0.91',
      'hill, Finished, acc 0.945, best, base',
      'Projects, 2',
      'digits, 2 runs, 1 running',
      'llm, 1 run'
    ]);
  });

  it('calls no run the best where nobody said which values are better', async () => {
    source.metricList = [aMetric('acc')];
    await show();
    expect(labels()[2]).toBe('hill, Finished, acc 0.945, base');
  });

  it('asks nothing and listens to nothing while it is hidden', async () => {
    await show();
    sidebar.visible = false;
    const before = source.queries.length;
    source.change('c');
    await pass(60_000);
    expect([source.queries.length, source.listening]).toEqual([before, 0]);
    sidebar.visible = true;
    await pass(100);
    expect(source.queries.length).toBeGreaterThan(before);
    expect(source.listening).toBe(1);
  });

  it('reads a run that logs again at most every few seconds', async () => {
    await show();
    await pass(2000);
    const before = source.queries.filter(query => query.notebook).length;
    for (let at = 0; at < 40; at++) {
      source.change('c');
      await pass(100);
    }
    expect(source.queries.filter(query => query.notebook).length - before).toBeLessThanOrEqual(3);
  });

  it('says at once that a run has ended', async () => {
    await show();
    source.change('c', { state: 'killed' });
    expect(row('otter').getAttribute('aria-label')).toContain('Killed');
  });

  it('shows another notebook when that is in use, and says so where it has no runs', async () => {
    await show();
    path = 'other.ipynb';
    told('notebook');
    await pass(100);
    expect(labels()[0]).toBe('This notebook, other.ipynb');
    expect(rows('note')[0]!.textContent).toContain('tracker_nb.init');
    path = null;
    told('notebook');
    await pass(100);
    expect(rows('note')[0]!.textContent).toBe('Open a notebook to see what it has recorded.');
  });

  it('finds runs of all projects by words, state and tag', async () => {
    await show();
    await search('fern');
    expect(labels()).toEqual([
      'This notebook, exp.ipynb',
      expect.stringContaining('No run of this notebook'),
      'Found, 1',
      'fern, Failed, llm'
    ]);
    await search('state:failed');
    expect(source.queries.at(-1)!.filter ?? source.queries.at(-2)!.filter).toEqual({ state: 'failed' });
    await search('tag:base');
    expect(names()).toEqual(['hill', 'hill']);
    await search('');
    expect(labels()).toHaveLength(6);
  });

  it('filters by a press on a state, and writes it into the search', async () => {
    await show();
    const chip = [...node.querySelectorAll<HTMLElement>('.tnb-side-chip')].find(one => one.title === 'state:running')!;
    chip.click();
    await pass(400);
    expect(node.querySelector('input')!.value).toBe('state:running');
    expect(names()).toEqual(['otter', 'otter']);
    expect(node.querySelector('[title="state:running"]')!.getAttribute('aria-pressed')).toBe('true');
  });

  it('opens a run and a project by a click', async () => {
    await show();
    row('hill').click();
    row('llm').click();
    expect(opened).toEqual([
      { store: STORE, view: 'run', entity: 'ada', project: 'digits', run: 'b' },
      { store: STORE, view: 'project', entity: 'ada', project: 'llm' }
    ]);
  });

  it('lists the runs of a project that is opened, by the page', async () => {
    settings.listed = 10;
    source.runList.push(...Array.from({ length: 25 }, (_, at) => aRun(`m${at}`, { project: 'llm' })));
    await show();
    row('llm').focus();
    press('ArrowRight');
    await pass(100);
    expect(rows('run').filter(one => one.getAttribute('aria-level') === '3')).toHaveLength(10);
    expect(rows('more')[0]!.textContent).toBe('16 more');
    rows('more')[0]!.click();
    await pass(100);
    expect(rows('run').filter(one => one.getAttribute('aria-level') === '3')).toHaveLength(20);
    row('llm').focus();
    press('ArrowLeft');
    expect(rows('run').filter(one => one.getAttribute('aria-level') === '3')).toHaveLength(0);
  });

  it('is used by keys alone', async () => {
    await show();
    rows()[0]!.focus();
    press('j');
    press('ArrowDown');
    expect(document.activeElement).toBe(row('hill'));
    press('x');
    expect(row('hill').getAttribute('aria-selected')).toBe('true');
    press('k');
    press('x');
    expect(sidebar.targets.map(at => at.run.run)).toEqual(['c', 'b']);
    press('Escape');
    expect(sidebar.targets.map(at => at.run.run)).toEqual(['c']);
    press('Enter');
    expect(opened[0]!.run).toBe('c');
    press('ArrowLeft');
    expect(document.activeElement).toBe(rows()[0]);
    press('ArrowLeft');
    expect(rows()[0]!.getAttribute('aria-expanded')).toBe('false');
    press('/');
    expect(document.activeElement).toBe(node.querySelector('input'));
    press('Escape');
    press('?');
    expect(node.querySelector('.tnb-help')).not.toBeNull();
  });

  it('keeps one line in the order of tabs', async () => {
    await show();
    expect(rows().filter(one => one.tabIndex === 0)).toHaveLength(1);
  });

  it('renames in place: Enter keeps, Escape does not', async () => {
    await show();
    row('hill').focus();
    sidebar.rename();
    let input = row('otter').parentElement!.querySelector<HTMLInputElement>('.tnb-side-edit')!;
    input.value = 'mountain';
    press('Escape', input);
    expect(source.changes).toEqual([]);
    sidebar.rename();
    input = node.querySelector<HTMLInputElement>('.tnb-side-edit')!;
    input.value = 'mountain';
    press('Enter', input);
    expect(names()).toContain('mountain');
    await pass(100);
    expect(source.changes).toEqual([['ada/digits/b', { name: 'mountain' }]]);
    expect(document.activeElement).toBe(row('mountain'));
  });

  it('edits tags in place, each once', async () => {
    await show();
    row('hill').focus();
    sidebar.editTags();
    const input = node.querySelector<HTMLInputElement>('.tnb-side-edit')!;
    expect(input.value).toBe('base');
    input.value = ' best, base ,, best';
    press('Enter', input);
    await pass(100);
    expect(source.changes).toEqual([['ada/digits/b', { tags: ['best', 'base'] }]]);
  });

  it('takes a run that is deleted out of its lists, and undone puts it back', async () => {
    await show();
    row('hill').focus();
    const targets = sidebar.targets;
    sidebar.hide(targets, true);
    expect(names()).toEqual(['otter']);
    await pass(3000);
    expect(names()).toEqual(['otter']);
    sidebar.hide(targets, false);
    await pass(100);
    expect(names()).toEqual(['otter', 'hill']);
  });

  it('stops a run by its button without opening it', async () => {
    await show();
    row('otter').querySelector<HTMLElement>('.tnb-side-stop')!.click();
    expect(stopped.map(at => at.run.run)).toEqual(['c']);
    expect(opened).toEqual([]);
    expect(row('hill').querySelector('.tnb-side-stop')).toBeNull();
  });

  it('drags the line that shows a run, once the pointer has moved', async () => {
    await show();
    const at = (type: string, x: number): boolean =>
      row('hill').dispatchEvent(new MouseEvent(type, { clientX: x, clientY: 0, button: 0, bubbles: true }));
    at('pointerdown', 0);
    at('pointermove', 2);
    expect(dragged).toEqual([]);
    at('pointermove', 9);
    at('pointermove', 20);
    expect(dragged).toEqual(['%track digits/b']);
  });

  it('names the store of a project where there are several', async () => {
    const other = { id: STORE.replace('3', '4'), name: 'old', here: true, used: 0 };
    source.storeList.push(other, { ...other, id: STORE.replace('3', '5'), here: false });
    await show();
    expect(rows('project').map(one => one.querySelector('.tnb-side-where')?.textContent)).toEqual(
      expect.arrayContaining(['thesis', 'old'])
    );
  });

  it('follows its settings', async () => {
    await show();
    settings = { ...DEFAULTS, projects: false, metric: 'loss', order: '+display_name' };
    source.runList[0]!.summary = { loss: 0.25 };
    told('settings');
    await pass(3000);
    expect(rows('project')).toHaveLength(0);
    expect(labels()[1]).toContain('loss 0.25');
    expect(source.queries.findLast(query => query.notebook)!.order).toBe('+display_name');
  });

  it('keeps what it shows while the connection is lost, and says so', async () => {
    await show();
    source.tell({ kind: 'connection', state: 'reconnecting' });
    expect(node.querySelector<HTMLElement>('.tnb-banner')!.hidden).toBe(false);
    expect(names()).toEqual(['otter', 'hill']);
  });

  it('shows the other stores where one cannot be read, says which, and tries it again', async () => {
    const bad = STORE.replace('3', '4');
    source.storeList.push({ id: bad, name: 'broken', here: true, used: 0 });
    const good = new FakeSource();
    Object.assign(good, { ...source });
    const damaged = new SourceError('StoreDamaged', 'The store cannot be read.');
    source.projects = (store?: string) => (store === bad ? Promise.reject(damaged) : good.projects());
    source.runs = (store, query) => (store === bad ? Promise.reject(damaged) : good.runs(store, query));
    await show();
    expect(rows('note')[0]!.textContent).toBe('Store broken: The store cannot be read.');
    expect(names()).toEqual(['otter', 'hill']);
    source.projects = () => good.projects();
    source.runs = (store, query) => good.runs(store, query);
    await pass(20_000);
    expect(rows('note')).toHaveLength(0);
  });

  it('reads again what had changed while the server did not answer', async () => {
    await show();
    source.failure = new SourceError('NoConnection', 'gone');
    source.change('c');
    await pass(3000);
    source.runList[0]!.summary = { acc: 0.99 };
    source.failure = null;
    await pass(6000);
    expect(labels()[1]).toContain('acc 0.99');
  });
});
