/** All projects of a store: how many runs, how many of them run, when something was last done. */

import type { Project } from '../data/source';
import { SourceError } from '../data/source';
import { type Dashboard, throttled } from './dashboard';
import { h, icon } from './dom';
import { ago, count, exact, fill } from './format';
import { keyboard } from './keyboard';
import { empty, errorBox } from './states';

const CODE = 'import tracker_nb\nwith tracker_nb.init(project="digits") as run:\n    run.log({"loss": 0.5})';

export function projectsView(dashboard: Dashboard): void {
  const { host, request, signal, disposables, feed } = dashboard;
  const t = host.translate;
  let shown: Project[] = [];

  const move = (by: number): void => {
    const names = [...dashboard.body.querySelectorAll<HTMLElement>('.tnb-table .tnb-link')];
    const at = names.indexOf(document.activeElement as HTMLElement);
    names[Math.min(names.length - 1, Math.max(0, at + by))]?.focus();
  };
  const keys = keyboard(
    dashboard,
    [{ keys: 'j k', does: t('next and previous project'), act: key => move(key === 'j' ? 1 : -1) }],
    [['Enter', t('open the project')]]
  );
  const title = h(
    'div',
    { class: 'tnb-header' },
    h('strong', { class: 'tnb-run-name' }, t('Projects')),
    h('span', { class: 'tnb-space' }),
    keys
  );

  const open = (project: Project): void => {
    const view = { store: request.store, view: 'project' as const, entity: project.entity, project: project.project };
    if (host.open) host.open(view);
    else dashboard.go({ ...view, height: request.height });
  };

  const row = (project: Project): HTMLElement => {
    const running = project.running
      ? h('span', { class: 'tnb-state-running' }, icon('running'), ` ${fill(t('%1 running'), count(project.running))}`)
      : null;
    const name = h('button', { class: 'tnb-link', onclick: () => open(project) }, project.project);
    return h(
      'tr',
      { ondblclick: () => open(project) },
      h('td', {}, name),
      h('td', { class: 'tnb-muted' }, project.entity),
      h('td', { class: 'tnb-number' }, count(project.runs)),
      h('td', {}, running),
      h('td', { class: 'tnb-muted', title: exact(project.updated) }, ago(project.updated, Date.now(), t))
    );
  };

  const show = (): void => {
    if (!shown.length) {
      dashboard.load(empty(t('No runs yet. These lines make the first one:'), CODE, t));
      return;
    }
    const focused = (document.activeElement as HTMLElement | null)?.textContent;
    const inside = dashboard.root.contains(document.activeElement);
    const heads = [t('Project'), t('Owner'), t('Runs'), '', t('Last activity')];
    const table = h(
      'table',
      { class: 'tnb-table' },
      h('thead', {}, h('tr', {}, ...heads.map((word, at) => h('th', at === 2 ? { class: 'tnb-number' } : {}, word)))),
      h('tbody', {}, ...shown.map(row))
    );
    dashboard.load(h('div', {}, title, table));
    if (inside) [...table.querySelectorAll('button')].find(button => button.textContent === focused)?.focus();
  };

  const read = async (): Promise<void> => {
    try {
      const found = await host.source.projects(request.store, signal);
      // Known projects keep their place while one looks; new ones come first.
      const place = new Map(shown.map((project, at) => [`${project.entity}/${project.project}`, at]));
      const at = (project: Project): number => place.get(`${project.entity}/${project.project}`) ?? -1;
      const newest = (a: Project, b: Project): number => b.updated - a.updated;
      shown = found.sort((a, b) => at(a) - at(b) || newest(a, b));
      show();
    } catch (error) {
      if (signal.aborted || shown.length) return;
      const reason = error instanceof SourceError ? error : new SourceError('Unknown', String(error));
      dashboard.load(errorBox(reason, t, () => void read()));
    }
  };

  const refresh = throttled(2000, () => void read());
  disposables.call(() => refresh.cancel());
  disposables.add(
    feed.events.connect(event => {
      if (event.kind !== 'connection' && event.store === request.store && !document.hidden) refresh();
    })
  );
  disposables.listen(document, 'visibilitychange', () => !document.hidden && refresh());
  disposables.every(30_000, () => shown.length && show());
  void read().then(() => dashboard.complete());
}
