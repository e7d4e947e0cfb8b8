/** One run, as it stands under its cell: what it is, its figures, its curves, and the runs it is compared with. */

import type { Run, RunChange, RunDetail, SourceEvent } from '../data/source';
import { SourceError } from '../data/source';
import { Board } from './board';
import { Compare } from './compare';
import { type Dashboard, throttled } from './dashboard';
import { h } from './dom';
import { figureOf } from './figure';
import { toNumber } from './format';
import { chartKeys } from './help';
import { keyboard } from './keyboard';
import { pathOf } from './lines';
import { RunHeader } from './runheader';
import { errorBox } from './states';
import { type Peer, Stats } from './stats';
import { tools } from './toolbar';

/** Runs that "all" draws at most: more lines than that are a cloud. */
const MOST_COMPARED = 200;
/** A search is worth its line from so many panels on. */
const SEARCHED_FROM = 7;

export function runView(dashboard: Dashboard): void {
  new RunView(dashboard).begin();
}

class RunView {
  private run!: Run;
  private total = 1;
  private peers: Peer[] = [];
  private hasPeers = false;
  private parts: {
    header: RunHeader;
    stats: Stats;
    board: Board;
    compare: Compare;
    waiting: HTMLElement;
    bar: HTMLElement;
  } | null = null;
  private readonly refresh = throttled(1500, () => void this.readMetrics());
  private readonly look = throttled(5000, () => void this.readPeers());

  constructor(private readonly dashboard: Dashboard) {
    dashboard.disposables.call(() => {
      this.refresh.cancel();
      this.look.cancel();
    });
    dashboard.disposables.add(dashboard.feed.events.connect(event => this.hear(event)));
  }

  private get path(): string {
    const { entity, project, run } = this.dashboard.request;
    return `${entity}/${project}/${run}`;
  }

  begin(): void {
    void this.guard(async () => {
      const { host, request, signal } = this.dashboard;
      const detail = await host.source.run(request.store, this.path, signal);
      this.build(detail);
      await this.readMetrics();
      await this.readPeers();
    }).then(() => this.dashboard.complete());
  }

  /** Runs an action whose failure takes the place of the view, with a way to try again. */
  private async guard(act: () => Promise<void>): Promise<void> {
    const { host, signal } = this.dashboard;
    try {
      await act();
    } catch (error) {
      if (signal.aborted) return;
      const reason = error instanceof SourceError ? error : new SourceError('Unknown', String(error));
      if (this.parts) return; // what is shown stays; the next change asks again
      this.dashboard.load(
        errorBox(reason, host.translate, () => {
          this.dashboard.load(null);
          this.begin();
        })
      );
    }
  }

  private build(detail: RunDetail): void {
    const { dashboard } = this;
    const t = dashboard.host.translate;
    this.run = detail;
    dashboard.model.put([detail]);
    dashboard.model.show([pathOf(detail)], true);
    const { search, axis } = tools(dashboard);
    const isMany = (): boolean => !bar.hidden;
    const keys = keyboard(
      dashboard,
      [{ keys: '/', does: t('search panels'), when: isMany, act: () => isMany() && (search.focus(), true) }],
      chartKeys(t),
      () => search.blur()
    );
    const header = new RunHeader(dashboard, detail, keys);
    const stats = new Stats(dashboard, () => dashboard.model.run(this.path) ?? this.run);
    const board = new Board(dashboard);
    const compare = new Compare(dashboard, axis, () => this.all());
    const waiting = h('p', { class: 'tnb-hint', hidden: true });
    const bar = h('div', { class: 'tnb-toolbar', hidden: true }, search);
    this.parts = { header, stats, board, compare, waiting, bar };
    dashboard.load(
      h('div', { class: 'tnb-run' }, header.node, stats.node, bar, waiting, board.node, compare.legend, compare.node)
    );
    const steps = detail.metrics.map(metric => toNumber(metric.last_step)).filter(Number.isFinite);
    header.update(detail, steps.length ? Math.max(...steps) : null);
    waiting.textContent = t('Waiting for the first log()');
  }

  private hear(event: SourceEvent): void {
    if (event.kind === 'connection' || event.store !== this.dashboard.request.store) return;
    if (event.kind === 'reset') {
      this.reread();
      return;
    }
    const mine = event.runs.find(change => pathOf(change) === this.path);
    for (const change of event.runs) this.dashboard.model.apply(change);
    if (mine) this.follow(mine);
    else if (event.many) this.reread();
    if (event.runs.some(change => change !== mine)) this.look();
  }

