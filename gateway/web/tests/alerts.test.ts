import { describe, expect, it } from 'vitest';
import { inOrder, isOpen, ringing } from '../src/alerts/order';
import type { AlertState, RedAlert } from '../src/alerts/types';

const alert = (code: string, state: AlertState, since: string, more: Partial<RedAlert> = {}): RedAlert =>
  ({ code, state, since, ring: state === 'raised' || state === 'notified' || state === 'possible', group: null, ...more }) as RedAlert;

describe('red alerts', () => {
  it('stand by what they ask for, the longest waiting first', () => {
    const all = [
      alert('1', 'closed', '2026-01-01T10:00:00Z'),
      alert('2', 'possible', '2026-01-01T09:00:00Z'),
      alert('3', 'notified', '2026-01-01T11:00:00Z'),
      alert('4', 'raised', '2026-01-01T10:30:00Z'),
      alert('5', 'acknowledged', '2026-01-01T08:00:00Z'),
      alert('6', 'dismissed', '2026-01-01T12:00:00Z'),
    ];
    expect(inOrder(all).map((each) => each.code)).toEqual(['4', '3', '2', '5', '6', '1']);
    expect(all.filter(isOpen).map((each) => each.code)).toEqual(['2', '3', '4', '5']);
  });

  it('ring once for a group, and each by itself when its first is gone', () => {
    const first = alert('1', 'notified', '2026-01-01T10:00:00Z');
    const second = alert('2', 'notified', '2026-01-01T10:01:00Z', { group: '1' });
    expect(ringing([first, second]).map((each) => each.code)).toEqual(['1']);
    expect(ringing([second]).map((each) => each.code)).toEqual(['2']);
    expect(ringing([{ ...first, ring: false }, { ...second, ring: false }])).toEqual([]);
  });
});
