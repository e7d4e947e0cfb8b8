/** Small helpers to build DOM. Text is always text: nothing here takes HTML. */

export type Child = Node | string | null | undefined | false;

type Handlers = { [K in keyof HTMLElementEventMap as `on${K}`]?: (event: HTMLElementEventMap[K]) => void };
export type Properties = Handlers & { class?: string; title?: string; hidden?: boolean } & Record<
    `aria-${string}` | `data-${string}`,
    string | undefined
  > &
  Partial<Record<'role' | 'type' | 'id' | 'for' | 'placeholder' | 'tabindex' | 'style' | 'value', string>>;

/** An element with its attributes, listeners (`onclick`, …) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value as EventListener);
    else if (name === 'hidden') node.hidden = value as boolean;
    else node.setAttribute(name, value as string);
  }
  if (tag === 'button' && !properties.type) node.setAttribute('type', 'button');
  node.append(...children.filter((child): child is Node | string => !!child || child === ''));
  return node;
}

/** Sets text only where it differs: a live panel must not make the browser lay out what has not changed. */
export function setText(node: HTMLElement, text: string, title?: string): void {
  if (node.textContent !== text) node.textContent = text;
  if (title !== undefined && node.title !== title) node.title = title;
}

const SVG = 'http://www.w3.org/2000/svg';

/** An SVG element. */
export function s(tag: string, attributes: Record<string, string>, ...children: Node[]): SVGElement {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Shapes of 16 by 16: each differs from the others by its outline, so that no meaning hangs on colour. */
const ICONS: Record<string, string> = {
  running: 'M8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3Z',
  finished: 'M3.2 8.4 6.6 11.8 13 4.6',
  failed: 'M4 4l8 8M12 4l-8 8',
  crashed: 'M8 2.5 14 13.5H2ZM8 6.5v3.2M8 11.6v.4',
  killed: 'M4 4h8v8H4Z',
  stop: 'M4 4h8v8H4Z',
  open: 'M9 3h4v4M13 3 7.5 8.5M7 4H3v9h9V9',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  eye: 'M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8ZM8 6a2 2 0 1 0 0 4 2 2 0 0 0 0-4Z',
  hidden: 'M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8ZM3 13 13 3',
  fold: 'M5 6.5 8 9.5 11 6.5',
  filter: 'M2.5 3.5h11L9.5 8.5v4l-3-1.5v-2.5Z',
  settings: 'M2.5 4.5h6M11.5 4.5h2M2.5 11.5h2M7.5 11.5h6M10 3v3M6 10v3',
  copy: 'M6 6h7v7H6ZM10 6V3H3v7h3'
};
const FILLED = new Set(['running', 'killed', 'stop']);

/** An icon; its meaning stands in text beside it or in the label of its button. */
export function icon(name: string): SVGElement {
  const path = s('path', { d: ICONS[name] ?? '' });
  const filled = FILLED.has(name) ? ' tnb-icon-filled' : '';
  return s('svg', { class: `tnb-icon tnb-icon-${name}${filled}`, viewBox: '0 0 16 16', 'aria-hidden': 'true' }, path);
}

/** Something to undo: a listener, an observer, a part of a view. */
export interface Disposable {
  dispose(): void;
}

/** Disposes of many things at once, last first. */
export class Disposables implements Disposable {
  private readonly undo: (() => void)[] = [];
  isDisposed = false;

  add<T extends Disposable>(one: T): T {
    this.undo.push(() => one.dispose());
    return one;
  }

  call(undo: () => void): void {
    this.undo.push(undo);
  }

  listen(target: EventTarget, type: string, listener: (event: Event) => void): void {
    target.addEventListener(type, listener);
    this.undo.push(() => target.removeEventListener(type, listener));
  }

  every(milliseconds: number, tick: () => void): void {
    const timer = setInterval(tick, milliseconds);
    this.undo.push(() => clearInterval(timer));
  }

  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    while (this.undo.length) this.undo.pop()?.();
  }
}

/** A value over time that others listen to. */
export class Signal<T> {
  private readonly listeners = new Set<(value: T) => void>();

  connect(listener: (value: T) => void): Disposable {
    this.listeners.add(listener);
    return { dispose: () => this.listeners.delete(listener) };
  }

  emit(value: T): void {
    for (const listener of [...this.listeners]) listener(value);
  }
}
