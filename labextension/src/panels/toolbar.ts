/** The x axis, the way back from a zoom, and the search of panels. */

import type { Dashboard } from './dashboard';
import { h, icon, setText } from './dom';
import type { XAxis } from './model';

export interface Tools {
  search: HTMLInputElement;
  /** The way back from a zoom, and the x axis. */
  axis: HTMLElement;
}

export function tools(dashboard: Dashboard): Tools {
  const { model, disposables } = dashboard;
  const t = dashboard.host.translate;
  const search = h('input', {
    class: 'tnb-input tnb-panel-search',
    type: 'search',
    placeholder: t('Search panels'),
    'aria-label': t('Search panels'),
    oninput: () => (model.search = search.value.trim())
  });
  const axes: [XAxis, string][] = [
    ['own', t('Step')],
    ['_runtime', t('Relative time')],
    ['_timestamp', t('Wall time')]
  ];
  const select = h(
    'select',
    { class: 'tnb-select', 'aria-label': t('x axis'), onchange: () => (model.x = select.value as XAxis) },
    ...axes.map(([value, word]) => h('option', { value }, word))
  );
  const own = select.options[0] as HTMLOptionElement;
  const step = h('option', { value: '_step' }, t('Step'));
  /** A choice between a metric's own axis and the step is there once a metric has one. */
  const offer = (): void => {
    setText(own, model.defined ? t('As defined') : t('Step'));
    if (model.defined) own.after(step);
    else step.remove();
    select.value = model.x;
  };
  offer();
  const reset = h(
    'button',
    { class: 'tnb-button', hidden: true, onclick: () => model.unzoom(), title: t('Or double-click a chart') },
    t('Reset zoom')
  );
  disposables.add(
    model.changed.connect(aspect => {
      if (aspect === 'zoom' || aspect === 'x') reset.hidden = !model.zoomed;
      if (aspect === 'axes') offer();
    })
  );
  const axis = h(
    'label',
    { class: 'tnb-axis' },
    h('span', {}, t('x:')),
    h('span', { class: 'tnb-selected' }, select, icon('fold'))
  );
  return { search, axis: h('span', { class: 'tnb-axis-tools' }, reset, axis) };
}
