/**
 * What the sidebar knows: stores, their projects, the runs of this notebook, of open projects and of a search. It asks
 * only while it is looked at, and what changes is asked for again at most every few seconds.
 */

import type { Project, Run, RunsPage, RunsQuery, SourceEvent, Store, Subscription } from '../../data/source';
import { SourceError } from '../../data/source';
import { Disposables, Signal } from '../dom';
import { pathOf } from '../lines';
import { asked, isEmpty, type Search } from '../query';
import { type Goal, Goals } from './goals';
import type { RunAt, SidebarHost } from './host';

/** Stores that are read at once, those used last; more on demand. */
export const STORES_AT_FIRST = 8;
/** Milliseconds between looks at the list of stores: often while there are none, for the first run makes one. */
const STORES_EVERY = { none: 3000, some: 15_000 };
/** Projects are counted again at most so often, unless a run has begun or ended. */
const COUNT_EVERY = 10_000;
const MOST = 500;
/** Milliseconds until what could not be read is tried again, beyond those between two looks. */
const AGAIN = 3000;
/** What is wrong with the server or the way to it, and not with one store. */
const OF_ALL = new Set(['NoConnection', 'NoExtension', 'Forbidden']);

/** A list of runs, as far as it is loaded. */
export interface Listing {
  runs: RunAt[];
  total: number;
  /** More are there than are loaded. */
  more: boolean;
  loaded: boolean;
}

/** A project and the store it is in. */
export interface ProjectAt {
  store: string;
  project: Project;
}

export const projectKey = (store: string, entity: string, project: string): string => `${store}/${entity}/${project}`;
export const runKey = (at: RunAt): string => `${at.store}/${pathOf(at.run)}`;

interface Wanted {
  listing: Listing;
  /** So many are to be loaded; 0: a page. */
  limit: number;
  /** What each store has of it. */
  parts: Map<string, RunsPage>;
}

export class Data {
  readonly changed = new Signal<void>();
  stores: Store[] = [];
  /** Stores that are known and not read. */
  storesLeft = 0;
  projects: ProjectAt[] = [];
  error: SourceError | null = null;
  connected = true;
  /** Stores that could not be read the last time, and why. */
  readonly troubles = new Map<string, SourceError>();
  /** The list of stores has been read. */
  loaded = false;
  readonly notebook: Wanted = fresh();
  readonly results: Wanted = fresh();
  private readonly opened = new Map<string, Wanted>();
  private readonly goals: Goals;
  private readonly subscriptions = new Map<string, Subscription>();
  private readonly stale = new Set<string>();
  private readonly uncounted = new Set<string>();
  private readonly hidden = new Set<string>();
  private readonly disposables = new Disposables();
  private abort: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private storesTimer: ReturnType<typeof setTimeout> | undefined;
  private mostStores = STORES_AT_FIRST;
  private query: Search = { words: '' };
  private reading = false;
  private readAt = -Infinity;
  private countedAt = -Infinity;

  constructor(private readonly host: SidebarHost) {
    this.goals = new Goals(host);
    this.disposables.listen(document, 'visibilitychange', () => this.schedule());
  }

  get visible(): boolean {
    return this.abort !== null;
  }

  /** Reads and listens from now on, or does not. */
  set visible(visible: boolean) {
    if (visible === this.visible) return;
    if (visible) {
      this.abort = new AbortController();
      void this.readStores();
      return;
    }
    this.abort?.abort();
    this.abort = null;
    clearTimeout(this.timer);
    clearTimeout(this.storesTimer);
    this.timer = undefined;
    for (const one of this.subscriptions.values()) one.dispose();
    this.subscriptions.clear();
  }

  get search(): Search {
    return this.query;
  }

  set search(search: Search) {
    this.query = search;
    Object.assign(this.results, fresh());
    this.renew();
  }

  /** What another notebook has made. */
  forget(): void {
    Object.assign(this.notebook, fresh());
    this.renew();
  }

