import { ask } from '../lib/api';
import type { Page, Thread } from '../lib/types';
import type { Guard, Matter, Pack, Reason, Written } from './types';

export interface Put {
  type?: string;
  subject?: string;
  path?: string;
  risk?: string;
  consent?: string;
  support?: string;
  answers?: Record<string, string>;
  note?: string;
  clearance?: number;
  version?: number;
}

export function matters(op: string) {
  const of = (thread: string, rest = ''): string => `threads/${encodeURIComponent(thread)}/${rest}`;
  const at = (thread: string, matter: string, verb = ''): string => of(thread, `matters/${encodeURIComponent(matter)}${verb}`);
  return {
    pack: (): Promise<{ pack: Pack | null; reasons: Reason[] }> => ask(op, 'packs'),
    list: (thread: string): Promise<Page<Matter>> => ask(op, of(thread, 'matters')),
    create: (thread: string, body: Put): Promise<Written> => ask(op, of(thread, 'matters'), 'POST', body),
    put: (thread: string, matter: string, body: Put): Promise<Written> => ask(op, at(thread, matter), 'PATCH', body),
    end: (thread: string, matter: string, body: { outcome?: string; reason?: string; answer?: number }): Promise<Written> => ask(op, at(thread, matter, '/end'), 'POST', body),
    approve: (thread: string, matter: string, yes: boolean): Promise<Written> => ask(op, at(thread, matter, '/approve'), 'POST', { yes }),
    reopen: (thread: string, matter: string): Promise<Written> => ask(op, at(thread, matter, '/reopen'), 'POST', {}),
    refer: (thread: string, matter: string, body: { kind: string; to: string; hours: number }): Promise<Written> => ask(op, at(thread, matter, '/referrals'), 'POST', body),
    moved: (thread: string, matter: string, referral: string, state: string): Promise<Written> => ask(op, at(thread, matter, `/referrals/${encodeURIComponent(referral)}`), 'POST', { state }),
    guard: (thread: string, reason = ''): Promise<Guard> => ask(op, of(thread, `guard${reason ? `?reason=${encodeURIComponent(reason)}` : ''}`)),
    approveEnd: (thread: string, yes: boolean): Promise<Thread> => ask(op, of(thread, 'approve'), 'POST', { yes }),
    tried: (thread: string, channel: string, why: string): Promise<Thread> => ask(op, of(thread, 'tries'), 'POST', { channel, why }),
  };
}
