/** What JupyterLab and Notebook 7 load. Everything of JupyterLab alone is optional. */

import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IThemeManager, WidgetTracker } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import type { Host } from '../panels';
import { connect } from './connection';
import { read } from './payload';
import { factory, RANK } from './renderer';
import { key, makeTab, type ViewTab } from './tab';

/** Jupyter's translator fills "%1" itself, with nothing where nothing is given, and panels fill it later. */
const PLACES = ['%1', '%2', '%3', '%4', '%5', '%6', '%7', '%8', '%9'];

export const OPEN = 'tracker-nb:open';

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'tracker-nb:plugin',
  description: 'Shows runs of tracker_nb, live.',
  autoStart: true,
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
): void {
  const trans = (translator ?? nullTranslator).load('tracker_nb');
  const { source, isHere } = connect(app.serviceManager.serverSettings);
  const host: Host = { source, translate: text => trans.__(text.replaceAll('%%', '%%%%'), ...PLACES) };
  if (themes !== null) {
    host.onTheme = listener => {
      themes.themeChanged.connect(listener);
      return { dispose: () => themes.themeChanged.disconnect(listener) };
    };
  }
  // Notebook 7 has one place in its main area, and the notebook is in it.
  if (shell !== null) {
    addTabs(app, shell, restorer, host);
    host.open = view => void app.commands.execute(OPEN, { ...view });
  }
  rendermime.addFactory(factory({ host, isHere }), RANK);
}

/** The command that opens a view in a tab, and the tabs of before after a reload. */
function addTabs(app: JupyterFrontEnd, shell: ILabShell, restorer: ILayoutRestorer | null, host: Host): void {
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
        shell.add(tab, 'main');
      }
      shell.activateById(id);
    }
  });
  if (restorer !== null) {
    void restorer.restore(tracker, {
      command: OPEN,
      args: tab => ({ ...tab.content.request }),
      name: tab => tab.id
    });
  }
}
