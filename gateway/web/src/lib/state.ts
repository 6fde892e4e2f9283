// What the page knows of one operation, and how events change it. Pure: the same state and actions give the same state.
// Nothing here is mutated after it was handed out; `reduceAll` copies each map once per batch.
import type { Agent, Entry, EntryStatus, Queues, ServerEvent, Thread } from './types';

/** The entries of one thread that are loaded, by sequence number without repetition. */
export interface Log {
  readonly entries: readonly Entry[];
  /** Sequence numbers that the server was asked for and did not give: not ours to see. */
  readonly absent: ReadonlySet<number>;
  /** Set by a reset: shown until it is loaded again. */
  readonly stale: boolean;
}

export interface Typing {
  readonly who: 'person' | 'agent';
  readonly name?: string;
  readonly at: number;
}

type Status = { status: EntryStatus; attempt: number; error?: { code?: string; text: string } | null };

export interface State {
  readonly agent: Agent | null;
  readonly threads: ReadonlyMap<string, Thread>;
  readonly logs: ReadonlyMap<string, Log>;
  /** Offers to me: thread → when it expires. */
  readonly offers: ReadonlyMap<string, string>;
  readonly queues: Queues;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly typing: ReadonlyMap<string, Typing>;
  /** The id to resume after. */
  readonly after: string | null;
  /** Ids of the last events, against repetition. */
  readonly seen: readonly string[];
  /** Messages of ours that failed or may have: thread → their numbers, as far as events and loaded entries tell. */
  readonly unsent: ReadonlyMap<string, ReadonlySet<number>>;
  /** Statuses that came before their entry. */
  readonly parked: ReadonlyMap<string, Status>;
  /** Counts actions; `touched` says when a thread last changed by an event, so that an older REST answer does not undo it. */
  readonly tick: number;
  readonly touched: ReadonlyMap<string, number>;
}

export type Action =
  | { type: 'welcome'; agent: Agent | null; threads: Thread[]; queues: Queues; after: string; resumed: boolean }
  | { type: 'reset' }
  | { type: 'rest.threads'; threads: Thread[]; asOf: number }
  | { type: 'rest.entries'; thread: string; entries: Entry[]; asked: { after: number; before: number } | null }
  | { type: 'rest.agents'; agents: Agent[] }
  | { type: 'rest.queues'; queues: Queues }
  | { type: 'answer'; entry?: Entry; thread?: Thread; agent?: Agent }
  | { type: 'seen'; thread: string }
  | { type: 'forget'; thread: string }
  | { type: 'prune'; waiting: ReadonlySet<string> }
  | { type: 'typing.sweep'; now: number }
  | (ServerEvent & { now?: number });

const SEEN = 2000;
const PARKED = 200;
export const NO_QUEUES: Queues = { items: [], mine: { waiting: 0 } };

export function emptyState(): State {
  return {
    agent: null,
    threads: new Map(),
    logs: new Map(),
    offers: new Map(),
    queues: NO_QUEUES,
    agents: new Map(),
    typing: new Map(),
    unsent: new Map(),
    after: null,
    seen: [],
    parked: new Map(),
    tick: 0,
    touched: new Map(),
  };
}

/** A state being changed: maps are copied when first written to. */
type Draft = { -readonly [K in keyof State]: State[K] } & { owned: Set<string> };

type MapKey = 'threads' | 'logs' | 'offers' | 'agents' | 'typing' | 'unsent' | 'parked' | 'touched';

function own<K extends MapKey>(draft: Draft, key: K): State[K] extends ReadonlyMap<infer A, infer B> ? Map<A, B> : never {
  if (!draft.owned.has(key)) {
    draft.owned.add(key);
    (draft as Record<MapKey, unknown>)[key] = new Map(draft[key] as ReadonlyMap<string, unknown>);
  }
  return draft[key] as never;
}

export function reduceAll(state: State, actions: readonly Action[]): State {
  if (actions.length === 0) return state;
  const draft: Draft = { ...state, owned: new Set() };
  const known = new Set(state.seen);
  for (const action of actions) {
    draft.tick += 1;
    const id = 'id' in action && typeof action.id === 'string' ? action.id : null;
    if (id !== null) {
      if (known.has(id)) continue;
      known.add(id);
      draft.seen = [...draft.seen.slice(-(SEEN - 1)), id];
      draft.after = id;
    }
    apply(draft, action);
  }
  const { owned: _owned, ...next } = draft;
  return next;
}

