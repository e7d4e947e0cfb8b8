/** A view on a page of its own, with a source that a test fills. What is drawn is tested in chart.test.ts, and in a browser. */

import { afterEach, beforeEach, vi } from 'vitest';

import type * as Charts from '../../src/panels/chart';
import { type Host, mountView, type ViewRequest } from '../../src/panels';
import { FakeSource, STORE } from './fake';

// The canvas is left out.
vi.mock('../../src/panels/chart', async original => {
  const real = await original<typeof Charts>();
  class NoChart {
    xDomain: [number, number] | null = null;
    yDomain: [number, number] | null = null;
    update(lines: { x: Float64Array }[], window: [number, number] | null): Promise<void> {
      this.xDomain = lines.length ? (window ?? [0, 100]) : null;
      this.yDomain = lines.length ? [0, 3] : null;
      return Promise.resolve();
    }
    zoom(window: [number, number] | null): Promise<void> {
      this.xDomain = window ?? [0, 100];
      return Promise.resolve();
    }
    resize = (): Promise<void> => Promise.resolve();
    theme = (): Promise<void> => Promise.resolve();
    dispose(): void {
      return undefined;
    }
  }
  return { ...real, LineChart: NoChart };
});

export let source: FakeSource;
export let node: HTMLElement;
export let view: { dispose(): void };
export const opened: ViewRequest[] = [];

export async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
}

export async function mount(request: Partial<ViewRequest>, host: Partial<Host> = {}): Promise<void> {
  const asked: ViewRequest = { store: STORE, view: 'run', ...request };
  if (asked.view !== 'projects') Object.assign(asked, { entity: 'ada', project: 'digits' });
  view = mountView(node, asked, { source, translate: text => text, open: one => void opened.push(one), ...host });
  await pass(100);
}

export const text = (): string => node.textContent ?? '';
export const all = (selector: string): HTMLElement[] => [...node.querySelectorAll<HTMLElement>(selector)];
export const one = (selector: string): HTMLElement => node.querySelector<HTMLElement>(selector)!;
export const button = (word: string): HTMLButtonElement =>
  all('button').find(found =>
    [found.textContent, found.getAttribute('aria-label')].includes(word)
  ) as HTMLButtonElement;
export const shownPanels = (): string[] =>
  all('.tnb-panel')
    .filter(found => !found.hidden)
    .map(found => found.dataset.key!);
export const press = (target: Element, key: string, more: KeyboardEventInit = {}): boolean =>
  target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }));

beforeEach(() => {
  vi.useFakeTimers({
    toFake: [
      'setTimeout',
      'clearTimeout',
      'setInterval',
      'clearInterval',
      'Date',
      'performance',
      'requestAnimationFrame',
      'cancelAnimationFrame'
    ]
  });
  source = new FakeSource();
  node = document.createElement('div');
  document.body.replaceChildren(node);
  opened.length = 0;
});

afterEach(() => {
  view.dispose();
  vi.useRealTimers();
});
