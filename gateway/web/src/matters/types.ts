import type { Thread } from '../lib/types';

export type Labels = Record<string, string>;

export interface Code {
  code: string;
  name: Labels;
  quick?: boolean;
  clearance?: number;
}

export interface Field {
  code: string;
  ask: Labels;
  kind: 'text' | 'choice' | 'number' | 'date' | 'do_not_ask';
  choices?: Code[];
  /** What an answer also stands for: consent to be named, support that was offered. */
  sets?: 'consent' | 'support';
}

export interface Form {
  code: string;
  path?: string[];
  subject?: string[];
  fields: Field[];
}

export interface Institution {
  id: string;
  name: Labels;
  areas?: string[];
  backup?: string;
  disabled?: boolean;
}

export interface Row {
  risk?: string;
  subject?: string;
  path?: string;
  area?: string;
  language?: string;
  kind: 'support' | 'accountability' | 'service';
  to: string;
  hours: number;
}

export interface Pack {
  id: string;
  name: Labels;
  types: Code[];
  subjects: Code[];
  paths: Code[];
  risks: Code[];
  forms?: Form[];
  institutions?: Institution[];
  referrals?: Row[];
}

export interface Reason {
  code: string;
  approved: boolean;
}

export interface Referral {
  id: string;
  state: 'made' | 'accepted' | 'refused' | 'done';
  kind: Row['kind'];
  to: string;
  anonymous: boolean;
  due: string;
}

export interface Matter {
  id: string;
  thread: string;
  version: number;
  clearance: number;
  state: 'open' | 'asked' | 'ended';
  type?: string;
  subject?: string;
  path?: string;
  risk?: string;
  area?: string;
  language?: string;
  consent?: string;
  support?: string;
  reason?: string;
  by?: string;
  received?: string;
  answers: Record<string, string>;
  note: string;
  referrals: Referral[];
}

export type Written = Matter | { id: string; thread: string; sealed: true };

export interface Guard {
  known: string | null;
  lacks: string[];
  presumed_at: string | null;
  unsafe: string[];
  tries: number;
  days: number;
  tries_needed: number;
  days_needed: number;
}

/** A thread as the guard's part of the API tells it. */
export type Ending = Thread & { ending?: { reason: string; by: string; since: string } };
