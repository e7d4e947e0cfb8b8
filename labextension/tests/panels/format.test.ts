import { describe, expect, it, test } from 'vitest';

import type { Series } from '../../src/data/source';
import { ago, count, duration, fill, full, short, signed, toNumber } from '../../src/panels/format';
import { dashes, nearest, rowsOf, sameSeries, toLine } from '../../src/panels/lines';
import { matches } from '../../src/panels/model';
import { colour, hueOf } from '../../src/panels/palette';
import { changes } from '../../src/panels/compare';
import { sparkline } from '../../src/panels/stats';
import { prefixOf } from '../../src/panels/board';
import palette from '../../src/panels/specs/palette.json';
import vector from './palette.vector.json';
import { aRun } from './fake';

const same = (text: string): string => text;

describe('numbers', () => {
  test.each([
    [0.21314, '0.2131'],
    [0.5, '0.5'],
    [3e-4, '3e−4'],
    [-0.004, '−0.004'],
    [12480.4, '12,480'],
    [1e12, '1e12'],
    [0, '0'],
    ['NaN', 'NaN'],
    ['Infinity', '∞'],
    ['-Infinity', '−∞']
  ])('%s is read as %s', (value, text) => expect(short(value)).toBe(text));

  it('have all their digits where one asks for them', () => {
    expect(full(0.1 + 0.2)).toBe('0.30000000000000004');
    expect(full('9007199254740993')).toBe('9007199254740993');
  });

  it('have a sign where they are differences', () => {
    expect(signed(0.004)).toBe('+0.004');
    expect(signed(-0.004)).toBe('−0.004');
    expect(signed(0)).toBe('±0');
  });

  it('that are none are NaN, and an empty text is not zero', () => {
    expect(toNumber('')).toBeNaN();
    expect(toNumber(null)).toBeNaN();
    expect(count(1240)).toBe('1,240');
  });
});

describe('times', () => {
  test.each([
    [42, '0:42'],
    [725, '12:05'],
    [3723, '1:02:03'],
    [183600, '2 d 3 h']
  ])('%s seconds are %s', (seconds, text) => expect(duration(seconds * 1e6)).toBe(text));

  test.each([
    [10, 'just now'],
    [180, '3 min ago'],
    [7200, '2 h ago'],
    [259200, '3 d ago']
  ])('%s seconds before now is "%s"', (seconds, text) => {
    expect(ago((1e9 - seconds) * 1e6, 1e12, same)).toBe(text);
  });
});

it('a translated text may hold its values in another order', () => expect(fill('%2 of %1', 'a', 'b')).toBe('b of a'));

describe('the colour of a run', () => {
  it('is the same as in Python', () => {
    for (const [run, index] of Object.entries(vector)) expect(hueOf(run), run).toBe(index);
  });

  it('is the one a person chose, and never something else that a store holds', () => {
    expect(colour('r', '#12AB34')).toBe('#12ab34');
    expect(palette.hues).toContain(colour('r', 'url(https://example.org)'));
  });

  it('comes with a dash where another shown run has the same', () => {
    const runs = [aRun('a', { color: '#111111' }), aRun('b', { color: '#111111' }), aRun('c', { color: '#222222' })];
    expect([...dashes(runs).values()].map(dash => dash !== null)).toEqual([false, true, false]);
  });
});

