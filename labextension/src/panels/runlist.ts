/** The runs of a project: colour, eye, state, name, one value. Moved in by keys; never reordered under the pointer. */

import type { Metric, Run, RunPath } from '../data/source';
import type { Dashboard } from './dashboard';
import { h, icon, setText } from './dom';
import { ago, exact, fill, full, short, stateWord } from './format';
import { figureOf } from './figure';
import { pathOf } from './lines';
import { matches } from './model';
import { colour, swatchFill } from './palette';

interface Row {
  node: HTMLElement;
  eye: HTMLButtonElement;
  swatch: HTMLElement;
  name: HTMLElement;
  value: HTMLElement;
  state: HTMLElement;
  shown: string;
}

export class RunList {
  readonly node: HTMLElement;
  readonly search: HTMLInputElement;
  private readonly list: HTMLElement;
  private readonly head: HTMLElement;
  private readonly more: HTMLButtonElement;
  private readonly hint = h('p', { class: 'tnb-hint', hidden: true });
  private readonly rows = new Map<RunPath, Row>();
  private metric = '';
  private direction: Metric['direction'] = null;
  private total = 0;
  private current: RunPath | null = null;

  constructor(
    private readonly dashboard: Dashboard,
    private readonly act: { open: (run: Run) => void; loadMore: () => void }
  ) {
    const { model, disposables, host } = dashboard;
    const t = host.translate;
    this.head = h('h3', { class: 'tnb-list-head' });
    this.search = h('input', {
      class: 'tnb-input',
      type: 'search',
      placeholder: t('Search runs'),
      'aria-label': t('Search runs'),
      oninput: () => this.update(),
      onkeydown: event => {
        if (event.key !== 'ArrowDown' && event.key !== 'Enter') return;
        event.preventDefault();
        this.move(1);
      }
    });
    this.list = h('ul', { class: 'tnb-list', 'aria-label': t('Runs') });
    this.more = h('button', { class: 'tnb-button', hidden: true, onclick: () => act.loadMore() }, t('Load more'));
    this.node = h(
      'aside',
      { class: 'tnb-runs', 'aria-label': t('Runs') },
      this.head,
      this.search,
      this.list,
      this.hint,
      this.more
    );
    disposables.add(
      model.changed.connect(aspect => {
        if (aspect === 'runs' || aspect === 'shown') this.update();
      })
    );
    disposables.every(30_000, () => this.update()); // "3 min ago"
  }

  /** Which value stands beside each name. */
  choose(metric: string, direction: Metric['direction'] = null): void {
    if (metric === this.metric && direction === this.direction) return;
    this.metric = metric;
    this.direction = direction;
    this.update();
  }

  page(total: number, hasMore: boolean): void {
    this.total = total;
    this.more.hidden = !hasMore;
    this.update();
  }

  /** Whether the pointer is over the list: then nothing may move in it. */
  get held(): boolean {
    return this.list.matches(':hover');
  }

  update(): void {
    const { model, host } = this.dashboard;
    const t = host.translate;
    const search = this.search.value.trim();
    const runs = model.runs.filter(run => matches(`${run.name} ${run.run}`, search));
    const nodes: HTMLElement[] = [];
    for (const run of runs) {
      const path = pathOf(run);
      const row = this.rows.get(path) ?? this.make(path);
      this.fill(row, run);
      nodes.push(row.node);
    }
    const same =
      nodes.length === this.list.children.length && nodes.every((node, at) => node === this.list.children[at]);
    if (!same) {
      const focused = this.list.contains(document.activeElement) ? (document.activeElement as HTMLElement) : null;
      this.list.replaceChildren(...nodes);
      if (focused?.isConnected) focused.focus({ preventScroll: true });
    }
    const known = new Set(model.runs.map(pathOf));
    for (const path of this.rows.keys()) if (!known.has(path)) this.rows.delete(path);
    setText(this.head, fill(t('Runs (%1, %2 shown)'), String(this.total), String(model.shown.length)));
    this.hint.hidden = runs.length > 0 || !search;
    setText(this.hint, fill(t('No run among the %1 loaded has “%2” in its name.'), String(model.runs.length), search));
    if (!this.current || !runs.some(run => pathOf(run) === this.current))
      this.current = runs[0] ? pathOf(runs[0]) : null;
    for (const [path, row] of this.rows) row.node.tabIndex = path === this.current ? 0 : -1;
  }

