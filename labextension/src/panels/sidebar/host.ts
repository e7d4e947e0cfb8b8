/** What the sidebar needs from its surroundings. */

import type { DataSource, Run, RunCommands } from '../../data/source';
import type { Disposable } from '../dom';
import type { ViewRequest } from '../host';

/** What a user may set; `labextension/schema/plugin.json` says what each means. */
export interface SidebarSettings {
  thisNotebook: boolean;
  projects: boolean;
  listed: number;
  order: Order;
  metric: string;
  refresh: number;
}

export type Order = '-created_at' | '-updated_at' | '+display_name';

/** As in the schema: for hosts where no settings can be read. */
export const DEFAULTS: SidebarSettings = {
  thisNotebook: true,
  projects: true,
  listed: 50,
  order: '-created_at',
  metric: '',
  refresh: 2
};

/** A run and the store it is in. */
export interface RunAt {
  store: string;
  run: Run;
}

export interface SidebarHost {
  source: DataSource & RunCommands;
  translate: (text: string) => string;
  open: (view: ViewRequest) => void;
  /** The path of the notebook that was in use last, as Jupyter's contents API names it. */
  notebook: () => string | null;
  settings: () => SidebarSettings;
  /** The notebook or a setting has changed. */
  onChange: (listener: (what: 'notebook' | 'settings') => void) => Disposable;
  /** Absent: no button. */
  showSettings?: () => void;
  /** A row is being dragged: this line is what is dropped. Resolves when it was. */
  drag?: (line: string, event: PointerEvent) => Promise<unknown>;
  /** Each tells the user what went wrong; false: nothing was done. */
  act: {
    change: (at: RunAt, changes: { name?: string; tags?: string[] }) => Promise<boolean>;
    stop: (runs: RunAt[]) => Promise<boolean>;
  };
}
