/** Lines of the sidebar as a tree: one of them has the focus, some are chosen, one may be edited in place. */

import type { Disposables } from '../dom';
import { h } from '../dom';
import type { Translate } from '../format';
import { type Acts, draw, make, tick } from './draw';
import type { Row, RunRow } from './rows';

/** Pixels that a pointer moves before a press becomes a drag. */
const DRAG = 5;

export interface TreeActs extends Acts {
  /** A click, or Enter. */
  press: (row: Row) => void;
  /** Opens or folds a section or a project. */
  fold: (row: Row, open: boolean) => void;
  drag: (row: Row, event: PointerEvent) => void;
  edited: (row: RunRow, what: 'name' | 'tags', text: string) => void;
}

export class Tree {
  readonly node: HTMLElement;
  private rows: Row[] = [];
  private readonly nodes = new Map<string, HTMLElement>();
  private readonly chosen = new Set<string>();
  private current = '';
  private editing: { key: string; input: HTMLInputElement } | null = null;
  private late: Row[] | null = null;
  private down: { row: Row; x: number; y: number } | null = null;

  constructor(
    private readonly acts: TreeActs,
    private readonly t: Translate,
    disposables: Disposables
  ) {
    this.node = h('div', {
      class: 'tnb-side-tree',
      role: 'tree',
      'aria-label': t('Runs and projects'),
      'aria-multiselectable': 'true',
      onclick: event => this.click(event),
      oncontextmenu: event => this.point(event),
      onpointerdown: event => this.press(event),
      onpointermove: event => this.move(event),
      onpointerup: () => (this.down = null),
      onpointerleave: () => this.left(),
      onfocusin: event => {
        const row = this.rowOf(event.target);
        if (row) this.point(event);
      }
    });
    disposables.every(1000, () => this.tick());
  }

  /** Shows these lines. `wait`: while the pointer is here, nothing moves under it; what stays is brought up to date. */
  show(rows: Row[], wait: boolean): void {
    // What comes at the end moves nothing: the pointer may well be here before the first line is.
    const moves = this.rows.some((row, at) => row.key !== rows[at]?.key);
    if (moves && wait && this.held) {
      this.late = rows;
      const fresh = new Map(rows.map(row => [row.key, row]));
      this.rows = this.rows.map(row => fresh.get(row.key) ?? row);
    } else {
      this.late = null;
      this.rows = rows;
    }
    this.render();
  }

  get held(): boolean {
    return this.node.matches(':hover') || this.editing !== null;
  }

  /** What an action is about: the chosen runs where the current line is one of them, else the current line's run. */
  get targets(): RunRow[] {
    const rows = this.rows.filter(row => row.kind === 'run');
    const chosen = rows.filter(row => this.chosen.has(row.key));
    if (chosen.some(row => row.key === this.current)) return chosen;
    return rows.filter(row => row.key === this.current);
  }

  get currentRow(): Row | undefined {
    return this.rows.find(row => row.key === this.current);
  }

  focus(): void {
    this.nodes.get(this.current)?.focus();
  }

  step(by: number): void {
    const at = this.rows.findIndex(row => row.key === this.current);
    this.go(this.rows[Math.min(this.rows.length - 1, Math.max(0, at + by))]);
  }

  end(last: boolean): void {
    this.go(this.rows[last ? this.rows.length - 1 : 0]);
  }

  /** To the line above that this one belongs to, or folds it. */
  outward(): void {
    const row = this.currentRow;
    if (!row) return;
    if ('open' in row && row.open) {
      this.acts.fold(row, false);
      return;
    }
    const at = this.rows.indexOf(row);
    this.go(this.rows.slice(0, at).findLast(one => one.level < row.level));
  }

  /** Opens the line, or goes to the first one in it. */
  inward(): void {
    const row = this.currentRow;
    if (!row || !('open' in row)) return;
    if (!row.open) this.acts.fold(row, true);
    else this.step(1);
  }

  toggle(key = this.current): void {
    if (!this.rows.some(row => row.key === key && row.kind === 'run')) return;
    if (!this.chosen.delete(key)) this.chosen.add(key);
    this.mark();
  }

  unchoose(): boolean {
    const any = this.chosen.size > 0;
    this.chosen.clear();
    this.mark();
    return any;
  }

