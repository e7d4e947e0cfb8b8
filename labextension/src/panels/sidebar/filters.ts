/** Filters by state and tag: they write themselves into the search, so that there is one place to read what is asked. */

import type { RunState } from '../../data/source';
import { h, icon } from '../dom';
import { stateWord, type Translate } from '../format';
import type { Search } from '../query';
import type { RunAt } from './host';

const STATES: RunState[] = ['running', 'finished', 'failed', 'crashed', 'killed'];
const MOST_TAGS = 20;

export class Filters {
  readonly button: HTMLButtonElement;
  readonly node: HTMLElement;
  private search: Search = { words: '' };
  private shown = '';

  constructor(
    private readonly t: Translate,
    private readonly change: (search: Search) => void
  ) {
    this.node = h('div', { class: 'tnb-side-filters', hidden: true });
    this.button = h(
      'button',
      {
        class: 'tnb-button tnb-icon-button',
        title: t('Filter by state and tag'),
        'aria-label': t('Filter by state and tag'),
        'aria-expanded': 'false',
        onclick: () => this.toggle(this.node.hidden)
      },
      icon('filter')
    );
  }

  /** The tags are those of the runs that are known. */
  show(search: Search, runs: readonly RunAt[]): void {
    this.search = search;
    this.button.classList.toggle('tnb-side-on', Boolean(search.state ?? search.tag));
    const counts = new Map<string, number>();
    for (const at of runs) for (const tag of at.run.tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
    if (search.tag) counts.set(search.tag, Infinity);
    const tags = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, MOST_TAGS);
    const names = tags.map(([tag]) => tag).sort();
    const looks = JSON.stringify([search.state, search.tag, names]);
    if (looks === this.shown) return;
    this.shown = looks;
    const had = this.node.contains(document.activeElement) ? (document.activeElement as HTMLElement).title : null;
    this.node.replaceChildren(
      this.group(
        this.t('State'),
        STATES.map(state => this.chip('state', state, stateWord(state, this.t), icon(state)))
      ),
      ...(names.length
        ? [
            this.group(
              this.t('Tag'),
              names.map(tag => this.chip('tag', tag, tag))
            )
          ]
        : [])
    );
    if (had) [...this.node.querySelectorAll('button')].find(one => one.title === had)?.focus();
  }

  close(): boolean {
    if (this.node.hidden) return false;
    const had = this.node.contains(document.activeElement);
    this.toggle(false);
    if (had) this.button.focus();
    return true;
  }

  private toggle(open: boolean): void {
    this.node.hidden = !open;
    this.button.setAttribute('aria-expanded', String(open));
  }

  private group(label: string, chips: HTMLElement[]): HTMLElement {
    return h('div', { class: 'tnb-side-chips', role: 'group', 'aria-label': label }, ...chips);
  }

  private chip(field: 'state' | 'tag', value: string, word: string, mark?: SVGElement): HTMLElement {
    const on = this.search[field] === value;
    return h(
      'button',
      {
        class: 'tnb-side-chip',
        title: `${field}:${value}`,
        'aria-pressed': String(on),
        onclick: () => {
          const { [field]: _, ...rest } = this.search;
          this.change(on ? rest : { ...rest, [field]: value });
        }
      },
      mark,
      word
    );
  }
}
