/** What stands in a place that has no data: loading, empty, wrong, not connected. */

import type { SourceError } from '../data/source';
import { type Child, h, icon } from './dom';
import type { Translate } from './format';

/** Grey shapes of what will come; shown only after 200 ms, so that nothing flashes. */
export function skeleton(t: Translate, panels = 3): HTMLElement {
  const grid = h('div', { class: 'tnb-grid' });
  for (let i = 0; i < panels; i++) grid.append(h('div', { class: 'tnb-panel tnb-ghost' }));
  return h(
    'div',
    { class: 'tnb-loading', role: 'status', 'aria-label': t('Loading') },
    h('div', { class: 'tnb-ghost-line' }),
    grid
  );
}

/** What happened, what is safe, what to do; the rest in a fold. */
export function errorBox(error: SourceError, t: Translate, retry?: () => void): HTMLElement {
  const [title, advice] = said(error, t);
  const details = h(
    'details',
    { class: 'tnb-details' },
    h('summary', {}, t('Details')),
    h('code', {}, [error.type, error.message, error.id].filter(Boolean).join('\n'))
  );
  const again = retry && h('button', { class: 'tnb-button', onclick: retry }, t('Try again'));
  return h('div', { class: 'tnb-error', role: 'alert' }, h('strong', {}, title), h('p', {}, advice), again, details);
}

function said(error: SourceError, t: Translate): [string, string] {
  switch (error.type) {
    case 'StoreNotHere':
      return [
        t('This store is not on this machine'),
        t(
          'The run was recorded elsewhere. Open the notebook where it ran, or copy the store folder here and open it once with tracker-nb.'
        )
      ];
    case 'RunNotFound':
      return [t('This run is not in the store'), t('It may have been deleted, or the store may be another one.')];
    case 'StoreBusy':
      return [t('The store is busy'), t('Another program holds it for a moment. Nothing is lost.')];
    case 'NoExtension':
      return [
        t('This Jupyter server has no tracker_nb'),
        t(
          "Runs are recorded all the same. Where Jupyter is installed: pip install 'tracker_nb[lab]', then restart Jupyter. If that is done already: jupyter server extension enable tracker_nb_server."
        )
      ];
    case 'OtherVersion':
      return [
        t('This page and the Jupyter server are of different releases'),
        t(
          "Runs are recorded all the same. Restart Jupyter and reload this page. If it stays so: pip install -U 'tracker_nb[lab]' where Jupyter is installed."
        )
      ];
    case 'StoreTooNew':
      return [
        t('A newer tracker_nb has written this store'),
        t(
          "Nothing is lost. To read it: pip install -U 'tracker_nb[lab]' where Jupyter is installed, then restart Jupyter."
        )
      ];
    case 'StoreReadOnly':
      return [
        t('This store cannot be changed from here'),
        t('It can be read. Whose it is, and what to do, is said by: tracker-nb doctor')
      ];
    case 'StoreDamaged':
      return [
        t('This store cannot be read'),
        t('Copy its folder before anything else. What is wrong, and what to do, is said by: tracker-nb doctor')
      ];
    case 'Forbidden':
      return [t('The Jupyter server asks you to log in again'), t('Runs go on and lose nothing. Reload this page.')];
    case 'NoConnection':
      return [
        t('The Jupyter server cannot be reached'),
        t('Runs go on and lose nothing. If the server has ended, start it again and reload this page.')
      ];
    default:
      return [
        t('The data could not be read'),
        t('What is recorded is safe. Try again; if it goes on, see the details.')
      ];
  }
}

/** An empty place teaches: the lines of code that would fill it. */
export function empty(title: string, code: string, t: Translate): HTMLElement {
  return h(
    'div',
    { class: 'tnb-empty' },
    h('p', {}, title),
    h(
      'div',
      { class: 'tnb-code' },
      h('pre', { tabindex: '0', role: 'group', 'aria-label': t('Code') }, code),
      copyButton(code, t)
    )
  );
}

/** Copies a text; says so for a moment. */
export function copyButton(text: string, t: Translate, label = t('Copy')): HTMLElement {
  const word = h('span', {}, label);
  return h(
    'button',
    {
      class: 'tnb-button',
      onclick: () =>
        void copy(text).then(done => {
          word.textContent = done ? t('Copied') : t('Copy it by hand');
          setTimeout(() => (word.textContent = label), 1500);
        })
    },
    icon('copy'),
    word
  );
}

/** Whether the text is in the clipboard now. A page without https has no clipboard API, but the old way. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h('textarea', { class: 'tnb-offscreen', 'aria-hidden': 'true' });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand?.('copy') ?? false;
    area.remove();
    return done;
  }
}

/** A line that stands above everything while the connection is lost. */
export function reconnecting(t: Translate): HTMLElement {
  const words: Child = t('Reconnecting. What you see is the last data; runs go on and lose nothing.');
  return h('div', { class: 'tnb-banner', role: 'status', hidden: true }, words);
}
