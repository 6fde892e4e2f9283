// The calls about signing in and about what leaves the house. Errors are lib/api's.
import { call, inOp } from '../lib/api';
import type { Me, Page } from '../lib/types';

export interface Ticket {
  ticket: string;
  trust_days: number;
}
export interface SecondFactorState {
  on: boolean;
  policy: 'required' | 'offered' | 'off';
  later: boolean;
  password?: boolean; // wanted again before a first one is set up
  trust_days: number;
  recovery_left: number;
  since?: string;
}
export interface Webhook {
  id: string;
  url: string;
  events: string[];
  clearance: number;
  area?: string;
  content: boolean;
  state: 'ok' | 'failing' | 'waiting' | 'gone' | 'disabled';
  waiting: number | null;
  dead: number | null;
  lost: number | null;
  failing_since: string | null;
  last_ok: string | null;
  last_error: { time: string; code: string } | null;
}
export interface DeadDelivery {
  id: string;
  type: string;
  thread: string;
  tries: number;
  error: string;
  time: string;
  died: string;
}
export interface Token {
  id: string;
  role: string;
  agent: string | null;
  clearance: number;
  note: string;
  created: string;
  used: string | null;
}

const ask = <T>(path: string, method = 'GET', body?: unknown): Promise<T> => call(path, { method, body });

export const signInCode = (login: string, ticket: string, code: string, trust: boolean): Promise<Me> =>
  ask('sign-in/code', 'POST', { login, ticket, code, trust });
export const secondFactor = (): Promise<SecondFactorState> => ask('me/second-factor');
export const beginSecond = (code?: string, password?: string): Promise<{ secret: string; uri: string }> =>
  ask('me/second-factor', 'POST', { ...(code && { code }), ...(password && { password }) });
export const confirmSecond = (code: string): Promise<{ recovery: string[] }> => ask('me/second-factor/confirm', 'POST', { code });
export const newCodes = (code: string): Promise<{ recovery: string[] }> => ask('me/second-factor/codes', 'POST', { code });

/** Of one operation, for administrators. */
export class SecurityApi {
  constructor(private readonly op: string) {}
  private at = (path: string): string => inOp(this.op, path);
  private hook = (id: string, what: string): string => this.at(`webhooks/${encodeURIComponent(id)}/${what}`);

  webhooks = (): Promise<Page<Webhook>> => ask(this.at('webhooks'));
  dead = (id: string, before: string): Promise<Page<DeadDelivery>> => ask(this.hook(id, `dead?limit=20${before ? `&before=${before}` : ''}`));
  redeliver = (id: string, ids: string[] | null): Promise<{ redelivered: number }> => ask(this.hook(id, 'redeliver'), 'POST', ids ? { ids } : {});
  test = (id: string): Promise<{ status: number; ms: number; error?: string }> => ask(this.hook(id, 'test'), 'POST', {});
  resume = (id: string): Promise<void> => ask(this.hook(id, 'resume'), 'POST', {});
  tokens = (): Promise<Page<Token>> => ask(this.at('tokens'));
  makeToken = (body: { role: string; clearance: number; note: string }): Promise<{ token: string }> => ask(this.at('tokens'), 'POST', body);
  revoke = (id: string): Promise<void> => ask(this.at(`tokens/${encodeURIComponent(id)}/revoke`), 'POST', {});
}
