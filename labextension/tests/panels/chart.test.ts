import { describe, expect, it } from 'vitest';

import type { Series } from '../../src/data/source';
import { type ChartTheme, LineChart } from '../../src/panels/chart';
import { type Line, toLine } from '../../src/panels/lines';
import { aRun } from './fake';

const THEME: ChartTheme = {
  foreground: '#010101',
  muted: '#020202',
  grid: '#030303',
  background: '#040404',
  font: 'serif'
};
const COLORS = { a: '#aa0000', b: '#00bb00' };

function line(
  run: 'a' | 'b',
  last: (number | string)[],
  more: Partial<Series> = {},
  state: 'running' | 'finished' = 'finished'
): Line {
  const series = { run: `ada/digits/${run}`, key: 'loss', exact: true, x: last.map((_, at) => at), last, ...more };
  return toLine(series, aRun(run, { color: COLORS[run], state }), null, false);
}

function chart(x: 'number' | 'time' = 'number'): LineChart {
  return new LineChart(null, { x, title: 'step' }, THEME, [400, 200]);
}

/** The lines in a picture: colour and path. */
async function strokes(one: LineChart): Promise<[string, string][]> {
  const svg = await one.view.toSVG();
  return (svg.match(/<path[^>]*>/g) ?? [])
    .filter(tag => tag.includes('stroke-width="1.5"') && / d="M/.test(tag))
    .map(tag => [/stroke="([^"]*)"/.exec(tag)![1]!, / d="([^"]*)"/.exec(tag)![1]!]);
}

describe('a chart', () => {
  it('draws each run as a line in its colour, without eval', async () => {
    const one = chart();
    const forbidden = globalThis.Function;
    globalThis.Function = (() => {
      throw new Error('eval is forbidden here');
    }) as unknown as FunctionConstructor;
    try {
      await one.update([line('a', [1, 2, 3]), line('b', [3, 2, 1])], null);
      expect((await strokes(one)).map(([color]) => color).sort()).toEqual([COLORS.b, COLORS.a].sort());
    } finally {
      globalThis.Function = forbidden;
    }
  });

  it('breaks a line where a value is none and marks it at the edge', async () => {
    const one = chart();
    await one.update([line('a', [1, 2, 'NaN', 2, 'Infinity', 1])], null);
    const [[, path]] = (await strokes(one)) as [[string, string]];
    expect(path.match(/M/g)).toHaveLength(3);
    expect(one.view.data('edges').map(row => (row as { kind: string }).kind)).toEqual(['nan', '+inf']);
  });

  it('draws a band only around buckets of several points', async () => {
    const one = chart();
    await one.update([line('a', [1, 2, 3])], null);
    expect(await one.view.toSVG()).not.toContain('opacity="0.25"');
    await one.update([line('a', [1, 2, 3], { exact: false, min: [0, 1, 2], max: [2, 3, 4] })], null);
    expect(await one.view.toSVG()).toContain('opacity="0.25"');
    expect(one.yDomain![1]).toBeGreaterThanOrEqual(4);
  });

  it('takes new points in the place of the old ones', async () => {
    const one = chart();
    await one.update([line('a', [1, 2])], null);
    await one.update([line('a', [1, 2, 3, 9])], null);
    expect(one.view.data('lines')).toHaveLength(4);
    expect(one.xDomain).toEqual([0, 3]);
  });

  it('leaves lines that have not changed as they are', async () => {
    const one = chart();
    const still = line('b', [5, 6]);
    await one.update([line('a', [1, 2]), still], null);
    const before = one.view.data('lines').filter(row => (row as { run: string }).run === still.run);
    await one.update([line('a', [1, 2, 3]), still], null);
    const after = one.view.data('lines').filter(row => (row as { run: string }).run === still.run);
    expect(after.every((row, at) => row === before[at])).toBe(true);
    expect(after).toHaveLength(2);
  });

  it('takes a hidden run away, with its dot and its marks', async () => {
    const one = chart();
    await one.update([line('a', [1, 2, 'NaN', 2, 3], {}, 'running'), line('b', [1, 2])], null);
    expect(one.view.data('points')).toHaveLength(1);
    await one.update([line('b', [1, 2])], null);
    expect(one.view.data('points')).toHaveLength(0);
    expect(one.view.data('edges')).toHaveLength(0);
    expect((await strokes(one)).map(([color]) => color)).toEqual([COLORS.b]);
    await one.update([], null);
    expect(await strokes(one)).toEqual([]);
    expect(one.xDomain).toBeNull();
  });

  it('shows a window of x, and all there is after it', async () => {
    const one = chart();
    await one.update([line('a', [1, 2, 3, 4])], null);
    await one.zoom([1, 2]);
    expect(one.xDomain).toEqual([1, 2]);
    await one.zoom(null);
    expect(one.xDomain).toEqual([0, 3]);
  });

  it('keeps its plot in the same place whatever the ticks say', async () => {
    const one = chart();
    await one.update([line('a', [1, 2])], null);
    const [width, height] = [one.view.width(), one.view.height()];
    await one.update([line('a', [1e9, 5e12])], null);
    expect([one.view.width(), one.view.height()]).toEqual([width, height]);
    expect((await one.view.toSVG()).match(/<svg[^>]*>/)![0]).toContain('width="400" height="200"');
  });

  it('takes another size and another theme without being made again', async () => {
    const one = chart();
    await one.update([line('a', [1, 2])], null);
    await one.resize([600, 300]);
    await one.theme({ ...THEME, muted: '#0c0c0c', background: '#0d0d0d' });
    const svg = await one.view.toSVG();
    expect(svg.match(/<svg[^>]*>/)![0]).toContain('width="600" height="300"');
    expect(svg).toContain('fill="#0c0c0c"');
    expect(svg).not.toMatch(/<rect[^>]*fill="#/); // the page's own background shows through
    expect(svg).not.toContain('#0d0d0d');
    expect(await strokes(one)).toHaveLength(1);
  });

  it('writes ticks as people read them', async () => {
    const one = chart();
    await one.update([line('a', [0, 0.0004], { x: [0, 50000] })], null);
    const texts = [...(await one.view.toSVG()).matchAll(/>([^<>]+)<\/text>/g)].map(match =>
      match[1]!.replace('−', '-')
    );
    expect(texts).toEqual(expect.arrayContaining(['50k', '4e-4', 'step']));
  });

  it('has times on an axis of time', async () => {
    const one = chart('time');
    await one.update([line('a', [1, 2], { x: [1_700_000_000_000, 1_700_000_600_000] })], null);
    const texts = [...(await one.view.toSVG()).matchAll(/>([^<>]+)<\/text>/g)].map(match => match[1]!);
    expect(texts.some(text => /\d{1,2}:\d{2}/.test(text))).toBe(true);
  });

  it('loads nothing', async () => {
    const loader = chart().view.loader();
    await expect(loader.load('https://example.org/data.json')).rejects.toThrow('loads nothing');
    await expect(loader.sanitize('https://example.org/a.png', { context: 'image' })).rejects.toThrow('loads nothing');
  });

  it('is fed while it draws without losing anything', async () => {
    const one = chart();
    await Promise.all(
      [1, 2, 3, 4].map(n =>
        one.update(
          [
            line(
              'a',
              Array.from({ length: n + 1 }, (_, at) => at)
            )
          ],
          null
        )
      )
    );
    expect(one.view.data('lines')).toHaveLength(5);
  });
});
