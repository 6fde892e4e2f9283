// Loading what a thread's log lacks: its newest entries, older ones, and the gaps that a lost link left.
import { ApiError } from './api';
import type { Desk } from './desk.svelte';
import { missing, olderThan } from './state';

const PAGE = 100;
const KEPT = 12;
/** Above every number, when the thread itself is not loaded yet. */
const UNKNOWN = 2 ** 31 - 2;

export class Logs {
  /** Threads whose entries are being asked for. */
  busy = $state.raw<ReadonlySet<string>>(new Set());
  failed = $state.raw<ReadonlyMap<string, string>>(new Map());
  private recent: string[] = [];

  constructor(private readonly desk: Desk) {}

  /** The newest entries; keeps a few threads that were read before, so that going back is instant. */
  async open(thread: string): Promise<void> {
    this.recent = [thread, ...this.recent.filter((id) => id !== thread)];
    for (const old of this.recent.splice(KEPT)) this.desk.dispatch({ type: 'forget', thread: old });
    const log = this.desk.state.logs.get(thread);
    if (log && !log.stale) await this.fill(thread);
    else if (await this.page(thread, { limit: PAGE, before: this.count(thread) + 1 })) await this.fill(thread);
  }

  private count(thread: string): number {
    return this.desk.state.threads.get(thread)?.entries ?? UNKNOWN;
  }

  async older(thread: string): Promise<void> {
    const log = this.desk.state.logs.get(thread);
    const before = log ? olderThan(log) : null;
    if (before !== null) await this.page(thread, { limit: PAGE, before });
  }

  /** Asks for what is missing between what is here and the end, until nothing is. */
  async fill(thread: string): Promise<void> {
    for (let round = 0; round < 100; round += 1) {
      const { logs, threads } = this.desk.state;
      const log = logs.get(thread);
      const hole = log && missing(log, threads.get(thread)?.entries ?? 0);
      if (!hole || this.busy.has(thread)) return;
      if (!(await this.page(thread, { limit: 2 * PAGE, after: hole.after }, hole.before))) return;
    }
  }

  private async page(thread: string, query: { limit: number; before?: number; after?: number }, until?: number): Promise<boolean> {
    if (this.busy.has(thread)) return false;
    this.busy = new Set(this.busy).add(thread);
    try {
      const page = await this.desk.api.entries(thread, query);
      const asked = askedFor(query, page.items.map((entry) => entry.seq), until);
      this.desk.dispatch({ type: 'rest.entries', thread, entries: page.items, asked });
      this.fail(thread, null);
      return true;
    } catch (error) {
      this.fail(thread, error instanceof ApiError ? error.code : 'other');
      return false;
    } finally {
      const busy = new Set(this.busy);
      busy.delete(thread);
      this.busy = busy;
    }
  }

  private fail(thread: string, code: string | null): void {
    const failed = new Map(this.failed);
    if (code) failed.set(thread, code);
    else failed.delete(thread);
    this.failed = failed;
  }
}

/** The open interval of numbers that an answer speaks for: what is not in it there does not exist for us. */
function askedFor(
  query: { limit: number; before?: number; after?: number },
  seqs: number[],
  until: number | undefined,
): { after: number; before: number } | null {
  const full = seqs.length >= query.limit;
  if (query.after !== undefined) {
    const last = Math.max(query.after, ...seqs);
    return { after: query.after, before: full ? last + 1 : Math.max(until ?? last + 1, last + 1) };
  }
  if (query.before === undefined || query.before > UNKNOWN) return null;
  const first = seqs.length ? Math.min(...seqs) : query.before;
  return { after: full ? first - 1 : 0, before: query.before };
}
