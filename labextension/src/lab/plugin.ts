/** What JupyterLab and Notebook 7 load. Everything of JupyterLab alone is optional. */

import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IThemeManager, WidgetTracker } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import type { Host } from '../panels';
import { Actions } from './actions';
import { connect } from './connection';
import { read } from './payload';
import { factory, RANK } from './renderer';
import { entitle, key, makeTab, type ViewTab } from './tab';
import { ITracker } from './token';
import { provide } from './widgets';

/** Jupyter's translator fills "%1" itself, with nothing where nothing is given, and panels fill it later. */
const PLACES = ['%1', '%2', '%3', '%4', '%5', '%6', '%7', '%8', '%9'];

export const OPEN = 'tracker-nb:open';

const plugin: JupyterFrontEndPlugin<ITracker> = {
  id: 'tracker-nb:plugin',
  description: 'Shows runs of tracker_nb, live.',
  autoStart: true,
  provides: ITracker,
  requires: [IRenderMimeRegistry],
  optional: [ITranslator, IThemeManager, ILabShell, ILayoutRestorer],
  activate
};

export default plugin;

function activate(
  app: JupyterFrontEnd,
  rendermime: IRenderMimeRegistry,
  translator: ITranslator | null,
  themes: IThemeManager | null,
  shell: ILabShell | null,
  restorer: ILayoutRestorer | null
): ITracker {
  const trans = (translator ?? nullTranslator).load('tracker_nb');
  const { source, isHere } = connect(app.serviceManager.serverSettings);
  const translate = (text: string): string => trans.__(text.replaceAll('%%', '%%%%'), ...PLACES);
  const actions = new Actions(source, translate);
  const host: Host = {
    source,
    translate,
    edit: {
      rename: (store, run) => actions.rename({ store, run }),
      editTags: (store, run) => actions.editTags({ store, run }),
      remove: (store, run) => actions.remove([{ store, run }])
    }
  };
  if (themes !== null) {
    host.onTheme = listener => {
      themes.themeChanged.connect(listener);
      return { dispose: () => themes.themeChanged.disconnect(listener) };
    };
  }
  // Notebook 7 has one place in its main area, and the notebook is in it: there tabs open below it.
  const tabs = addTabs(app, shell === null ? 'down' : 'main', restorer, host);
  actions.changed.connect(() => tabs.forEach(tab => void entitle(tab, host)));
  host.open = view => void app.commands.execute(OPEN, { ...view });
  rendermime.addFactory(factory({ host, isHere, rendermime }), RANK);
  provide({ host, isHere });
  return { source, isHere, host, actions };
}

/** The command that opens a view in a tab, and the tabs of before after a reload. */
function addTabs(
  app: JupyterFrontEnd,
  area: 'main' | 'down',
  restorer: ILayoutRestorer | null,
  host: Host
): WidgetTracker<ViewTab> {
  const { open: _open, ...inTab } = host; // from a tab, views open in place
  const tracker = new WidgetTracker<ViewTab>({ namespace: 'tracker-nb' });
  app.commands.addCommand(OPEN, {
    label: host.translate('Open runs in a tab'),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          store: { type: 'string' },
          view: { type: 'string', enum: ['run', 'project', 'projects'] },
          entity: { type: 'string' },
          project: { type: 'string' },
          run: { type: 'string' }
        },
        required: ['store', 'view']
      }
    },
    execute: async args => {
      const found = read({ ...args, version: 1 });
      if ('problem' in found) throw new Error(host.translate('This view cannot be opened: it has no such address.'));
      const { height: _, ...request } = found.request;
      const id = key(request);
      let tab = tracker.find(one => one.id === id);
      if (tab === undefined) {
        tab = makeTab(request, inTab);
        await tracker.add(tab);
        if (area === 'down') tab.content.addClass('tnb-below');
        app.shell.add(tab, area);
      }
      app.shell.activateById(id);
    }
  });
  if (restorer !== null) {
    void restorer.restore(tracker, {
      command: OPEN,
      args: tab => ({ ...tab.content.request }),
      name: tab => tab.id
    });
  }
  return tracker;
}
