// What stays in the browser. Drafts and unsent messages: for this tab only, gone with it and at sign-out.
// Settings: no person's word in them, kept on the device.
import type { Pending } from './outbox';

export interface SavedDraft {
  text: string;
  note: boolean;
  target?: string;
}

export interface Settings {
  locale: string | null;
  theme: 'system' | 'light' | 'dark';
  contrast: 'system' | 'normal' | 'more';
  sound: boolean;
  hideSensitive: boolean;
  loadPictures: boolean;
  enterSends: boolean;
  singleKeys: boolean;
  operation: string | null;
}

export const DEFAULTS: Settings = {
  locale: null,
  theme: 'system',
  contrast: 'system',
  sound: true,
  hideSensitive: true,
  loadPictures: false,
  enterSends: true,
  singleKeys: true,
  operation: null,
};

const SETTINGS = 'parley.settings';
const DRAFT = 'parley.draft.';
const OUTBOX = 'parley.outbox.';
const PRESENCE = 'parley.presence.';

function read<T>(store: Storage, key: string): T | null {
  try {
    const text = store.getItem(key);
    return text === null ? null : (JSON.parse(text) as T);
  } catch {
    return null;
  }
}

function write(store: Storage, key: string, value: unknown): void {
  try {
    if (value === null) store.removeItem(key);
    else store.setItem(key, JSON.stringify(value));
  } catch {
    // Full or switched off: the page works, it only forgets.
  }
}

export function loadSettings(): Settings {
  const saved = read<Partial<Settings>>(localStorage, SETTINGS) ?? {};
  const out: Record<string, unknown> = { ...DEFAULTS };
  for (const key of Object.keys(DEFAULTS) as (keyof Settings)[]) {
    const value = saved[key];
    if (value !== undefined && (DEFAULTS[key] === null || typeof value === typeof DEFAULTS[key])) out[key] = value;
  }
  return out as unknown as Settings;
}

export function saveSettings(settings: Settings): void {
  write(localStorage, SETTINGS, settings);
}

export function loadDraft(op: string, thread: string): SavedDraft | null {
  return read(sessionStorage, `${DRAFT}${op}.${thread}`);
}

export function saveDraft(op: string, thread: string, draft: SavedDraft | null): void {
  write(sessionStorage, `${DRAFT}${op}.${thread}`, draft && (draft.text || draft.note) ? draft : null);
}

export function draftsOf(op: string): Set<string> {
  const prefix = `${DRAFT}${op}.`;
  const out = new Set<string>();
  for (let at = 0; at < sessionStorage.length; at += 1) {
    const key = sessionStorage.key(at);
    if (key?.startsWith(prefix)) out.add(key.slice(prefix.length));
  }
  return out;
}

export function loadOutbox(op: string): Pending[] {
  const kept = read<Pending[]>(sessionStorage, OUTBOX + op) ?? [];
  return kept.map((item) => (item.state === 'sending' ? { ...item, state: 'waiting' } : item));
}

export function saveOutbox(op: string, box: readonly Pending[]): void {
  write(sessionStorage, OUTBOX + op, box.length ? box : null);
}

/** The presence that was chosen in this tab: a new socket begins as online, and a break is to last until it is ended. */
export function loadPresence(op: string): string | null {
  return read(sessionStorage, PRESENCE + op);
}

export function savePresence(op: string, presence: string): void {
  write(sessionStorage, PRESENCE + op, presence === 'online' ? null : presence);
}

/** At sign-out nothing that somebody wrote stays in the tab. */
export function forgetTab(): void {
  sessionStorage.clear();
}
