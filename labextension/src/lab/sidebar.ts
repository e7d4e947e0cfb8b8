/** The plugin of the sidebar: where it stands, its commands, its settings. */

import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { Signal } from '@lumino/signaling';

import { DEFAULTS, type SidebarHost, type SidebarSettings } from '../panels/sidebar/host';
import { addCommands } from './commands';
import { dragLine } from './drag';
import { Notebooks } from './notebooks';
import { OPEN } from './plugin';
import { SIDEBAR, SidebarWidget } from './sidebarwidget';
import { ITracker } from './token';

const ID = 'tracker-nb:sidebar';
const RANK = 300;
const EDITOR = 'settingeditor:open';
const plugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Lists the runs of tracker_nb beside notebooks.',
  autoStart: true,
  requires: [ITracker],
  optional: [ILabShell, ILayoutRestorer, ICommandPalette, ISettingRegistry],
  activate
};

export default plugin;

function activate(
  app: JupyterFrontEnd,
  tracker: ITracker,
  shell: ILabShell | null,
  restorer: ILayoutRestorer | null,
  palette: ICommandPalette | null,
  registry: ISettingRegistry | null
): void {
  const { actions, source, host } = tracker;
  const t = host.translate;
  const notebooks = new Notebooks(app);
  const changed = new Signal<object, 'notebook' | 'settings'>({});
  notebooks.changed.connect(() => changed.emit('notebook'));
  let settings = DEFAULTS;
  if (registry !== null) {
    void registry
      .load(ID)
      .then(loaded => {
        const take = (): void => {
          settings = { ...DEFAULTS, ...(loaded.composite as Partial<SidebarSettings>) };
          changed.emit('settings');
        };
        take();
        loaded.changed.connect(take);
      })
      .catch(() => undefined); // the defaults do
  }
  const sidebarHost: SidebarHost = {
    source,
    translate: t,
    open: view => void app.commands.execute(OPEN, { ...view }),
    notebook: () => notebooks.path,
    settings: () => settings,
    onChange: listener => {
      const hear = (_: unknown, what: 'notebook' | 'settings'): void => listener(what);
      changed.connect(hear);
      return { dispose: () => changed.disconnect(hear) };
    },
    drag: dragLine,
    act: { change: (at, changes) => actions.change(at, changes), stop: runs => actions.stop(runs) }
  };
  if (shell !== null && registry !== null) {
    sidebarHost.showSettings = () => void app.commands.execute(EDITOR, { query: t('Runs') });
  }
  const widget = new SidebarWidget(sidebarHost);
  app.shell.add(widget, 'left', { rank: RANK });
  restorer?.add(widget, SIDEBAR);
  actions.removed.connect((_, { runs, back }) => widget.panel?.hide(runs, !back));
  actions.changed.connect(() => widget.panel?.renew());
  addCommands({ app, tracker, notebooks, widget, palette });
}
