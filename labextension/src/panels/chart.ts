/**
 * A line chart: a Vega view over the specification that Python made, fed and resized in place.
 *
 * The specification is compiled once for each kind of x axis and parsed to a runtime that all charts share. Expressions
 * are interpreted (a page may forbid `eval`), and nothing is ever loaded: every URL is refused.
 */

import * as vega from 'vega';
import { expressionInterpreter } from 'vega-interpreter';
import { compile, type TopLevelSpec } from 'vega-lite';

import type { Line, Row, Rows } from './lines';
import { rowsOf } from './lines';
import numberSpec from './specs/line.vl.json';
import timeSpec from './specs/line_time.vl.json';

export interface ChartSettings {
  /** "time": x is milliseconds since 1970. */
  x: 'number' | 'time';
  /** What x is, in a word. */
  title: string;
}

/** Colours around the lines, resolved to what a canvas understands. */
export interface ChartTheme {
  foreground: string;
  muted: string;
  grid: string;
  background: string;
  font: string;
}

/** Where the plot lies within the chart's node. Fixed, so that plots of a grid stand in line and nothing moves. */
export const PLOT = { left: 48, right: 12, top: 8, bottom: 22 } as const;

type Runtime = ReturnType<typeof vega.parse>;
const runtimes = new Map<string, Runtime>();

function runtimeOf(settings: ChartSettings, font: string): Runtime {
  const key = JSON.stringify([settings.x, settings.title, font]);
  const known = runtimes.get(key);
  if (known) return known;
  const made = vega.parse(compiled(settings, font), undefined, { ast: true });
  runtimes.set(key, made);
  return made;
}

function compiled(settings: ChartSettings, font: string): vega.Spec {
  const template = structuredClone(settings.x === 'time' ? timeSpec : numberSpec) as unknown as {
    config: { font: string };
    layer: { data: { name: string }; encoding: { x: { title: string } } }[];
  };
  // Names at the ends of lines are DOM here: moving them apart would cost another pass through all marks.
  template.layer = template.layer.filter(layer => layer.data.name !== 'labels');
  for (const layer of template.layer) layer.encoding.x.title = settings.title;
  template.config.font = font;
  const spec = compile(template as unknown as TopLevelSpec, { logger: quiet() }).spec;
  spec.autosize = 'none';
  spec.padding = { ...PLOT };
  lighten(spec.marks ?? []);
  return spec;
}

/**
 * Rows are made by `rowsOf`, finite or null: one comparison tells whether a point is drawn. Vega-Lite asks six functions
 * for each point, which an interpreter pays for at each update.
 */
function lighten(marks: vega.Mark[]): void {
  for (const mark of marks) {
    if (mark.type === 'group') lighten(mark.marks ?? []);
    const update = mark.encode?.update as Record<string, unknown> | undefined;
    if (mark.type === 'line' && update?.defined) update.defined = { signal: 'datum.last !== null' };
    if (mark.type === 'area' && update?.defined) delete update.defined; // filtered before
  }
}

function quiet(): vega.LoggerInterface {
  return vega.logger(vega.None); // what goes wrong is thrown; what is only odd, such as an empty domain, is nobody's concern
}

const refusing = {
  load: (uri: string) => Promise.reject(new Error(`A chart loads nothing: ${uri}`)),
  sanitize: (uri: string) => Promise.reject(new Error(`A chart loads nothing: ${uri}`)),
  http: () => Promise.reject(new Error('A chart loads nothing.')),
  file: () => Promise.reject(new Error('A chart loads nothing.'))
};

/** One chart on the screen. */
export class LineChart {
  readonly view: vega.View;
  /** What the axes span since the last update; null before it and where nothing is drawn. */
  xDomain: [number, number] | null = null;
  yDomain: [number, number] | null = null;
  private readonly drawn = new Map<string, { line: Line; rows: Rows }>();
  /** Datasets that hold, or have held, rows: the others are not touched. */
  private readonly filled = new Set<string>();
  private busy: Promise<unknown> = Promise.resolve();

  /** `node` null: nothing is shown (a test asks for the SVG). */
  constructor(node: HTMLElement | null, settings: ChartSettings, theme: ChartTheme, size: [number, number]) {
    const runtime = runtimeOf(settings, theme.font);
    this.view = new vega.View(runtime, {
      expr: expressionInterpreter as never,
      loader: refusing,
      logger: quiet(),
      renderer: node ? 'canvas' : 'none'
    });
    this.size(size);
    this.colours(theme);
    if (node) this.view.initialize(node);
  }

  /** Draws these lines in the place of the ones before; what has not changed is not touched. */
  update(lines: readonly Line[], window: [number, number] | null): Promise<void> {
    const gone = new Set(this.drawn.keys());
    const added: Rows[] = [];
    for (const line of lines) {
      const before = this.drawn.get(line.run);
      if (before?.line === line) {
        gone.delete(line.run);
        continue;
      }
      const rows = rowsOf(line);
      added.push(rows);
      this.drawn.set(line.run, { line, rows });
    }
    const shown = new Set(lines.map(line => line.run));
    for (const run of [...this.drawn.keys()]) if (!shown.has(run)) this.drawn.delete(run);
    if (gone.size || added.length) {
      for (const name of ['lines', 'points', 'edges'] as const) {
        const rows = added.flatMap<object>(one => one[name]);
        if (rows.length || this.filled.has(name)) {
          this.filled.add(name);
          const stale = (row: Row): boolean => gone.has(row.run);
          this.view.change(name, vega.changeset().remove(stale).insert(rows));
        }
      }
    }
    this.view.signal('x_from', window?.[0] ?? null).signal('x_to', window?.[1] ?? null);
    return this.run();
  }

  /** Shows another window of the same lines at once, before its own data is there. */
  zoom(window: [number, number] | null): Promise<void> {
    this.view.signal('x_from', window?.[0] ?? null).signal('x_to', window?.[1] ?? null);
    return this.run();
  }

  resize(size: [number, number]): Promise<void> {
    this.size(size);
    return this.run();
  }

  theme(theme: ChartTheme): Promise<void> {
    this.colours(theme);
    return this.run();
  }

  dispose(): void {
    this.view.finalize();
  }

  private size([width, height]: [number, number]): void {
    this.view.width(Math.max(10, width - PLOT.left - PLOT.right)).height(Math.max(10, height - PLOT.top - PLOT.bottom));
  }

  private colours(theme: ChartTheme): void {
    for (const name of ['foreground', 'muted', 'grid', 'background'] as const) this.view.signal(name, theme[name]);
    this.view.background('transparent'); // the page's own shows through: Vega reads its signal once, when the view is made
  }

  /** One run of the dataflow after another: Vega drops what is changed while it runs. */
  private run(): Promise<void> {
    const next = this.busy.then(async () => {
      await this.view.runAsync();
      this.xDomain = this.drawn.size ? this.domain('x') : null;
      this.yDomain = this.drawn.size ? this.domain('y') : null;
    });
    this.busy = next.catch(() => undefined);
    return next;
  }

  private domain(name: 'x' | 'y'): [number, number] | null {
    const [from, to] = (this.view.scale(name) as { domain(): [unknown, unknown] }).domain().map(Number) as [
      number,
      number
    ];
    return Number.isFinite(from) && Number.isFinite(to) ? [from, to] : null;
  }
}
