// The lists at the side: pages from REST on top of what the socket told, refreshed when the queues change.
import { ApiError, type ThreadQuery } from './api';
import type { Desk } from './desk.svelte';
import { all, chosen, mine, NO_FILTERS, waiting, type Filters, type Item, type ListKind } from './order';

interface Paged {
  next: string | null;
  loaded: boolean;
  busy: boolean;
  error: string | null;
}

const PAGE = 200;
const REFRESH_MS = 3000;
const NOT_LOADED: Paged = { next: null, loaded: false, busy: false, error: null };

export class Lists {
  filters = $state<Filters>({ ...NO_FILTERS });
  pages = $state<Record<ListKind, Paged>>({
    mine: { ...NOT_LOADED, loaded: true },
    waiting: { ...NOT_LOADED },
    all: { ...NOT_LOADED },
    search: { ...NOT_LOADED },
  });
  found = $state.raw<readonly string[]>([]);
  private asked = '';
  private refreshed = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private stops = new Map<ListKind, AbortController>();

  constructor(private readonly desk: Desk) {}

  items(kind: ListKind): Item[] {
    const { threads, agent, unsent } = this.desk.state;
    if (kind === 'mine') return mine(threads.values(), agent?.id ?? '', unsent);
    if (kind === 'waiting') return waiting(threads.values(), this.filters);
    if (kind === 'all') return all(threads.values(), this.filters);
    return chosen(threads, this.found);
  }

  private query(kind: ListKind): ThreadQuery {
    const { language, topic, state } = this.filters;
    if (kind === 'waiting') return { state: 'waiting', sort: 'waiting', language, topic };
    if (kind === 'search') return { q: this.asked };
    return { state, language, topic };
  }

  /** Shows a list for the first time, or the next page of it. */
  async more(kind: ListKind): Promise<void> {
    const page = this.pages[kind];
    if (kind === 'mine' || page.busy || (page.loaded && page.next === null)) return;
    await this.load(kind, page.loaded ? page.next : null);
  }

  async first(kind: ListKind): Promise<void> {
    if (kind !== 'mine') await this.load(kind, null);
  }

  private async load(kind: ListKind, before: string | null): Promise<void> {
    const page = this.pages[kind];
    this.stops.get(kind)?.abort();
    const stop = new AbortController();
    this.stops.set(kind, stop);
    const { signal } = stop;
    page.busy = true;
    page.error = null;
    const asOf = this.desk.state.tick;
    try {
      const answer = await this.desk.api.threads({ ...this.query(kind), limit: PAGE, ...(before ? { before } : {}) }, signal);
      if (signal.aborted) return;
      this.desk.dispatch({ type: 'rest.threads', threads: answer.items.map((thread) => this.desk.veil(thread)), asOf });
      this.settle(kind, answer.items.map((thread) => thread.id), before === null, answer.next);
      page.next = answer.next;
      page.loaded = true;
    } catch (error) {
      if (!signal.aborted) page.error = error instanceof ApiError ? error.code : 'other';
    } finally {
      if (!signal.aborted) page.busy = false;
    }
  }

  private settle(kind: ListKind, ids: string[], fresh: boolean, next: string | null): void {
    if (kind === 'search') this.found = fresh ? ids : [...this.found, ...ids];
    const whole = kind === 'waiting' && fresh && next === null && !this.filters.language && !this.filters.topic;
    if (whole) this.desk.dispatch({ type: 'prune', waiting: new Set(ids) });
  }

  async search(words: string): Promise<void> {
    this.asked = words.trim();
    this.found = [];
    this.pages.search = { ...NOT_LOADED };
    if (this.asked) await this.load('search', null);
  }

  setFilters(patch: Partial<Filters>, kind: ListKind): void {
    Object.assign(this.filters, patch);
    void this.first(kind);
  }

  /** What was loaded may be old: the first pages again. */
  async refresh(): Promise<void> {
    for (const kind of ['waiting', 'all'] as const) {
      if (this.pages[kind].loaded) await this.load(kind, null);
    }
  }

  /** The queues told of a change: ask for what waits, at most every few seconds. */
  queuesChanged(kind: ListKind): void {
    if (kind !== 'waiting' || this.timer) return;
    const wait = Math.max(0, this.refreshed + REFRESH_MS - Date.now());
    this.timer = setTimeout(() => {
      this.timer = null;
      this.refreshed = Date.now();
      void this.load('waiting', null);
    }, wait);
  }
}
