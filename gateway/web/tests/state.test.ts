import { describe, expect, it } from 'vitest';
import { emptyState, merge, missing, newer, olderThan, reduce, reduceAll, TYPING_LASTS, type Action, type State } from '../src/lib/state';
import type { Entry } from '../src/lib/types';
import { agent, entry, thread } from './make';

const queues = { items: [], mine: { waiting: 0 } };

function started(...threads: ReturnType<typeof thread>[]): State {
  return reduce(emptyState(), { type: 'welcome', agent: agent('me'), threads, queues, after: '1-0', resumed: false });
}

function loaded(entries: Entry[], count = entries.length): State {
  return reduce(started(thread('t', { entries: count })), { type: 'rest.entries', thread: 't', entries, asked: null });
}

const added = (id: string, of: Entry, unread = 1): Action => ({ type: 'entry.added', id, entry: of, thread: { id: 't', unread, state: 'assigned' } });
const seqs = (state: State): number[] => state.logs.get('t')!.entries.map((each) => each.seq);

describe('events', () => {
  it('come once: the same id again changes nothing', () => {
    const once = reduce(loaded([entry(1)]), added('2-0', entry(2)));
    const twice = reduce(once, added('2-0', entry(2, { text: 'other' })));
    expect(seqs(twice)).toEqual([1, 2]);
    expect(twice.logs.get('t')!.entries[1]!.text).toBe('text 2');
  });
  it('may come out of order: entries stand by their number', () => {
    const state = reduceAll(loaded([entry(1)]), [added('4-0', entry(4)), added('2-0', entry(2)), added('3-0', entry(3))]);
    expect(seqs(state)).toEqual([1, 2, 3, 4]);
    expect(state.after).toBe('3-0');
  });
  it('do not undo what is known: an older entry is not the newest', () => {
    const state = reduceAll(loaded([entry(1)]), [added('3-0', entry(3)), added('2-0', entry(2))]);
    expect(state.threads.get('t')!.last!.preview).toBe('text 3');
    expect(state.threads.get('t')!.entries).toBe(3);
  });
  it('of a thread whose log is not loaded change only its line in the list', () => {
    const state = reduce(started(thread('t')), added('2-0', entry(1)));
    expect(state.logs.size).toBe(0);
    expect(state.threads.get('t')).toMatchObject({ unread: 1, entries: 1, waiting_since: entry(1).time });
  });
  it('of our answer end the waiting', () => {
    const before = started(thread('t', { waiting_since: '2026-01-01T09:00:00Z' }));
    const ours = entry(1, { direction: 'out', author: { kind: 'agent', id: 'me' } });
    expect(reduce(before, added('2-0', ours, 0)).threads.get('t')!.waiting_since).toBeNull();
  });
  it('are remembered by id within a bound', () => {
    let state = started();
    for (let n = 0; n < 2100; n += 1) state = reduce(state, { type: 'thread.gone', id: `${n + 10}-0`, thread: 'none' });
    expect(state.seen.length).toBe(2000);
  });
  it('leave the state before them as it was', () => {
    const before = loaded([entry(1)]);
    const frozen = JSON.stringify([...before.threads, ...before.logs]);
    reduceAll(before, [added('2-0', entry(2)), { type: 'thread.gone', id: '3-0', thread: 't' }]);
    expect(JSON.stringify([...before.threads, ...before.logs])).toBe(frozen);
  });
});

describe('gaps', () => {
  it('are found between entries and after them', () => {
    const state = reduce(loaded([entry(1)], 3), added('2-0', entry(4)));
    expect(missing(state.logs.get('t')!, 4)).toEqual({ after: 1, before: 4 });
    expect(missing(loaded([entry(1)], 3).logs.get('t')!, 3)).toEqual({ after: 1, before: 4 });
  });
  it('close with what is loaded, and what the server does not give is not asked for again', () => {
    const state = reduce(loaded([entry(1), entry(5)]), { type: 'rest.entries', thread: 't', entries: [entry(2), entry(4)], asked: { after: 1, before: 5 } });
    expect(seqs(state)).toEqual([1, 2, 4, 5]);
    expect(missing(state.logs.get('t')!, 5)).toBeNull();
  });
  it('before the first entry are older ones', () => {
    expect(olderThan(loaded([entry(7)]).logs.get('t')!)).toBe(7);
    expect(olderThan(loaded([entry(1)]).logs.get('t')!)).toBeNull();
    const none = reduce(loaded([entry(3)]), { type: 'rest.entries', thread: 't', entries: [], asked: { after: 0, before: 3 } });
    expect(olderThan(none.logs.get('t')!)).toBeNull();
  });
});

