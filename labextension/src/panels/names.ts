/** The names of a chart's lines, on the chart: DOM over the canvas, so that moving one draws nothing again. */

import { PLOT } from './chart';
import { h, setText } from './dom';
import { type Curve, place, type Spot } from './labels';
import type { Line } from './lines';
import type { Window } from './model';

/** How many lines carry their name; beyond, the run list or the legend does. */
export const DIRECT_LABELS = 4;
const WIDEST = 140;

/** What the axes span, and the plot in pixels. */
export interface Area {
  x: Window;
  y: Window;
  size: [number, number];
}

interface Name {
  node: HTMLElement;
  text: string;
  color: string;
  wide: number;
  spot: Spot | null;
}

export class Names {
  readonly node = h('div', { class: 'tnb-names', 'aria-hidden': 'true' });
  private readonly known = new Map<string, Name>();

  /** A single line needs no name, and more than four a legend. */
  show(lines: readonly Line[], area: Area): void {
    const named = lines.length > 1 && lines.length <= DIRECT_LABELS ? lines : [];
    const names = named.map(line => this.name(line));
    const curves = named.map((line, at) => curve(line, area, (names[at] as Name).wide));
    const spots = place(
      curves,
      area.size,
      names.map(name => name.spot)
    );
    names.forEach((name, at) => {
      const spot = spots[at] ?? null;
      name.spot = spot;
      name.node.hidden = spot === null;
      if (spot === null) return;
      const [left, top] = [PLOT.left + spot.left, PLOT.top + spot.top];
      name.node.style.transform = `translate(${left.toFixed(1)}px, ${top.toFixed(1)}px)`;
    });
    const shown = new Set(named.map(line => line.run));
    for (const [run, name] of this.known) {
      if (shown.has(run)) continue;
      name.node.remove();
      this.known.delete(run);
    }
  }

  private name(line: Line): Name {
    let name = this.known.get(line.run);
    if (!name) {
      name = { node: h('span', { class: 'tnb-name' }), text: '', color: '', wide: 0, spot: null };
      this.known.set(line.run, name);
      this.node.append(name.node);
    }
    if (name.text !== line.label) {
      name.text = line.label;
      name.node.hidden = false;
      setText(name.node, line.label);
      // Measured once: a layout for each drawing would cost more than the drawing.
      name.wide = Math.min(WIDEST, name.node.offsetWidth || line.label.length * 6.5);
    }
    if (name.color !== line.color) name.node.style.setProperty('--tnb-hue', (name.color = line.color));
    return name;
  }
}

/** A line in pixels of the plot. What lies outside is where the chart cuts it off. */
function curve(line: Line, { x, y, size: [width, height] }: Area, wide: number): Curve {
  const across = x[1] > x[0] ? width / (x[1] - x[0]) : 0;
  const up = y[1] > y[0] ? height / (y[1] - y[0]) : 0;
  const made: Curve = { x: new Float64Array(line.x.length), y: new Float64Array(line.x.length), wide };
  for (let at = 0; at < line.x.length; at++) {
    const [value, of] = [line.last[at] as number, line.x[at] as number];
    made.x[at] = across > 0 ? (of - x[0]) * across : width / 2;
    const inside = Number.isFinite(value) && of >= x[0] && of <= x[1];
    made.y[at] = inside ? (up > 0 ? height - (value - y[0]) * up : height / 2) : NaN;
  }
  return made;
}
