// Small builders, so that each test names only what matters to it.
import type { Agent, Entry, Thread } from '../src/lib/types';

export function thread(id: string, more: Partial<Thread> = {}): Thread {
  return {
    id, contact: { id: `c-${id}`, name: `Name ${id}` }, state: 'assigned', language: { tag: 'ar', how: 'guessed' }, topic: 'health', priority: 1, clearance: 0, area: null,
    assignee: 'me', channel: 'web', opened: '2026-01-01T10:00:00Z', waiting_since: null, first_reply: null, last: null, unread: 0, tags: [], entries: 0, ...more,
  };
}

export function entry(seq: number, more: Partial<Entry> = {}): Entry {
  return {
    id: `e${seq}`, thread: 't', seq, kind: 'message', direction: 'in', channel: 'web', time: `2026-01-01T10:${String(seq % 60).padStart(2, '0')}:00Z`, text: `text ${seq}`,
    attachments: [], author: { kind: 'person', id: 'p', name: 'P' }, status: 'stored', attempt: 1, ...more,
  };
}

export function agent(id: string, more: Partial<Agent> = {}): Agent {
  return {
    id, login: id, name: id, teams: [], areas: [], languages: { ar: 5 }, topics: ['*'], capacity: { chat: 4 }, load: 0, presence: 'online', clearance: 0, roles: ['agent'], disabled: false, ...more,
  };
}
