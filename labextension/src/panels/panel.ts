/** A line panel: one metric of the shown runs. Its place and size are fixed; what is drawn in it comes from the feed. */

import type { Run, RunPath, Series, SourceError } from '../data/source';
import { type ChartSettings, type ChartTheme, LineChart, PLOT } from './chart';
import { Disposables, h, setText } from './dom';
import type { Client } from './feed';
import { fill, full, short, type Translate } from './format';
import type { HoverBus } from './hover';
import { type Line, nearest, pathOf, toLine } from './lines';
import type { Model, Window } from './model';
import { Names } from './names';
import { Overlay, type Reading } from './overlay';
import { errorBox } from './states';
import { swatchFill } from './palette';
import { type Screen, watchSize } from './visible';

/** What all panels of a dashboard share. */
export interface Shared {
  model: Model;
  bus: HoverBus;
  screen: Screen;
  theme: () => ChartTheme;
  translate: Translate;
  /** Something may be lacking now. */
  poke: () => void;
  /** After an error. */
  retry: () => void;
  /** Said to those who do not see the chart. */
  say: (text: string) => void;
  /** A test draws nothing. */
  chart?: typeof LineChart;
}

export class LinePanel implements Client {
  readonly node: HTMLElement;
  private readonly plot: HTMLElement;
  private readonly canvas: HTMLElement;
  private readonly names = new Names();
  private readonly readout: HTMLElement;
  private readonly note: HTMLElement;
  private readonly over: HTMLElement;
  private readonly overlay: Overlay;
  private readonly disposables = new Disposables();
  private readonly cache = new Map<RunPath, { series: Series; look: string; line: Line }>();
  private chart: LineChart | null = null;
  private chartKind = '';
  private lines: Line[] = [];
  private seen = false;
  private size: [number, number] = [0, 0];
  private hasDrawn = false;
  private own: string | null = null;
  private skeleton: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly key: string,
    title: string,
    private readonly shared: Shared,
    private readonly runsShown: () => readonly Run[] = () => shared.model.shown
  ) {
    const t = shared.translate;
    this.readout = h('span', { class: 'tnb-readout', 'aria-hidden': 'true' });
    this.canvas = h('div', { class: 'tnb-canvas' });
    this.note = h('div', { class: 'tnb-plot-note', hidden: true });
    this.plot = h(
      'div',
      { class: 'tnb-plot', role: 'group', tabindex: '0', 'aria-label': key },
      this.canvas,
      this.names.node
    );
    this.overlay = new Overlay(this.plot, {
      panel: this,
      bus: shared.bus,
      domain: () => this.chart?.xDomain ?? null,
      read: x => this.read(x),
      zoom: window => this.zoom(window),
      axis: () => ({ x: this.x(), word: axisWord(this.x(), t) }),
      say: text => shared.say(`${key}: ${text}`),
      translate: t
    });
    this.plot.append(this.note);
    const head = h(
      'header',
      { class: 'tnb-panel-head' },
      h('span', { class: 'tnb-panel-title', title: key }, title),
      (this.over = h('span', { class: 'tnb-panel-over tnb-muted', hidden: true })),
      this.readout
    );
    this.node = h('section', { class: 'tnb-panel', 'data-key': key }, head, this.plot);
    this.disposables.add(this.overlay);
    this.disposables.add(shared.screen.watch(this.node, seen => this.appear(seen)));
    this.disposables.add(watchSize(this.plot, (width, height) => this.resize(width, height)));
    this.disposables.add(
      shared.model.changed.connect(aspect => {
        if (aspect === 'x') this.nameAxis();
        if (aspect === 'zoom' && this.seen) void this.chart?.zoom(this.window()).then(() => this.place());
      })
    );
    this.disposables.add(
      shared.bus.moved.connect(ruler =>
        this.readOut(ruler && ruler.panel !== this && ruler.axis === this.x() ? ruler.x : null)
      )
    );
    this.skeleton = setTimeout(() => !this.hasDrawn && this.plot.classList.add('tnb-skeleton'), 200);
  }

  wanted(): boolean {
    return this.seen && this.size[0] > 0;
  }

  width(): number {
    return Math.max(16, this.size[0] - PLOT.left - PLOT.right);
  }

  runs(): readonly Run[] {
    return this.runsShown();
  }

  /** The metric that a definition names as its x axis; null: the step. */
  set axis(own: string | null) {
    if (own === this.own) return;
    this.own = own;
    this.nameAxis();
    this.shared.poke();
  }

  x(): string {
    return this.shared.model.axisOf(this.own);
  }

  /** Beside the axis there is room for a short word only: a metric is named in full beside the title. */
  private nameAxis(): void {
    const x = this.x();
    this.over.hidden = ['_step', '_runtime', '_timestamp'].includes(x);
    setText(this.over, fill(this.shared.translate('over %1'), x), x);
  }

  async draw(series: ReadonlyMap<RunPath, Series | null>): Promise<void> {
    const { model } = this.shared;
    const time = this.x() === '_timestamp';
    const zoom = model.windowOf(this.x());
    const lines: Line[] = [];
    for (const run of this.runs()) {
      const path = pathOf(run);
      const found = series.get(path);
      if (!found?.x.length) continue;
      const dash = model.dash(path);
      const look = [run.name, run.color, run.state === 'running', dash, time, zoom].join('\n');
      let held = this.cache.get(path);
      if (held?.series !== found || held.look !== look) {
        held = { series: found, look, line: this.cut(toLine(found, run, dash, time)) };
        this.cache.set(path, held);
      }
      lines.push(held.line);
    }
    this.lines = lines;
    this.describe();
    await this.ensure()?.update(lines, this.window());
    if (this.disposables.isDisposed) return;
    this.hasDrawn = true;
    clearTimeout(this.skeleton);
    this.plot.classList.remove('tnb-skeleton');
    const waits = !lines.length && this.runs().length > 0;
    this.tell(waits ? this.shared.translate(zoom ? 'No points in this window' : 'No points yet') : null);
    this.place();
  }

  /** A run that goes on beyond the window has no end in it, and so no dot. */
  private cut(line: Line): Line {
    const window = this.window();
    const [first, last] = [line.x[0] ?? 0, line.x[line.x.length - 1] ?? 0];
    const apart = line.x.length > 1 ? (last - first) / (line.x.length - 1) : 0;
    return window && last + 1.5 * apart >= window[1] ? { ...line, live: false } : line;
  }

  fail(error: SourceError | null): void {
    clearTimeout(this.skeleton);
    this.plot.classList.remove('tnb-skeleton');
    if (!error) this.tell(null);
    else this.tell(errorBox(error, this.shared.translate, this.shared.retry));
  }

  /** The theme has changed. */
  recolour(): void {
    if (!this.chart) return;
    void this.chart.theme(this.shared.theme());
  }

  /** Draws the chart again from what is there: the x axis has another kind, or another font. */
  private ensure(): LineChart | null {
    if (!this.size[0]) return null;
    const x = this.x();
    const settings: ChartSettings = {
      x: x === '_timestamp' ? 'time' : 'number',
      title: cut(axisWord(x, this.shared.translate))
    };
    const kind = JSON.stringify(settings);
    if (!this.chart || kind !== this.chartKind) {
      this.chart?.dispose();
      this.canvas.replaceChildren();
      this.chartKind = kind;
      this.chart = new (this.shared.chart ?? LineChart)(this.canvas, settings, this.shared.theme(), this.size);
    }
    return this.chart;
  }

  private appear(seen: boolean): void {
    this.seen = seen;
    if (seen) this.shared.poke();
  }

  private resize(width: number, height: number): void {
    if (width === this.size[0] && height === this.size[1]) return;
    const first = !this.size[0];
    this.size = [width, height];
    this.overlay.resize(width, height);
    if (this.chart) void this.chart.resize(this.size).then(() => this.place());
    if (this.seen && (first || this.chart)) this.shared.poke();
  }

  /** The window in the chart's units. */
  private window(): Window | null {
    const zoom = this.shared.model.windowOf(this.x());
    return zoom && this.x() === '_timestamp' ? [zoom[0] * 1000, zoom[1] * 1000] : zoom;
  }

  private zoom(window: Window | null): void {
    const x = this.x();
    this.shared.model.zoom(x, window && x === '_timestamp' ? [window[0] / 1000, window[1] / 1000] : window);
  }

  /** Values of all lines at x, the largest first. */
  private read(x: number): Reading[] {
    return this.lines
      .map(line => ({ line, at: nearest(line, x) }))
      .filter(({ at }) => at >= 0)
      .map(({ line, at }) => ({
        label: line.label,
        fill: swatchFill(line.color, line.dash),
        x: line.x[at] as number,
        value: line.last[at] as number,
        min: line.min?.[at],
        max: line.max?.[at]
      }))
      .sort((a, b) => rank(b.value) - rank(a.value));
  }

  private readOut(x: number | null): void {
    const [one, second] = x === null ? [] : this.read(x);
    setText(this.readout, one && !second ? short(one.value) : '');
  }

  private tell(note: string | Node | null): void {
    this.note.replaceChildren(...(note === null ? [] : [note]));
    this.note.hidden = note === null;
  }

  private describe(): void {
    const text = this.lines.slice(0, 8).map(line => `${line.label} ${full(line.last[line.last.length - 1])}`);
    const label = [this.key, ...text].join(', ');
    if (this.plot.getAttribute('aria-label') !== label) this.plot.setAttribute('aria-label', label);
  }

  /** What has been drawn is elsewhere now: the ruler's values, and the names of the lines. */
  private place(): void {
    this.overlay.refresh();
    const { xDomain, yDomain } = this.chart ?? {};
    const size: [number, number] = [this.width(), this.size[1] - PLOT.top - PLOT.bottom];
    this.names.show(xDomain && yDomain ? this.lines : [], { x: xDomain ?? [0, 1], y: yDomain ?? [0, 1], size });
  }

  dispose(): void {
    clearTimeout(this.skeleton);
    this.disposables.dispose();
    this.chart?.dispose();
    this.node.remove();
  }
}

/** What x is, in a word. */
export function axisWord(x: string, t: Translate): string {
  return x === '_step' ? t('step') : x === '_runtime' ? t('seconds') : x === '_timestamp' ? t('time') : x;
}

/** The last part of a name, as long as there is room for at the left of the axis. */
function cut(word: string): string {
  const last = word.slice(word.lastIndexOf('/') + 1);
  return last.length > 8 ? `${last.slice(0, 7)}…` : last;
}

function rank(value: number): number {
  return Number.isNaN(value) ? -Infinity : value;
}
