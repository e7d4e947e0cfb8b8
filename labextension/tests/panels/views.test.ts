import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { SourceError } from '../../src/data/source';
import type * as Charts from '../../src/panels/chart';
import { type Host, mountView, type ViewRequest } from '../../src/panels';
import { aMetric, aRun, FakeSource, STORE } from './fake';

// What is drawn is tested in chart.test.ts, and in a browser; here the canvas is left out.
vi.mock('../../src/panels/chart', async original => {
  const real = await original<typeof Charts>();
  class NoChart {
    xDomain: [number, number] | null = null;
    yDomain: [number, number] | null = null;
    update(lines: { x: Float64Array }[], window: [number, number] | null): Promise<void> {
      this.xDomain = lines.length ? (window ?? [0, 100]) : null;
      this.yDomain = lines.length ? [0, 3] : null;
      return Promise.resolve();
    }
    zoom(window: [number, number] | null): Promise<void> {
      this.xDomain = window ?? [0, 100];
      return Promise.resolve();
    }
    resize = (): Promise<void> => Promise.resolve();
    theme = (): Promise<void> => Promise.resolve();
    dispose(): void {
      return undefined;
    }
  }
  return { ...real, LineChart: NoChart };
});

let source: FakeSource;
let node: HTMLElement;
let view: { dispose(): void };
const opened: ViewRequest[] = [];

async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
}

async function mount(request: Partial<ViewRequest>, host: Partial<Host> = {}): Promise<void> {
  const asked: ViewRequest = { store: STORE, view: 'run', ...request };
  if (asked.view !== 'projects') Object.assign(asked, { entity: 'ada', project: 'digits' });
  view = mountView(node, asked, { source, translate: text => text, open: one => void opened.push(one), ...host });
  await pass(100);
}

const text = (): string => node.textContent ?? '';
const all = (selector: string): HTMLElement[] => [...node.querySelectorAll<HTMLElement>(selector)];
const one = (selector: string): HTMLElement => node.querySelector<HTMLElement>(selector)!;
const button = (word: string): HTMLButtonElement =>
  all('button').find(found =>
    [found.textContent, found.getAttribute('aria-label')].includes(word)
  ) as HTMLButtonElement;
const shownPanels = (): string[] =>
  all('.tnb-panel')
    .filter(found => !found.hidden)
    .map(found => found.dataset.key!);
const press = (target: Element, key: string, more: KeyboardEventInit = {}): boolean =>
  target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }));

beforeEach(() => {
  vi.useFakeTimers({
    toFake: [
      'setTimeout',
      'clearTimeout',
      'setInterval',
      'clearInterval',
      'Date',
      'performance',
      'requestAnimationFrame',
      'cancelAnimationFrame'
    ]
  });
  source = new FakeSource();
  node = document.createElement('div');
  document.body.replaceChildren(node);
  opened.length = 0;
});

afterEach(() => {
  view.dispose();
  vi.useRealTimers();
});

