/**
 * What lies over a chart: the ruler, the values beside it, the window being dragged. Plain DOM over the canvas, so that moving
 * the pointer draws nothing again.
 */

import { PLOT } from './chart';
import { Disposables, h } from './dom';
import { count, duration, exact, fill, full, short, type Translate } from './format';
import type { HoverBus, Ruler } from './hover';
import type { Window } from './model';

/** The value of a line at the ruler. */
export interface Reading {
  label: string;
  /** A CSS background: the colour of the line, broken where the line is. */
  fill: string;
  x: number;
  value: number;
  min?: number;
  max?: number;
}

export interface OverlayHost {
  panel: object;
  bus: HoverBus;
  /** What the x axis spans, in the chart's units; null before anything is drawn. */
  domain: () => Window | null;
  read: (x: number) => Reading[];
  zoom: (window: Window | null) => void;
  axis: () => { x: string; word: string };
  say: (text: string) => void;
  translate: Translate;
}

const MOST_ROWS = 12;
/** Up to so many lines, the range of a bucket stands below its value. */
const FEW_ROWS = 4;

export class Overlay {
  private readonly ruler = h('div', { class: 'tnb-ruler', hidden: true });
  private readonly marked = h('div', { class: 'tnb-marked', hidden: true });
  private readonly tip = h('div', { class: 'tnb-tip', hidden: true, role: 'presentation' });
  private readonly disposables = new Disposables();
  private width = 0;
  private height = 0;
  private dragFrom: number | null = null;

  constructor(
    private readonly plot: HTMLElement,
    private readonly host: OverlayHost
  ) {
    plot.append(this.marked, this.ruler, this.tip);
    const on = <K extends keyof HTMLElementEventMap>(type: K, act: (event: HTMLElementEventMap[K]) => void): void =>
      this.disposables.listen(plot, type, act as (event: Event) => void);
    on('pointermove', event => this.move(event));
    on('pointerleave', () => this.dragFrom === null && host.bus.leave(host.panel));
    on('pointerdown', event => this.begin(event));
    on('pointerup', event => this.end(event));
    on('pointercancel', () => this.drop());
    on('dblclick', () => host.zoom(null));
    on('keydown', event => this.press(event));
    on('blur', () => host.bus.leave(host.panel));
    this.disposables.add(host.bus.moved.connect(ruler => this.show(ruler)));
  }

  resize(width: number, height: number): void {
    this.width = width;
    this.height = height;
  }

  /** The chart has been drawn again: the ruler stands at the same x, with the values of now. */
  refresh(): void {
    if (this.host.bus.at) this.show(this.host.bus.at, false);
  }

  dispose(): void {
    this.disposables.dispose();
  }

  private get across(): number {
    return Math.max(1, this.width - PLOT.left - PLOT.right);
  }

  private xAt(event: MouseEvent): number | null {
    const domain = this.host.domain();
    if (!domain) return null;
    // Where a page is scaled (a browser's zoom within a transformed node), the box is in other pixels than the plot.
    const box = this.plot.getBoundingClientRect();
    const pixel = ((event.clientX - box.left) * this.width) / (box.width || this.width) - PLOT.left;
    const share = Math.min(1, Math.max(0, pixel / this.across));
    return domain[0] + share * (domain[1] - domain[0]);
  }

  private pixel(x: number): number | null {
    const domain = this.host.domain();
    if (!domain || domain[1] <= domain[0]) return null;
    const share = (x - domain[0]) / (domain[1] - domain[0]);
    return share < -0.001 || share > 1.001 ? null : PLOT.left + share * this.across;
  }

  private move(event: PointerEvent): void {
    const x = this.xAt(event);
    if (x === null) return;
    this.host.bus.set({ x, axis: this.host.axis().x, panel: this.host.panel, spoken: false });
    if (this.dragFrom !== null) this.mark(this.dragFrom, x);
  }

  private begin(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.dragFrom = this.xAt(event);
    // The drag goes on outside of the panel; jsdom and old browsers lack it.
    this.plot.setPointerCapture?.(event.pointerId);
  }

  private end(event: PointerEvent): void {
    const [from, to] = [this.dragFrom, this.xAt(event)];
    this.drop();
    if (from === null || to === null) return;
    const domain = this.host.domain() as Window;
    const pixels = (Math.abs(to - from) / (domain[1] - domain[0])) * this.across;
    if (pixels >= 4) this.host.zoom(from < to ? [from, to] : [to, from]);
  }

  private drop(): void {
    this.dragFrom = null;
    this.marked.hidden = true;
  }

