/**
 * Where the names of lines stand: near the end of their own line, and never on a line, on the dot of a live run or on another
 * name. A name for which there is no such place is left out: the legend, the list of runs and the ruler have it too.
 */

/** A line in pixels of the plot, and how wide its name is. A y that is not finite is a gap. */
export interface Curve {
  x: Float64Array;
  y: Float64Array;
  wide: number;
}

/** Top left corner of a name, and where that is as seen from the end of its line. */
export interface Spot {
  left: number;
  top: number;
  way: Way;
}

/** `right`: beyond the end; else above or below, so many columns back. */
type Way = { side: 'right' | 'above' | 'below'; back: number };

export const HIGH = 13;
const COLUMN = 4;
const GAP = 2;
const DOT = 5;
/** Columns between two tries. */
const STEP = 3;
/** Pixels by which another place must be nearer to the end before a name moves there. */
const STAY = 48;

/** What a line covers, in columns of pixels: its highest and lowest place in each, `Infinity` and `-Infinity` where it has none. */
interface Cover {
  low: Float64Array;
  high: Float64Array;
}

/** A place for each curve's name, or null; `before` are the places of now, which are kept where nothing has come there. */
export function place(
  curves: readonly Curve[],
  [width, height]: readonly [number, number],
  before: readonly (Spot | null)[] = []
): (Spot | null)[] {
  const columns = Math.max(1, Math.ceil(width / COLUMN));
  const covers = curves.map(curve => cover(curve, columns));
  const taken: { left: number; top: number; right: number }[] = [];

  const isFree = (left: number, top: number, wide: number): boolean => {
    if (left < 0 || top < 0 || left + wide > width || top + HIGH > height) return false;
    for (const one of taken) {
      if (left < one.right + GAP && left + wide + GAP > one.left && Math.abs(top - one.top) < HIGH) return false;
    }
    const to = Math.min(columns - 1, Math.floor((left + wide) / COLUMN));
    for (const { low, high } of covers) {
      for (let at = Math.floor(left / COLUMN); at <= to; at++) {
        if ((low[at] as number) < top + HIGH + 1 && (high[at] as number) > top - 1) return false;
      }
    }
    return true;
  };

  return curves.map((curve, index) => {
    const end = endOf(curve);
    if (end < 0) return null;
    const own = covers[index] as Cover;
    const [x, y] = [curve.x[end] as number, curve.y[end] as number];
    const { wide } = curve;

    const at = (way: Way): (Spot & { cost: number }) | null => {
      if (way.side === 'right') {
        const [left, top] = [x + DOT + GAP, y - HIGH / 2];
        return isFree(left, top, wide) ? { left, top, way, cost: 0 } : null;
      }
      const left = Math.min(x, width) - way.back * COLUMN - wide;
      if (left < 0) return null;
      const [from, to] = [Math.floor(left / COLUMN), Math.min(columns - 1, Math.floor((left + wide) / COLUMN))];
      const edge = edgeOf(own, from, to, way.side);
      if (!Number.isFinite(edge)) return null;
      const top = way.side === 'above' ? edge - HIGH - GAP : edge + GAP;
      // How far from the line a name is counts too: beside a steep one it hangs in the air.
      const apart = Math.abs(top + HIGH / 2 - (way.back === 0 ? y : edge));
      return isFree(left, top, wide) ? { left, top, way, cost: way.back * COLUMN + apart } : null;
    };

    let best = at({ side: 'right', back: 0 });
    const last = Math.floor((Math.min(x, width) - wide) / COLUMN);
    for (let back = 0; back <= last && (best === null || back * COLUMN < best.cost); back += STEP) {
      for (const side of ['above', 'below'] as const) {
        const found = at({ side, back });
        if (found !== null && (best === null || found.cost < best.cost)) best = found;
      }
    }
    const kept = before[index] && at(before[index].way);
    const chosen = kept && best && kept.cost <= best.cost + STAY ? kept : best;
    if (chosen === null) return null;
    taken.push({ left: chosen.left, top: chosen.top, right: chosen.left + wide });
    return { left: chosen.left, top: chosen.top, way: chosen.way };
  });
}

/** The last point that is one. */
function endOf(curve: Curve): number {
  let at = curve.x.length - 1;
  while (at >= 0 && !Number.isFinite(curve.y[at])) at--;
  return at;
}

function cover(curve: Curve, columns: number): Cover {
  const found: Cover = {
    low: new Float64Array(columns).fill(Infinity),
    high: new Float64Array(columns).fill(-Infinity)
  };
  const { x, y } = curve;
  const put = (column: number, value: number): void => {
    if (column < 0 || column >= columns) return;
    if (value < (found.low[column] as number)) found.low[column] = value;
    if (value > (found.high[column] as number)) found.high[column] = value;
  };
  for (let at = 0; at < x.length; at++) {
    const [x1, y1] = [x[at] as number, y[at] as number];
    if (!Number.isFinite(y1)) continue;
    put(Math.floor(x1 / COLUMN), y1);
    const [x0, y0] = [x[at - 1] as number, y[at - 1] as number];
    if (at === 0 || !Number.isFinite(y0) || x1 <= x0) continue;
    // Where the piece from the point before crosses the edges of columns.
    const to = Math.min(columns, Math.floor(x1 / COLUMN));
    for (let edge = Math.max(0, Math.floor(x0 / COLUMN) + 1); edge <= to; edge++) {
      const value = y0 + ((edge * COLUMN - x0) / (x1 - x0)) * (y1 - y0);
      put(edge - 1, value);
      put(edge, value);
    }
  }
  const end = endOf(curve);
  if (end < 0) return found;
  for (let left = (x[end] as number) - DOT; left <= (x[end] as number) + DOT; left += COLUMN) {
    put(Math.floor(left / COLUMN), (y[end] as number) - DOT);
    put(Math.floor(left / COLUMN), (y[end] as number) + DOT);
  }
  return found;
}

/** How far up, or down, a line goes between two columns. */
function edgeOf({ low, high }: Cover, from: number, to: number, side: 'above' | 'below'): number {
  let edge = side === 'above' ? Infinity : -Infinity;
  for (let at = from; at <= to; at++) {
    edge = side === 'above' ? Math.min(edge, low[at] as number) : Math.max(edge, high[at] as number);
  }
  return edge;
}