  private reread(): void {
    if (!this.parts) this.begin();
    void this.guard(async () => {
      const { host, request, signal } = this.dashboard;
      this.take(await host.source.run(request.store, this.path, signal));
      this.refresh();
      this.look();
    });
  }

  private take(detail: RunDetail): void {
    this.run = detail;
    this.dashboard.model.put([detail]);
    const steps = detail.metrics.map(metric => toNumber(metric.last_step)).filter(Number.isFinite);
    this.parts?.header.update(detail, steps.length ? Math.max(...steps) : null);
  }

  private follow(change: RunChange): void {
    const { model, host, request } = this.dashboard;
    if (change.deleted) {
      this.parts = null;
      this.dashboard.load(errorBox(new SourceError('RunNotFound', `${this.path} was deleted.`), host.translate));
      return;
    }
    if (!this.parts) return;
    const ended = this.run.state === 'running' && change.state !== 'running';
    this.run = model.run(pathOf(change)) ?? this.run;
    this.parts.header.update(this.run, change.step);
    if (this.parts.board.size === 0) void this.readMetrics();
    else this.refresh();
    if (ended) this.look();
    if (change.state !== 'running') {
      // The exact end, and a name or tags that were set meanwhile, or are only now.
      void this.guard(async () => this.take(await host.source.run(request.store, this.path, this.dashboard.signal)));
    }
  }

  private readMetrics(): Promise<void> {
    return this.guard(async () => {
      const { host, request, signal } = this.dashboard;
      const metrics = await host.source.metrics(request.store, [this.path], signal);
      if (!this.parts) return;
      const { goal } = this.parts.stats;
      this.parts.stats.show(metrics);
      // Which run is the best can be told only now: the metric was logged, or defined, late.
      if (goal !== this.parts.stats.goal && this.hasPeers) void this.readPeers();
      this.parts.board.show(metrics);
      this.parts.waiting.hidden = this.parts.board.size > 0;
      if (this.parts.board.size >= SEARCHED_FROM) this.parts.bar.hidden = false;
      if (this.run.state !== 'running') {
        this.parts.waiting.textContent = host.translate('This run has logged no numbers.');
      }
    });
  }

  /** The run before this one, and the best of the project where it is known what "better" means. */
  private readPeers(): Promise<void> {
    return this.guard(async () => {
      const { host, request, signal, model } = this.dashboard;
      const { entity, project } = this.run;
      const page = await host.source.runs(request.store, { entity, project, limit: 50 }, signal);
      this.total = page.total;
      const before = page.runs.filter(run => pathOf(run) !== this.path && run.created <= this.run.created);
      const last = before[0];
      const best = await this.best();
      if (!this.parts) return;
      this.hasPeers = true;
      this.peers = [
        ...(best ? [{ run: best, is: 'best' } as Peer] : []),
        ...(last ? [{ run: last, is: 'last' } as Peer] : [])
      ];
      this.parts.stats.setPeers(this.peers);
      this.parts.compare.show(model.run(this.path) ?? this.run, this.peers, this.total);
    });
  }

  private async best(): Promise<Run | undefined> {
    const { host, request, signal } = this.dashboard;
    const goal = this.parts?.stats.goal;
    if (!goal) return undefined;
    const order = `${goal.direction === 'maximize' ? '-' : '+'}summary_metrics.${goal.name}`;
    const { entity, project } = this.run;
    const page = await host.source.runs(request.store, { entity, project, order, limit: 5 }, signal);
    const has = (run: Run): boolean => Number.isFinite(figureOf(run.summary[goal.name], goal.direction).value);
    return page.runs.find(run => pathOf(run) !== this.path && has(run));
  }

  private async all(): Promise<readonly Run[]> {
    const { host, request, signal } = this.dashboard;
    const { entity, project } = this.run;
    const runs: Run[] = [];
    let cursor: string | undefined;
    do {
      const page = await host.source.runs(request.store, { entity, project, limit: 100, cursor }, signal);
      runs.push(...page.runs);
      cursor = page.next ?? undefined;
    } while (cursor && runs.length < MOST_COMPARED);
    return runs;
  }
}
