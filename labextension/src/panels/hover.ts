/** One ruler for all panels of a dashboard: where it stands, in units of x. */

import { Signal } from './dom';

export interface Ruler {
  x: number;
  /** The axis of `x`: a panel with another one has no ruler. */
  axis: string;
  /** The panel under the pointer or with the focus: it shows the values, the others only the ruler. */
  panel: object;
  /** Moved by the keyboard: said aloud for those who do not see it. */
  spoken: boolean;
}

/** Tells panels where the ruler stands, at most once a frame. */
export class HoverBus {
  readonly moved = new Signal<Ruler | null>();
  at: Ruler | null = null;
  private frame = 0;

  set(ruler: Ruler | null): void {
    this.at = ruler;
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.moved.emit(this.at);
    });
  }

  /** Only the panel that shows the ruler may take it away. */
  leave(panel: object): void {
    if (this.at?.panel === panel) this.set(null);
  }

  dispose(): void {
    cancelAnimationFrame(this.frame);
  }
}
