// From entries to what a thread shows: days, groups by author, marks under the group, changes folded into the entry
// that they change. Pure.
import type { Pending } from './outbox';
import { daysBetween, parse } from './time';
import type { Entry } from './types';

export interface Reaction {
  sign: string;
  who: string;
}

export interface Change {
  time: string;
  text: string;
}

export type Row =
  | { key: string; kind: 'day'; time: string }
  | { key: string; kind: 'new'; count: number }
  | { key: string; kind: 'event'; entry: Entry }
  | { key: string; kind: 'orphan'; entry: Entry }
  | {
      key: string;
      kind: 'entry';
      entry: Entry;
      first: boolean;
      last: boolean;
      edits: readonly Change[];
      deleted: Entry | null;
      reactions: readonly Reaction[];
      /** The title of the choice that was taken, where the message that offered it is here. */
      chosen: string;
    }
  | { key: string; kind: 'pending'; item: Pending; last: boolean };

interface Changes {
  edits: Change[];
  deleted: Entry | null;
  reactions: Map<string, Reaction>;
}

const CHANGING = new Set(['edit', 'deletion', 'reaction']);
const GROUP_MS = 5 * 60_000;

function collect(entries: readonly Entry[]): Map<string, Changes> {
  const here = new Set(entries.map((entry) => entry.id));
  const out = new Map<string, Changes>();
  for (const entry of entries) {
    if (!CHANGING.has(entry.kind) || !entry.target || !here.has(entry.target)) continue;
    let changes = out.get(entry.target);
    if (!changes) out.set(entry.target, (changes = { edits: [], deleted: null, reactions: new Map() }));
    if (entry.kind === 'edit') changes.edits.push({ time: entry.time, text: entry.text ?? '' });
    else if (entry.kind === 'deletion') changes.deleted = entry;
    else react(changes, entry);
  }
  return out;
}

/** One reaction per author; an empty one takes it back. */
function react(changes: Changes, entry: Entry): void {
  const author = `${entry.author.kind}:${entry.author.id ?? entry.author.name ?? ''}`;
  if (entry.text) changes.reactions.set(author, { sign: entry.text, who: entry.author.name ?? '' });
  else changes.reactions.delete(author);
}

function chosenTitle(entry: Entry, titles: ReadonlyMap<string, string>): string {
  if (typeof entry.choice === 'object') return entry.choice?.title ?? '';
  return titles.get(entry.choice ?? '') ?? entry.choice ?? '';
}

function sameGroup(a: Entry, b: Entry): boolean {
  return (
    a.kind === b.kind &&
    a.direction === b.direction &&
    a.channel === b.channel &&
    a.author.kind === b.author.kind &&
    a.author.id === b.author.id &&
    parse(b.time) - parse(a.time) < GROUP_MS
  );
}

/** `unreadFrom`: the first number that was not read when the thread was opened, or null. */
export function rowsOf(entries: readonly Entry[], pending: readonly Pending[], unreadFrom: number | null): Row[] {
  const changes = collect(entries);
  const rows: Row[] = [];
  let before: Entry | null = null;
  let group: Extract<Row, { kind: 'entry' }> | null = null;
  let marked = unreadFrom === null;
  const titles = new Map<string, string>();
  for (const entry of entries) {
    const folded = CHANGING.has(entry.kind) && entry.target && changes.has(entry.target);
    if (folded) continue;
    if (!before || daysBetween(parse(before.time), parse(entry.time)) !== 0) {
      rows.push({ key: `d${entry.seq}`, kind: 'day', time: entry.time });
      group = null;
    }
    if (!marked && unreadFrom !== null && entry.seq >= unreadFrom && entry.kind !== 'event') {
      marked = true;
      const count = entries.filter((each) => each.seq >= unreadFrom && each.kind === 'message' && each.direction === 'in').length;
      if (count) rows.push({ key: 'new', kind: 'new', count });
      group = null;
    }
    before = entry;
    group = pushEntry(rows, entry, group, changes.get(entry.id));
    for (const choice of entry.choices ?? []) titles.set(choice.id, choice.title);
    if (group && entry.choice) group.chosen = chosenTitle(entry, titles);
  }
  const sent = new Set(entries.map((entry) => entry.ref).filter(Boolean));
  const open = pending.filter((item) => !sent.has(item.ref));
  open.forEach((item, at) => rows.push({ key: `p${item.ref}`, kind: 'pending', item, last: at === open.length - 1 }));
  return rows;
}

function pushEntry(
  rows: Row[],
  entry: Entry,
  group: Extract<Row, { kind: 'entry' }> | null,
  changes: Changes | undefined,
): Extract<Row, { kind: 'entry' }> | null {
  if (entry.kind === 'event') {
    rows.push({ key: `e${entry.seq}`, kind: 'event', entry });
    return null;
  }
  if (CHANGING.has(entry.kind)) {
    rows.push({ key: `e${entry.seq}`, kind: 'orphan', entry });
    return null;
  }
  const joins = group !== null && sameGroup(group.entry, entry);
  if (group && joins) group.last = false;
  const row: Extract<Row, { kind: 'entry' }> = {
    key: `e${entry.seq}`,
    kind: 'entry',
    entry,
    first: !joins,
    last: true,
    edits: changes?.edits ?? [],
    deleted: changes?.deleted ?? null,
    reactions: changes ? [...changes.reactions.values()] : [],
    chosen: '',
  };
  rows.push(row);
  return row;
}

/** The text as it stands now: of the last edit, if there was one. */
export function currentText(row: Extract<Row, { kind: 'entry' }>): string {
  return row.edits[row.edits.length - 1]?.text ?? row.entry.text ?? '';
}
