/** Numbers and times as people read them; the full value is shown on hover. */

import type { Numeric, RunState } from '../data/source';

export type Translate = (text: string) => string;

/** A number from the wire: "NaN", "Infinity" and "-Infinity" have no form in JSON. Anything else is NaN. */
export function toNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string' && value.trim() !== '') return Number(value);
  return typeof value === 'boolean' ? Number(value) : NaN;
}

const MINUS = '\u2212';

/** Four significant digits: 0.2131, 12,480, 3e-4. */
export function short(value: unknown): string {
  const number = toNumber(value);
  if (Number.isNaN(number)) return 'NaN';
  if (!Number.isFinite(number)) return number > 0 ? '∞' : `${MINUS}∞`;
  const size = Math.abs(number);
  const sign = number < 0 ? MINUS : '';
  if (size === 0) return '0';
  if (size < 1e-3 || size >= 1e9) {
    const [digits = '', power = ''] = size.toExponential(3).split('e');
    return `${sign}${trim(digits)}e${power.replace('+', '').replace('-', MINUS)}`;
  }
  if (size >= 1000) return sign + Math.round(size).toLocaleString('en-US');
  return sign + trim(size.toPrecision(4));
}

function trim(digits: string): string {
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits;
}

/** All digits, as they are in the store. */
export function full(value: unknown): string {
  if (typeof value === 'string' && /^-?\d+$/.test(value)) return value; // an integer too large for a number
  return String(toNumber(value));
}

/** A difference with its sign. */
export function signed(difference: number): string {
  if (difference === 0) return '±0';
  return difference > 0 ? `+${short(difference)}` : short(difference);
}

/** A value of a config or a summary: numbers short, text as it is, anything else as JSON. */
export function plain(value: unknown): string {
  if (typeof value === 'number') return short(value);
  if (typeof value === 'string') return value;
  return value === undefined ? '' : JSON.stringify(value);
}

/** Whole numbers with separators: 1,240. */
export function count(value: Numeric): string {
  return toNumber(value).toLocaleString('en-US');
}

/** How long: 0:42, 12:05, 1:02:03, 2 d 3 h. */
export function duration(microseconds: number): string {
  const all = Math.max(0, Math.floor(microseconds / 1e6));
  const two = (n: number): string => String(n).padStart(2, '0');
  const [days, hours, minutes, seconds] = [
    Math.floor(all / 86400),
    Math.floor(all / 3600) % 24,
    Math.floor(all / 60) % 60,
    all % 60
  ];
  if (days) return `${days} d ${hours} h`;
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

/** When, as people say it: "just now", "3 min ago", "2 d ago". */
export function ago(microseconds: number, now: number, t: Translate): string {
  const seconds = Math.max(0, (now * 1000 - microseconds) / 1e6);
  if (seconds < 45) return t('just now');
  const [size, unit] =
    seconds < 3300
      ? [60, 'min']
      : seconds < 79200
        ? [3600, 'h']
        : seconds < 2592000
          ? [86400, 'd']
          : seconds < 29030400
            ? [2592000, 'months']
            : [31557600, 'y'];
  return fill(t('%1 %2 ago'), String(Math.max(1, Math.round(seconds / size))), t(unit));
}

/** How old, where there is little room: "now", "3 min", "2 d". */
export function age(microseconds: number, now: number, t: Translate): string {
  const seconds = Math.max(0, (now * 1000 - microseconds) / 1e6);
  return seconds < 45 ? t('now') : ago(microseconds, now, text => (text === '%1 %2 ago' ? '%1 %2' : t(text)));
}

/** The exact time, in the reader's zone. */
export function exact(microseconds: number): string {
  const date = new Date(microseconds / 1000);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Puts values into a translated text: %1, %2, … */
export function fill(text: string, ...values: string[]): string {
  return text.replace(/%(\d)/g, (whole, place: string) => values[Number(place) - 1] ?? whole);
}

/** The word for a state. */
export function stateWord(state: RunState, t: Translate): string {
  const words: Record<RunState, string> = {
    running: t('Running'),
    finished: t('Finished'),
    failed: t('Failed'),
    crashed: t('Crashed'),
    killed: t('Killed')
  };
  return words[state] ?? state;
}
