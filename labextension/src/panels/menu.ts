/** A button with a menu of things to copy and to do. */

import { h, icon } from './dom';
import type { Translate } from './format';
import { copy } from './states';

export type Entry = { word: string } & ({ copies: string } | { does: () => void });

export function menuButton(label: string, entries: Entry[], t: Translate): HTMLElement {
  const items = entries.map(entry => {
    const { word } = entry;
    if ('does' in entry) {
      const act = (): void => {
        close(true);
        entry.does();
      };
      return h('button', { class: 'tnb-menu-item', role: 'menuitem', tabindex: '-1', onclick: act }, word);
    }
    const { copies } = entry;
    const item = h(
      'button',
      {
        class: 'tnb-menu-item',
        role: 'menuitem',
        tabindex: '-1',
        onclick: () =>
          void copy(copies).then(done => {
            item.textContent = done ? t('Copied') : copies;
            setTimeout(
              () => {
                item.textContent = word;
                close(true);
              },
              done ? 700 : 5000
            );
          })
      },
      word
    );
    return item;
  });
  const list = h('div', { class: 'tnb-menu', role: 'menu', 'aria-label': label, hidden: true }, ...items);
  const button = h(
    'button',
    {
      class: 'tnb-button tnb-icon-button',
      title: label,
      'aria-label': label,
      'aria-haspopup': 'menu',
      'aria-expanded': 'false',
      onclick: () => (list.hidden ? open() : close(true))
    },
    icon('more')
  );
  const outside = (event: Event): void => {
    if (!node.contains(event.target as Node)) close(false);
  };
  const open = (): void => {
    list.hidden = false;
    button.setAttribute('aria-expanded', 'true');
    document.addEventListener('pointerdown', outside, true);
    items[0]?.focus();
  };
  const close = (back: boolean): void => {
    if (list.hidden) return;
    list.hidden = true;
    button.setAttribute('aria-expanded', 'false');
    document.removeEventListener('pointerdown', outside, true);
    if (back) button.focus();
  };
  const press = (event: KeyboardEvent): void => {
    if (list.hidden) return;
    const at = items.indexOf(document.activeElement as HTMLButtonElement);
    if (event.key === 'Escape') close(true);
    else if (event.key === 'ArrowDown') items[(at + 1) % items.length]?.focus();
    else if (event.key === 'ArrowUp') items[(at - 1 + items.length) % items.length]?.focus();
    else if (event.key === 'Home') items[0]?.focus();
    else if (event.key === 'End') items[items.length - 1]?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const left = (event: FocusEvent): void => {
    if (event.relatedTarget instanceof Node && !node.contains(event.relatedTarget)) close(false);
  };
  const node = h('span', { class: 'tnb-menu-holder', onkeydown: press, onfocusout: left }, button, list);
  return node;
}