  /** What is listed, and how, was set anew. */
  reset(): void {
    for (const wanted of [this.notebook, this.results, ...this.opened.values()]) Object.assign(wanted, fresh());
    this.goals.forgetAll();
    this.renew();
  }

  /** What a person has changed of a run, before the store has said so. */
  take(changed: RunAt, values: Partial<Run>): void {
    for (const at of this.runs) {
      if (at.store === changed.store && pathOf(at.run) === pathOf(changed.run)) at.run = { ...at.run, ...values };
    }
  }

  /** Runs that were deleted leave the lists before the store has said so; undone, they come back. */
  hide(runs: readonly RunAt[], hidden: boolean): void {
    for (const at of runs) {
      if (hidden) this.hidden.add(runKey(at));
      else this.hidden.delete(runKey(at));
    }
    for (const wanted of [this.notebook, this.results, ...this.opened.values()]) {
      const { listing } = wanted;
      const left = listing.runs.filter(at => !this.hidden.has(runKey(at)));
      const gone = listing.runs.length - left.length;
      if (gone) wanted.listing = { ...listing, runs: left, total: listing.total - gone };
    }
    for (const at of runs) this.uncounted.add(at.store);
    this.renew();
  }

  /** Everything shown is read again, now. */
  renew(): void {
    for (const store of this.stores) this.stale.add(store.id);
    this.readAt = -Infinity;
    this.schedule();
  }

  listing(store: string, project: Project): Listing | undefined {
    return this.opened.get(projectKey(store, project.entity, project.project))?.listing;
  }

  /** Lists the runs of a project from now on, or does not. */
  expand(key: string, on: boolean): void {
    if (!on) this.opened.delete(key);
    else if (!this.opened.has(key)) {
      this.opened.set(key, fresh());
      this.renew();
    }
  }

  /** Loads further runs of a list: "notebook", "results", or a project's key. */
  more(which: string): void {
    const wanted = which === 'notebook' ? this.notebook : which === 'results' ? this.results : this.opened.get(which);
    if (!wanted) return;
    wanted.limit = Math.min(MOST, (wanted.limit || this.page) + this.page);
    this.renew();
  }

  moreStores(): void {
    this.mostStores = Infinity;
    void this.readStores();
  }

  /** By what a run is measured; undefined where its project has no figure to show. */
  goal(at: RunAt): Goal | undefined {
    return this.goals.of(projectKey(at.store, at.run.entity, at.run.project));
  }

  /** Every run that is known here. */
  get runs(): RunAt[] {
    return [this.notebook, this.results, ...this.opened.values()].flatMap(wanted => wanted.listing.runs);
  }

  dispose(): void {
    this.visible = false;
    this.disposables.dispose();
  }

  private get page(): number {
    return this.host.settings().listed;
  }

  private async readStores(): Promise<void> {
    const signal = this.abort?.signal;
    if (!signal) return;
    clearTimeout(this.storesTimer);
    try {
      const here = (await this.host.source.stores(signal)).filter(store => store.here);
      if (signal.aborted) return;
      this.error = null;
      this.stores = here.slice(0, this.mostStores);
      this.storesLeft = here.length - this.stores.length;
      this.loaded = true;
      for (const store of this.troubles.keys()) this.stale.add(store);
      this.listen();
      this.dropGone();
      if (!this.stores.length) this.changed.emit();
    } catch (error) {
      if (signal.aborted) return;
      this.failed(error);
    }
    const every = this.stores.length ? STORES_EVERY.some : STORES_EVERY.none;
    this.storesTimer = setTimeout(() => void this.look(), every);
  }

  /** Nothing is shown of stores that are not there any more. */
  private dropGone(): void {
    const there = new Set(this.stores.map(store => store.id));
    this.projects = this.projects.filter(at => there.has(at.store));
    for (const wanted of [this.notebook, this.results]) {
      for (const store of wanted.parts.keys()) if (!there.has(store)) Object.assign(wanted, fresh());
    }
    for (const store of this.troubles.keys()) if (!there.has(store)) this.troubles.delete(store);
  }