describe('statuses', () => {
  const status = (id: string, value: Entry['status'], attempt = 1): Action => ({ type: 'entry.status', id, thread: 't', entry: 'e1', seq: 1, status: value, attempt });
  it('only move up within an attempt; a new attempt counts', () => {
    let state = reduceAll(loaded([entry(1, { direction: 'out' })]), [status('2-0', 'read'), status('3-0', 'delivered')]);
    expect(state.logs.get('t')!.entries[0]!.status).toBe('read');
    state = reduceAll(state, [status('4-0', 'stored', 2), status('5-0', 'failed', 1)]);
    expect(state.logs.get('t')!.entries[0]).toMatchObject({ status: 'stored', attempt: 2 });
  });
  it('keep account of what did not arrive, with and without the thread loaded', () => {
    const failed = reduce(started(thread('t')), status('2-0', 'failed'));
    expect([...(failed.unsent.get('t') ?? [])]).toEqual([1]);
    expect(reduce(failed, status('3-0', 'stored', 2)).unsent.has('t')).toBe(false);
    expect(reduce(failed, { type: 'thread.gone', id: '3-0', thread: 't' }).unsent.has('t')).toBe(false);
    expect(loaded([entry(1, { direction: 'out', status: 'unknown' }), entry(2, { status: 'failed' })]).unsent.get('t')).toEqual(new Set([1]));
  });
  it('of the last message are known after a reload, until it arrived', () => {
    const last = { time: entry(4).time, direction: 'out' as const, kind: 'message' as const, preview: 'x', seq: 4 };
    const of = (value: Entry['status']) => thread('t', { entries: 5, last: { ...last, status: value } });
    for (const value of ['failed', 'unknown'] as const) expect(started(of(value)).unsent.get('t')).toEqual(new Set([4]));
    for (const value of ['stored', 'sent', 'read'] as const) expect(started(of(value)).unsent.size).toBe(0);
    expect(started(thread('t', { last: { ...last, kind: 'edit', status: 'failed' } })).unsent.size).toBe(0);
    const state = started(of('failed'));
    expect(reduce(state, { type: 'thread.changed', id: '2-0', thread: of('sent') }).unsent.size).toBe(0);
    const retried = reduce(state, { type: 'entry.status', id: '2-0', thread: 't', entry: 'e4', seq: 4, status: 'sent', attempt: 2 });
    expect(retried.unsent.size).toBe(0);
    expect(retried.threads.get('t')!.last!.status).toBe('sent');
    const late = reduce(retried, { type: 'rest.threads', threads: [of('failed')], asOf: state.tick });
    expect(late.unsent.size).toBe(0);
  });
  it('that come before their entry wait for it', () => {
    const early: Action = { type: 'entry.status', id: '2-0', thread: 't', entry: 'e2', seq: 2, status: 'delivered', attempt: 1 };
    const state = reduceAll(loaded([entry(1)]), [early, added('3-0', entry(2))]);
    expect(state.logs.get('t')!.entries[1]!.status).toBe('delivered');
    expect(state.parked.size).toBe(0);
  });
  it('are not lowered by an older answer of REST', () => {
    const state = reduceAll(loaded([entry(1)]), [status('2-0', 'read'), { type: 'rest.entries', thread: 't', entries: [entry(1, { text: 'new words' })], asked: null }]);
    expect(state.logs.get('t')!.entries[0]).toMatchObject({ status: 'read', text: 'new words' });
  });
  it('rank as the store ranks them', () => {
    expect(newer({ status: 'failed', attempt: 1 }, { status: 'delivered', attempt: 1 })).toBe(true);
    expect(newer({ status: 'delivered', attempt: 1 }, { status: 'failed', attempt: 1 })).toBe(false);
    expect(newer({ status: 'unknown', attempt: 1 }, { status: 'sent', attempt: 1 })).toBe(true);
  });
});

