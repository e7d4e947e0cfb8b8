import { describe, expect, it } from 'vitest';

import { type Curve, HIGH, place, type Spot } from '../../src/panels/labels';

const SIZE: [number, number] = [300, 160];

/** A line over x from 0 to `to`, in pixels. */
function curve(y: (x: number) => number, { to = 300, wide = 70 } = {}): Curve {
  const x = Float64Array.from({ length: Math.floor(to / 3) + 1 }, (_, at) => at * 3);
  return { x, y: x.map(y), wide };
}

/** Points of any line that lie under a name. */
function covered(curves: readonly Curve[], spot: Spot, wide: number): number {
  let found = 0;
  for (const { x, y } of curves) {
    for (let at = 1; at < x.length; at++) {
      for (let part = 0; part <= 10; part++) {
        const left = x[at - 1]! + ((x[at]! - x[at - 1]!) * part) / 10;
        const top = y[at - 1]! + ((y[at]! - y[at - 1]!) * part) / 10;
        const inside = left > spot.left && left < spot.left + wide && top > spot.top && top < spot.top + HIGH;
        if (inside) found++;
      }
    }
  }
  return found;
}

/** A sequence of numbers from 0 to 1 that is the same each time. */
function chance(seed: number): () => number {
  let state = seed * 2654435761 + 1;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

describe('names of lines', () => {
  it('stand beyond the end of a line that is short, where nothing else is', () => {
    const [spot] = place([curve(() => 80, { to: 90 })], SIZE);
    expect(spot!.way.side).toBe('right');
    expect(spot!.left).toBeGreaterThan(90);
    expect(spot!.top + HIGH / 2).toBeCloseTo(80);
  });

  it('stand close to the end of their line, within the plot', () => {
    const curves = [curve(x => 20 + x / 10), curve(x => 150 - x / 10)];
    for (const [at, spot] of place(curves, SIZE).entries()) {
      const end = curves[at]!.y.at(-1)!;
      expect(spot!.left + 70).toBeGreaterThan(280);
      expect(Math.abs(spot!.top + HIGH / 2 - end)).toBeLessThan(40);
    }
  });

  it('never cover a line, the dot at its end or each other, however the lines run', () => {
    let placed = 0;
    for (let seed = 0; seed < 200; seed++) {
      const random = chance(seed);
      const count = 2 + Math.floor(random() * 3);
      const curves = Array.from({ length: count }, () => {
        const [base, slope, wave, noise] = [random() * 160, random() - 0.5, random() * 40, random() * 12];
        const wild = (x: number): number => base + slope * x + wave * Math.sin(x / 20) + noise * (random() - 0.5);
        return curve(x => Math.min(158, Math.max(2, wild(x))), { to: 60 + random() * 240, wide: 40 + random() * 60 });
      });
      const spots = place(curves, SIZE);
      spots.forEach((spot, at) => {
        if (spot === null) return;
        placed++;
        expect(covered(curves, spot, curves[at]!.wide)).toBe(0);
        expect(spot.left >= 0 && spot.left + curves[at]!.wide <= 300).toBe(true);
        expect(spot.top >= 0 && spot.top + HIGH <= 160).toBe(true);
        for (const one of curves) {
          const [x, y] = [one.x.at(-1)!, one.y.at(-1)!];
          const isBeside = x < spot.left || x > spot.left + curves[at]!.wide || y < spot.top || y > spot.top + HIGH;
          expect(isBeside).toBe(true);
        }
        spots.forEach((other, more) => {
          if (other === null || more === at) return;
          const apart =
            other.left >= spot.left + curves[at]!.wide ||
            spot.left >= other.left + curves[more]!.wide ||
            Math.abs(other.top - spot.top) >= HIGH;
          expect(apart).toBe(true);
        });
      });
    }
    expect(placed).toBeGreaterThan(400); // most find a place
  });

  it('are left out where no place is free', () => {
    const full = curve((x: number) => (x % 2 ? 2 : 158), { wide: 70 });
    const comb: Curve = { x: full.x, y: full.x.map((_, at) => (at % 2 ? 2 : 158)), wide: 70 };
    expect(place([comb, comb], SIZE)).toEqual([null, null]);
  });

  it('stay where they are as long as nothing comes there, and give way to a line that does', () => {
    const own = curve(() => 80);
    const first = place([own], SIZE);
    expect(first[0]!.way.side).toBe('above');
    const below = first.map(spot => spot && { ...spot, way: { side: 'below' as const, back: 3 } });
    const kept = place([own], SIZE, below);
    expect(kept[0]!.way).toEqual({ side: 'below', back: 3 });
    const other = curve(() => 88);
    expect(place([own, other], SIZE, [kept[0]!, null])[0]!.way.side).toBe('above');
  });

  it('know the end of a line that ends in gaps, and leave out a line of nothing', () => {
    const x = Float64Array.from([0, 50, 100, 150]);
    const spots = place(
      [
        { x, y: Float64Array.from([80, 80, NaN, NaN]), wide: 40 },
        { x, y: Float64Array.from([NaN, NaN, NaN, NaN]), wide: 40 }
      ],
      SIZE
    );
    expect(spots[0]!.left).toBeGreaterThan(50);
    expect(spots[1]).toBeNull();
  });
});
