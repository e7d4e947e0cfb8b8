/** The panels of a dashboard, in sections by prefix. New panels come at the end of their section; nothing else moves. */

import type { Metric } from '../data/source';
import { drawable, isNumeric } from './beside';
import type { Dashboard } from './dashboard';
import { h, icon, setText } from './dom';
import { fill } from './format';
import { matches } from './model';
import { LinePanel } from './panel';

/** So many panels without a search: more would not be looked at, and each costs memory. */
export const MOST_PANELS = 200;
const MACHINE = 'system';

interface Section {
  node: HTMLElement;
  head: HTMLButtonElement;
  count: HTMLElement;
  grid: HTMLElement;
  open: boolean;
}

interface Slot {
  panel: LinePanel;
  section: Section;
  feeding: { dispose(): void };
}

export class Board {
  readonly node = h('div', { class: 'tnb-board' });
  private readonly sections = new Map<string, Section>();
  private readonly slots = new Map<string, Slot>();
  private readonly note: HTMLElement;
  private readonly axes = new Map<string, string | null>();
  private names: string[] = [];

  constructor(private readonly dashboard: Dashboard) {
    this.note = h('p', { class: 'tnb-hint', hidden: true });
    this.node.append(this.note);
    dashboard.disposables.add(
      dashboard.model.changed.connect(aspect => {
        if (aspect === 'panels') this.arrange();
      })
    );
    dashboard.disposables.call(() => this.dispose());
  }

  get size(): number {
    return this.names.length;
  }

  /** What has been logged, in the order of first logging. Known panels stay where they are. */
  show(metrics: readonly Metric[]): void {
    this.define(metrics);
    const known = new Set(this.names);
    const fresh = metrics.filter(metric => drawable(metric) && !known.has(metric.name)).map(metric => metric.name);
    if (!fresh.length) return;
    this.names.push(...fresh);
    this.arrange();
  }

  /** Takes over the x axes that definitions name. One that nobody has logged would leave a chart empty: the step stays. */
  private define(metrics: readonly Metric[]): void {
    const logged = new Set(['_step', '_runtime', '_timestamp', ...metrics.filter(isNumeric).map(one => one.name)]);
    for (const { name, step_metric } of metrics) {
      const axis = step_metric !== null && logged.has(step_metric) ? step_metric : null;
      this.axes.set(name, axis);
      const slot = this.slots.get(name);
      if (slot) slot.panel.axis = axis;
    }
    this.dashboard.model.defined = [...this.axes.values()].some(axis => axis !== null);
  }

  private arrange(): void {
    const { search } = this.dashboard.model;
    const t = this.dashboard.host.translate;
    const found = search ? this.names.filter(name => matches(name, search)) : this.names;
    const shown = new Set(found.slice(0, MOST_PANELS));
    for (const name of shown) if (!this.slots.has(name)) this.make(name);
    for (const [name, { panel }] of this.slots) panel.node.hidden = !shown.has(name);
    for (const [prefix, section] of this.sections) {
      const all = found.filter(name => prefixOf(name) === prefix).length;
      section.node.hidden = all === 0;
      // Sections of few panels stand beside each other: see the style sheet.
      section.node.style.setProperty('--tnb-panels', String(Math.max(1, all)));
      setText(section.count, `(${all})`);
    }
    // One section without a name needs no heading.
    const only = this.sections.size === 1 && this.sections.has('');
    this.node.classList.toggle('tnb-single', only);
    const hidden = found.length - shown.size;
    this.note.hidden = hidden <= 0 && found.length > 0;
    setText(
      this.note,
      found.length === 0 && search
        ? fill(t('No panel has “%1” in its name.'), search)
        : fill(t('%1 of %2 panels are shown. Search for the others.'), String(shown.size), String(found.length))
    );
    if (found.length === 0 && !search) this.note.hidden = true;
    this.dashboard.feed.poke();
  }

  private make(name: string): void {
    const prefix = prefixOf(name);
    const section = this.sections.get(prefix) ?? this.begin(prefix);
    const panel = new LinePanel(name, prefix ? name.slice(prefix.length + 1) : name, this.dashboard.shared);
    panel.axis = this.axes.get(name) ?? null;
    section.grid.append(panel.node);
    this.dashboard.adopt(panel);
    this.slots.set(name, { panel, section, feeding: this.dashboard.feed.add(panel) });
  }

  private begin(prefix: string): Section {
    const t = this.dashboard.host.translate;
    const open = prefix !== MACHINE; // a machine's twenty metrics are looked at when something is wrong
    const count = h('span', { class: 'tnb-count' });
    const grid = h('div', { class: 'tnb-grid', hidden: !open });
    const head = h(
      'button',
      {
        class: 'tnb-section-head',
        'aria-expanded': String(open),
        onclick: () => {
          section.open = !section.open;
          head.setAttribute('aria-expanded', String(section.open));
          grid.hidden = !section.open;
          node.classList.toggle('tnb-folded', !section.open);
        }
      },
      icon('fold'),
      h('span', {}, prefix || t('charts')),
      count
    );
    const node = h('section', { class: 'tnb-section', 'aria-label': prefix || t('charts') }, head, grid);
    node.classList.toggle('tnb-folded', !open);
    const section: Section = { node, head, count, grid, open };
    // What a machine does stands last, also when the next section comes later.
    const before = prefix === MACHINE ? null : this.sections.get(MACHINE)?.node;
    this.sections.set(prefix, section);
    this.node.insertBefore(node, before ?? this.note);
    return section;
  }

  private dispose(): void {
    for (const { panel, feeding } of this.slots.values()) {
      feeding.dispose();
      this.dashboard.release(panel);
      panel.dispose();
    }
    this.slots.clear();
  }
}

/** "train" of "train/loss"; "" where there is none. */
export function prefixOf(name: string): string {
  const at = name.indexOf('/');
  return at > 0 ? name.slice(0, at) : '';
}
