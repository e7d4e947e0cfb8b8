/** Which keys work here. */

import { h } from './dom';
import type { Translate } from './format';

/** Keys and what they do. */
export type Keys = [string, string][];

export function chartKeys(t: Translate): Keys {
  return [
    ['← →', t('move the ruler of the focused chart (with Shift: faster)')],
    ['+ −', t('zoom in and out around the ruler')],
    ['0', t('show all')]
  ];
}

/** An overlay that lists keys; Escape, "?", a click or going on with Tab closes it. */
export function help(
  parent: HTMLElement,
  keys: () => Keys,
  t: Translate
): { toggle: () => void; close: () => boolean } {
  let node: HTMLElement | null = null;
  let back: Element | null = null;
  const close = (): boolean => {
    if (!node) return false;
    const open = node;
    node = null; // before it is removed: the focus leaves it then too
    open.remove();
    if (back instanceof HTMLElement) back.focus();
    return true;
  };
  const toggle = (): void => {
    if (close()) return;
    back = document.activeElement;
    const rows = keys().flatMap(([key, does]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, does)]);
    const shut = h('button', { class: 'tnb-button', onclick: () => void close() }, t('Close'));
    node = h(
      'div',
      { class: 'tnb-help', role: 'dialog', 'aria-label': t('Keys') },
      h('div', { class: 'tnb-help-box' }, h('h3', {}, t('Keys')), h('dl', {}, ...rows), shut)
    );
    node.addEventListener('click', event => event.target === node && close());
    node.addEventListener('focusout', event => {
      const to = event.relatedTarget;
      if (!(to instanceof HTMLElement) || node?.contains(to)) return;
      back = to;
      close();
    });
    parent.append(node);
    shut.focus();
  };
  return { toggle, close };
}
