/** A project: its runs at the left, and the metrics of those that are shown. */

import type { Run, SourceEvent } from '../data/source';
import { SourceError } from '../data/source';
import { beside } from './beside';
import { Board } from './board';
import { type Dashboard, throttled } from './dashboard';
import { h } from './dom';
import { chartKeys } from './help';
import { keyboard } from './keyboard';
import { pathOf } from './lines';
import { RunList } from './runlist';
import { empty, errorBox } from './states';
import { tools } from './toolbar';

const PAGE = 50;
const SHOWN_AT_FIRST = 10;
/** Metrics are asked for with so many runs at most: the newest, and those that are shown. */
const ASKED_FOR_METRICS = 200;

export function projectView(dashboard: Dashboard): void {
  new ProjectView(dashboard).begin();
}

class ProjectView {
  private cursor: string | null = null;
  private total = 0;
  private parts: { list: RunList; board: Board; waiting: HTMLElement } | null = null;
  private readonly refresh = throttled(2000, () => void this.readNewest());
  private readonly look = throttled(2000, () => void this.readMetrics());

  constructor(private readonly dashboard: Dashboard) {
    const { disposables, model, feed } = dashboard;
    disposables.call(() => {
      this.refresh.cancel();
      this.look.cancel();
    });
    disposables.add(feed.events.connect(event => this.hear(event)));
    disposables.add(
      model.changed.connect(aspect => {
        if (aspect === 'shown' && this.parts) this.look();
      })
    );
  }

  begin(): void {
    void this.guard(async () => {
      const page = await this.page();
      this.cursor = page.next;
      this.total = page.total;
      if (!page.runs.length) {
        this.teach();
        return;
      }
      this.build();
      const { model } = this.dashboard;
      model.put(page.runs);
      model.show(page.runs.slice(0, SHOWN_AT_FIRST).map(pathOf), true);
      this.parts?.list.page(page.total, page.next !== null);
      await this.readMetrics();
    }).then(() => this.dashboard.complete());
  }

  private page(cursor?: string): ReturnType<Dashboard['host']['source']['runs']> {
    const { host, request, signal } = this.dashboard;
    const { entity, project, store } = request;
    return host.source.runs(store, { entity, project, limit: PAGE, cursor }, signal);
  }

  private async guard(act: () => Promise<void>): Promise<void> {
    const { host, signal } = this.dashboard;
    try {
      await act();
    } catch (error) {
      if (signal.aborted || this.parts) return; // what is shown stays; the next change asks again
      const reason = error instanceof SourceError ? error : new SourceError('Unknown', String(error));
      this.dashboard.load(
        errorBox(reason, host.translate, () => {
          this.dashboard.load(null);
          this.begin();
        })
      );
    }
  }

  private teach(): void {
    const { host, request } = this.dashboard;
    const code = `import tracker_nb\nwith tracker_nb.init(project=${JSON.stringify(request.project)}) as run:\n    run.log({"loss": 0.5})`;
    this.dashboard.load(
      empty(host.translate('This project has no runs yet. These lines make one:'), code, host.translate)
    );
  }

  private build(): void {
    const { dashboard } = this;
    const { host, request } = dashboard;
    const t = host.translate;
    const board = new Board(dashboard);
    const list = new RunList(dashboard, { open: run => this.open(run), loadMore: () => void this.loadMore() });
    const { search, axis } = tools(dashboard);
    const bar = h('div', { class: 'tnb-toolbar' }, search, h('span', { class: 'tnb-space' }), axis);
    const waiting = h('p', { class: 'tnb-hint', hidden: true }, t('Waiting for the first log()'));
    this.parts = { list, board, waiting };
    const ask = keyboard(
      dashboard,
      [
        { keys: '/', does: t('search runs'), act: () => list.search.focus() },
        { keys: 'j k', does: t('next and previous run'), act: key => list.move(key === 'j' ? 1 : -1) },
        { keys: 'e', does: t('show or hide the run'), act: () => list.toggle() },
        {
          keys: 'Enter',
          does: t('open the run'),
          act: (_, event) => (event.target as HTMLElement).classList.contains('tnb-row') && (list.open(), true)
        }
      ],
      chartKeys(t),
      () => list.move(0)
    );
    const main = h('div', { class: 'tnb-content' }, bar, waiting, board.node);
    const title = h(
      'div',
      { class: 'tnb-header' },
      h('strong', { class: 'tnb-run-name' }, request.project ?? ''),
      h('span', { class: 'tnb-muted' }, request.entity ?? ''),
      h('span', { class: 'tnb-space' }),
      this.tab(),
      ask
    );
    dashboard.load(h('div', { class: 'tnb-project' }, title, h('div', { class: 'tnb-columns' }, list.node, main)));
  }

  private tab(): HTMLElement | null {
    const { host, request } = this.dashboard;
    const t = host.translate;
    return host.open
      ? h(
          'button',
          {
            class: 'tnb-button',
            title: t('Open in a tab'),
            onclick: () => host.open?.({ ...request, height: undefined })
          },
          t('Open')
        )
      : null;
  }

  private open(run: Run): void {
    const { host, request, go } = this.dashboard;
    const { entity, project } = run;
    const view = { store: request.store, view: 'run' as const, entity, project, run: run.run };
    if (host.open) host.open(view);
    else go({ ...view, height: request.height });
  }

  private loadMore(): Promise<void> {
    return this.guard(async () => {
      if (!this.cursor) return;
      const page = await this.page(this.cursor);
      this.cursor = page.next;
      this.dashboard.model.put(page.runs);
      this.parts?.list.page(page.total, page.next !== null);
    });
  }

  private hear(event: SourceEvent): void {
    const { request, model } = this.dashboard;
    if (event.kind === 'connection' || event.store !== request.store) return;
    if (!this.parts) {
      this.begin();
      return;
    }
    if (event.kind === 'reset') {
      this.refresh();
      this.look();
      return;
    }
    const ours = event.runs.filter(change => change.entity === request.entity && change.project === request.project);
    for (const change of ours) model.apply(change);
    if (ours.length || event.many) {
      this.refresh();
      this.look();
    }
  }

  /** New runs, and the values beside the names. A new run goes to the top, unless the pointer is in the list. */
  private readNewest(): Promise<void> {
    return this.guard(async () => {
      const page = await this.page();
      if (!this.parts) return;
      const { model } = this.dashboard;
      const fresh = page.runs.filter(run => !model.run(pathOf(run)));
      if (fresh.length && this.parts.list.held) {
        this.refresh();
        model.put(page.runs.filter(run => !fresh.includes(run)));
        return;
      }
      model.put(page.runs, 'first');
      // A run that begins while one looks is what one wants to see.
      model.show(fresh.filter(run => run.state === 'running').map(pathOf), true);
      this.total = page.total;
      this.parts.list.page(this.total, this.cursor !== null);
    });
  }

  private readMetrics(): Promise<void> {
    return this.guard(async () => {
      const { host, request, signal, model } = this.dashboard;
      const runs = [...new Set([...model.shown, ...model.runs.slice(0, SHOWN_AT_FIRST)])].slice(0, ASKED_FOR_METRICS);
      const metrics = await host.source.metrics(request.store, runs.map(pathOf), signal);
      if (!this.parts) return;
      this.parts.board.show(metrics);
      const one = beside(metrics);
      this.parts.list.choose(one?.name ?? '', one?.direction);
      this.parts.waiting.hidden = this.parts.board.size > 0;
    });
  }
}
