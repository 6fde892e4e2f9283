import { ask } from '../lib/api';
import type { Contact, Entry, Page, Thread } from '../lib/types';
import type { What } from './types';

export interface Enter {
  what: What;
  direction: 'in' | 'out';
  time?: string;
  seconds?: number;
  language?: string;
  text: string;
  ref: string;
}

export interface Open {
  address?: string;
  name?: string;
  language?: string;
  topic?: string;
  wait?: boolean;
  happened?: Enter;
}

export function byHand(op: string) {
  const thread = (id: string, verb: string): string => `threads/${encodeURIComponent(id)}/${verb}`;
  const contact = (id: string, verb: string): string => `contacts/${encodeURIComponent(id)}/${verb}`;
  return {
    open: (body: Open): Promise<Thread> => ask(op, 'threads', 'POST', body),
    enter: (id: string, body: Enter): Promise<Entry> => ask(op, thread(id, 'happened'), 'POST', body),
    same: (id: string, answer: 'yes' | 'no' | 'undo'): Promise<Thread> => ask(op, thread(id, 'same-person'), 'POST', { answer }),
    identity: (id: string, how: string, passed: boolean): Promise<Thread> => ask(op, thread(id, 'identity'), 'POST', { how, passed }),
    at: (address: string): Promise<Page<Contact>> => ask(op, `contacts?address=${encodeURIComponent(address)}`),
    link: (id: string, body: { address: string } | { contact: string }): Promise<Contact> => ask(op, contact(id, 'link'), 'POST', body),
    unlink: (id: string, body: { address: string } | { contact: string }): Promise<Contact> => ask(op, contact(id, 'unlink'), 'POST', body),
  };
}

/** As the server reads a number: digits of any script, with what people put between them. */
export function telephone(text: string): string | null {
  let out = '';
  for (const sign of text.trim()) {
    const code = sign.codePointAt(0)!;
    if (code >= 0x660 && code <= 0x669) out += code - 0x660;
    else if (code >= 0x6f0 && code <= 0x6f9) out += code - 0x6f0;
    else if (/[0-9]/u.test(sign) || (sign === '+' && !out)) out += sign;
    else if (!/[\s().-]/u.test(sign)) return null;
  }
  out = out.replace(/^00/u, '+');
  return /^\+?\d{3,15}$/u.test(out) ? `tel:${out}` : null;
}
