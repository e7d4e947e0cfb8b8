/** Views in tabs of the main area. */

import { MainAreaWidget } from '@jupyterlab/apputils';
import { Widget } from '@lumino/widgets';

import type { Host, ViewRequest } from '../panels';
import { runsIcon } from './icons';
import { Mounted } from './mounted';

export type ViewTab = MainAreaWidget<ViewWidget>;

/** What tells one view from another. */
export function key(request: ViewRequest): string {
  return ['tracker-nb', request.store, request.view, request.entity, request.project, request.run]
    .filter(part => part !== undefined)
    .map(encodeURIComponent)
    .join('/');
}

export function makeTab(request: ViewRequest, host: Host): ViewTab {
  const tab = new MainAreaWidget({ content: new ViewWidget(request, host) });
  tab.id = key(request);
  tab.title.label = label(request, host.translate);
  tab.title.caption = [request.entity, request.project, request.run].filter(Boolean).join('/');
  tab.title.closable = true;
  tab.title.icon = runsIcon;
  void entitle(tab, host);
  return tab;
}

/** A run's tab has its name, which people know; its id is in the caption. */
export async function entitle(tab: ViewTab, host: Host): Promise<void> {
  const { entity, project, run, store } = tab.content.request;
  if (run === undefined) return;
  try {
    const { name } = await host.source.run(store, `${entity}/${project}/${run}`);
    if (!tab.isDisposed && name !== '') tab.title.label = name;
  } catch {
    // the view says what is wrong
  }
}

export class ViewWidget extends Widget {
  constructor(
    readonly request: ViewRequest,
    host: Host
  ) {
    super();
    this.addClass('tnb-main');
    const node = document.createElement('div');
    this.node.append(node);
    this._mounted = new Mounted(node, request, host, () => Promise.resolve(true));
  }

  override dispose(): void {
    if (this.isDisposed) return;
    this._mounted.dispose();
    super.dispose();
  }

  private readonly _mounted: Mounted;
}

function label(request: ViewRequest, translate: (text: string) => string): string {
  return request.run ?? request.project ?? translate('Projects');
}
