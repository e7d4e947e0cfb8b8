/** The sidebar as a widget: the panel is loaded when it is first looked at, and asks nothing while it is not. */

import { PromiseDelegate } from '@lumino/coreutils';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import type { Sidebar, SidebarHost } from '../panels/sidebar';
import { runsIcon } from './icons';

export const SIDEBAR = 'tracker-nb-sidebar';

export class SidebarWidget extends Widget {
  constructor(private readonly host: SidebarHost) {
    super();
    this.id = SIDEBAR;
    this.addClass('tnb-sidebar-widget');
    this.title.icon = runsIcon;
    this.title.caption = host.translate('Runs');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', host.translate('Runs'));
  }

  /** The panel, once it was looked at. */
  panel: Sidebar | null = null;

  get ready(): Promise<void> {
    return this._ready.promise;
  }

  override dispose(): void {
    if (this.isDisposed) return;
    this.panel?.dispose();
    super.dispose();
  }

  protected override onAfterShow(_: Message): void {
    void this._show();
  }

  protected override onAfterAttach(_: Message): void {
    if (this.isVisible) void this._show();
  }

  protected override onAfterHide(_: Message): void {
    if (this.panel) this.panel.visible = false;
  }

  protected override onBeforeDetach(_: Message): void {
    if (this.panel) this.panel.visible = false;
  }

  protected override onActivateRequest(_: Message): void {
    void this.ready.then(() => this.panel?.focus());
  }

  private async _show(): Promise<void> {
    if (!this.panel) {
      const { Sidebar } = await import('../panels/sidebar');
      if (this.isDisposed) return;
      this.panel ??= new Sidebar(this.node, this.host);
      this._ready.resolve();
    }
    this.panel.visible = this.isVisible;
  }

  private readonly _ready = new PromiseDelegate<void>();
}
