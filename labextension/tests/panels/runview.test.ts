import { beforeEach, describe, expect, it, vi } from 'vitest';

import { SourceError } from '../../src/data/source';
import { aMetric, aRun } from './fake';
import { all, button, mount, node, one, opened, pass, press, shownPanels, source, text, view } from './stage';

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
    expect(one('.tnb-against').textContent).toBe('vs best (name-c): acc −0.02vs last (name-b): acc +0.38, loss −1');
  });

  it('says once how it stands against a run that is the best and the last', async () => {
    source.runList = source.runList.slice(0, 2);
    await mount({ run: 'a' });
    expect(one('.tnb-against').textContent).toBe('vs best and last (name-b): acc +0.38, loss −1');
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

  it('has a legend where its lines are too many to carry their names', async () => {
    source.runList.push(aRun('e', { created: 1, name: '<b>e</b>' }));
    await mount({ run: 'a' });
    expect([one('.tnb-legend').hidden, one('.tnb-names').childElementCount]).toEqual([true, 3]);
    const box = all('.tnb-check')
      .find(found => found.textContent === 'all 5')!
      .querySelector('input')!;
    box.click();
    await pass(100);
    const names = all('.tnb-legend li').map(item => item.textContent);
    expect(names).toEqual(['name-a', 'name-c', 'name-b', 'name-d', '<b>e</b>']);
    expect([one('.tnb-legend').hidden, one('.tnb-names').childElementCount]).toEqual([false, 0]);
    box.click();
    await pass(100);
    expect([one('.tnb-legend').hidden, one('.tnb-names').childElementCount]).toEqual([true, 3]);
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

  it('has what the machine does in its last section, folded', async () => {
    source.metricList.unshift(aMetric('system/cpu'));
    await mount({ run: 'a' });
    source.metricList.push(aMetric('eval/f1'));
    source.change('a');
    await pass(2000);
    const heads = all('.tnb-section-head').map(head => [head.textContent, head.getAttribute('aria-expanded')]);
    expect(heads.map(([word]) => word)).toEqual(['charts(2)', 'train(1)', 'eval(1)', 'system(1)']);
    expect(heads.at(-1)![1]).toBe('false');
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
      expect(found.getAttribute('aria-label') || found.textContent).toMatch(/«/);
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
