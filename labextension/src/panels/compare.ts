/** Which other runs are drawn beside this one, and what differs in the configuration from the last one. */

import type { Run } from '../data/source';
import type { Dashboard } from './dashboard';
import { h } from './dom';
import { fill, plain } from './format';
import { pathOf } from './lines';
import { DIRECT_LABELS } from './names';
import { colour, swatchFill } from './palette';
import type { Peer } from './stats';

const MOST_CHANGES = 8;
/** More names than this are read nowhere but in the list of runs. */
const MOST_NAMES = 48;

export class Compare {
  readonly node = h('div', { class: 'tnb-compare' });
  /** The names of the lines, where they are too many to stand beside them. */
  readonly legend = h('ul', { class: 'tnb-legend', hidden: true });
  private swatches: [HTMLElement, Run][] = [];
  private text = '';

  constructor(
    private readonly dashboard: Dashboard,
    private readonly axis: HTMLElement,
    private readonly loadAll: () => Promise<readonly Run[]>
  ) {
    this.node.append(h('span', { class: 'tnb-space' }), axis);
    this.legend.setAttribute('aria-label', dashboard.host.translate('Lines'));
    dashboard.disposables.add(
      dashboard.model.changed.connect(aspect => {
        if (aspect === 'shown' || aspect === 'runs') this.update();
      })
    );
  }

  /** Which lines are drawn, and how, follows from which runs are shown together. */
  private update(): void {
    const { model, host } = this.dashboard;
    for (const [swatch, run] of this.swatches) this.paint(swatch, run);
    const { shown } = model;
    this.legend.hidden = shown.length <= DIRECT_LABELS;
    if (this.legend.hidden) return;
    const names = shown.slice(0, MOST_NAMES).map(run => {
      const swatch = h('span', { class: 'tnb-swatch' });
      this.paint(swatch, run);
      return h('li', { title: `${run.name || run.run} (${run.run})` }, swatch, h('span', {}, run.name || run.run));
    });
    const more = shown.length - names.length;
    if (more > 0) names.push(h('li', { class: 'tnb-muted' }, fill(host.translate('and %1 more'), String(more))));
    this.legend.replaceChildren(...names);
  }

  private paint(swatch: HTMLElement, run: Run): void {
    swatch.style.background = swatchFill(colour(run.run, run.color), this.dashboard.model.dash(pathOf(run)));
  }

  /** Peers are drawn by default, one click off. */
  show(run: Run, peers: readonly Peer[], total: number): void {
    const { model, host } = this.dashboard;
    const t = host.translate;
    const text = [pathOf(run), total, ...peers.map(peer => peer.is + pathOf(peer.run))].join('\n');
    if (text === this.text) return;
    this.text = text;
    const roles = new Map<Run, string[]>();
    for (const { run: other, is } of peers) {
      const same = [...roles.keys()].find(known => pathOf(known) === pathOf(other));
      if (same) roles.get(same)?.push(t(is));
      else roles.set(other, [t(is)]);
    }
    model.put([...roles.keys()]);
    model.show([...roles.keys()].map(pathOf), true);
    this.swatches = [];
    const boxes = [...roles].map(([other, is]) => {
      const swatch = h('span', { class: 'tnb-swatch' });
      this.swatches.push([swatch, other]);
      this.paint(swatch, other);
      return this.box(
        true,
        on => model.show([pathOf(other)], on),
        swatch,
        `${other.name || other.run} (${is.join(', ')})`
      );
    });
    const others = total - 1;
    if (others > roles.size) {
      const kept = new Set([pathOf(run), ...[...roles.keys()].map(pathOf)]);
      boxes.push(
        this.box(
          false,
          async on => {
            const all = on ? await this.loadAll() : model.runs;
            if (on) model.put(all);
            model.show(
              all.map(pathOf).filter(path => !kept.has(path)),
              on
            );
          },
          null,
          fill(t('all %1'), String(total))
        )
      );
    }
    const last = peers.find(peer => peer.is === 'last')?.run;
    const changed = last && changes(last.config, run.config);
    this.node.replaceChildren(
      ...(boxes.length ? [h('span', { class: 'tnb-muted' }, t('Compare:'))] : []),
      ...boxes,
      h('span', { class: 'tnb-space' }),
      ...(changed ? [this.differences(changed, last)] : []),
      this.axis
    );
  }

  private box(on: boolean, act: (on: boolean) => void | Promise<void>, swatch: Node | null, word: string): HTMLElement {
    const input = h('input', { type: 'checkbox', onchange: () => void act(input.checked) });
    input.checked = on;
    return h('label', { class: 'tnb-check' }, input, swatch, word);
  }

  private differences(changed: [string, unknown, unknown][], last: Run): HTMLElement {
    const t = this.dashboard.host.translate;
    if (!changed.length)
      return h('span', { class: 'tnb-muted' }, fill(t('same configuration as %1'), last.name || last.run));
    const words = changed.map(([key, from, to]) =>
      from === undefined
        ? fill(t('%1 %2 (new)'), key, plain(to))
        : to === undefined
          ? fill(t('%1 removed'), key)
          : `${key} ${plain(from)} → ${plain(to)}`
    );
    const more = words.length > MOST_CHANGES ? fill(t(', and %1 more'), String(words.length - MOST_CHANGES)) : '';
    const title = words.join('\n');
    return h(
      'span',
      { class: 'tnb-changed', title },
      h('span', { class: 'tnb-muted' }, `${t('changed:')} `),
      words.slice(0, MOST_CHANGES).join(', ') + more
    );
  }
}

/** Keys of two configurations whose values differ: key, before, now. Nested keys are joined by dots. */
export function changes(before: Record<string, unknown>, now: Record<string, unknown>): [string, unknown, unknown][] {
  const [old, fresh] = [flat(before), flat(now)];
  const keys = new Set([...fresh.keys(), ...old.keys()]);
  return [...keys]
    .filter(key => JSON.stringify(old.get(key)) !== JSON.stringify(fresh.get(key)))
    .map(key => [key, old.get(key), fresh.get(key)]);
}

function flat(config: Record<string, unknown>, prefix = '', found = new Map<string, unknown>()): Map<string, unknown> {
  for (const [key, value] of Object.entries(config)) {
    if (key.startsWith('_')) continue; // the tracker's own
    if (value !== null && typeof value === 'object' && !Array.isArray(value))
      flat(value as Record<string, unknown>, `${prefix}${key}.`, found);
    else found.set(prefix + key, value);
  }
  return found;
}
