/** Jupyter's colours, as a canvas understands them. */

import type { ChartTheme } from './chart';

const LIGHT: ChartTheme = {
  foreground: '#212121',
  muted: '#616161',
  grid: '#e8e8e8',
  background: '#ffffff',
  font: 'system-ui, sans-serif'
};

/** Reads the --jp-* variables at a node; without Jupyter (a bare page), a light theme. */
export function readTheme(node: HTMLElement): ChartTheme {
  // A canvas knows no variables, and not everywhere mixtures and names of the system's colours: a node computes them.
  const probe = document.createElement('span');
  probe.style.setProperty('forced-color-adjust', 'none');
  node.append(probe);
  const style = getComputedStyle(probe);
  const read = (name: string, otherwise: string): string => {
    if (getComputedStyle(node).getPropertyValue(name).trim() === '') return otherwise;
    probe.style.color = `var(${name})`;
    return style.color || otherwise;
  };
  const theme = {
    foreground: read('--tnb-foreground', LIGHT.foreground),
    muted: read('--tnb-muted', LIGHT.muted),
    grid: read('--tnb-grid', LIGHT.grid),
    background: read('--tnb-background', LIGHT.background),
    font: getComputedStyle(node).fontFamily || LIGHT.font
  };
  probe.remove();
  return theme;
}

/** Calls when the system's wish for contrast has changed: its colours take the place of Jupyter's. */
export function onContrast(listener: () => void): { dispose(): void } {
  const wishes = ['(forced-colors: active)', '(prefers-contrast: more)', '(prefers-color-scheme: dark)'];
  const media = typeof matchMedia === 'undefined' ? [] : wishes.map(wish => matchMedia(wish)); // jsdom has none
  for (const one of media) one.addEventListener('change', listener);
  return {
    dispose: () => {
      for (const one of media) one.removeEventListener('change', listener);
    }
  };
}
