import { describe, expect, it } from 'vitest';
import { currentText, rowsOf, type Row } from '../src/lib/rows';
import { entry } from './make';

type EntryRow = Extract<Row, { kind: 'entry' }>;
const kinds = (rows: Row[]): string[] => rows.map((row) => row.kind);
const only = (rows: Row[]): EntryRow[] => rows.filter((row): row is EntryRow => row.kind === 'entry');

describe('the rows of a thread', () => {
  it('group what one author says shortly after another, with the mark under the last', () => {
    const rows = only(rowsOf([entry(1), entry(2), entry(3, { direction: 'out', author: { kind: 'agent', id: 'me' } })], [], null));
    expect(rows.map((row) => [row.first, row.last])).toEqual([[true, false], [false, true], [true, true]]);
  });
  it('begin a group anew on another channel, after five minutes and after an event', () => {
    const rows = only(rowsOf([entry(1), entry(2, { channel: 'tg' }), entry(9, { channel: 'tg' }), entry(10, { kind: 'event' }), entry(11, { channel: 'tg' })], [], null));
    expect(rows.every((row) => row.first)).toBe(true);
  });
  it('show edits, deletions and reactions at the entry they change', () => {
    const rows = rowsOf(
      [
        entry(1),
        entry(2, { kind: 'edit', target: 'e1', text: 'better' }),
        entry(3, { kind: 'reaction', target: 'e1', text: '👍', author: { kind: 'agent', id: 'a' } }),
        entry(4, { kind: 'reaction', target: 'e1', text: '❤️', author: { kind: 'agent', id: 'a' } }),
        entry(5, { kind: 'reaction', target: 'e1', text: '🙏', author: { kind: 'person', id: 'p' } }),
        entry(6, { kind: 'reaction', target: 'e1', text: '', author: { kind: 'person', id: 'p' } }),
        entry(7),
        entry(8, { kind: 'deletion', target: 'e7' }),
      ],
      [],
      null,
    );
    const [one, two] = only(rows);
    expect(only(rows).length).toBe(2);
    expect(currentText(one!)).toBe('better');
    expect(one!.reactions.map((reaction) => reaction.sign)).toEqual(['❤️']);
    expect(two!.deleted?.seq).toBe(8);
  });
  it('name a choice that was taken by its title', () => {
    const rows = only(rowsOf([entry(1, { choices: [{ id: '2', title: 'Health' }] }), entry(2, { choice: '2' }), entry(3, { choice: 'x' })], [], null));
    expect(rows.map((row) => row.chosen)).toEqual(['', 'Health', 'x']);
  });
  it('say so in a line when the changed entry is not loaded', () => {
    expect(kinds(rowsOf([entry(5, { kind: 'edit', target: 'e1' })], [], null))).toEqual(['day', 'orphan']);
  });
  it('divide days and mark what was not read', () => {
    const rows = rowsOf([entry(1, { time: '2026-01-01T10:00:00Z' }), entry(2, { time: '2026-01-03T10:00:00Z' }), entry(3, { time: '2026-01-03T10:01:00Z' })], [], 2);
    expect(kinds(rows)).toEqual(['day', 'entry', 'day', 'new', 'entry', 'entry']);
    expect(rows.find((row) => row.kind === 'new')).toMatchObject({ count: 2 });
  });
  it('end with what is on its way, and show it once when it has arrived', () => {
    const pending = [{ ref: 'r1', thread: 't', time: '', kind: 'message' as const, text: 'x', attachments: [], state: 'sending' as const }];
    expect(kinds(rowsOf([entry(1)], pending, null))).toEqual(['day', 'entry', 'pending']);
    expect(kinds(rowsOf([entry(1), entry(2, { ref: 'r1' })], pending, null))).toEqual(['day', 'entry', 'entry']);
  });
  it('have keys that differ and stay', () => {
    const entries = Array.from({ length: 300 }, (_, n) => entry(n + 1, n % 9 === 0 ? { kind: 'event' } : {}));
    const keys = rowsOf(entries, [], 200).map((row) => row.key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(rowsOf([...entries, entry(301)], [], 200).map((row) => row.key).slice(0, keys.length)).toEqual(keys);
  });
});