  /** Puts an input in the place of a run's name. */
  edit(row: RunRow, what: 'name' | 'tags'): void {
    const node = this.nodes.get(row.key);
    const name = node?.querySelector('.tnb-side-name');
    if (!node || !name || this.editing) return;
    const { run } = row.at;
    const label = what === 'name' ? this.t('Name of the run') : this.t('Tags, with commas between them');
    const input = h('input', { class: 'tnb-input tnb-side-edit', 'aria-label': label, placeholder: label });
    input.value = what === 'name' ? run.name || run.run : run.tags.join(', ');
    const end = (keep: boolean): void => {
      if (this.editing?.input !== input) return;
      const had = node.contains(document.activeElement);
      this.editing = null;
      delete node.dataset['looks'];
      if (keep) this.acts.edited(row, what, input.value);
      this.render();
      if (had) node.focus();
    };
    input.addEventListener('keydown', event => {
      event.stopPropagation();
      if (event.key === 'Enter' && !event.isComposing) end(true);
      else if (event.key === 'Escape') end(false);
    });
    input.addEventListener('blur', () => end(true));
    this.editing = { key: row.key, input };
    node.replaceChildren(input);
    input.focus();
    input.select();
  }

  private go(row: Row | undefined): void {
    if (!row) return;
    this.current = row.key;
    this.mark();
    this.focus();
  }

  private render(): void {
    const nodes = this.rows.map(row => {
      const node = this.nodes.get(row.key) ?? make(row);
      this.nodes.set(row.key, node);
      if (this.editing?.key !== row.key) draw(node, row, this.acts, this.t);
      return node;
    });
    const same =
      nodes.length === this.node.children.length && nodes.every((node, at) => node === this.node.children[at]);
    if (!same) {
      const focused = this.node.contains(document.activeElement) ? (document.activeElement as HTMLElement) : null;
      const before = [...this.node.children].indexOf(this.nodes.get(this.current) as HTMLElement);
      const keep = new Set<Element>(nodes);
      for (const child of [...this.node.children]) if (!keep.has(child)) child.remove();
      nodes.forEach((node, at) => {
        if (this.node.children[at] !== node) this.node.insertBefore(node, this.node.children[at] ?? null);
      });
      const keys = new Set(this.rows.map(row => row.key));
      for (const key of this.nodes.keys()) if (!keys.has(key)) this.nodes.delete(key);
      for (const key of this.chosen) if (!keys.has(key)) this.chosen.delete(key);
      if (!keys.has(this.current))
        this.current = this.rows[Math.max(0, Math.min(before, this.rows.length - 1))]?.key ?? '';
      if (focused && document.activeElement !== focused)
        (focused.isConnected ? focused : this.nodes.get(this.current))?.focus();
    }
    this.mark();
  }

  private mark(): void {
    for (const row of this.rows) {
      const node = this.nodes.get(row.key) as HTMLElement;
      node.tabIndex = row.key === this.current ? 0 : -1;
      node.classList.toggle('tnb-side-current', row.key === this.current);
      if (row.kind === 'run') node.setAttribute('aria-selected', String(this.chosen.has(row.key)));
    }
  }

  private tick(): void {
    for (const row of this.rows) {
      const node = row.kind === 'run' && this.nodes.get(row.key);
      if (node && this.editing?.key !== row.key) tick(node, row, this.t);
    }
  }

  private rowOf(target: EventTarget | null): Row | undefined {
    const node = target instanceof Element ? target.closest<HTMLElement>('.tnb-side-row') : null;
    return this.rows.find(row => row.key === node?.dataset['key']);
  }

  /** The line that an event is about becomes the current one. */
  point(event: Event): void {
    const row = this.rowOf(event.target);
    if (!row || row.key === this.current) return;
    this.current = row.key;
    this.mark();
  }

  private click(event: MouseEvent): void {
    const row = this.rowOf(event.target);
    if (!row || row.kind === 'note' || this.editing?.key === row.key) return;
    this.point(event);
    const onCaret = event.target instanceof Element && event.target.closest('.tnb-side-caret') !== null;
    if (row.kind === 'run' && (event.ctrlKey || event.metaKey || event.shiftKey)) this.toggle(row.key);
    else if (row.kind === 'project' && onCaret) this.acts.fold(row, !row.open);
    else this.acts.press(row);
  }

  private press(event: PointerEvent): void {
    const row = this.rowOf(event.target);
    const able = row && (row.kind === 'run' || row.kind === 'project') && this.editing?.key !== row.key;
    this.down = able && event.button === 0 ? { row, x: event.clientX, y: event.clientY } : null;
  }

  private move(event: PointerEvent): void {
    const { down } = this;
    if (!down || Math.hypot(event.clientX - down.x, event.clientY - down.y) < DRAG) return;
    this.down = null;
    this.acts.drag(down.row, event);
  }

  private left(): void {
    if (!this.late || this.held) return;
    this.rows = this.late;
    this.late = null;
    this.render();
  }
}