  /** Moves the focus down or up. */
  move(by: number): void {
    const nodes = [...this.list.children] as HTMLElement[];
    const at = nodes.indexOf(document.activeElement?.closest('.tnb-list > li') as HTMLElement);
    const here = at >= 0 ? at + by : nodes.findIndex(node => node.dataset.path === this.current);
    const to = nodes[Math.min(nodes.length - 1, Math.max(0, here))];
    if (!to) return;
    this.focus(to.dataset.path as string);
    to.focus();
  }

  private focus(path: RunPath): void {
    this.current = path;
    for (const [known, row] of this.rows) row.node.tabIndex = known === path ? 0 : -1;
  }

  /** Shows or hides the lines of the current run. */
  toggle(path = this.current): void {
    const { model } = this.dashboard;
    if (path) model.show([path], !model.isShown(path));
  }

  open(): void {
    const run = this.current && this.dashboard.model.run(this.current);
    if (run) this.act.open(run);
  }

  private make(path: RunPath): Row {
    const eye = h('button', { class: 'tnb-eye', tabindex: '-1', onclick: () => this.toggle(path) });
    const row: Row = {
      node: h('li', { class: 'tnb-row', 'data-path': path, tabindex: '-1' }),
      eye,
      swatch: h('span', { class: 'tnb-swatch' }),
      name: h('button', {
        class: 'tnb-link',
        tabindex: '-1',
        onclick: () => {
          this.focus(path);
          this.open();
        }
      }),
      value: h('span', { class: 'tnb-number' }),
      state: h('span', { class: 'tnb-state-icon' }),
      shown: ''
    };
    row.node.append(eye, row.swatch, row.name, row.value, row.state);
    row.node.addEventListener('focus', () => this.focus(path));
    this.rows.set(path, row);
    return row;
  }

  private fill(row: Row, run: Run): void {
    const { model, host } = this.dashboard;
    const t = host.translate;
    const on = model.isShown(pathOf(run));
    const value = this.metric ? run.summary[this.metric] : undefined;
    const found = figureOf(value, this.direction).value;
    const has = value !== undefined;
    const when = ago(run.created, Date.now(), t);
    const looks = [
      on,
      String(model.dash(pathOf(run))),
      run.name,
      run.color,
      run.state,
      has && found,
      this.metric,
      when
    ].join('\n');
    if (looks === row.shown) return;
    row.shown = looks;
    const word = stateWord(run.state, t);
    const name = run.name || run.run;
    row.eye.replaceChildren(icon(on ? 'eye' : 'hidden'));
    row.eye.setAttribute('aria-pressed', String(on));
    row.eye.setAttribute('aria-label', fill(on ? t('Hide %1') : t('Show %1'), name));
    row.node.classList.toggle('tnb-off', !on);
    row.swatch.style.background = swatchFill(colour(run.run, run.color), model.dash(pathOf(run)));
    setText(row.name, name, `${name} (${run.run})\n${t('created')} ${when}, ${exact(run.created)}`);
    setText(
      row.value,
      has ? short(found) : '',
      has ? `${this.metric} ${full(typeof value === 'object' ? found : value)}` : ''
    );
    row.state.replaceChildren(icon(run.state));
    row.state.className = `tnb-state-icon tnb-state-${run.state}`;
    row.state.title = word;
    row.node.setAttribute(
      'aria-label',
      [name, word, on ? t('shown') : t('hidden'), has && `${this.metric} ${short(found)}`].filter(Boolean).join(', ')
    );
  }
}
