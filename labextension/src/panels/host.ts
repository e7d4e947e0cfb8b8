/** What a view needs from its surroundings, and what it is asked to show. */

import type { DataSource, Run } from '../data/source';

/** What to show: the fields of a display's payload, already checked. */
export interface ViewRequest {
  store: string;
  view: 'run' | 'project' | 'projects';
  entity?: string;
  project?: string;
  run?: string;
  height?: number;
  cell?: string;
}

/** What the surroundings give; no panel imports JupyterLab. */
export interface Host {
  source: DataSource;
  /** Jupyter's translator. */
  translate: (text: string) => string;
  /** Where the host can open a view in a tab; absent: no "Open" control. */
  open?: (view: ViewRequest) => void;
  /** Where runs can be changed: asks the user what for, and does it. Resolves to whether anything was done. */
  edit?: Record<'rename' | 'editTags' | 'remove', (store: string, run: Run) => Promise<boolean>>;
  /** The theme has changed: colours are read again from --jp-* variables. */
  onTheme?: (listener: () => void) => { dispose(): void };
}
