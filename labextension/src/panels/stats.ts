/** The line of figures of a run: up to four metrics with their value and a sparkline, and how they stand against other runs. */

import type { Metric, Run, RunPath, Series, SourceError } from '../data/source';
import { drawable } from './beside';
import { prefixOf } from './board';
import type { Dashboard } from './dashboard';
import { h, s, setText } from './dom';
import type { Client } from './feed';
import { fill, full, short, signed, toNumber } from './format';
import { type Figure, figureOf } from './figure';
import { pathOf } from './lines';
import { colour } from './palette';

const MOST = 4;
const [WIDTH, HEIGHT] = [56, 14];
const TELLING = /loss|acc|score|f1|auc|reward|error|perplexity|ppl|mse|mae|bleu|iou/i;

/** Another run to compare with. */
export interface Peer {
  run: Run;
  is: 'best' | 'last';
}

class Stat implements Client {
  /** A figure is of now, whatever part of the run the charts show. */
  readonly whole = true;
  readonly node: HTMLElement;
  value: number | null = null;
  /** Which values are better, where a definition says so. */
  direction: Metric['direction'] = null;
  private extremes: [number, number] = [NaN, NaN];
  private readonly number = h('span', { class: 'tnb-number tnb-stat-value' });
  private readonly path = s('path', { class: 'tnb-spark-line' });

  constructor(
    readonly key: string,
    private readonly run: () => Run,
    private readonly onScreen: () => boolean,
    private readonly changed: () => void
  ) {
    const spark = s('svg', { class: 'tnb-spark', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, 'aria-hidden': 'true' }, this.path);
    (this.path as SVGPathElement).style.stroke = colour(run().run, run().color);
    this.node = h('span', { class: 'tnb-stat' }, h('span', { class: 'tnb-muted' }, key), this.number, spark);
  }

  wanted(): boolean {
    return this.onScreen();
  }

  width(): number {
    return WIDTH;
  }

  /** The last of the steps is now, whatever the charts are drawn over. */
  x(): string {
    return '_step';
  }

  runs(): readonly Run[] {
    return [this.run()];
  }

  /** What is like another run's figure: of its best value the best one here, else the last. */
  like(figure: Figure): number | null {
    if (this.value === null) return null;
    return figure.of === 'min' ? this.extremes[0] : figure.of === 'max' ? this.extremes[1] : this.value;
  }

  draw(series: ReadonlyMap<RunPath, Series | null>): void {
    const found = series.get(pathOf(this.run()));
    if (!found?.last.length) return;
    const last = found.last[found.last.length - 1];
    this.value = toNumber(last);
    this.extremes = [least(found.min ?? found.last, -1), least(found.max ?? found.last, 1)];
    setText(this.number, short(last), full(last));
    this.path.setAttribute('d', sparkline(found.x.map(toNumber), found.last.map(toNumber)));
    this.changed();
  }

  fail(_error: SourceError | null): void {
    // The panel of this metric says it.
  }
}

/** The path of a sparkline; a gap where a value is none. */
export function sparkline(x: readonly number[], y: readonly number[]): string {
  const finite = y.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const [from, to] = [x[0] ?? 0, x[x.length - 1] ?? 0];
  let path = '';
  let pen = 'M';
  // Not more than the pixels across: the same answer may have fed a panel.
  const each = Math.max(1, Math.floor(x.length / WIDTH));
  for (let at = 0; at < x.length; at += at + each < x.length || at === x.length - 1 ? each : x.length - 1 - at) {
    const value = y[at] as number;
    if (!Number.isFinite(value)) {
      pen = 'M';
      continue;
    }
    const left = to > from ? (((x[at] as number) - from) / (to - from)) * (WIDTH - 2) + 1 : WIDTH / 2;
    const top = high > low ? (1 - (value - low) / (high - low)) * (HEIGHT - 3) + 1.5 : HEIGHT / 2;
    path += `${pen}${left.toFixed(1)} ${top.toFixed(1)}`;
    pen = 'L';
  }
  return path;
}

export class Stats {
  readonly node: HTMLElement;
  /** The metric by which runs are compared, where a definition says which values are better. */
  goal: Metric | null = null;
  private readonly figures = h('span', { class: 'tnb-figures' });
  private readonly against = h('span', { class: 'tnb-against' });
  private readonly stats: Stat[] = [];
  private peers: readonly Peer[] = [];
  private seen = false;

