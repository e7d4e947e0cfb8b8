/**
 * Where panels get their data. Panels know this interface and nothing else: they run over REST and SSE in JupyterLab and
 * Notebook 7, and over a widget's comm where our server extension is not.
 *
 * Names and shapes are those of `server_ext/tracker_nb_server/openapi.yaml`.
 */

/** A number; JSON has no form for "NaN", "Infinity" and "-Infinity", nor for integers beyond 2^53 - 1 (digits). */
export type Numeric = number | string;

export type RunState = 'running' | 'finished' | 'failed' | 'crashed' | 'killed';

/** The form of a store's id. */
export const STORE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** `entity/project/run`: what names a run within a store. */
export type RunPath = string;

/** A run as lists show it. Times are microseconds since 1970. */
export interface Run {
  entity: string;
  project: string;
  run: string;
  generation: number;
  name: string;
  state: RunState;
  exit_code: number | null;
  notes: string;
  tags: string[];
  group: string | null;
  job_type: string | null;
  sweep: string | null;
  /** "#rrggbb", or "" where nobody has chosen one. */
  color: string;
  owner: string;
  created: number;
  started: number;
  ended: number | null;
  updated: number;
  config: Record<string, unknown>;
  summary: Record<string, unknown>;
}

export interface RunsQuery {
  entity?: string;
  project?: string;
  /** Only what a notebook has made; its path as Jupyter's contents API names it. */
  notebook?: string;
  /** Words that a run must have in its name, id, project, tags, group, job type or notes. */
  search?: string;
  /** Equality by name, such as `{"config.lr": 0.1}`. */
  filter?: Record<string, unknown>;
  /** "+" or "-" and a name; "-created_at" where left out. */
  order?: string;
  limit?: number;
  cursor?: string;
}

export interface RunsPage {
  runs: Run[];
  total: number;
  offset: number;
  next: string | null;
}

/** A metric of one run, all of it in a line. */
export interface RunMetric {
  name: string;
  rows: number;
  count: number;
  min: Numeric | null;
  max: Numeric | null;
  mean: Numeric | null;
  last: unknown;
  last_step: Numeric;
  last_time: number;
}

export interface RunDetail extends Run {
  metadata: Record<string, unknown>;
  metrics: RunMetric[];
}

/** A metric that any of several runs has logged. */
export interface Metric {
  name: string;
  /** How many of the runs asked for have logged it. */
  runs: number;
  /** How often, all runs together. */
  rows: number;
  /** Its x axis where `define_metric(step_metric=)` named one. */
  step_metric: string | null;
  /** Which values are better, where a definition or a summary of min or max says so. */
  direction: 'minimize' | 'maximize' | null;
  /** `define_metric(hidden=True)`: no panel by default. */
  hidden: boolean;
}

export interface BucketsRequest {
  runs: RunPath[];
  keys: string[];
  /** "_step", "_runtime", "_timestamp" (both in seconds), or a metric. */
  x?: string;
  /** From and to in units of x, both included; null for all there is. */
  window?: [Numeric | null, Numeric | null];
  n?: number;
}

/** A metric of a run, reduced for a chart. Where `exact`, every bucket is one logged point: only `x` and `last` are there. */
export interface Series {
  run: RunPath;
  key: string;
  exact: boolean;
  x: Numeric[];
  last: Numeric[];
  min?: Numeric[];
  max?: Numeric[];
  mean?: Numeric[];
  count?: number[];
}

export interface Project {
  entity: string;
  project: string;
  runs: number;
  running: number;
  created: number;
  updated: number;
}

/** One run of a change. */
export interface RunChange {
  entity: string;
  project: string;
  run: string;
  state: RunState;
  rows: number;
  step: number | null;
  updated: number;
  deleted: boolean;
}

/** A store that the user has opened. */
export interface Store {
  id: string;
  /** The folder it belongs to. */
  name: string;
  /** Whether it is still at its place. */
  here: boolean;
  /** Seconds since 1970, to about a day. */
  used: number;
}

/** What a listener hears. */
export type SourceEvent =
  /** These runs changed; `many`: and more than are listed. */
  | { kind: 'change'; store: string; runs: RunChange[]; many: boolean }
  /** Anything in the store may have changed: read again what is shown. */
  | { kind: 'reset'; store: string }
  /** Whether changes arrive. While `reconnecting`, what is shown stays and is greyed. */
  | { kind: 'connection'; state: 'connected' | 'reconnecting' };

export interface Subscription {
  /** Live: told within about 50 ms; else within a second. Panels on the screen are live, others are not. */
  setLive(live: boolean): void;
  dispose(): void;
}

/** An answer that is not one. `type` is the name of the server's error, such as "StoreNotHere" or "RunNotFound". */
export class SourceError extends Error {
  constructor(
    readonly type: string,
    message: string,
    readonly id: string = ''
  ) {
    super(message);
    this.name = 'SourceError';
  }
}

/** All calls reject with `SourceError`; aborted ones with an `AbortError`. */
export interface DataSource {
  projects(store: string, signal?: AbortSignal): Promise<Project[]>;
  runs(store: string, query: RunsQuery, signal?: AbortSignal): Promise<RunsPage>;
  run(store: string, path: RunPath, signal?: AbortSignal): Promise<RunDetail>;
  metrics(store: string, runs: RunPath[], signal?: AbortSignal): Promise<Metric[]>;
  buckets(store: string, request: BucketsRequest, signal?: AbortSignal): Promise<Series[]>;
  /** Ask the programs of a run to stop; how many were asked. */
  stop(store: string, path: RunPath): Promise<number>;
  subscribe(store: string, listener: (event: SourceEvent) => void): Subscription;
}

/** What of a run a person may change. */
export type RunChanges = Partial<Pick<Run, 'name' | 'notes' | 'tags' | 'group' | 'color'>>;

/** What a person decides about runs: possible where our server extension is. */
export interface RunCommands {
  stores(signal?: AbortSignal): Promise<Store[]>;
  update(store: string, path: RunPath, changes: RunChanges): Promise<Run>;
  /** Into the trash. */
  remove(store: string, path: RunPath): Promise<void>;
  /** Out of the trash. */
  restore(store: string, path: RunPath): Promise<void>;
}
