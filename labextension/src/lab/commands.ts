/** Commands of the sidebar: in the palette, in context menus, by keys. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard, type ICommandPalette, InputDialog, Notification } from '@jupyterlab/apputils';

import type { Run, Store } from '../data/source';
import { fill } from '../panels/format';
import { trackLine } from '../panels/trackline';
import { pathOf, type RunAt } from './actions';
import type { Notebooks } from './notebooks';
import { OPEN } from './plugin';
import { SIDEBAR, type SidebarWidget } from './sidebarwidget';
import type { ITracker } from './token';

const RUN = '.tnb-side-run';
const PROJECT = '.tnb-side-project';
/** Runs that a dialog offers: the newest. */
const OFFERED = 100;

export interface Parts {
  app: JupyterFrontEnd;
  tracker: ITracker;
  notebooks: Notebooks;
  widget: SidebarWidget;
  palette: ICommandPalette | null;
}

export function addCommands(parts: Parts): void {
  addRowCommands(parts);
  const { app, tracker, notebooks, palette } = parts;
  const t = tracker.host.translate;
  const { commands, shell } = app;
  const none = { args: { type: 'object', properties: {} } } as const;

  commands.addCommand('tracker-nb:show-sidebar', {
    label: t('Show Runs'),
    caption: t('Show the sidebar with the runs of this notebook and all projects'),
    describedBy: none,
    execute: () => shell.activateById(SIDEBAR)
  });
  commands.addCommand('tracker-nb:open-projects', {
    label: t('Open Projects'),
    describedBy: none,
    execute: async () => {
      const store = await chooseStore(parts);
      if (store !== undefined) await commands.execute(OPEN, { store: store.id, view: 'projects' });
    }
  });
  commands.addCommand('tracker-nb:open-run', {
    label: t('Open Run…'),
    describedBy: none,
    execute: async () => {
      const at = await chooseRun(parts, t('Open a run'), t('Open'));
      if (at !== undefined) await commands.execute(OPEN, viewOf(at));
    }
  });
  commands.addCommand('tracker-nb:insert-track', {
    label: t('Insert %track of a Run…'),
    caption: t('Show a run in this notebook, in a cell below the active one'),
    describedBy: none,
    isEnabled: () => notebooks.path !== null,
    execute: async () => {
      const at = await chooseRun(parts, t('Show a run in this notebook'), t('Insert'));
      if (at !== undefined) await notebooks.insert(trackLine(at.run));
    }
  });
  commands.addCommand('tracker-nb:stop-notebook', {
    label: t('Stop the Runs of This Notebook'),
    describedBy: none,
    isEnabled: () => notebooks.path !== null,
    execute: async () => {
      const runs = await runningHere(parts);
      if (runs.length === 0) Notification.info(t('No run of this notebook is running.'), { autoClose: 5000 });
      else await tracker.actions.stop(runs);
    }
  });
  for (const name of ['show-sidebar', 'open-projects', 'open-run', 'insert-track', 'stop-notebook']) {
    palette?.addItem({ command: `tracker-nb:${name}`, category: t('Experiments') });
  }
  notebooks.changed.connect(() => {
    commands.notifyCommandChanged('tracker-nb:insert-track');
    commands.notifyCommandChanged('tracker-nb:stop-notebook');
    commands.notifyCommandChanged('tracker-nb:run-insert');
  });
}