export function reduce(state: State, action: Action): State {
  return reduceAll(state, [action]);
}

function apply(draft: Draft, action: Action): void {
  switch (action.type) {
    case 'welcome':
      return welcome(draft, action);
    case 'reset':
      return reset(draft);
    case 'queues':
      draft.queues = { items: action.items, mine: action.mine };
      return;
    case 'rest.queues':
      draft.queues = action.queues;
      return;
    case 'presence':
      return presence(draft, action.agent);
    case 'rest.agents':
      for (const agent of action.agents) own(draft, 'agents').set(agent.id, agent);
      return;
    case 'typing':
    case 'typing.sweep':
      return typing(draft, action);
    case 'prune':
      return prune(draft, action.waiting);
    case 'answer':
      if (action.agent) presence(draft, action.agent);
      if (action.thread) putThread(draft, action.thread);
      if (action.entry) putEntry(draft, action.entry);
      return;
    default:
      return applyThread(draft, action);
  }
}

type ThreadAction = Exclude<
  Action,
  { type: 'welcome' | 'reset' | 'queues' | 'rest.queues' | 'presence' | 'rest.agents' | 'typing' | 'typing.sweep' | 'prune' | 'answer' }
>;

function applyThread(draft: Draft, action: ThreadAction): void {
  switch (action.type) {
    case 'thread.offered':
      putThread(draft, { ...action.thread, offer_expires: action.expires });
      own(draft, 'offers').set(action.thread.id, action.expires);
      return;
    case 'offer.ended':
      return offerEnded(draft, action.thread);
    case 'thread.assigned':
    case 'thread.changed':
      return putThread(draft, action.thread);
    case 'thread.gone':
    case 'forget':
      return gone(draft, action.thread, action.type === 'thread.gone');
    case 'entry.added':
      return entryAdded(draft, action.entry, action.thread);
    case 'entry.status':
      troubled(draft, action.thread, action.seq, action.status);
      lastStatus(draft, action.thread, action.seq, action.status);
      return entryStatus(draft, action.thread, action.entry, action);
    case 'entry.changed':
      return putEntry(draft, action.entry);
    case 'rest.threads':
      for (const thread of action.threads) {
        if ((draft.touched.get(thread.id) ?? -1) <= action.asOf) setThread(draft, thread);
      }
      return;
    case 'rest.entries':
      return restEntries(draft, action);
    case 'seen':
      return patchThread(draft, action.thread, { unread: 0 });
  }
}

function welcome(draft: Draft, action: Extract<Action, { type: 'welcome' }>): void {
  draft.agent = action.agent;
  draft.queues = action.queues;
  if (action.agent) own(draft, 'agents').set(action.agent.id, action.agent);
  // While resuming, the events in between are still to come: their ids alone move `after`.
  if (!action.resumed || draft.after === null) draft.after = action.after;
  if (!action.resumed) {
    dropMissing(draft, new Set(action.threads.map((thread) => thread.id)));
    own(draft, 'offers').clear();
  }
  for (const thread of action.threads) {
    putThread(draft, thread);
    if (thread.state === 'offered' && thread.offer_expires) own(draft, 'offers').set(thread.id, thread.offer_expires);
  }
}

/** The whole list of what waits is known: what it does not name waits no longer. */
function prune(draft: Draft, waiting: ReadonlySet<string>): void {
  for (const thread of draft.threads.values()) {
    if (thread.state === 'waiting' && !waiting.has(thread.id)) own(draft, 'threads').delete(thread.id);
  }
}

/** After a fresh welcome, what was mine and is not named any more is no longer mine. */
function dropMissing(draft: Draft, named: ReadonlySet<string>): void {
  const me = draft.agent?.id;
  for (const thread of draft.threads.values()) {
    if (named.has(thread.id)) continue;
    if (thread.assignee === me || thread.state === 'offered') own(draft, 'threads').delete(thread.id);
  }
}

/** Events were trimmed: nothing known can be trusted. Logs stay on the screen, marked, until they are loaded anew. */
function reset(draft: Draft): void {
  const logs = own(draft, 'logs');
  for (const [id, log] of logs) logs.set(id, { ...log, stale: true });
  own(draft, 'offers').clear();
  own(draft, 'typing').clear();
  own(draft, 'parked').clear();
  draft.seen = [];
  draft.after = null;
}

function presence(draft: Draft, agent: Agent): void {
  own(draft, 'agents').set(agent.id, agent);
  if (draft.agent?.id === agent.id) draft.agent = agent;
}