  constructor(
    private readonly dashboard: Dashboard,
    private readonly run: () => Run
  ) {
    this.node = h('div', { class: 'tnb-stats' }, this.figures, h('span', { class: 'tnb-space' }), this.against);
    dashboard.disposables.add(
      dashboard.shared.screen.watch(this.node, seen => {
        this.seen = seen;
        if (seen) dashboard.feed.poke();
      })
    );
  }

  /** Chooses metrics once and keeps them: a figure that is there stays in its place. */
  show(metrics: readonly Metric[]): void {
    const directions = new Map(metrics.map(metric => [metric.name, metric.direction]));
    // A definition may come later than the figure.
    for (const stat of this.stats) stat.direction = directions.get(stat.key) ?? stat.direction;
    this.goal ??= metrics.find(metric => metric.direction && drawable(metric)) ?? null;
    const shown = new Set(this.stats.map(stat => stat.key));
    const candidates = metrics.filter(
      metric => drawable(metric) && prefixOf(metric.name) !== 'system' && !shown.has(metric.name)
    );
    const chosen = candidates.sort((a, b) => weight(b) - weight(a)).slice(0, Math.max(0, MOST - this.stats.length));
    // What is compared stands there, though it came when all places were taken.
    const goal = candidates.find(metric => metric.name === this.goal?.name);
    if (goal && !chosen.includes(goal)) chosen.push(goal);
    for (const metric of chosen) {
      const stat = new Stat(
        metric.name,
        this.run,
        () => this.seen,
        () => this.compare()
      );
      stat.direction = metric.direction;
      this.stats.push(stat);
      this.figures.append(stat.node);
      const feeding = this.dashboard.feed.add(stat);
      this.dashboard.disposables.add(feeding);
    }
  }

  setPeers(peers: readonly Peer[]): void {
    this.peers = peers;
    this.compare();
  }

  /** Of each figure in the line, how it differs from another run's; a run that is both the best and the last stands there once. */
  private compare(): void {
    const t = this.dashboard.host.translate;
    const others = new Map<RunPath, { run: Run; is: Peer['is'][] }>();
    for (const { run, is } of this.peers) {
      const known = others.get(pathOf(run));
      if (known) known.is.push(is);
      else others.set(pathOf(run), { run, is: [is] });
    }
    const said: HTMLElement[] = [];
    for (const { run, is } of others.values()) {
      const differences = this.stats.flatMap(stat => this.difference(stat, run, is.includes('last')) ?? []);
      if (!differences.length) continue;
      const listed = differences.flatMap((one, at) => (at ? [', ', one] : [one]));
      const words =
        is.length > 1 ? t('vs best and last (%1):') : is[0] === 'best' ? t('vs best (%1):') : t('vs last (%1):');
      said.push(h('span', {}, `${fill(words, run.name || run.run)} `, ...listed));
    }
    const text = said.map(node => node.textContent).join('\n');
    if (this.against.dataset.text === text) return;
    this.against.dataset.text = text;
    this.against.replaceChildren(...said);
  }

  /** Against the best run only what is known to be better in a direction; against the last one any difference is worth seeing. */
  private difference(stat: Stat, run: Run, isLast: boolean): HTMLElement | null {
    const t = this.dashboard.host.translate;
    if (!isLast && stat.direction === null) return null;
    const figure = figureOf(run.summary[stat.key], stat.direction);
    const mine = stat.like(figure) ?? NaN;
    const difference = mine - figure.value;
    if (!Number.isFinite(difference)) return null;
    const title = fill(t('%1 here, %2 there'), full(mine), full(figure.value));
    return h(
      'span',
      { class: 'tnb-difference', title },
      `${stat.key} `,
      h('span', { class: 'tnb-number' }, signed(difference))
    );
  }
}

/** The largest of a sign's way: -1 the smallest, 1 the largest. What is no number does not count. */
function least(values: readonly unknown[], sign: 1 | -1): number {
  const numbers = values.map(toNumber).filter(value => !Number.isNaN(value));
  return numbers.reduce((best, value) => (sign * value > sign * best ? value : best), numbers[0] ?? NaN);
}

function weight(metric: Metric): number {
  return (metric.direction ? 2 : 0) + (TELLING.test(metric.name) ? 1 : 0);
}