  private mark(from: number, to: number): void {
    const [a, b] = [this.pixel(from), this.pixel(to)];
    this.marked.hidden = a === null || b === null;
    if (a === null || b === null) return;
    this.marked.style.left = `${Math.min(a, b)}px`;
    this.marked.style.width = `${Math.abs(a - b)}px`;
  }

  private press(event: KeyboardEvent): void {
    const domain = this.host.domain();
    if (!domain || event.ctrlKey || event.metaKey || event.altKey) return;
    const span = domain[1] - domain[0];
    const at = this.host.bus.at;
    const axis = this.host.axis().x;
    const here = at?.axis === axis && this.pixel(at.x) !== null ? at.x : (domain[0] + domain[1]) / 2;
    const step = (span / this.across) * (event.shiftKey ? 40 : 4);
    if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
      const to = here + (event.key === 'ArrowRight' ? step : -step);
      const x = Math.min(domain[1], Math.max(domain[0], to));
      this.host.bus.set({ x, axis, panel: this.host.panel, spoken: true });
    } else if (event.key === '+' || event.key === '=') {
      this.host.zoom([here - (here - domain[0]) / 2, here + (domain[1] - here) / 2]);
    } else if (event.key === '-') {
      this.host.zoom([here - (here - domain[0]) * 2, here + (domain[1] - here) * 2]);
    } else if (event.key === '0') {
      this.host.zoom(null);
    } else if (event.key === 'Escape' && (this.dragFrom !== null || at)) {
      this.drop();
      this.host.bus.set(null);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  private show(ruler: Ruler | null, speak = true): void {
    const left = ruler?.axis === this.host.axis().x ? this.pixel(ruler.x) : null;
    this.ruler.hidden = left === null;
    const mine = left !== null && ruler?.panel === this.host.panel;
    this.tip.hidden = !mine;
    if (left === null || !ruler) return;
    this.ruler.style.transform = `translateX(${left}px)`;
    if (!mine) return;
    const readings = this.host.read(ruler.x);
    this.tip.hidden = readings.length === 0;
    this.fill(readings, ruler.x);
    // Beside the ruler, on the side that has more room.
    const wide = this.tip.offsetWidth;
    const beside = left > this.width / 2 ? left - wide - 10 : left + 10;
    const [from, to] = this.room();
    this.tip.style.left = `${Math.max(from, Math.min(beside, to - wide))}px`;
    this.tip.style.top = `${Math.min(PLOT.top, this.height)}px`;
    if (ruler.spoken && speak) {
      const spoken = readings.slice(0, MOST_ROWS).map(one => `${one.label} ${full(one.value)}`);
      this.host.say([this.position(ruler.x, readings), ...spoken].join(', '));
    }
  }

  /** What is not cut off, left and right, seen from the plot: a tip may stand over the panels beside. */
  private room(): [number, number] {
    const around = this.plot.closest('.tnb-board')?.getBoundingClientRect();
    const box = this.plot.getBoundingClientRect();
    return around ? [around.left - box.left, around.right - box.left] : [0, this.width];
  }

  private fill(readings: Reading[], x: number): void {
    const t = this.host.translate;
    const rows = readings.slice(0, MOST_ROWS).map(one => {
      const swatch = h('span', { class: 'tnb-swatch' });
      swatch.style.background = one.fill;
      const range = readings.length <= FEW_ROWS && one.min !== undefined && one.max !== undefined && one.min < one.max;
      const value = h('span', { class: 'tnb-number' }, full(one.value));
      const between = range && h('span', { class: 'tnb-range' }, `${short(one.min)} … ${short(one.max)}`);
      return h(
        'div',
        { class: 'tnb-tip-row' },
        swatch,
        h('span', { class: 'tnb-tip-name' }, one.label),
        value,
        between
      );
    });
    const more = readings.length - rows.length;
    if (more > 0) rows.push(h('div', { class: 'tnb-tip-more' }, fill(t('and %1 more'), String(more))));
    this.tip.replaceChildren(h('div', { class: 'tnb-tip-x' }, this.position(x, readings)), ...rows);
  }

  private position(x: number, readings: Reading[]): string {
    const { x: axis, word } = this.host.axis();
    const one = readings[0];
    const at = one && readings.every(reading => reading.x === one.x) ? one.x : x;
    if (axis === '_timestamp') return exact(at * 1000);
    if (axis === '_runtime') return duration(at * 1e6);
    return `${word} ${axis === '_step' ? count(Math.round(at)) : short(at)}`;
  }
}