function typing(draft: Draft, action: Extract<Action, { type: 'typing' | 'typing.sweep' }>): void {
  if (action.type === 'typing.sweep') {
    for (const [thread, sign] of draft.typing) {
      if (action.now - sign.at > TYPING_LASTS) own(draft, 'typing').delete(thread);
    }
  } else if (action.on) {
    own(draft, 'typing').set(action.thread, { who: action.who, name: action.name, at: action.now ?? 0 });
  } else {
    own(draft, 'typing').delete(action.thread);
  }
}

export const TYPING_LASTS = 8000;

function setThread(draft: Draft, thread: Thread): void {
  own(draft, 'threads').set(thread.id, thread);
  const last = thread.last;
  // After a reload, this is all that tells that an answer did not arrive.
  if (last?.kind === 'message' && last.direction === 'out' && last.seq && last.status) troubled(draft, thread.id, last.seq, last.status);
  if (thread.state !== 'offered' && draft.offers.has(thread.id)) own(draft, 'offers').delete(thread.id);
}

function putThread(draft: Draft, thread: Thread): void {
  own(draft, 'touched').set(thread.id, draft.tick);
  setThread(draft, thread);
}

function patchThread(draft: Draft, id: string, patch: Partial<Thread>): void {
  const thread = draft.threads.get(id);
  if (thread) own(draft, 'threads').set(id, { ...thread, ...patch });
}

function offerEnded(draft: Draft, id: string): void {
  own(draft, 'offers').delete(id);
  own(draft, 'touched').set(id, draft.tick);
  if (draft.threads.get(id)?.state === 'offered') patchThread(draft, id, { state: 'waiting', offer_expires: null });
}

function gone(draft: Draft, id: string, all: boolean): void {
  own(draft, 'logs').delete(id);
  if (!all) return;
  own(draft, 'threads').delete(id);
  own(draft, 'offers').delete(id);
  own(draft, 'typing').delete(id);
  own(draft, 'unsent').delete(id);
  own(draft, 'touched').set(id, draft.tick);
}

const PREVIEW = 120;

function entryAdded(draft: Draft, entry: Entry, brief: { id: string; unread: number; state: Thread['state'] }): void {
  putEntry(draft, entry);
  const thread = draft.threads.get(entry.thread);
  if (!thread) return;
  own(draft, 'touched').set(thread.id, draft.tick);
  const newest = entry.seq > thread.entries;
  const patch: Partial<Thread> = { unread: brief.unread, state: brief.state, entries: Math.max(thread.entries, entry.seq) };
  if (newest) patch.last = summary(entry);
  if (newest && entry.kind === 'message') {
    if (entry.direction === 'in') patch.waiting_since = thread.waiting_since ?? entry.time;
    else if (entry.author.kind === 'agent') patch.waiting_since = null;
  }
  patchThread(draft, thread.id, patch);
  if (entry.kind === 'message' && draft.typing.has(thread.id)) own(draft, 'typing').delete(thread.id);
}

function summary(entry: Entry): Thread['last'] {
  const preview = (entry.text ?? entry.attachments?.[0]?.name ?? '').slice(0, PREVIEW);
  const status = entry.direction === 'out' ? { status: entry.status } : {};
  return { time: entry.time, direction: entry.direction, kind: entry.kind, preview, seq: entry.seq, ...status };
}

const RANK: Record<EntryStatus, number> = { stored: 0, unknown: 1, sent: 2, failed: 3, delivered: 4, read: 5 };

/** Statuses only move up within an attempt; a later attempt always counts. */
export function newer(now: { status: EntryStatus; attempt: number }, next: { status: EntryStatus; attempt: number }): boolean {
  if (next.attempt !== now.attempt) return next.attempt > now.attempt;
  return RANK[next.status] >= RANK[now.status];
}

function withStatus(entry: Entry, status: Status): Entry {
  if (!newer(entry, status)) return entry;
  return { ...entry, status: status.status, attempt: status.attempt, error: status.error ?? null };
}

/** Keeps the account of what did not arrive: the list must say so, not only the thread. */
function troubled(draft: Draft, thread: string, seq: number, status: EntryStatus): void {
  const now = draft.unsent.get(thread);
  const bad = status === 'failed' || status === 'unknown';
  if (bad === (now?.has(seq) ?? false)) return;
  const next = new Set(now);
  if (bad) next.add(seq);
  else next.delete(seq);
  if (next.size) own(draft, 'unsent').set(thread, next);
  else own(draft, 'unsent').delete(thread);
}

