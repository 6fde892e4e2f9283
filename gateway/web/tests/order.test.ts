import { describe, expect, it } from 'vitest';
import { all, hold, matches, mine, needsAnswer, NO_FILTERS, waiting, type Item } from '../src/lib/order';
import { anchorAt, indexAt, layout, range } from '../src/lib/virtual';
import { thread } from './make';

const keys = (items: readonly Item[]): string[] => items.map((item) => item.key);
const last = (time: string, direction: 'in' | 'out' = 'in') => ({ time, direction, kind: 'message' as const, preview: '' });

describe('the lists', () => {
  const a = thread('a', { waiting_since: '2026-01-01T10:05:00Z', last: last('2026-01-01T10:05:00Z') });
  const b = thread('b', { waiting_since: '2026-01-01T10:00:00Z', last: last('2026-01-01T10:09:00Z') });
  const urgent = thread('urgent', { priority: 3, waiting_since: '2026-01-01T10:08:00Z', last: last('2026-01-01T10:08:00Z') });
  const done = thread('done', { last: last('2026-01-01T11:00:00Z', 'out') });
  const later = thread('later', { state: 'snoozed' });
  const other = thread('other', { assignee: 'you' });

  it('mine: urgent first, then who waits longest, then what is answered, then what is snoozed', () => {
    expect(keys(mine([done, a, later, b, other, urgent], 'me'))).toEqual(['s-answer', 'urgent', 'b', 'a', 's-theirs', 'done', 's-snoozed', 'later']);
  });
  it('waiting: only what waits, filtered', () => {
    const one = thread('w1', { state: 'waiting', assignee: null, opened: '2026-01-01T09:00:00Z' });
    const two = thread('w2', { state: 'waiting', assignee: null, opened: '2026-01-01T08:00:00Z', language: { tag: 'so', how: 'set' } });
    expect(keys(waiting([a, one, two], NO_FILTERS))).toEqual(['w2', 'w1']);
    expect(keys(waiting([one, two], { ...NO_FILTERS, language: 'so' }))).toEqual(['w2']);
    expect(matches(two, { ...NO_FILTERS, topic: 'cash' })).toBe(false);
  });
  it('all: the newest first', () => {
    expect(keys(all([a, done, b], NO_FILTERS))).toEqual(['done', 'b', 'a']);
  });
  it('knows whose turn it is', () => {
    expect([a, done, later].map(needsAnswer)).toEqual([true, false, false]);
  });
  it('stands still while it is read: order kept, content new, gone ones gone, new ones counted', () => {
    const shown = keys(all([a, b], NO_FILTERS));
    const changed = { ...a, last: last('2026-01-02T10:00:00Z'), unread: 3 };
    const held = hold(shown, all([changed, b, done], NO_FILTERS));
    expect(keys(held.items)).toEqual(['b', 'a']);
    expect(held.fresh).toBe(1);
    expect(held.items[1]).toMatchObject({ thread: { unread: 3 } });
    expect(keys(hold(shown, all([b], NO_FILTERS)).items)).toEqual(['b']);
  });
  it('looks at each of ten thousand a few times, not at each pair of them', () => {
    const size = 10_000;
    let looks = 0;
    const many = Array.from({ length: size }, (_, n) => {
      const said = last(new Date(1e12 + ((n * 7919) % size) * 1000).toISOString(), n % 2 ? 'in' : 'out');
      return Object.defineProperty(thread(`t${n}`), 'last', { get: () => ((looks += 1), said) });
    });
    expect(mine(many, 'me')).toHaveLength(size + 2);
    expect(looks).toBeGreaterThan(size);
    expect(looks).toBeLessThan(4 * size * Math.log2(size));
  });
  it('a thread whose message did not arrive is not answered', () => {
    expect(keys(mine([done, a, later], 'me', new Set(['done', 'later'])))).toEqual(['s-answer', 'done', 'later', 'a']);
  });
});

describe('the arithmetic of long lists', () => {
  const of = layout([10, 20, 30, 40]);
  it('knows where each item lies', () => {
    expect([...of.offsets]).toEqual([0, 10, 30, 60, 100]);
    expect([0, 9, 10, 59, 60, 99, 500].map((y) => indexAt(of, y))).toEqual([0, 0, 1, 2, 3, 3, 3]);
  });
  it('draws what is in sight and a little beyond', () => {
    expect(range(of, 35, 10, 0)).toEqual({ from: 2, to: 3 });
    expect(range(of, 35, 10, 10)).toEqual({ from: 1, to: 3 });
    expect(range(layout([]), 0, 100, 10)).toEqual({ from: 0, to: 0 });
  });
  it('finds what is being read', () => {
    expect(anchorAt(['a', 'b', 'c', 'd'], of, 35)).toEqual({ key: 'c', offset: 5 });
    expect(anchorAt([], layout([]), 0)).toBeNull();
    expect(anchorAt(['d1', 'e1', 'e2', 'e3'], of, 5, (key) => key.startsWith('e'))).toEqual({ key: 'e1', offset: -5 });
  });
});
