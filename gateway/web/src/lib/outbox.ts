// Messages on their way from this page to the server. Each has a ref that never changes, so that sending it again
// after a lost answer cannot make a second entry. In order per thread, one at a time. Kept for the tab only.
import type { Choice, Stored } from './types';

export interface Draft {
  kind: 'message' | 'note';
  text: string;
  channel?: string;
  address?: string;
  attachments: Stored[];
  choices?: Choice[];
}

export type PendingState = 'waiting' | 'sending' | 'refused';

export interface Pending extends Draft {
  ref: string;
  thread: string;
  time: string;
  state: PendingState;
  error?: string;
}

/** What may be tried again with the same ref by itself; anything else is told and waits for the agent. */
const PASSING = new Set(['unavailable', 'rate', 'dropped', 'offline', 'unreachable']);

export function passing(code: string): boolean {
  return PASSING.has(code);
}

export type Box = readonly Pending[];

export function add(box: Box, item: Pending): Box {
  return [...box, item];
}

export function mark(box: Box, ref: string, state: PendingState, error?: string): Box {
  return box.map((item) => (item.ref === ref ? { ...item, state, error } : item));
}

export function remove(box: Box, ref: string): Box {
  return box.some((item) => item.ref === ref) ? box.filter((item) => item.ref !== ref) : box;
}

/** The first of each thread that waits behind nothing. A refused one does not hold up those after it. */
export function ready(box: Box): Pending[] {
  const busy = new Set<string>();
  const out: Pending[] = [];
  for (const item of box) {
    if (item.state === 'refused' || busy.has(item.thread)) continue;
    busy.add(item.thread);
    if (item.state === 'waiting') out.push(item);
  }
  return out;
}

/** The link is gone: what was under way is tried again, with the same ref. */
export function rewind(box: Box): Box {
  return box.map((item) => (item.state === 'sending' ? { ...item, state: 'waiting' } : item));
}

/** The frame that carries it. */
export function frameOf(item: Pending): { type: string; ref: string } & Record<string, unknown> {
  if (item.kind === 'note') return { type: 'note', ref: item.ref, thread: item.thread, text: item.text };
  return {
    type: 'send',
    ref: item.ref,
    thread: item.thread,
    ...(item.text ? { text: item.text } : {}),
    ...(item.channel ? { channel: item.channel } : {}),
    ...(item.address ? { address: item.address } : {}),
    ...(item.attachments.length ? { attachments: item.attachments.map((file) => file.id) } : {}),
    ...(item.choices?.length ? { choices: item.choices } : {}),
  };
}