/** An older answer of REST does not undo it: the thread counts as changed. */
function lastStatus(draft: Draft, id: string, seq: number, status: EntryStatus): void {
  const thread = draft.threads.get(id);
  if (!thread?.last || thread.last.seq !== seq) return;
  own(draft, 'touched').set(id, draft.tick);
  patchThread(draft, id, { last: { ...thread.last, status } });
}

function entryStatus(draft: Draft, thread: string, id: string, status: Status): void {
  const log = draft.logs.get(thread);
  if (!log) return;
  const at = log.entries.findIndex((entry) => entry.id === id);
  const found = log.entries[at];
  if (found) {
    const entries = log.entries.slice();
    entries[at] = withStatus(found, status);
    own(draft, 'logs').set(thread, { ...log, entries });
    return;
  }
  const parked = own(draft, 'parked');
  const before = parked.get(id);
  if (!before || newer(before, status)) parked.set(id, { status: status.status, attempt: status.attempt, error: status.error });
  if (parked.size > PARKED) parked.delete(parked.keys().next().value as string);
}

/** Puts an entry into its thread's log, if that is loaded at all. */
function putEntry(draft: Draft, entry: Entry): void {
  if (entry.kind === 'message' && entry.direction === 'out') troubled(draft, entry.thread, entry.seq, entry.status);
  const log = draft.logs.get(entry.thread);
  if (!log) return;
  own(draft, 'logs').set(entry.thread, { ...log, entries: merge(log.entries, [unpark(draft, entry)]) });
}

function unpark(draft: Draft, entry: Entry): Entry {
  const status = draft.parked.get(entry.id);
  if (!status) return entry;
  own(draft, 'parked').delete(entry.id);
  return withStatus(entry, status);
}

/** Two runs of entries in the order of their numbers; of the same one, the newer content with the higher status. */
export function merge(old: readonly Entry[], more: readonly Entry[]): Entry[] {
  const last = old[old.length - 1];
  const first = more[0];
  if (!first) return old.slice();
  if (more.length === 1 && (!last || first.seq > last.seq)) return [...old, first];
  const bySeq = new Map(old.map((entry) => [entry.seq, entry]));
  for (const entry of more) {
    const had = bySeq.get(entry.seq);
    bySeq.set(entry.seq, had ? { ...entry, ...keepStatus(had, entry) } : entry);
  }
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}

function keepStatus(had: Entry, next: Entry): Partial<Entry> {
  return newer(had, next) ? {} : { status: had.status, attempt: had.attempt, error: had.error };
}

function restEntries(draft: Draft, action: Extract<Action, { type: 'rest.entries' }>): void {
  const log = draft.logs.get(action.thread);
  const given = action.entries.map((entry) => unpark(draft, entry));
  const old = log && !log.stale ? log : { entries: [], absent: new Set<number>() };
  const entries = merge(old.entries, given.slice().sort((a, b) => a.seq - b.seq));
  const absent = new Set(old.absent);
  if (action.asked) {
    const have = new Set(entries.map((entry) => entry.seq));
    for (let seq = action.asked.after + 1; seq < action.asked.before; seq += 1) if (!have.has(seq)) absent.add(seq);
  }
  for (const entry of entries) if (entry.kind === 'message' && entry.direction === 'out') troubled(draft, entry.thread, entry.seq, entry.status);
  own(draft, 'logs').set(action.thread, { entries, absent, stale: false });
}

/** The first run of numbers that is missing between loaded entries, or after them: to be asked for. */
export function missing(log: Log, count: number): { after: number; before: number } | null {
  let expected: number | null = null;
  for (const entry of log.entries) {
    if (expected !== null && entry.seq > expected) {
      const hole = firstHole(expected, entry.seq, log.absent);
      if (hole) return hole;
    }
    expected = entry.seq + 1;
  }
  return expected === null ? null : firstHole(expected, count + 1, log.absent);
}

function firstHole(from: number, before: number, absent: ReadonlySet<number>): { after: number; before: number } | null {
  let seq = from;
  while (seq < before && absent.has(seq)) seq += 1;
  return seq < before ? { after: seq - 1, before } : null;
}

/** The number before which older entries can be asked for; null when the first one is here. */
export function olderThan(log: Log): number | null {
  const first = log.entries[0];
  if (!first || first.seq <= 1) return null;
  for (let seq = first.seq - 1; seq >= 1; seq -= 1) if (!log.absent.has(seq)) return first.seq;
  return null;
}
