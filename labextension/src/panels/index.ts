/** Views of a store: what the renderer, the main area and the widget mount. */

import { Dashboard } from './dashboard';
import { h } from './dom';
import type { Host, ViewRequest } from './host';
import { projectsView } from './projectsview';
import { projectView } from './projectview';
import { runView } from './runview';

export type { Host, ViewRequest } from './host';

/** Renders a view into a node; returns what to dispose of. */
export function mountView(node: HTMLElement, request: ViewRequest, host: Host): { dispose(): void } {
  const way: ViewRequest[] = [];
  let shown: Dashboard | null = null;

  const show = (next: ViewRequest): void => {
    shown?.dispose();
    const dashboard = (shown = new Dashboard(node, next, host, further => {
      way.push(next);
      show(further);
    }));
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
  return { dispose: () => shown?.dispose() };
}
