/** Which parts of a dashboard are on the screen: nothing else is asked for or drawn. */

import type { Disposable } from './dom';

export class Screen implements Disposable {
  private readonly listeners = new Map<Element, (seen: boolean) => void>();
  private readonly observer: IntersectionObserver | null;

  constructor() {
    this.observer =
      typeof IntersectionObserver === 'undefined'
        ? null
        : new IntersectionObserver(
            entries => {
              for (const entry of entries) this.listeners.get(entry.target)?.(entry.isIntersecting);
            },
            { rootMargin: '80px' } // what is about to be scrolled into view is there when it comes
          );
  }

  /** Tells whether a node is on the screen, and whenever that changes. */
  watch(node: Element, listener: (seen: boolean) => void): Disposable {
    if (!this.observer) {
      listener(true);
      return { dispose: () => undefined };
    }
    this.listeners.set(node, listener);
    this.observer.observe(node);
    return {
      dispose: () => {
        this.listeners.delete(node);
        this.observer?.unobserve(node);
      }
    };
  }

  dispose(): void {
    this.observer?.disconnect();
    this.listeners.clear();
  }
}

/** Tells how large a node is, and whenever that changes. */
export function watchSize(node: HTMLElement, listener: (width: number, height: number) => void): Disposable {
  if (typeof ResizeObserver === 'undefined') {
    listener(node.clientWidth || 300, node.clientHeight || 180);
    return { dispose: () => undefined };
  }
  const observer = new ResizeObserver(entries => {
    const box = entries[entries.length - 1]?.contentRect;
    if (box?.width) listener(Math.round(box.width), Math.round(box.height));
  });
  observer.observe(node);
  return { dispose: () => observer.disconnect() };
}
