/** What keys do in a view, beside those that a chart takes itself; and the button with their list. */

import type { Dashboard } from './dashboard';
import { h } from './dom';
import { help, type Keys } from './help';

export interface Binding {
  /** One key, or several with a space between. */
  keys: string;
  does: string;
  /** False: not now, the key goes on to others. */
  act: (key: string, event: KeyboardEvent) => boolean | void;
  /** Whether it is listed; absent: always. */
  when?: () => boolean;
}

/**
 * Listens for keys in a view.
 *
 * @param more keys that others hear, for the list.
 * @param leave Escape in a field; it has been emptied.
 */
export function keyboard(dashboard: Dashboard, bindings: Binding[], more: Keys = [], leave?: () => void): HTMLElement {
  const t = dashboard.host.translate;
  const listed = (): Keys => [
    ...bindings.filter(one => one.when?.() ?? true).map(({ keys, does }): [string, string] => [keys, does]),
    ...more,
    ['?', t('this list')]
  ];
  const keys = help(dashboard.root, listed, t);
  const press = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const { key, target } = event;
    if (key === 'Escape') {
      if (keys.close() || !(target instanceof HTMLInputElement) || target.type !== 'search') return;
      target.value = '';
      target.dispatchEvent(new Event('input'));
      leave?.();
      return;
    }
    if (target instanceof HTMLSelectElement || (target instanceof HTMLInputElement && target.type !== 'checkbox'))
      return;
    const bound = bindings.find(one => one.keys.split(' ').includes(key));
    if (key === '?') keys.toggle();
    else if (!bound || bound.act(key, event) === false) return;
    event.preventDefault();
    event.stopPropagation();
  };
  dashboard.disposables.listen(dashboard.root, 'keydown', event => press(event as KeyboardEvent));
  return h(
    'button',
    { class: 'tnb-button tnb-icon-button', title: t('Keys (?)'), 'aria-label': t('Keys'), onclick: keys.toggle },
    '?'
  );
}
