// What gateway/api/README.md says of administration, as types. The operation's file itself is JSON that the server judges: here stand
// only the members that the page has fields for.
import type { Names } from '../lib/types';

export type { Place } from '../lib/types';

export interface AgentOf {
  login: string;
  name: string;
  teams: string[];
  roles: string[];
  areas: string[];
  topics: string[];
  languages: Record<string, number>;
  capacity: { chat: number };
  clearance?: number;
  disabled?: boolean;
}

export interface ThingOf {
  id: string;
  name?: Names;
  hours?: HoursOf;
  disabled?: boolean;
}

export interface TopicOf extends ThingOf {
  words?: Record<string, string[]>;
  clearance?: number;
  priority?: number;
  no_last_agent?: boolean;
}

export type SettingValue = string | number | boolean | string[];

export interface ChannelOf extends ThingOf {
  connector: string;
  settings?: Record<string, unknown>;
  area?: string;
  topic?: string;
  clearance?: number;
  retention_days?: number;
  paused?: boolean;
  /** Whose bot begins its threads. */
  flow?: string;
}

/** Opening hours of the operation or of an area: gateway/daemon/README.md. */
export interface HoursOf {
  always?: boolean;
  week?: Record<string, string[]>;
  exceptions?: { date: string; to?: string; name?: Names; open?: string[] }[];
}

export interface FlowOf extends ThingOf {
  flow?: unknown;
}

/** What a flow says when it is tried. */
export interface Said {
  say: { text: string; choices?: { id: string; title: string }[] }[];
  run?: unknown;
  hand_over?: { why?: string; topic?: string } | null;
}

export interface OperationFile {
  operation: string;
  name?: Names;
  languages?: string[];
  fallback?: Record<string, string[]>;
  timezone?: string;
  areas?: ThingOf[];
  teams?: ThingOf[];
  topics?: TopicOf[];
  agents?: AgentOf[];
  channels?: ChannelOf[];
  texts?: Record<string, Record<string, string>>;
  reviewed?: Record<string, string[]>;
  emergency?: Names;
  privacy?: string;
  [section: string]: unknown;
}

export interface OperationDocument {
  version: string;
  file: OperationFile;
  secrets: Record<string, Record<string, Record<string, boolean>>>;
}

export interface Applied {
  version: string;
  changes: string[];
  passwords: { login: string; password: string }[];
  behind: string[];
}

export interface Fact {
  id: string;
  state: 'done' | 'missing';
  detail: string;
}

export interface Setting {
  name: string;
  type: 'text' | 'secret' | 'url' | 'number' | 'choice' | 'list' | 'bool';
  required: boolean;
  default: string;
  help: string;
  choices: string[];
}

export interface Connector {
  id: string;
  version: string;
  pull: boolean;
  signs: boolean;
  hooks: boolean;
  scheme: string;
  capabilities: Record<string, boolean>;
  settings: Setting[];
}

export interface OwnText {
  key: string;
  safety: boolean;
  holes: string[];
  languages: Record<string, { text: string; reviewed: boolean; read: boolean; own: string | null }>;
}

export interface Tested {
  outcome: 'sent' | 'failed' | 'gone' | 'auth' | 'rate' | 'retry' | 'unknown';
  code: string;
  text: string;
}

export interface Dead {
  id: string;
  thread: string;
  seq: number;
  time: string;
  error: { code?: string; text?: string } | null;
}
