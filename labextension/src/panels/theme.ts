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
  const style = getComputedStyle(node);
  const read = (name: string, otherwise: string): string => style.getPropertyValue(name).trim() || otherwise;
  return {
    foreground: read('--tnb-foreground', LIGHT.foreground),
    muted: read('--tnb-muted', LIGHT.muted),
    grid: read('--tnb-grid', LIGHT.grid),
    background: read('--tnb-background', LIGHT.background),
    font: style.fontFamily || LIGHT.font
  };
}