  private look(): void {
    if (document.visibilityState !== 'hidden') void this.readStores();
    else this.storesTimer = setTimeout(() => this.look(), STORES_EVERY.none);
  }

  private listen(): void {
    const wanted = new Set(this.stores.map(store => store.id));
    for (const [store, one] of this.subscriptions) {
      if (wanted.has(store)) continue;
      one.dispose();
      this.subscriptions.delete(store);
    }
    for (const store of wanted) {
      if (this.subscriptions.has(store)) continue;
      const one = this.host.source.subscribe(store, event => this.hear(event));
      one.setLive(false); // told within a second: names and states are no curves
      this.subscriptions.set(store, one);
      this.stale.add(store);
      this.uncounted.add(store);
      this.readAt = -Infinity;
    }
    this.schedule();
  }

  private hear(event: SourceEvent): void {
    if (event.kind === 'connection') {
      const connected = event.state === 'connected';
      if (connected === this.connected) return;
      this.connected = connected;
      this.changed.emit();
      return;
    }
    const { store } = event;
    this.stale.add(store);
    if (event.kind === 'reset') this.uncounted.add(store);
    else {
      const known = new Map(this.runs.filter(at => at.store === store).map(at => [pathOf(at.run), at.run]));
      let looksOther = false;
      for (const change of event.runs) {
        if (change.deleted) this.hidden.delete(`${store}/${pathOf(change)}`); // the store says so itself
        const run = known.get(pathOf(change));
        if (run?.state === change.state && !change.deleted) continue;
        this.uncounted.add(store); // begun, ended, deleted or come back
        this.goals.forget(projectKey(store, change.entity, change.project));
        for (const at of this.runs) {
          if (at.store !== store || pathOf(at.run) !== pathOf(change)) continue;
          const ended = change.state === 'running' ? null : change.updated;
          at.run = { ...at.run, state: change.state, updated: change.updated, ended };
          looksOther = true;
        }
      }
      if (event.many) this.uncounted.add(store);
      if (looksOther) this.changed.emit();
    }
    this.schedule();
  }

  private schedule(): void {
    if (!this.visible || document.visibilityState === 'hidden' || this.reading || !this.stale.size) return;
    clearTimeout(this.timer);
    const wait = Math.max(0, this.readAt + this.host.settings().refresh * 1000 - performance.now());
    this.timer = setTimeout(() => void this.read(), wait);
  }

  private async read(): Promise<void> {
    const signal = this.abort?.signal;
    if (!signal || this.reading) return;
    this.reading = true;
    this.readAt = performance.now();
    const stores = new Set(this.stale);
    this.stale.clear();
    try {
      await Promise.all([this.readProjects(stores, signal), this.readListings(stores, signal)]);
      this.error = null;
      await this.goals.read(this.runs, stores, signal);
    } catch (error) {
      for (const store of stores) this.stale.add(store); // nothing that has changed is forgotten
      this.readAt = performance.now() + AGAIN;
      if (!signal.aborted) this.failed(error);
    } finally {
      this.reading = false;
    }
    if (!signal.aborted) this.changed.emit();
    this.schedule();
  }

  private failed(error: unknown): void {
    this.error = error instanceof SourceError ? error : new SourceError('Unknown', String(error));
    this.changed.emit();
  }

  /** An answer of one store; nothing where that store is in trouble, for the others are not. */
  private async tolerant<T>(store: string, answer: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    try {
      const found = await answer;
      this.troubles.delete(store);
      return found;
    } catch (error) {
      if (signal.aborted || !(error instanceof SourceError) || OF_ALL.has(error.type)) throw error;
      this.troubles.set(store, error);
      this.uncounted.add(store);
      return undefined;
    }
  }

