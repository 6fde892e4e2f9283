import { describe, expect, it } from 'vitest';
import { candidates, groups, ranked, room, share } from '../src/supervision/board';
import type { Agent, Thread } from '../src/lib/types';

const agent = (id: string, more: Partial<Agent> = {}): Agent => ({
  id, login: id, name: id, teams: [], areas: [], languages: { ar: 5 }, topics: ['*'], capacity: { chat: 4 }, load: 0, presence: 'online', clearance: 0, roles: ['agent'], disabled: false, ...more,
});
const thread = (id: string, language: string | null, topic: string | null, since: string, more: Partial<Thread> = {}): Thread =>
  ({ id, language: language ? { tag: language, how: 'stated' } : null, topic, waiting_since: since, clearance: 0, assignee: null, priority: 1, ...more }) as Thread;

describe('the board of what waits', () => {
  const waiting = [thread('a', 'ar', 'health', '2026-03-01T10:00:00Z'), thread('b', 'fa', null, '2026-03-01T09:00:00Z'), thread('c', 'ar', 'health', '2026-03-01T08:00:00Z')];

  it('groups by language and topic, the longest wait first, and counts who is here', () => {
    const found = groups(waiting, [agent('x'), agent('y', { presence: 'away' })]);
    expect(found.map((each) => [each.language, each.topic, each.waiting, each.here])).toEqual([['ar', 'health', 2, 1], ['fa', null, 1, 0]]);
    expect(found[0]?.oldest).toBe(Date.parse('2026-03-01T08:00:00Z'));
  });

  it('offers a thread first to who is here, speaks it and has room, and never below its clearance', () => {
    const all = [agent('busy', { load: 4 }), agent('free'), agent('other', { languages: { fa: 5 } }), agent('gone', { presence: 'offline' }), agent('off', { disabled: true }), agent('boss', { roles: ['administrator'] })];
    expect(candidates(thread('a', 'ar', null, ''), all).map((each) => each.id)).toEqual(['free', 'busy', 'other', 'gone']);
    expect(candidates(thread('a', 'ar', null, '', { clearance: 2 }), all)).toEqual([]);
    expect(candidates(thread('a', 'ar', null, '', { assignee: 'free' }), all).map((each) => each.id)).not.toContain('free');
  });

  it('lists people by presence', () => {
    expect(ranked([agent('b', { presence: 'offline' }), agent('a', { presence: 'break' }), agent('c')]).map((each) => each.id)).toEqual(['c', 'a', 'b']);
    expect(room(agent('a', { capacity: { chat: 4, voice: 1 } }))).toBe(5);
  });

  it('draws nothing for what is hidden', () => {
    expect([share(null, 10), share(5, 10), share(20, 10), share(1, 0)]).toEqual([0, 0.5, 1, 0]);
  });
});
