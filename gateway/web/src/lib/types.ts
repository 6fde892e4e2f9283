// What gateway/api/README.md promises, as types. Members that a server may leave out are optional here.

import type { Happened, Identity, SamePerson } from '../byhand/types';

export type Role = 'agent' | 'supervisor' | 'focal' | 'partner' | 'administrator' | 'auditor';
export type Presence = 'online' | 'away' | 'break' | 'offline';
export type ThreadState = 'bot' | 'waiting' | 'offered' | 'assigned' | 'snoozed' | 'resolved';
export type EntryKind = 'message' | 'edit' | 'deletion' | 'reaction' | 'note' | 'call' | 'event';
export type EntryStatus = 'stored' | 'sent' | 'delivered' | 'read' | 'failed' | 'unknown';
export type Names = Record<string, string>;

export interface Membership {
  id: string;
  name: Names;
  roles: Role[];
  agent: string;
  areas: string[];
  clearance: number;
  languages: Record<string, number>;
  topics: string[];
  teams: string[];
}

export interface Me {
  login: string;
  name: string;
  locale: string;
  operations: Membership[];
  second_factor?: { on: boolean; must: boolean };
}

export interface Channel {
  id: string;
  connector: string;
  name: string | Names;
  capabilities?: Record<string, unknown>;
  limits?: Record<string, unknown>;
  state: 'up' | 'down' | 'paused' | 'disabled' | 'starting';
  state_text?: string;
}

export interface Named {
  id: string;
  name: string | Names;
}

export interface Operation {
  id: string;
  name: Names;
  languages: string[];
  fallback?: Record<string, string[]>;
  timezone: string;
  areas: Named[];
  teams: Named[];
  topics: Named[];
  channels: Channel[];
}

export interface Language {
  tag: string | null;
  script?: string;
  how: 'stated' | 'set' | 'guessed' | 'unknown' | null;
}

export interface Last {
  time: string;
  direction: 'in' | 'out';
  kind: EntryKind;
  preview: string | null;
  /** Its number in the thread, and of what was sent its status. */
  seq?: number;
  status?: EntryStatus;
}

export interface Thread {
  id: string;
  contact: { id: string; name: string | null };
  state: ThreadState;
  language: Language | null;
  topic: string | null;
  priority: number;
  clearance: number;
  area: string | null;
  assignee: string | null;
  offer_expires?: string | null;
  channel: string;
  opened: string | null;
  waiting_since: string | null;
  first_reply: string | null;
  last: Last | null;
  unread: number;
  tags: string[];
  entries: number;
  outcome?: string | null;
  snoozed_until?: string | null;
  same_person?: SamePerson;
  identity?: Identity;
}

export interface Attachment {
  /** What is still being fetched may lack all but its state. */
  id?: string;
  type?: string;
  name?: string;
  size?: number;
  url?: string;
  state: 'stored' | 'fetching' | 'failed' | 'quarantined';
}

/** A file that is with the server and can be named in a message. */
export interface Stored {
  id: string;
  type: string;
  name: string;
  size: number;
}

export interface Choice {
  id: string;
  title: string;
}

export interface Author {
  kind: 'person' | 'agent' | 'bot' | 'system';
  id?: string;
  name?: string;
}

export interface ThreadEvent {
  what: string;
  by?: string | { id?: string; name?: string };
  detail?: unknown;
}

export interface Entry {
  id: string;
  thread: string;
  seq: number;
  kind: EntryKind;
  direction: 'in' | 'out';
  channel: string;
  time: string;
  provider_time?: string;
  text: string | null;
  language?: string | Language | null;
  choices?: Choice[];
  choice?: string | Choice | null;
  location?: { latitude: number; longitude: number; name?: string };
  contact_card?: Record<string, unknown>;
  attachments?: Attachment[];
  author: Author;
  target?: string;
  external_ids?: string[];
  status: EntryStatus;
  attempt: number;
  error?: { code?: string; text: string } | null;
  ref?: string;
  erased?: boolean;
  event?: ThreadEvent;
  happened?: Happened;
}

export interface Address {
  uri: string;
  channel: string;
  verified: boolean;
  blocked?: boolean;
  last_seen: string | null;
}

export interface Contact {
  id: string;
  name: string | null;
  language: Language | null;
  addresses: Address[];
  fields: Record<string, unknown>;
  notes: string;
  area: string | null;
  country?: string | null;
  threads: { id: string; state: ThreadState; opened: string | null; topic: string | null; clearance: number }[];
  /** Others that are the same person; each with its own addresses. */
  merged?: Contact[];
  /** Nothing that is known is told until "same person?" is answered. */
  closed?: boolean;
}

export interface Agent {
  id: string;
  login: string;
  name: string;
  teams: string[];
  areas: string[];
  languages: Record<string, number>;
  topics: string[];
  capacity: Record<string, number>;
  load: number;
  presence: Presence;
  clearance: number;
  roles: Role[];
  disabled: boolean;
}

export interface Queue {
  /** Empty when not known. */
  language: string | null;
  topic: string | null;
  clearance: number;
  area: string | null;
  waiting: number;
  oldest: string | null;
}

export interface Queues {
  items: Queue[];
  mine: { waiting: number };
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Place {
  at: string;
  text: string;
}

export interface Problem {
  status: number;
  title: string;
  detail?: string;
  code?: string;
  at?: string;
  problems?: Place[];
}

// Frames of the agents' socket, server to client.
export type Frame =
  | { type: 'welcome'; agent: Agent | null; threads: Thread[]; queues: Queues; after: string; heartbeat: number }
  | { type: 'live' }
  | { type: 'reset' }
  | { type: 'pong' }
  | { type: 'bye'; retry_ms: number }
  | { type: 'ok'; ref: string; entry?: Entry; thread?: Thread; agent?: Agent }
  | { type: 'error'; ref?: string; code: string; detail: string }
  | ServerEvent;

export type ServerEvent =
  | { type: 'thread.offered'; id: string; thread: Thread; expires: string }
  | { type: 'offer.ended'; id: string; thread: string; why: 'expired' | 'withdrawn' }
  | { type: 'thread.assigned'; id: string; thread: Thread }
  | { type: 'thread.changed'; id: string; thread: Thread }
  | { type: 'thread.gone'; id: string; thread: string }
  | { type: 'entry.added'; id: string; entry: Entry; thread: { id: string; unread: number; state: ThreadState } }
  | {
      type: 'entry.status';
      id: string;
      thread: string;
      entry: string;
      seq: number;
      status: EntryStatus;
      attempt: number;
      error?: { code?: string; text: string } | null;
    }
  | { type: 'entry.changed'; id: string; entry: Entry }
  | { type: 'queues'; items: Queue[]; mine: { waiting: number } }
  | { type: 'presence'; id: string; agent: Agent }
  | { type: 'typing'; thread: string; who: 'person' | 'agent'; name?: string; on: boolean };
