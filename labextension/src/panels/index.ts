/** Views of a store: what the renderer, the main area and the widget mount. */

import { Dashboard } from './dashboard';
import { h } from './dom';
import type { Host, ViewRequest } from './host';
import { projectsView } from './projectsview';
import { projectView } from './projectview';
import { runView } from './runview';

export type { Host, ViewRequest } from './host';

/** A view on a page. */
export interface Mount {
  /** Gives it another height at most, in CSS pixels; undefined: its own choice. */
  resize(height: number | undefined): void;
  dispose(): void;
}

/** Renders a view into a node. */
export function mountView(node: HTMLElement, request: ViewRequest, host: Host): Mount {
  const way: ViewRequest[] = [];
  let shown: Dashboard | null = null;
  let high = request.height;

  const show = (next: ViewRequest): void => {
    shown?.dispose();
    const dashboard = (shown = new Dashboard(node, next, host, further => {
      way.push(next);
      show(further);
    }));
    dashboard.resize(high);
    const before = way[way.length - 1];
    if (before) {
      const word = before.view === 'projects' ? host.translate('All projects') : (before.project ?? '');
      const back = h(
        'button',
        { class: 'tnb-button tnb-back', onclick: () => show(way.pop() as ViewRequest) },
        `‹ ${word}`
      );
      dashboard.root.prepend(back);
    }
    if (next.view === 'run') runView(dashboard);
    else if (next.view === 'project') projectView(dashboard);
    else projectsView(dashboard);
  };

  show(request);
  return {
    resize: height => {
      high = height;
      shown?.resize(height);
    },
    dispose: () => shown?.dispose()
  };
}