describe('resuming', () => {
  it('does not move the place to resume from by a welcome in between', () => {
    const state = reduce(started(), { type: 'welcome', agent: agent('me'), threads: [], queues, after: '99-0', resumed: true });
    expect(state.after).toBe('1-0');
  });
  it('after a reset forgets ids and offers, keeps logs marked, and takes the new welcome', () => {
    let state = reduce(loaded([entry(1)]), { type: 'thread.offered', id: '2-0', thread: thread('o', { state: 'offered', assignee: null }), expires: '2026-01-01T10:00:30Z' });
    state = reduce(state, { type: 'reset' });
    expect([state.after, state.offers.size, state.logs.get('t')!.stale]).toEqual([null, 0, true]);
    state = reduce(state, { type: 'welcome', agent: agent('me'), threads: [thread('n')], queues, after: '50-0', resumed: false });
    expect([...state.threads.keys()]).toEqual(['n']);
    expect(state.after).toBe('50-0');
    state = reduce(state, { type: 'rest.entries', thread: 't', entries: [entry(9)], asked: null });
    expect(seqs(state)).toEqual([9]);
  });
});

describe('threads and offers', () => {
  const offered: Action = { type: 'thread.offered', id: '2-0', thread: thread('o', { state: 'offered', assignee: null }), expires: '2026-01-01T10:00:30Z' };
  it('an offer ends when it is assigned, expires or goes to somebody else', () => {
    const state = reduce(started(), offered);
    expect(state.offers.get('o')).toBe('2026-01-01T10:00:30Z');
    expect(reduce(state, { type: 'thread.assigned', id: '3-0', thread: thread('o') }).offers.size).toBe(0);
    const expired = reduce(state, { type: 'offer.ended', id: '3-0', thread: 'o', why: 'expired' });
    expect([expired.offers.size, expired.threads.get('o')!.state]).toEqual([0, 'waiting']);
    expect(reduce(state, { type: 'thread.gone', id: '3-0', thread: 'o' }).threads.has('o')).toBe(false);
  });
  it('an offer that is in the welcome counts', () => {
    expect(started(thread('o', { state: 'offered', offer_expires: 'x' })).offers.has('o')).toBe(true);
  });
  it('what is gone leaves nothing', () => {
    const state = reduce(loaded([entry(1)]), { type: 'thread.gone', id: '2-0', thread: 't' });
    expect([state.threads.size, state.logs.size]).toEqual([0, 0]);
  });
  it('a REST answer older than an event does not undo it', () => {
    const before = started(thread('t'));
    const changed = reduce(before, { type: 'thread.changed', id: '2-0', thread: thread('t', { topic: 'cash' }) });
    const state = reduce(changed, { type: 'rest.threads', threads: [thread('t', { topic: 'old' })], asOf: before.tick });
    expect(state.threads.get('t')!.topic).toBe('cash');
    const later = reduce(state, { type: 'rest.threads', threads: [thread('t', { topic: 'new' })], asOf: state.tick });
    expect(later.threads.get('t')!.topic).toBe('new');
  });
  it('what no longer waits is dropped when the whole list is known', () => {
    const state = reduce(started(thread('a', { state: 'waiting', assignee: null }), thread('b')), { type: 'prune', waiting: new Set() });
    expect([...state.threads.keys()]).toEqual(['b']);
  });
  it('typing ends by itself and by the message', () => {
    const state = reduce(loaded([]), { type: 'typing', thread: 't', who: 'person', on: true, now: 1000 });
    expect(state.typing.size).toBe(1);
    expect(reduce(state, { type: 'typing.sweep', now: 1001 + TYPING_LASTS }).typing.size).toBe(0);
    expect(reduce(state, added('2-0', entry(1))).typing.size).toBe(0);
  });
  it('presence of my own is mine', () => {
    const state = reduce(started(), { type: 'presence', id: '2-0', agent: agent('me', { presence: 'break' }) });
    expect(state.agent!.presence).toBe('break');
  });
});

describe('many', () => {
  it('merges runs without repetition', () => {
    expect(merge([entry(1), entry(3)], [entry(2), entry(3)]).map((each) => each.seq)).toEqual([1, 2, 3]);
  });
  it('applies a burst of a thousand events to ten thousand threads quickly', () => {
    const state = started(...Array.from({ length: 10_000 }, (_, n) => thread(`t${n}`)));
    const burst = Array.from({ length: 1000 }, (_, n): Action => ({ type: 'thread.changed', id: `${n + 5}-0`, thread: thread(`t${n}`, { priority: 2 }) }));
    const from = performance.now();
    reduceAll(state, burst);
    expect(performance.now() - from).toBeLessThan(1000);
  });
});
