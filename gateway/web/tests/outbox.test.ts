import { describe, expect, it } from 'vitest';
import { add, frameOf, mark, passing, ready, remove, rewind, type Box, type Pending } from '../src/lib/outbox';

const item = (ref: string, thread = 't', more: Partial<Pending> = {}): Pending => ({ ref, thread, time: '', kind: 'message', text: ref, attachments: [], state: 'waiting', ...more });

describe('the outbox', () => {
  it('sends one at a time per thread, in order', () => {
    let box: Box = [item('a'), item('b'), item('c', 'u')];
    expect(ready(box).map((each) => each.ref)).toEqual(['a', 'c']);
    box = mark(box, 'a', 'sending');
    expect(ready(box).map((each) => each.ref)).toEqual(['c']);
    box = remove(box, 'a');
    expect(ready(box).map((each) => each.ref)).toEqual(['b', 'c']);
  });
  it('does not hold up others behind a refused one', () => {
    expect(ready(mark([item('a'), item('b')], 'a', 'refused', 'forbidden')).map((each) => each.ref)).toEqual(['b']);
  });
  it('keeps the ref when the link is lost', () => {
    const box = rewind(mark(add([], item('a')), 'a', 'sending'));
    expect(box).toEqual([item('a')]);
    expect(frameOf(box[0]!).ref).toBe('a');
  });
  it('tries again by itself only what passes by itself', () => {
    expect(['unavailable', 'rate', 'dropped', 'offline'].every(passing)).toBe(true);
    expect(['forbidden', 'too_large', 'invalid', 'gone', 'conflict'].some(passing)).toBe(false);
  });
  it('names in the frame only what there is', () => {
    const file = { id: 'f1', type: 'image/png', name: 'x', size: 1 };
    expect(frameOf(item('a', 't', { text: '', attachments: [file], channel: 'sms', address: 'tel:+1' }))).toEqual({ type: 'send', ref: 'a', thread: 't', channel: 'sms', address: 'tel:+1', attachments: ['f1'] });
    expect(frameOf(item('a', 't', { kind: 'note', text: 'n' }))).toEqual({ type: 'note', ref: 'a', thread: 't', text: 'n' });
  });
});