/** Of the line that the menu was opened on, or of the runs that are chosen. */
function addRowCommands({ app, tracker, notebooks, widget }: Parts): void {
  const { commands, contextMenu } = app;
  const { actions, host } = tracker;
  const t = host.translate;
  const targets = (): readonly RunAt[] => widget.panel?.targets ?? [];
  const several = (one: string, many: string) => (): string => {
    const { length } = targets();
    return length > 1 ? fill(many, String(length)) : one;
  };
  const describedBy = { args: { type: 'object', properties: {} } } as const;
  const add = (name: string, options: Omit<Parameters<typeof commands.addCommand>[1], 'describedBy'>): void => {
    commands.addCommand(`tracker-nb:run-${name}`, { describedBy, ...options });
  };

  add('open', { label: t('Open'), execute: () => widget.panel?.open() });
  add('insert', {
    label: t('Insert %track into the Notebook'),
    isEnabled: () => notebooks.path !== null,
    execute: async () => {
      const lines = targets().map(at => trackLine(at.run));
      const line = widget.panel?.line;
      if (lines.length === 0 && line) lines.push(line);
      for (const one of lines) await notebooks.insert(one);
    }
  });
  add('stop', {
    label: several(t('Stop'), t('Stop %1 Runs')),
    isVisible: () => targets().some(at => at.run.state === 'running'),
    execute: () => actions.stop(targets())
  });
  add('rename', {
    label: t('Rename'),
    isVisible: () => targets().length === 1,
    execute: () => widget.panel?.rename()
  });
  add('tags', {
    label: t('Edit Tags'),
    isVisible: () => targets().length === 1,
    execute: () => widget.panel?.editTags()
  });
  add('copy-path', {
    label: several(t('Copy Path'), t('Copy %1 Paths')),
    execute: () =>
      Clipboard.copyToSystem(
        targets()
          .map(at => pathOf(at.run))
          .join('\n')
      )
  });
  add('delete', {
    label: several(t('Delete'), t('Delete %1 Runs')),
    execute: () => actions.remove(targets())
  });
  const items: [string, string, number][] = [
    ['open', RUN, 0],
    ['insert', RUN, 1],
    ['stop', RUN, 2],
    ['rename', RUN, 10],
    ['tags', RUN, 11],
    ['copy-path', RUN, 12],
    ['delete', RUN, 20],
    ['open', PROJECT, 0],
    ['insert', PROJECT, 1]
  ];
  for (const [name, selector, rank] of items) {
    contextMenu.addItem({ command: `tracker-nb:run-${name}`, selector, rank });
  }
  for (const rank of [9, 19]) contextMenu.addItem({ type: 'separator', selector: RUN, rank });
}

async function here({ tracker }: Parts): Promise<Store[]> {
  return (await tracker.source.stores()).filter(store => store.here);
}

/** The only store, or the one that the user names. */
async function chooseStore(parts: Parts): Promise<Store | undefined> {
  const t = parts.tracker.host.translate;
  const stores = await here(parts);
  if (stores.length === 0) {
    Notification.info(t('There is no store yet: the first run makes one.'), { autoClose: 5000 });
    return undefined;
  }
  if (stores.length === 1) return stores[0];
  // Two folders may have the same name.
  const words = stores.map(({ name, id }) =>
    stores.filter(one => one.name === name).length > 1 ? `${name} (${id.slice(0, 8)})` : name
  );
  const { value } = await InputDialog.getItem({ title: t('Which store?'), items: words, okLabel: t('Open') });
  return value === null ? undefined : stores[words.indexOf(value)];
}

async function chooseRun(parts: Parts, title: string, okLabel: string): Promise<RunAt | undefined> {
  const { tracker } = parts;
  const t = tracker.host.translate;
  const lists = await Promise.all(
    (await here(parts)).map(async ({ id }) => {
      const page = await tracker.source.runs(id, { limit: OFFERED });
      return page.runs.map((run: Run): RunAt => ({ store: id, run }));
    })
  );
  const offered = lists
    .flat()
    .sort((a, b) => b.run.created - a.run.created)
    .slice(0, OFFERED);
  if (offered.length === 0) {
    Notification.info(t('There are no runs yet.'), { autoClose: 5000 });
    return undefined;
  }
  const words = offered.map(({ run }) => `${run.project}/${run.run}  ${run.name}`);
  const { value } = await InputDialog.getItem({ title, items: words, okLabel });
  return value === null ? undefined : offered[words.indexOf(value)];
}

async function runningHere(parts: Parts): Promise<RunAt[]> {
  const { notebooks, tracker } = parts;
  const notebook = notebooks.path;
  if (notebook === null) return [];
  const lists = await Promise.all(
    (await here(parts)).map(async ({ id }) => {
      const page = await tracker.source.runs(id, { notebook, filter: { state: 'running' }, limit: OFFERED });
      return page.runs.map((run: Run): RunAt => ({ store: id, run }));
    })
  );
  return lists.flat();
}

function viewOf({ store, run }: RunAt): Record<string, string> {
  return { store, view: 'run', entity: run.entity, project: run.project, run: run.run };
}
