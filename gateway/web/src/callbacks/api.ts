// Hours and call-backs of an operation, over REST.
import { ApiError, ask } from '../lib/api';
import type { Page, Thread } from '../lib/types';

export interface Hours {
  area: string | null;
  open: boolean;
  always: boolean;
  timezone: string;
  offset: number;
  since: string | null;
  next: string | null;
  exception: { name: Record<string, string>; open: boolean } | null;
}

export type CallbackState = 'waiting' | 'due' | 'taken' | 'done' | 'dropped' | 'expired';
export type CallbackAct = 'take' | 'done' | 'no_answer' | 'drop';

export interface CallbackCodes {
  thread: string;
  state: CallbackState;
  version: number;
  from: string | null;
  to: string | null;
  person: boolean;
  tries: number;
  agent: string | null;
}

export interface Callback extends CallbackCodes {
  channel: string | null;
  address: string | null;
  note: string | null;
}

export interface CallbackAsk {
  asked: 'person' | 'agent';
  from?: string;
  note?: string;
}

export const isOpen = (one: CallbackCodes | null): boolean => !!one && ['waiting', 'due', 'taken'].includes(one.state);

export class CallbackApi {
  constructor(private readonly op: string) {}

  private ask = <T>(path: string, body?: unknown): Promise<T> => ask(this.op, path, body === undefined ? 'GET' : 'POST', body);

  hours = (): Promise<Page<Hours>> => this.ask('hours');
  list = (): Promise<Page<{ callback: Callback; thread: Thread }>> => this.ask('callbacks');
  async of(thread: string): Promise<Callback | null> {
    try {
      return await this.ask<Callback>(`threads/${encodeURIComponent(thread)}/callback`);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }
  want = (thread: string, body: CallbackAsk): Promise<CallbackCodes> => this.ask(`threads/${encodeURIComponent(thread)}/callback`, body);
  act = (one: CallbackCodes, act: CallbackAct): Promise<CallbackCodes> =>
    this.ask(`threads/${encodeURIComponent(one.thread)}/callback/${act}`, { version: one.version });
}
