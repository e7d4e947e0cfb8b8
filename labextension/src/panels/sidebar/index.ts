/** The sidebar: a search, what this notebook has made, and all projects. It knows nothing of JupyterLab. */

import { Disposables, h, icon } from '../dom';
import { help } from '../help';
import { parse, write } from '../query';
import { reconnecting } from '../states';
import { trackLine } from '../trackline';
import { Data, projectKey } from './data';
import { Filters } from './filters';
import type { RunAt, SidebarHost } from './host';
import { type Row, rowsOf, type RunRow, type Section } from './rows';
import { Tree } from './tree';

export type { RunAt, SidebarHost, SidebarSettings } from './host';

const OURS = new Set(['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'Enter', ' ', ...'jkx/?']);
/** Milliseconds after the last letter of a search until it is asked. */
const TYPING = 250;

export class Sidebar {
  readonly root: HTMLElement;
  private readonly data: Data;
  private readonly tree: Tree;
  private readonly filters: Filters;
  private readonly input: HTMLInputElement;
  private readonly banner: HTMLElement;
  private readonly keys: ReturnType<typeof help>;
  private readonly folded = new Set<Section>();
  private readonly disposables = new Disposables();
  private typing: ReturnType<typeof setTimeout> | undefined;
  /** A drag ends with a click that is none. */
  private dragged = false;

  constructor(
    node: HTMLElement,
    private readonly host: SidebarHost
  ) {
    const t = host.translate;
    this.data = new Data(host);
    this.disposables.add(this.data);
    this.banner = reconnecting(t);
    this.input = h('input', {
      class: 'tnb-input',
      type: 'search',
      placeholder: t('Search runs'),
      'aria-label': t('Search runs'),
      title: t('Words of a name, tag or note; state:failed, tag:best, project:digits'),
      oninput: () => this.type(),
      onkeydown: event => this.typed(event)
    });
    this.tree = new Tree(
      {
        press: row => this.press(row),
        fold: (row, open) => this.fold(row, open),
        drag: (row, event) => this.drag(row, event),
        edited: (row, what, text) => void this.edited(row, what, text),
        stop: row => void host.act.stop([row.at]),
        retry: () => this.data.renew()
      },
      t,
      this.disposables
    );
    this.filters = new Filters(t, search => this.set(write(search)));
    const settings = host.showSettings && this.button('settings', t('Settings'), () => host.showSettings?.());
    const ask = h(
      'button',
      { class: 'tnb-button tnb-icon-button', title: t('Keys (?)'), 'aria-label': t('Keys') },
      '?'
    );
    const bar = h('div', { class: 'tnb-side-bar' }, this.input, this.filters.button, ask, settings);
    this.root = h('div', { class: 'tnb-root tnb-sidebar' }, bar, this.filters.node, this.banner, this.tree.node);
    node.replaceChildren(this.root);
    this.keys = help(this.root, () => this.keyList(), t);
    ask.addEventListener('click', this.keys.toggle);
    this.root.addEventListener('keydown', event => this.key(event));
    this.root.addEventListener('click', this.swallow, true);
    this.disposables.add(this.data.changed.connect(() => this.update(true)));
    this.disposables.add(
      host.onChange(what => {
        if (what === 'notebook') this.data.forget();
        else this.data.reset();
        this.update(false);
      })
    );
    // JupyterLab hears keys at the document, before any node: at the window is earlier still.
    window.addEventListener('keydown', this.claim, true);
    this.disposables.call(() => window.removeEventListener('keydown', this.claim, true));
    this.update(false);
  }

  /** Whether it is looked at: only then does it ask anything. */
  set visible(visible: boolean) {
    this.data.visible = visible;
    if (visible) this.update(false);
  }

  /** The runs that an action is about now. */
  get targets(): RunAt[] {
    return this.tree.targets.map(row => row.at);
  }

  /** What the current line shows in a notebook. */
  get line(): string | null {
    const row = this.tree.currentRow;
    return row ? lineOf(row) : null;
  }

  /** Opens what is current: runs that are chosen, else the line. */
  open(): void {
    const targets = this.tree.targets;
    if (targets.length) for (const row of targets) this.press(row);
    else {
      const row = this.tree.currentRow;
      if (row) this.press(row);
    }
  }

  rename(): void {
    const [row] = this.tree.targets;
    if (row) this.tree.edit(row, 'name');
  }

  editTags(): void {
    const [row] = this.tree.targets;
    if (row) this.tree.edit(row, 'tags');
  }

  /** Something was changed by a person: it is shown at once. */
  renew(): void {
    this.tree.unchoose();
    this.data.renew();
  }

  /** Takes runs out of the lists before the store has said so, or puts them back. */
  hide(runs: readonly RunAt[], hidden: boolean): void {
    this.data.hide(runs, hidden);
    this.update(false);
  }

  focus(): void {
    this.input.focus();
  }

  dispose(): void {
    clearTimeout(this.typing);
    this.disposables.dispose();
    this.root.remove();
  }

  private update(wait: boolean): void {
    this.banner.hidden = this.data.connected;
    this.root.classList.toggle('tnb-disconnected', !this.data.connected);
    this.filters.show(this.data.search, this.data.runs);
    this.tree.show(rowsOf(this.data, this.host, this.folded), wait);
  }

  private button(name: string, label: string, onclick: () => void): HTMLElement {
    return h('button', { class: 'tnb-button tnb-icon-button', title: label, 'aria-label': label, onclick }, icon(name));
  }

  private keyList(): [string, string][] {
    const t = this.host.translate;
    return [
      ['/', t('search')],
      ['j k ↓ ↑', t('next and previous line')],
      ['→ ←', t('open and fold a project or section')],
      ['Enter', t('open the run or project in the main area')],
      ['x', t('choose the run, for what is done to several')],
      ['F2', t('rename the run')],
      ['Delete', t('delete the run; it can be undone')],
      ['Shift+F10', t('everything else')],
      ['?', t('this list')]
    ];
  }

  private type(): void {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.ask(), TYPING);
  }

  private ask(): void {
    clearTimeout(this.typing);
    this.folded.delete('results');
    this.data.search = parse(this.input.value);
    this.update(false);
  }

  private set(text: string): void {
    this.input.value = text;
    this.ask();
  }

  private typed(event: KeyboardEvent): void {
    if (event.key === 'Escape' && this.input.value) this.set('');
    else if (event.key === 'Escape' || event.key === 'ArrowDown') this.tree.focus();
    else if (event.key === 'Enter') this.ask();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private key(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    if (event.key === 'Escape' && (this.keys.close() || this.filters.close() || this.tree.unchoose())) {
      event.preventDefault();
      return;
    }
    if (target instanceof HTMLInputElement) return;
    const onTree = target.classList.contains('tnb-side-row');
    if (event.key === '/') this.input.focus();
    else if (event.key === '?') this.keys.toggle();
    else {
      this.tree.point(event);
      if (!onTree || !this.walk(event.key)) return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  private walk(key: string): boolean {
    const { tree } = this;
    if (key === 'j' || key === 'ArrowDown') tree.step(1);
    else if (key === 'k' || key === 'ArrowUp') tree.step(-1);
    else if (key === 'Home' || key === 'End') tree.end(key === 'End');
    else if (key === 'ArrowRight') tree.inward();
    else if (key === 'ArrowLeft') tree.outward();
    else if (key === 'x' || key === ' ') tree.toggle();
    else if (key === 'Enter') this.open();
    else return false;
    return true;
  }

  /** Keys with a meaning here are not JupyterLab's too. */
  private readonly claim = (event: KeyboardEvent): void => {
    if (!(event.target instanceof Node) || !this.root.contains(event.target)) return;
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    this.root.toggleAttribute('data-lm-suppress-shortcuts', plain && OURS.has(event.key));
  };

  private readonly swallow = (event: Event): void => {
    if (!this.dragged) return;
    this.dragged = false;
    event.stopPropagation();
  };

  private press(row: Row): void {
    const { host, data } = this;
    if (row.kind === 'section') this.fold(row, !row.open);
    else if (row.kind === 'project') {
      const { entity, project } = row.at.project;
      host.open({ store: row.at.store, view: 'project', entity, project });
    } else if (row.kind === 'run') {
      const { entity, project, run } = row.at.run;
      host.open({ store: row.at.store, view: 'run', entity, project, run });
    } else if (row.kind === 'more') {
      if (row.of === 'stores') data.moreStores();
      else data.more(row.of);
    }
  }

  private fold(row: Row, open: boolean): void {
    if (row.kind === 'section') {
      if (open) this.folded.delete(row.section);
      else this.folded.add(row.section);
    } else if (row.kind === 'project') {
      const { entity, project } = row.at.project;
      this.data.expand(projectKey(row.at.store, entity, project), open);
    }
    this.update(false);
  }

  private drag(row: Row, event: PointerEvent): void {
    const line = lineOf(row);
    if (!line || !this.host.drag) return;
    this.dragged = true;
    void this.host.drag(line, event).finally(() => setTimeout(() => (this.dragged = false)));
  }

  private async edited(row: RunRow, what: 'name' | 'tags', text: string): Promise<void> {
    const { run } = row.at;
    const tags = [
      ...new Set(
        text
          .split(',')
          .map(tag => tag.trim())
          .filter(Boolean)
      )
    ];
    const name = text.trim();
    const same = what === 'name' ? !name || name === run.name : tags.join('\n') === run.tags.join('\n');
    if (same) return;
    const changes = what === 'name' ? { name } : { tags };
    this.data.take(row.at, changes); // as if it were done; the store has the last word
    this.update(false);
    await this.host.act.change(row.at, changes);
    this.data.renew();
  }
}

function lineOf(row: Row): string | null {
  if (row.kind === 'run') return trackLine(row.at.run);
  return row.kind === 'project' ? trackLine({ project: row.at.project.project }) : null;
}
