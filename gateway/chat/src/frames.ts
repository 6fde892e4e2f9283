// SPDX-License-Identifier: Apache-2.0
// The frames of PROTOCOL.md as types. What comes from the server is checked only as far as a wrong member could harm.

export interface Choice {
  id: string;
  title: string;
}

export interface Attachment {
  id: string;
  type: string;
  name: string;
  size: number;
  url: string;
}

export type Status = 'stored' | 'sent' | 'delivered' | 'read' | 'failed';

export interface Entry {
  id: string;
  kind: 'message' | 'edit' | 'event';
  direction: 'in' | 'out';
  time: string;
  text: string;
  ref?: string;
  author?: string;
  status?: Status;
  attachments?: Attachment[];
  choices?: Choice[];
  of?: string;
  deleted?: boolean;
  edited?: boolean; // ours: an edit came for it
}

export type ServerFrame =
  | { type: 'welcome'; session: string; entries: Entry[]; earlier?: boolean; read?: string | null }
  | { type: 'ack'; ref: string; id: string }
  | { type: 'entry'; entry: Entry }
  | { type: 'earlier'; entries: Entry[]; earlier: boolean }
  | { type: 'typing'; on?: boolean }
  | { type: 'read'; id: string }
  | { type: 'status'; id: string; status: Status; error?: string }
  | { type: 'choices'; id: string; choices: Choice[] }
  | { type: 'state'; state: string }
  | { type: 'error'; code: string; detail?: string; ref?: string; retry_ms?: number }
  | { type: 'reset' }
  | { type: 'bye'; retry_ms?: number }
  | { type: 'forgotten' };

export interface Hello {
  type: 'hello';
  session: string | null;
  after: string | null;
  locale: string;
  chosen?: boolean;
}

export interface Send {
  type: 'send';
  ref: string;
  text: string;
  attachments?: string[];
  choice?: string;
}

export type ClientFrame =
  | Hello
  | Send
  | { type: 'typing'; on: boolean }
  | { type: 'got'; id: string }
  | { type: 'read'; id: string }
  | { type: 'earlier'; before: string }
  | { type: 'again'; id: string }
  | { type: 'forget' };

export function parseFrame(text: string): ServerFrame | null {
  try {
    const f: unknown = JSON.parse(text);
    return f !== null && typeof f === 'object' && typeof (f as ServerFrame).type === 'string' ? (f as ServerFrame) : null;
  } catch (e) {
    return null;
  }
}