  private async readProjects(stores: Set<string>, signal: AbortSignal): Promise<void> {
    const late = performance.now() - this.countedAt > COUNT_EVERY;
    const wanted = this.stores.filter(({ id }) => stores.has(id) && (late || this.uncounted.has(id)));
    if (!wanted.length) return;
    this.countedAt = performance.now();
    for (const { id } of wanted) this.uncounted.delete(id);
    const lists = await Promise.all(
      wanted.map(async ({ id }) => {
        const found = await this.tolerant(id, this.host.source.projects(id, signal), signal);
        return { id, projects: found?.map(project => ({ store: id, project })) };
      })
    );
    const read = lists.filter(list => list.projects !== undefined);
    const kept = this.projects.filter(at => !read.some(({ id }) => id === at.store));
    // Known projects keep their place while one looks; new ones come first, those used last first.
    const place = new Map(this.projects.map((at, n) => [keyOf(at), n]));
    const at = (one: ProjectAt): number => place.get(keyOf(one)) ?? -1;
    this.projects = [...kept, ...read.flatMap(list => list.projects ?? [])].sort(
      (a, b) => at(a) - at(b) || b.project.updated - a.project.updated
    );
  }

  private async readListings(stores: Set<string>, signal: AbortSignal): Promise<void> {
    const path = this.host.notebook();
    const all = this.stores.map(store => store.id);
    const search = isEmpty(this.query) ? null : this.query;
    const tasks: Promise<void>[] = [];
    if (path !== null && this.host.settings().thisNotebook) {
      const query = { ...(search ? asked(search) : {}), notebook: path };
      tasks.push(this.fill(this.notebook, all, stores, query, signal));
    }
    if (search) tasks.push(this.fill(this.results, all, stores, asked(search), signal));
    for (const [key, wanted] of this.opened) {
      const [store, entity, project] = key.split('/') as [string, string, string];
      if (stores.has(store)) tasks.push(this.fill(wanted, [store], stores, { entity, project }, signal));
    }
    await Promise.all(tasks);
  }

  /** Reads a list anew from the stores that have changed; what is known of others stays. */
  private async fill(
    wanted: Wanted,
    from: string[],
    changed: Set<string>,
    query: RunsQuery,
    signal: AbortSignal
  ): Promise<void> {
    const before = wanted.listing;
    const limit = wanted.limit || this.page;
    const { order } = this.host.settings();
    const asked = before.loaded ? from.filter(store => changed.has(store)) : from;
    const pages = await Promise.all(
      asked.map(async store => ({
        store,
        page: await this.tolerant(store, this.host.source.runs(store, { ...query, order, limit }, signal), signal)
      }))
    );
    if (wanted.listing !== before || signal.aborted) return; // another search, another notebook
    const parts = new Map(before.loaded ? wanted.parts : []);
    for (const { store, page } of pages) if (page) parts.set(store, page);
    wanted.parts = parts;
    const all = from.flatMap(store => (parts.get(store)?.runs ?? []).map(run => ({ store, run })));
    const runs = all.filter(at => !this.hidden.has(runKey(at)));
    if (from.length > 1) runs.sort((a, b) => compare(a.run, b.run, order));
    const found = [...parts.values()];
    wanted.listing = {
      runs,
      total: found.reduce((sum, page) => sum + page.total, 0) - (all.length - runs.length),
      more: found.some(page => page.next !== null) && limit < MOST,
      loaded: true
    };
  }
}

function fresh(): Wanted {
  return { listing: { runs: [], total: 0, more: false, loaded: false }, limit: 0, parts: new Map() };
}

const keyOf = (at: ProjectAt): string => projectKey(at.store, at.project.entity, at.project.project);

/** The order of lists that come from several stores: the same as each store's own. */
function compare(a: Run, b: Run, order: string): number {
  if (order === '+display_name') return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
  return order === '-updated_at' ? b.updated - a.updated : b.created - a.created;
}