describe('a run under its cell', () => {
  const minute = 60_000_000;
  beforeEach(() => {
    const now = Date.now() * 1000;
    source.runList = [
      aRun('a', {
        state: 'running',
        ended: null,
        created: now,
        started: now - 42e6,
        config: { lr: 3e-4, drop: 0.2 },
        summary: {}
      }),
      aRun('b', { created: now - minute, config: { lr: 1e-3, drop: 0.2 }, summary: { acc: 0.5, loss: 2 } }),
      aRun('c', { created: now - 2 * minute, config: {}, summary: { acc: 0.9, loss: 1 } }),
      aRun('d', { created: now - 3 * minute, summary: { acc: 0.7 } })
    ];
    source.metricList = [aMetric('loss'), aMetric('acc', { direction: 'maximize' }), aMetric('train/lr')];
    source.series.set('ada/digits/a acc', { x: [0, 1], last: [0.1, 0.88] });
  });

  it('says what it is, how it is and for how long, and the clock goes on', async () => {
    await mount({ run: 'a' });
    expect(one('.tnb-header').textContent).toMatch(/name-a.*digits.*Running.*0:42/);
    await pass(3000);
    expect(one('.tnb-header').textContent).toContain('0:45');
  });

  it('follows the step and the end of the run', async () => {
    await mount({ run: 'a' });
    source.change('a', { step: 1240 });
    expect(text()).toContain('step 1,240');
    expect(button('Stop').hidden).toBe(false);
    source.runList[0] = { ...source.runList[0]!, state: 'failed', ended: Date.now() * 1000 };
    source.change('a', { state: 'failed' });
    await pass(100);
    expect(text()).toContain('Failed');
    expect(all('.tnb-stop')[0]!.hidden).toBe(true);
  });

  it('shows a figure for each telling metric, and how it stands against the best and the last run', async () => {
    await mount({ run: 'a' });
    expect(one('.tnb-figures').textContent).toContain('acc0.88');
    expect(one('.tnb-against').textContent).toBe('vs best (name-c): acc −0.02vs last (name-b): acc +0.38');
  });

  it('finds the best run as soon as somebody says which values are better, whatever figures are there already', async () => {
    source.metricList = ['loss', 'error', 'mse', 'mae'].map(name => aMetric(name));
    await mount({ run: 'a' });
    expect(text()).not.toContain('vs best');
    source.metricList.push(aMetric('acc', { direction: 'maximize' }));
    source.change('a');
    await pass(2000);
    expect(one('.tnb-against').textContent).toContain('vs best (name-c): acc −0.02');
  });

  it('compares like with like where a summary has several figures: the best so far with the best there', async () => {
    source.runList[2] = aRun('c', { created: 1, summary: { acc: { max: 0.95, last: 0.4 } } });
    source.runList[3] = aRun('d', { created: 2, summary: { acc: { best: 0.97 } } });
    source.series.set('ada/digits/a acc', { x: [0, 1, 2], last: [0.1, 0.9, 0.8] });
    await mount({ run: 'a' });
    expect(one('.tnb-against').textContent).toContain('vs best (name-d): acc −0.07');
    expect(one('.tnb-figures').textContent).toContain('acc0.8');
  });

  it('takes the extremes of buckets, and knows the smaller as better where that is the goal', async () => {
    source.metricList = [aMetric('loss', { direction: 'minimize' })];
    source.runList[2] = aRun('c', { created: 1, summary: { loss: { min: 0.25, max: 8 } } });
    source.series.set('ada/digits/a loss', { exact: false, x: [0, 1], last: [4, 3], min: [2, 0.5], max: [9, 9] });
    await mount({ run: 'a' });
    expect(one('.tnb-against').textContent).toContain('vs best (name-c): loss +0.25');
  });

  it('draws a metric over the x axis of its definition, and offers the step instead', async () => {
    source.metricList = [
      aMetric('loss'),
      aMetric('val/loss', { step_metric: 'val/epoch' }),
      aMetric('val/epoch', { step_metric: null })
    ];
    await mount({ run: 'a' });
    const asked = (): unknown[] => source.asked.filter(one => one.keys.includes('val/loss')).map(one => one.x);
    const select = one('[aria-label="x axis"]') as HTMLSelectElement;
    const panel = (): HTMLElement => one('[data-key="val/loss"]');
    expect(asked().at(-1)).toBe('val/epoch');
    expect(source.asked.filter(one => one.keys.includes('loss')).at(-1)!.x).toBe('_step');
    expect(panel().querySelector('header')!.textContent).toBe('loss' + 'over val/epoch');
    expect([...select.options].map(one => one.text)).toEqual(['As defined', 'Step', 'Relative time', 'Wall time']);
    select.value = '_step';
    select.dispatchEvent(new Event('change'));
    await pass(200);
    expect(asked().at(-1)).toBe('_step');
    expect(panel().querySelector<HTMLElement>('.tnb-panel-over')!.hidden).toBe(true);
  });

  it('draws a metric over the step until its x axis is logged, and no longer', async () => {
    source.metricList = [aMetric('loss', { step_metric: 'epoch' })];
    await mount({ run: 'a' });
    const select = one('[aria-label="x axis"]') as HTMLSelectElement;
    expect(new Set(source.asked.map(one => one.x))).toEqual(new Set(['_step']));
    expect([...select.options].map(one => one.text)).toEqual(['Step', 'Relative time', 'Wall time']);
    source.metricList.push(aMetric('epoch'));
    source.change('a');
    await pass(2000);
    expect(source.asked.some(one => one.x === 'epoch' && one.keys.includes('loss'))).toBe(true);
    expect(select.options[0]!.text).toBe('As defined');
    expect(select.value).toBe('own');
  });

  it('has figures of now, whatever part of the run the charts show', async () => {
    await mount({ run: 'a' });
    const plot = one('.tnb-plot');
    press(plot, '+');
    await pass(100);
    source.change('a');
    await pass(2000);
    const asked = source.asked.slice(-4);
    expect(asked.some(request => request.window && request.keys.includes('train/lr'))).toBe(true);
    expect(asked.some(request => !request.window && request.n === 56)).toBe(true);
  });

  it('calls no run the best where nobody has said which values are better', async () => {
    source.metricList = [aMetric('loss')];
    await mount({ run: 'a' });
    expect(text()).not.toContain('best');
    expect(one('.tnb-against').textContent).toBe('vs last (name-b): loss −1');
  });

  it('compares the first run of a project with nothing', async () => {
    source.runList = source.runList.slice(0, 1);
    await mount({ run: 'a' });
    expect(text()).not.toMatch(/vs |Compare|changed/);
  });

  it('draws the best and the last run beside it, each one click off', async () => {
    await mount({ run: 'a' });
    expect(one('.tnb-compare').textContent).toContain('name-c (best)');
    expect(source.asked.at(-1)!.runs).toEqual(expect.arrayContaining(['ada/digits/b', 'ada/digits/c']));
    const label = (): string => one('.tnb-plot').getAttribute('aria-label')!;
    expect(label()).toContain('name-c');
    const box = all('.tnb-check')
      .find(found => found.textContent.includes('name-c'))!
      .querySelector('input')!;
    box.click();
    await pass(100);
    expect(label()).not.toContain('name-c');
    expect(label()).toContain('name-b');
  });

  it('draws all runs where one asks for all', async () => {
    await mount({ run: 'a' });
    const box = all('.tnb-check')
      .find(found => found.textContent === 'all 4')!
      .querySelector('input')!;
    box.click();
    await pass(100);
    expect(one('.tnb-plot').getAttribute('aria-label')).toContain('name-d');
    box.click();
    await pass(100);
    expect(one('.tnb-plot').getAttribute('aria-label')).not.toContain('name-d');
    expect(one('.tnb-plot').getAttribute('aria-label')).toContain('name-c');
  });

  it('says what was changed since the last run', async () => {
    await mount({ run: 'a' });
    expect(one('.tnb-changed').textContent).toBe('changed: lr 0.001 → 3e−4');
  });

  it('has a panel for each metric, in sections, and new ones at the end of theirs', async () => {
    await mount({ run: 'a' });
    expect(shownPanels()).toEqual(['loss', 'acc', 'train/lr']);
    source.metricList = [aMetric('new'), ...source.metricList, aMetric('train/new'), aMetric('x', { hidden: true })];
    source.change('a');
    await pass(2000);
    expect(shownPanels()).toEqual(['loss', 'acc', 'new', 'train/lr', 'train/new']);
  });

  it('stops once asked, and says so until it has', async () => {
    await mount({ run: 'a' });
    button('Stop').click();
    await pass(10);
    expect(source.stopped).toEqual(['ada/digits/a']);
    expect(one('.tnb-state').textContent).toBe('Stopping');
    expect(one('.tnb-stop').textContent).toBe('Stopping');
    source.change('a', { state: 'killed' });
    expect(one('.tnb-state').textContent).toBe('Killed');
  });

  it('says where there is nothing to stop', async () => {
    source.stops = 0;
    await mount({ run: 'a' });
    button('Stop').click();
    await pass(10);
    expect(text()).toContain('No program of this run answers');
    expect(button('Stop').disabled).toBe(false);
  });

  it('opens where the host can, and has no button where it cannot', async () => {
    await mount({ run: 'a', height: 300 });
    button('Open').click();
    expect(opened).toMatchObject([{ view: 'run', run: 'a', height: undefined }]);
    view.dispose();
    await mount({ run: 'a' }, { open: undefined });
    expect(button('Open')).toBeUndefined();
  });

  it('copies its path and the line that shows it', async () => {
    const written: string[] = [];
    vi.stubGlobal('navigator', {
      clipboard: { writeText: (said: string) => Promise.resolve(void written.push(said)) }
    });
    await mount({ run: 'a' });
    button('More').click();
    button('Copy run path').click();
    button('Copy %track line').click();
    await pass(10);
    expect(written).toEqual(['ada/digits/a', '%track digits/a']);
    vi.unstubAllGlobals();
  });

  it('waits for the first log() and shows its panel as soon as it comes', async () => {
    source.metricList = [];
    await mount({ run: 'a' });
    expect(text()).toContain('Waiting for the first log()');
    source.metricList = [aMetric('loss')];
    source.change('a', { rows: 1 });
    await pass(50);
    expect(shownPanels()).toEqual(['loss']);
    expect(one('.tnb-run > .tnb-hint').hidden).toBe(true);
  });

  it('greys and says "Reconnecting" while the connection is lost, and keeps the data', async () => {
    await mount({ run: 'a' });
    source.tell({ kind: 'connection', state: 'reconnecting' });
    expect(one('.tnb-banner').hidden).toBe(false);
    expect(one('.tnb-banner').textContent).toContain('Reconnecting');
    expect(one('.tnb-root').classList).toContain('tnb-disconnected');
    expect(shownPanels()).toHaveLength(3);
    source.tell({ kind: 'connection', state: 'connected' });
    expect(one('.tnb-banner').hidden).toBe(true);
  });

  it('says that the run is not there, or no longer', async () => {
    await mount({ run: 'nope' });
    expect(text()).toContain('This run is not in the store');
    view.dispose();
    await mount({ run: 'a' });
    source.change('a', { deleted: true });
    expect(text()).toContain('This run is not in the store');
  });

  it('explains an error, folds its details, and tries again', async () => {
    source.failure = new SourceError('StoreNotHere', 'raw message', 'e-1');
    await mount({ run: 'a' });
    expect(one('.tnb-error strong').textContent).toBe('This store is not on this machine');
    expect(one('details').hasAttribute('open')).toBe(false);
    expect(one('details').textContent).toContain('raw message');
    source.failure = null;
    button('Try again').click();
    await pass(100);
    expect(text()).toContain('name-a');
  });

  it('shows names from a store as text, whatever they hold', async () => {
    const evil = '<img src=x onerror="document.title=1">';
    source.runList[0]!.name = evil;
    source.metricList = [aMetric(evil)];
    await mount({ run: 'a' });
    expect(one('.tnb-run-name').textContent).toBe(evil);
    expect(node.querySelector('img')).toBeNull();
  });

  it('says everything through the translator', async () => {
    await mount({ run: 'a' }, { translate: said => `«${said}»` });
    for (const found of all('button, .tnb-state, .tnb-compare > .tnb-muted')) {
      if (found.classList.contains('tnb-section-head') && !found.textContent.includes('charts')) continue;
      expect(found.textContent || found.getAttribute('aria-label')).toMatch(/«/);
    }
  });

  it('leaves nothing behind', async () => {
    await mount({ run: 'a' });
    view.dispose();
    const asked = source.asked.length;
    source.change('a');
    await pass(5000);
    expect(node.childElementCount).toBe(0);
    expect(source.listening).toBe(0);
    expect(source.asked).toHaveLength(asked);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a panel', () => {
  const plot = (at = 0): HTMLElement => all('.tnb-plot')[at]!;
  const point = (target: Element, type: string, x: number, more = {}): void => {
    target.dispatchEvent(
      Object.assign(new MouseEvent(type, { bubbles: true, clientX: x, clientY: 50, ...more }), { pointerId: 1 })
    );
  };
  // In jsdom a plot is 300 wide: from 48 to 288 lies the axis from 0 to 100.
  const pixel = (x: number): number => 48 + (x / 100) * 240;

  beforeEach(async () => {
    source.runList = [aRun('a'), aRun('b', { created: 1 })];
    source.metricList = [aMetric('loss'), aMetric('acc')];
    source.series.set('ada/digits/a loss', { x: [0, 50, 100], last: [3, 'NaN', 0.12345678] });
    source.series.set('ada/digits/b loss', { x: [0, 50, 100], last: [1, 2, 7] });
    await mount({ run: 'a' });
  });

  it('shows the values of all lines at the ruler, the largest first, in full', async () => {
    point(plot(), 'pointermove', pixel(99));
    await pass(20);
    const rows = all('.tnb-tip:not([hidden]) .tnb-tip-row').map(row => row.textContent);
    expect(rows).toEqual(['name-b7', 'name-a0.12345678']);
    expect(one('.tnb-tip-x').textContent).toBe('step 100');
    point(plot(), 'pointermove', pixel(50));
    await pass(20);
    expect(all('.tnb-tip:not([hidden]) .tnb-tip-row').map(row => row.textContent)).toEqual(['name-b2', 'name-aNaN']);
  });

  it('has its ruler at the same x as all others, and its values only where the pointer is', async () => {
    point(plot(0), 'pointermove', pixel(25));
    await pass(20);
    expect(all('.tnb-ruler').map(ruler => [ruler.hidden, ruler.style.transform])).toEqual(
      Array(2).fill([false, 'translateX(108px)'])
    );
    expect(all('.tnb-tip').map(tip => tip.hidden)).toEqual([false, true]);
    point(plot(0), 'pointerleave', 0);
    await pass(20);
    expect(all('.tnb-ruler').every(ruler => ruler.hidden)).toBe(true);
  });

  it('has ruler and window in common with the panels over the same axis only', async () => {
    view.dispose();
    source.metricList = [aMetric('loss'), aMetric('acc', { step_metric: 'epoch' }), aMetric('epoch')];
    for (const run of ['a', 'b']) source.series.set(`ada/digits/${run} acc`, { x: [0, 12.5, 100], last: [1, 2, 3] });
    await mount({ run: 'a' });
    point(plot(1), 'pointermove', pixel(12.5));
    await pass(20);
    expect(all('.tnb-ruler').map(ruler => ruler.hidden)).toEqual([true, false, true]);
    expect(one('.tnb-tip:not([hidden]) .tnb-tip-x').textContent).toBe('epoch 12.5');
    const asked = source.asked.length;
    press(plot(1), '+');
    await pass(100);
    expect(source.asked.slice(asked).map(one => [one.keys, one.x, !!one.window])).toEqual([[['acc'], 'epoch', true]]);
    expect(button('Reset zoom').hidden).toBe(false);
    button('Reset zoom').click();
    await pass(100);
    expect(source.asked.at(-1)).toMatchObject({ keys: ['acc'], x: 'epoch' });
    expect(source.asked.at(-1)!.window).toBeUndefined();
  });

  it('zooms by dragging, all panels together, reads the window, and shows all again by a double click', async () => {
    point(plot(), 'pointerdown', pixel(50));
    point(plot(), 'pointermove', pixel(20));
    expect(one('.tnb-marked').hidden).toBe(false);
    point(plot(), 'pointerup', pixel(20));
    await pass(100);
    const last = source.asked.at(-1)!;
    expect([last.keys, last.window, last.n]).toEqual([['loss', 'acc'], [20, 50], 240]);
    expect(button('Reset zoom').hidden).toBe(false);
    point(plot(1), 'dblclick', 0);
    await pass(100);
    expect(source.asked.at(-1)!.window).toBeUndefined();
    expect(button('Reset zoom').hidden).toBe(true);
  });

  it('takes a click for no zoom', async () => {
    const asked = source.asked.length;
    point(plot(), 'pointerdown', pixel(50));
    point(plot(), 'pointerup', pixel(50.5));
    await pass(100);
    expect(source.asked).toHaveLength(asked);
  });

  it('is moved in and zoomed by keys, and says what is at the ruler', async () => {
    expect(plot().tabIndex).toBe(0);
    press(plot(), 'ArrowRight', { shiftKey: true });
    await pass(20);
    expect(one('[aria-live]').textContent).toMatch(/^loss: step \d+, name-b /);
    press(plot(), '+');
    await pass(100);
    const [from, to] = source.asked.at(-1)!.window as [number, number];
    expect(to - from).toBeCloseTo(50);
    press(plot(), '-');
    await pass(100);
    press(plot(), '0');
    await pass(100);
    expect(source.asked.at(-1)!.window).toBeUndefined();
  });

  it('keeps its own keys from JupyterLab, and leaves it all others', () => {
    const kept: string[] = [];
    const lab = (event: Event): void => {
      if ((event.target as Element).closest('[data-lm-suppress-shortcuts]')) kept.push((event as KeyboardEvent).key);
    };
    document.addEventListener('keydown', lab, true);
    for (const key of ['0', 'Enter', 'ArrowLeft', 'j', 'b', 'F1']) press(plot(), key);
    press(plot(), 's', { ctrlKey: true });
    press(plot(), 'Enter', { shiftKey: true });
    press(document.body, '0');
    document.removeEventListener('keydown', lab, true);
    expect(kept).toEqual(['0', 'Enter', 'ArrowLeft', 'j']);
  });

  it('leaves keys it does not know, and those of the browser, alone', () => {
    expect(press(plot(), 'x')).toBe(true);
    expect(press(plot(), '+', { ctrlKey: true })).toBe(true);
    expect(press(plot(), 'ArrowLeft')).toBe(false);
  });

  it('goes along another axis for all panels, in seconds or as times', async () => {
    const select = node.querySelector('select')!;
    select.value = '_timestamp';
    select.dispatchEvent(new Event('change'));
    await pass(100);
    expect(source.asked.at(-1)).toMatchObject({ x: '_timestamp', keys: ['loss', 'acc'] });
    point(plot(), 'pointerdown', pixel(10));
    point(plot(), 'pointerup', pixel(60));
    await pass(100);
    // The chart's axis is in milliseconds, the question in seconds.
    expect(source.asked.at(-1)!.window).toEqual([0.01, 0.06]);
  });

  it('names its lines at their ends, in their colours', () => {
    const [first] = all('.tnb-names');
    expect([...first!.children].map(name => name.textContent).sort()).toEqual(['name-a', 'name-b']);
  });

  it('says that there is nothing in a window', async () => {
    source.series.set('ada/digits/a loss', { x: [], last: [] });
    source.series.set('ada/digits/b loss', { x: [], last: [] });
    point(plot(), 'pointerdown', pixel(50));
    point(plot(), 'pointerup', pixel(20));
    await pass(100);
    expect(all('.tnb-plot-note').map(note => note.textContent)).toEqual(['No points in this window', '']);
  });
});

describe('a project', () => {
  const row = (at: number): HTMLElement => all('.tnb-row')[at]!;

  beforeEach(() => {
    source.runList = Array.from({ length: 60 }, (_, at) =>
      aRun(`r${String(at).padStart(2, '0')}`, { created: (1e9 - at) * 1e6, summary: { acc: at / 100 } })
    );
    source.metricList = [aMetric('loss', { runs: 3 }), aMetric('acc', { direction: 'maximize' }), aMetric('train/x')];
  });

  it('lists its runs, the newest first, and draws the first ten', async () => {
    await mount({ view: 'project' });
    expect(
      all('.tnb-row .tnb-link')
        .slice(0, 2)
        .map(found => found.textContent)
    ).toEqual(['name-r00', 'name-r01']);
    expect(one('.tnb-list-head').textContent).toBe('Runs (60, 10 shown)');
    expect(source.asked[0]!.runs).toHaveLength(10);
    expect(row(1).textContent).toBe('name-r010.01');
  });

  it('loads more where there are more', async () => {
    await mount({ view: 'project' });
    expect(all('.tnb-row')).toHaveLength(50);
    button('Load more').click();
    await pass(10);
    expect(all('.tnb-row')).toHaveLength(60);
    expect(button('Load more').hidden).toBe(true);
  });

  it('hides and shows a run by its eye', async () => {
    await mount({ view: 'project' });
    button('Hide name-r00').click();
    await pass(100);
    expect(one('.tnb-plot').getAttribute('aria-label')).not.toContain('name-r00');
    button('Show name-r00').click();
    await pass(100);
    expect(one('.tnb-plot').getAttribute('aria-label')).toContain('name-r00');
  });

  it('is moved in by j and k, e hides, Enter opens', async () => {
    await mount({ view: 'project' });
    row(0).focus();
    press(document.activeElement!, 'j');
    press(document.activeElement!, 'j');
    press(document.activeElement!, 'k');
    expect(document.activeElement).toBe(row(1));
    press(row(1), 'e');
    expect(row(1).classList).toContain('tnb-off');
    press(row(1), 'Enter');
    expect(opened).toMatchObject([{ view: 'run', entity: 'ada', project: 'digits', run: 'r01' }]);
  });

  it('opens a run in its place, with a way back, where the host has no tabs', async () => {
    await mount({ view: 'project', height: 500 }, { open: undefined });
    all('.tnb-row .tnb-link')[3]!.click();
    await pass(100);
    expect(one('.tnb-run-name').textContent).toBe('name-r03');
    button('‹ digits').click();
    await pass(100);
    expect(all('.tnb-row')).toHaveLength(50);
    expect(node.querySelector('.tnb-back')).toBeNull();
  });

  it('finds runs by name after "/", and lets typing be typing', async () => {
    await mount({ view: 'project' });
    press(row(0), '/');
    const search = document.activeElement as HTMLInputElement;
    expect(search.getAttribute('aria-label')).toBe('Search runs');
    expect(press(search, 'j')).toBe(true);
    search.value = 'r07';
    search.dispatchEvent(new Event('input'));
    expect(all('.tnb-row')).toHaveLength(1);
    search.value = 'zzz';
    search.dispatchEvent(new Event('input'));
    expect(text()).toContain('No run among the 50 loaded has “zzz” in its name.');
  });

  it('lists the keys that work after "?", and closes by Escape', async () => {
    await mount({ view: 'project' });
    press(row(0), '?');
    expect(one('[role=dialog]').textContent).toContain('next and previous run');
    press(document.activeElement!, 'Escape');
    expect(node.querySelector('[role=dialog]')).toBeNull();
  });

  it('finds panels by name', async () => {
    await mount({ view: 'project' });
    const search = all('input').find(found => found.getAttribute('aria-label') === 'Search panels') as HTMLInputElement;
    search.value = 'ACC';
    search.dispatchEvent(new Event('input'));
    expect(shownPanels()).toEqual(['acc']);
    search.value = 'nothing';
    search.dispatchEvent(new Event('input'));
    expect(text()).toContain('No panel has “nothing” in its name.');
  });

  it('has two hundred panels at first, and the others by search', async () => {
    source.metricList = Array.from({ length: 250 }, (_, at) => aMetric(`m${at}`));
    await mount({ view: 'project' });
    expect(shownPanels()).toHaveLength(200);
    expect(text()).toContain('200 of 250 panels are shown');
    const search = all('input').find(found => found.getAttribute('aria-label') === 'Search panels') as HTMLInputElement;
    search.value = 'm249';
    search.dispatchEvent(new Event('input'));
    expect(shownPanels()).toEqual(['m249']);
  });

  it('folds a section, and those of the machine are folded at first', async () => {
    source.metricList.push(aMetric('system/cpu'));
    await mount({ view: 'project' });
    const heads = all('.tnb-section-head');
    expect(heads.map(head => [head.textContent, head.getAttribute('aria-expanded')])).toEqual([
      ['charts(2)', 'true'],
      ['train(1)', 'true'],
      ['system(1)', 'false']
    ]);
    heads[0]!.click();
    expect(one('.tnb-grid').hidden).toBe(true);
  });

  it('puts a run that begins at the top and draws it', async () => {
    await mount({ view: 'project' });
    source.runList.unshift(aRun('new', { state: 'running' }));
    source.change('new');
    await pass(2500);
    expect(row(0).textContent).toContain('name-new');
    expect(one('.tnb-plot').getAttribute('aria-label')).toContain('name-new');
  });

  it('moves nothing while the pointer is in the list', async () => {
    await mount({ view: 'project' });
    const over = vi.spyOn(one('.tnb-list'), 'matches').mockReturnValue(true);
    source.runList.unshift(aRun('new', { state: 'running' }));
    source.change('new');
    await pass(5000);
    expect(row(0).textContent).toContain('name-r00');
    over.mockReturnValue(false);
    await pass(2500);
    expect(row(0).textContent).toContain('name-new');
  });

  it('without runs teaches how to make one, with a line for this project', async () => {
    source.runList = [];
    await mount({ view: 'project' });
    expect(one('pre').textContent).toBe(
      'import tracker_nb\nwith tracker_nb.init(project="digits") as run:\n    run.log({"loss": 0.5})'
    );
    source.runList = [aRun('first')];
    source.change('first');
    await pass(100);
    expect(row(0).textContent).toContain('name-first');
  });

  it('shows shapes of what will come only after 200 ms', async () => {
    source.runs = () => new Promise(() => undefined);
    await mount({ view: 'project' });
    expect(node.querySelector('.tnb-loading')).toBeNull();
    await pass(150);
    expect(node.querySelector('.tnb-loading')).not.toBeNull();
  });
});

describe('all projects', () => {
  beforeEach(() => {
    const project = {
      entity: 'ada',
      project: 'digits',
      runs: 12,
      running: 1,
      created: 0,
      updated: Date.now() * 1000 - 180e6
    };
    source.projectList = [
      project,
      { ...project, project: 'llm', runs: 148, running: 0, updated: project.updated - 1e12 }
    ];
  });

  it('are listed with their runs and when something was last done', async () => {
    await mount({ view: 'projects' });
    expect(all('tbody tr').map(found => found.textContent)).toEqual([
      expect.stringMatching(/^digitsada12 1 running3 min ago$/),
      expect.stringMatching(/^llmada14812 d ago$/)
    ]);
    expect(all('tbody tr td:last-child')[0]!.title).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  });

  it('open in a tab, or in their place with a way back', async () => {
    await mount({ view: 'projects' });
    button('digits').click();
    expect(opened).toMatchObject([{ view: 'project', entity: 'ada', project: 'digits' }]);
    view.dispose();
    source.runList = [aRun('a')];
    await mount({ view: 'projects' }, { open: undefined });
    button('digits').click();
    await pass(100);
    expect(one('.tnb-list-head').textContent).toContain('Runs (1');
    button('‹ All projects').click();
    await pass(100);
    expect(all('tbody tr')).toHaveLength(2);
  });

  it('keep their places while one looks', async () => {
    await mount({ view: 'projects' });
    source.projectList[1]!.updated = Date.now() * 1000;
    source.change('x');
    await pass(3000);
    expect(all('tbody tr .tnb-link').map(found => found.textContent)).toEqual(['digits', 'llm']);
    expect(text()).toContain('just now');
  });

  it('that are none teach how to begin', async () => {
    source.projectList = [];
    await mount({ view: 'projects' });
    expect(text()).toContain('tracker_nb.init(');
    expect(button('Copy')).toBeTruthy();
  });
});
