import { beforeEach, describe, expect, it } from 'vitest';

import { aMetric, aRun } from './fake';
import { all, button, mount, node, one, pass, press, source, view } from './stage';

describe('a panel', () => {
  const plot = (at = 0): HTMLElement => all('.tnb-plot')[at]!;
  const point = (target: Element, type: string, x: number, more = {}): void => {
    target.dispatchEvent(
      Object.assign(new MouseEvent(type, { bubbles: true, clientX: x, clientY: 50, ...more }), { pointerId: 1 })
    );
  };
  // In jsdom a plot is 300 wide: from 48 to 288 lies the axis from 0 to 100.
  const pixel = (x: number): number => 48 + (x / 100) * 240;

  beforeEach(async () => {
    source.runList = [aRun('a'), aRun('b', { created: 1 })];
    source.metricList = [aMetric('loss'), aMetric('acc')];
    source.series.set('ada/digits/a loss', { x: [0, 50, 100], last: [3, 'NaN', 0.12345678] });
    source.series.set('ada/digits/b loss', { x: [0, 50, 100], last: [1, 2, 7] });
    await mount({ run: 'a' });
  });

  it('shows the values of all lines at the ruler, the largest first, in full', async () => {
    point(plot(), 'pointermove', pixel(99));
    await pass(20);
    const rows = all('.tnb-tip:not([hidden]) .tnb-tip-row').map(row => row.textContent);
    expect(rows).toEqual(['name-b7', 'name-a0.12345678']);
    expect(one('.tnb-tip-x').textContent).toBe('step 100');
    point(plot(), 'pointermove', pixel(50));
    await pass(20);
    expect(all('.tnb-tip:not([hidden]) .tnb-tip-row').map(row => row.textContent)).toEqual(['name-b2', 'name-aNaN']);
  });

  it('has its ruler at the same x as all others, and its values only where the pointer is', async () => {
    point(plot(0), 'pointermove', pixel(25));
    await pass(20);
    expect(all('.tnb-ruler').map(ruler => [ruler.hidden, ruler.style.transform])).toEqual(
      Array(2).fill([false, 'translateX(108px)'])
    );
    expect(all('.tnb-tip').map(tip => tip.hidden)).toEqual([false, true]);
    point(plot(0), 'pointerleave', 0);
    await pass(20);
    expect(all('.tnb-ruler').every(ruler => ruler.hidden)).toBe(true);
  });

  it('has ruler and window in common with the panels over the same axis only', async () => {
    view.dispose();
    source.metricList = [aMetric('loss'), aMetric('acc', { step_metric: 'epoch' }), aMetric('epoch')];
    for (const run of ['a', 'b']) source.series.set(`ada/digits/${run} acc`, { x: [0, 12.5, 100], last: [1, 2, 3] });
    await mount({ run: 'a' });
    point(plot(1), 'pointermove', pixel(12.5));
    await pass(20);
    expect(all('.tnb-ruler').map(ruler => ruler.hidden)).toEqual([true, false, true]);
    expect(one('.tnb-tip:not([hidden]) .tnb-tip-x').textContent).toBe('epoch 12.5');
    const asked = source.asked.length;
    press(plot(1), '+');
    await pass(100);
    expect(source.asked.slice(asked).map(one => [one.keys, one.x, !!one.window])).toEqual([[['acc'], 'epoch', true]]);
    expect(button('Reset zoom').hidden).toBe(false);
    button('Reset zoom').click();
    await pass(100);
    expect(source.asked.at(-1)).toMatchObject({ keys: ['acc'], x: 'epoch' });
    expect(source.asked.at(-1)!.window).toBeUndefined();
  });

  it('zooms by dragging, all panels together, reads the window, and shows all again by a double click', async () => {
    point(plot(), 'pointerdown', pixel(50));
    point(plot(), 'pointermove', pixel(20));
    expect(one('.tnb-marked').hidden).toBe(false);
    point(plot(), 'pointerup', pixel(20));
    await pass(100);
    const last = source.asked.at(-1)!;
    expect([last.keys, last.window, last.n]).toEqual([['loss', 'acc'], [20, 50], 240]);
    expect(button('Reset zoom').hidden).toBe(false);
    point(plot(1), 'dblclick', 0);
    await pass(100);
    expect(source.asked.at(-1)!.window).toBeUndefined();
    expect(button('Reset zoom').hidden).toBe(true);
  });

  it('takes a click for no zoom', async () => {
    const asked = source.asked.length;
    point(plot(), 'pointerdown', pixel(50));
    point(plot(), 'pointerup', pixel(50.5));
    await pass(100);
    expect(source.asked).toHaveLength(asked);
  });

  it('is moved in and zoomed by keys, and says what is at the ruler', async () => {
    expect(plot().tabIndex).toBe(0);
    press(plot(), 'ArrowRight', { shiftKey: true });
    await pass(20);
    expect(one('[aria-live]').textContent).toMatch(/^loss: step \d+, name-b /);
    press(plot(), '+');
    await pass(100);
    const [from, to] = source.asked.at(-1)!.window as [number, number];
    expect(to - from).toBeCloseTo(50);
    press(plot(), '-');
    await pass(100);
    press(plot(), '0');
    await pass(100);
    expect(source.asked.at(-1)!.window).toBeUndefined();
  });

  it('keeps its own keys from JupyterLab, and leaves it all others', () => {
    const kept: string[] = [];
    const lab = (event: Event): void => {
      if ((event.target as Element).closest('[data-lm-suppress-shortcuts]')) kept.push((event as KeyboardEvent).key);
    };
    document.addEventListener('keydown', lab, true);
    for (const key of ['0', 'Enter', 'ArrowLeft', 'j', 'b', 'F1']) press(plot(), key);
    press(plot(), 's', { ctrlKey: true });
    press(plot(), 'Enter', { shiftKey: true });
    press(document.body, '0');
    document.removeEventListener('keydown', lab, true);
    expect(kept).toEqual(['0', 'Enter', 'ArrowLeft', 'j']);
  });

  it('leaves keys it does not know, and those of the browser, alone', () => {
    expect(press(plot(), 'x')).toBe(true);
    expect(press(plot(), '+', { ctrlKey: true })).toBe(true);
    expect(press(plot(), 'ArrowLeft')).toBe(false);
  });

  it('goes along another axis for all panels, in seconds or as times', async () => {
    const select = node.querySelector('select')!;
    select.value = '_timestamp';
    select.dispatchEvent(new Event('change'));
    await pass(100);
    expect(source.asked.at(-1)).toMatchObject({ x: '_timestamp', keys: ['loss', 'acc'] });
    point(plot(), 'pointerdown', pixel(10));
    point(plot(), 'pointerup', pixel(60));
    await pass(100);
    // The chart's axis is in milliseconds, the question in seconds.
    expect(source.asked.at(-1)!.window).toEqual([0.01, 0.06]);
  });

  it('names its lines at their ends, in their colours', () => {
    const [first] = all('.tnb-names');
    expect([...first!.children].map(name => name.textContent).sort()).toEqual(['name-a', 'name-b']);
  });

  it('says that there is nothing in a window', async () => {
    source.series.set('ada/digits/a loss', { x: [], last: [] });
    source.series.set('ada/digits/b loss', { x: [], last: [] });
    point(plot(), 'pointerdown', pixel(50));
    point(plot(), 'pointerup', pixel(20));
    await pass(100);
    expect(all('.tnb-plot-note').map(note => note.textContent)).toEqual(['No points in this window', '']);
  });
});
