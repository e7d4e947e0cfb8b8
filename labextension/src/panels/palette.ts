/** The colour of a run: the same as in Python (`tracker_nb/charts/palette.py`), held by one test vector. */

import palette from './specs/palette.json';

const CHOSEN = /^#[0-9a-f]{6}$/i;

/** The colour a person has chosen, else one of the hues by the run's id. */
export function colour(run: string, chosen = ''): string {
  return CHOSEN.test(chosen) ? chosen.toLowerCase() : (palette.hues[hueOf(run)] as string);
}

/** Which hue an id stands for: FNV-1a over UTF-8, the high half folded into the low. */
export function hueOf(run: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(run)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return ((value >>> 16) ^ (value & 0xffff)) % palette.hues.length;
}

/** A CSS background for a run's dot: half a disc where its line is broken, because another run has the same hue. */
export function swatchFill(color: string, dash: readonly number[] | null): string {
  return dash ? `linear-gradient(90deg, ${color} 50%, transparent 50%) ${color}66` : color;
}
