import { beforeEach, describe, expect, it, vi } from 'vitest';

import { aMetric, aRun } from './fake';
import { all, button, mount, node, one, opened, pass, press, shownPanels, source, text } from './stage';

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
