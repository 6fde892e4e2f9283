// Pure: which alerts stand first, and what an event makes of what is known.
import { OPEN, type RedAlert } from './types';

/** What rings, then what may be one, then what somebody has; the oldest first, since it waits longest. */
export function inOrder(alerts: Iterable<RedAlert>): RedAlert[] {
  const rank = (a: RedAlert): number =>
    a.state === 'raised' || a.state === 'notified' ? 0 : a.state === 'possible' ? 1 : a.state === 'acknowledged' ? 2 : a.state === 'handed' ? 3 : 4;
  return [...alerts].sort((a, b) => rank(a) - rank(b) || (rank(a) === 4 ? b.since.localeCompare(a.since) : a.since.localeCompare(b.since)));
}

export const isOpen = (a: RedAlert): boolean => OPEN.includes(a.state);

/** Those that this page rings for: one of a group stands for all of it. */
export function ringing(alerts: Iterable<RedAlert>): RedAlert[] {
  const all = [...alerts];
  const there = new Set(all.filter((a) => a.ring).map((a) => a.code));
  return inOrder(all.filter((a) => a.ring && !(a.group && there.has(a.group))));
}
