/** A view that follows what a widget's model says. */

import type { Channel } from '../data/comm';
import type { Mount, ViewRequest } from '../panels';

/** An anywidget model of `tracker_nb.panels.Dashboard`. */
export interface Model extends Channel {
  get(name: 'view'): ViewRequest;
  on(event: 'msg:custom', listener: (message: unknown) => void): void;
  on(event: 'change:view', listener: () => void): void;
  off(event: 'msg:custom', listener: (message: unknown) => void): void;
  off(event: 'change:view', listener: () => void): void;
}

/** What a loader calls to show a model. */
export interface Program {
  render(context: { model: Model; el: HTMLElement }): () => void;
}

/**
 * Shows the model's view until what this returns is called, and again when it is another; another height of the same view
 * leaves it as it is.
 *
 * @param mount makes a view, now or soon.
 */
export function follow(model: Model, mount: (view: ViewRequest) => Mount | Promise<Mount>): () => void {
  let shown: Mount | undefined;
  let what = '';
  let turn = 0;
  const show = async (): Promise<void> => {
    const view = model.get('view');
    const { height, ...rest } = view;
    if (JSON.stringify(rest) === what) {
      shown?.resize(height);
      return;
    }
    what = JSON.stringify(rest);
    const mine = ++turn;
    shown?.dispose();
    shown = undefined;
    const made = mount(view);
    const next = made instanceof Promise ? await made : made;
    if (mine !== turn) {
      next.dispose();
      return;
    }
    shown = next;
    shown.resize(model.get('view').height);
  };
  const again = (): void => void show().catch((error: unknown) => reportError(error));
  model.on('change:view', again);
  again();
  return () => {
    turn++;
    model.off('change:view', again);
    shown?.dispose();
  };
}