describe('a line', () => {
  const series = { run: 'ada/digits/a', key: 'loss', exact: true, x: [0, 1, 2, 3], last: [1, 'NaN', '-Infinity', 2] };

  it('is broken where a value is none, and says so at the edge', () => {
    const rows = rowsOf(toLine(series, aRun('a'), null, false));
    expect(rows.lines.map(row => row.last)).toEqual([1, null, null, 2]);
    expect(rows.edges).toMatchObject([
      { x: 1, kind: 'nan' },
      { x: 2, kind: '-inf' }
    ]);
  });

  it('ends in a dot while its run goes on, and in none afterwards', () => {
    const whole = { ...series, last: [1, 2, 'NaN', 'NaN'] };
    expect(rowsOf(toLine(whole, aRun('a', { state: 'running' }), null, false)).points).toMatchObject([
      { x: 1, last: 2 }
    ]);
    expect(rowsOf(toLine(whole, aRun('a'), null, false)).points).toEqual([]);
  });

  it('is a dot where a point has nothing beside it, since no line shows it', () => {
    const dots = (last: Series['last'], state: 'running' | 'finished' = 'finished') =>
      rowsOf(toLine({ ...series, x: last.map((_, at) => at), last }, aRun('a', { state }), null, false)).points;
    expect(dots([0.4])).toMatchObject([{ x: 0, last: 0.4 }]);
    expect(dots([0.4], 'running')).toHaveLength(1);
    expect(dots([1, 2, 'NaN', 3, 'Infinity', 4, 5])).toMatchObject([{ x: 3, last: 3 }]);
    expect(dots([1, 2, 3])).toEqual([]);
  });

  it('has a band only where a bucket stands for several points', () => {
    const bucketed = { ...series, exact: false, min: [0, 0, 0, 1], max: [2, 2, 2, 3] };
    expect(rowsOf(toLine(bucketed, aRun('a'), null, false)).lines[0]).toMatchObject({ min: 0, max: 2 });
    expect(rowsOf(toLine(series, aRun('a'), null, false)).lines[0]).not.toHaveProperty('min');
  });

  it('is in milliseconds on an axis of time', () => {
    expect([...toLine({ ...series, x: [1, 2, 3, 4] }, aRun('a'), null, true).x]).toEqual([1000, 2000, 3000, 4000]);
  });

  it('is read at its nearest point, and not where it does not reach', () => {
    const line = toLine({ ...series, x: [0, 10, 20, 30] }, aRun('a'), null, false);
    expect([-50, -4, 4, 16, 30, 35, 90].map(x => nearest(line, x))).toEqual([-1, 0, 0, 2, 3, 3, -1]);
  });

  it('is drawn again only where an answer differs', () => {
    expect(sameSeries(series, structuredClone(series))).toBe(true);
    expect(sameSeries(series, { ...series, last: [1, 'NaN', '-Infinity', 3] })).toBe(false);
    expect(sameSeries(undefined, series)).toBe(false);
  });
});

describe('a configuration against the last one', () => {
  it('shows what differs, nested keys included', () => {
    const before = { lr: 1e-3, model: { depth: 4, width: 128 }, old: 1, same: [1, 2] };
    const now = { lr: 3e-4, model: { depth: 4, width: 256 }, fresh: true, same: [1, 2] };
    expect(changes(before, now)).toEqual([
      ['lr', 1e-3, 3e-4],
      ['model.width', 128, 256],
      ['fresh', undefined, true],
      ['old', 1, undefined]
    ]);
  });

  it('leaves out what the tracker writes there', () => expect(changes({}, { _wandb: { a: 1 } })).toEqual([]));
});

describe('a sparkline', () => {
  it('has a gap where a value is none', () =>
    expect(sparkline([0, 1, 2, 3], [1, NaN, 2, 3]).match(/M/g)).toHaveLength(2));
  it('of equal values lies in the middle', () => expect(sparkline([0, 1], [5, 5])).toBe('M1.0 7.0L55.0 7.0'));
  it('reaches its last point however many there are', () => {
    const many = Array.from({ length: 1001 }, (_, at) => at);
    expect(sparkline(many, many)).toMatch(/L55\.0 1\.5$/);
  });
  it('of nothing is nothing', () => expect(sparkline([], [])).toBe(''));
});

it('a search finds all its words in any order and case', () => {
  expect(matches('train/Loss_total', 'total LOSS')).toBe(true);
  expect(matches('train/loss', 'loss val')).toBe(false);
  expect(matches('anything', '')).toBe(true);
});

it('a section is named by what stands before the first slash', () => {
  expect([prefixOf('train/a/b'), prefixOf('loss'), prefixOf('/odd')]).toEqual(['train', '', '']);
});
