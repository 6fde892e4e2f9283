// What the page itself is doing: settings, the open dialog, short notices, the ticking clock. No message text here.
import { serverNow } from './api';
import type { ListKind } from './order';
import { loadSettings, saveSettings, type Settings } from './keep';

export type DialogName = 'help' | 'palette' | 'settings' | 'transfer' | 'resolve' | 'snooze' | 'tags' | 'decline' | 'byhand' | 'identity' | 'alarm' | 'drill' | null;

export interface Notice {
  id: number;
  kind: 'info' | 'error';
  text: string;
  act?: { label: string; run: () => void };
}

const NOTICE_MS = 8000;

class Ui {
  settings = $state<Settings>(loadSettings());
  dialog = $state<DialogName>(null);
  list = $state<ListKind>('mine');
  query = $state('');
  notices = $state.raw<readonly Notice[]>([]);
  /** Read by screen readers, seen by nobody. */
  said = $state('');
  /** On a narrow screen: the contact panel over the thread. */
  panelOver = $state(false);
  note = $state(false);
  /** Counts changes of drafts, so that lists can mark them. */
  drafts = $state(0);
  second = $state(serverNow());
  minute = $state(serverNow());
  private next = 1;

  change(patch: Partial<Settings>): void {
    Object.assign(this.settings, patch);
    saveSettings($state.snapshot(this.settings));
  }

  tell(kind: Notice['kind'], text: string, act?: Notice['act']): void {
    const id = this.next++;
    this.notices = [...this.notices.slice(-2), { id, kind, text, act }];
    setTimeout(() => this.dismiss(id), kind === 'error' ? 2 * NOTICE_MS : NOTICE_MS);
  }

  dismiss(id: number): void {
    this.notices = this.notices.filter((notice) => notice.id !== id);
  }

  say(text: string): void {
    this.said = '';
    setTimeout(() => (this.said = text), 50);
  }

  tick(): void {
    const now = serverNow();
    this.second = now;
    if (Math.floor(now / 15_000) !== Math.floor(this.minute / 15_000)) this.minute = now;
  }
}

export const ui = new Ui();

/** Theme and contrast as attributes of the root element; tokens.css does the rest. */
export function dress(): void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const more = matchMedia('(prefers-contrast: more)');
  const { theme, contrast } = ui.settings;
  const root = document.documentElement;
  root.dataset.theme = theme === 'system' ? (dark.matches ? 'dark' : 'light') : theme;
  root.dataset.contrast = contrast === 'system' ? (more.matches ? 'more' : 'normal') : contrast;
}

export function watchDress(): void {
  for (const query of ['(prefers-color-scheme: dark)', '(prefers-contrast: more)']) {
    matchMedia(query).addEventListener('change', dress);
  }
  dress();
}
