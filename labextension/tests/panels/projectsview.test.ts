import { beforeEach, describe, expect, it } from 'vitest';

import { aRun } from './fake';
import { all, button, mount, one, opened, pass, source, text, view } from './stage';

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
