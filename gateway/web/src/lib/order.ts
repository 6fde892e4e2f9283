// Which threads a list shows, and in what order. Pure.
import { parse } from './time';
import type { Thread, ThreadState } from './types';

export type ListKind = 'mine' | 'waiting' | 'all' | 'search';

export interface Filters {
  state: ThreadState | '';
  language: string;
  topic: string;
}

export const NO_FILTERS: Filters = { state: '', language: '', topic: '' };

export type Section = 'answer' | 'theirs' | 'snoozed';
export type Item = { key: string; kind: 'section'; section: Section; count: number } | { key: string; kind: 'thread'; thread: Thread };

/** The person spoke last: it is our turn. */
export function needsAnswer(thread: Thread): boolean {
  if (thread.state !== 'assigned') return false;
  return thread.unread > 0 || thread.waiting_since !== null || (thread.last?.direction === 'in' && thread.last.kind === 'message');
}

/** Since when the person waits, or 0. */
export function waitsSince(thread: Thread): number {
  if (thread.state === 'resolved') return 0;
  if (thread.waiting_since) return parse(thread.waiting_since);
  if (thread.state === 'waiting' || thread.state === 'offered') return parse(thread.opened);
  return needsAnswer(thread) ? parse(thread.last?.time) : 0;
}

function lastTime(thread: Thread): number {
  return parse(thread.last?.time ?? thread.opened);
}

const byUrgency = (a: Thread, b: Thread): number => b.priority - a.priority || waitsSince(a) - waitsSince(b);
const byRecent = (a: Thread, b: Thread): number => lastTime(b) - lastTime(a);

type Ids = { has(id: string): boolean };

function section(thread: Thread, unsent: Ids): Section {
  if (unsent.has(thread.id)) return 'answer';
  if (thread.state === 'snoozed') return 'snoozed';
  return needsAnswer(thread) ? 'answer' : 'theirs';
}

/** `unsent`: threads with a message that did not arrive: nobody is answered by it. */
export function mine(threads: Iterable<Thread>, me: string, unsent: Ids = new Set()): Item[] {
  const parts: Record<Section, Thread[]> = { answer: [], theirs: [], snoozed: [] };
  for (const thread of threads) {
    if (thread.assignee !== me || (thread.state !== 'assigned' && thread.state !== 'snoozed')) continue;
    parts[section(thread, unsent)].push(thread);
  }
  parts.answer.sort(byUrgency);
  parts.theirs.sort(byRecent);
  parts.snoozed.sort(byRecent);
  const out: Item[] = [];
  for (const name of ['answer', 'theirs', 'snoozed'] as const) {
    if (!parts[name].length) continue;
    out.push({ key: `s-${name}`, kind: 'section', section: name, count: parts[name].length });
    for (const thread of parts[name]) out.push({ key: thread.id, kind: 'thread', thread });
  }
  return out;
}

export function matches(thread: Thread, filters: Filters): boolean {
  if (filters.state && thread.state !== filters.state) return false;
  if (filters.language && thread.language?.tag !== filters.language) return false;
  return !filters.topic || thread.topic === filters.topic;
}

export function waiting(threads: Iterable<Thread>, filters: Filters): Item[] {
  const found: Thread[] = [];
  for (const thread of threads) if (thread.state === 'waiting' && matches(thread, { ...filters, state: '' })) found.push(thread);
  return items(found.sort(byUrgency));
}

export function all(threads: Iterable<Thread>, filters: Filters): Item[] {
  const found: Thread[] = [];
  for (const thread of threads) if (matches(thread, filters)) found.push(thread);
  return items(found.sort(byRecent));
}

export function chosen(threads: ReadonlyMap<string, Thread>, ids: readonly string[]): Item[] {
  return items(ids.flatMap((id) => threads.get(id) ?? []));
}

function items(threads: Thread[]): Item[] {
  return threads.map((thread) => ({ key: thread.id, kind: 'thread', thread }));
}

/**
 * Keeps a list still while somebody reads it: known items keep their old order with their new content, items that left
 * go, and new ones are only counted.
 */
export function hold(shown: readonly string[], next: readonly Item[]): { items: Item[]; fresh: number } {
  const byKey = new Map(next.map((item) => [item.key, item]));
  const kept = shown.flatMap((key) => byKey.get(key) ?? []);
  const had = new Set(shown);
  const fresh = next.filter((item) => item.kind === 'thread' && !had.has(item.key)).length;
  return { items: kept, fresh };
}
