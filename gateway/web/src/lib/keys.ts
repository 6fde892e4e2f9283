// Every action, with its key. Buttons, the key handler, the help and the palette all read this one table.
import { app } from './app.svelte';
import type { Draft } from './outbox';
import { CommandError } from './socket';
import { reason, t } from './text.svelte';
import type { Presence } from './types';
import { ui } from './ui.svelte';
import { panel } from '../matters/state.svelte';

export type Group = 'go' | 'thread' | 'write' | 'me';

export interface Act {
  id: string;
  group: Group;
  /** As in KeyboardEvent.key, in lower case; with "ctrl+" where it also works while typing. */
  key: string;
  can(): boolean;
  run(): void;
}

/** Places that only components know, offered to the table while they are there. */
export interface Places {
  list?: { step(by: number): void; open(): void; focus(): void };
  search?: { focus(): void };
  composer?: { focus(note: boolean): void; attach(): void; fill(draft: Draft): void };
  entries?: { end(): void };
  thread?: { focus(): void };
  panel?: { focus(): void };
}

export const places: Places = {};

const thread = () => app.thread;
const idle = () => app.status === 'in';

/** Runs a command and says so when it failed; what was typed is never touched. */
export async function attempt(run: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await run();
    if (done) ui.tell('info', done);
    return true;
  } catch (error) {
    const code = error instanceof CommandError ? error.code : ((error as { code?: string }).code ?? 'other');
    ui.tell('error', `${t('error.not_done')} ${reason(code)}`);
    return false;
  }
}

export function accept(id: string): void {
  void attempt(async () => {
    try {
      await app.desk!.command('accept', { thread: id });
      app.go(id);
      // The button is gone: the focus goes where the work goes on.
      setTimeout(() => places.thread?.focus());
    } catch (error) {
      if (!(error instanceof CommandError) || error.code !== 'gone') throw error;
      ui.tell('error', t('offer.gone'));
    }
  });
}

function decline(): void {
  app.offerAt = currentOffer();
  ui.dialog = 'decline';
}

export function take(id: string): void {
  void attempt(() => app.desk!.command('assign', { thread: id, agent: 'me' }), t('thread.taken'));
}

export function presence(value: Presence, why?: string): void {
  void attempt(() => app.desk!.setPresence(value, why));
}

export function currentOffer(): string | null {
  const open = thread();
  if (open && app.isOffer(open)) return open.id;
  return app.desk?.state.offers.keys().next().value ?? null;
}

/** Another list beside the thread; on a phone, where only one of them has room, instead of it. */
function show(list: 'mine' | 'waiting' | 'all'): void {
  ui.list = list;
  if (matchMedia('(max-width: 44.99rem)').matches) app.go(null);
  setTimeout(() => places.list?.focus());
}

const manageable = () => {
  const open = thread();
  return !!open && app.mayWrite(open);
};

export const acts: Act[] = [
  { id: 'palette', group: 'go', key: 'ctrl+k', can: idle, run: () => (ui.dialog = 'palette') },
  { id: 'help', group: 'go', key: '?', can: idle, run: () => (ui.dialog = 'help') },
  { id: 'search', group: 'go', key: '/', can: idle, run: () => places.search?.focus() },
  { id: 'mine', group: 'go', key: '1', can: idle, run: () => show('mine') },
  { id: 'waiting', group: 'go', key: '2', can: idle, run: () => show('waiting') },
  { id: 'all', group: 'go', key: '3', can: idle, run: () => show('all') },
  { id: 'next', group: 'go', key: 'j', can: idle, run: () => places.list?.step(1) },
  { id: 'previous', group: 'go', key: 'k', can: idle, run: () => places.list?.step(-1) },
  { id: 'byhand', group: 'go', key: 'h', can: idle, run: () => (ui.dialog = 'byhand') },
  { id: 'articles', group: 'go', key: 'w', can: idle, run: () => (location.hash = '#/articles') },
  { id: 'close', group: 'go', key: 'escape', can: () => !!app.open, run: () => app.go(null) },
  { id: 'accept', group: 'thread', key: 'a', can: () => !!currentOffer(), run: () => accept(currentOffer()!) },
  { id: 'decline', group: 'thread', key: 'd', can: () => !!currentOffer(), run: () => decline() },
  { id: 'take', group: 'thread', key: 'g', can: () => !!thread() && app.mayTake(thread()!), run: () => take(thread()!.id) },
  { id: 'alarm', group: 'thread', key: '!', can: manageable, run: () => (ui.dialog = 'alarm') },
  { id: 'transfer', group: 'thread', key: 't', can: manageable, run: () => (ui.dialog = 'transfer') },
  { id: 'resolve', group: 'thread', key: 'e', can: manageable, run: () => (ui.dialog = 'resolve') },
  { id: 'code', group: 'thread', key: 'm', can: () => manageable() && !!panel.start, run: () => { if (!matchMedia('(min-width: 75rem)').matches) ui.panelOver = true; panel.start?.(); } },
  { id: 'snooze', group: 'thread', key: 's', can: manageable, run: () => (ui.dialog = 'snooze') },
  { id: 'tags', group: 'thread', key: 'l', can: manageable, run: () => (ui.dialog = 'tags') },
  { id: 'identity', group: 'thread', key: 'v', can: manageable, run: () => (ui.dialog = 'identity') },
  { id: 'reopen', group: 'thread', key: 'o', can: () => thread()?.state === 'resolved', run: () => reopen() },
  { id: 'panel', group: 'thread', key: 'i', can: () => !!app.open, run: () => togglePanel() },
  {
    id: 'reveal',
    group: 'thread',
    key: 'x',
    can: () => !!thread() && app.hides(thread()),
    run: () => app.reveal(thread()!.id),
  },
  { id: 'end', group: 'thread', key: 'u', can: () => !!app.open, run: () => places.entries?.end() },
  { id: 'reply', group: 'write', key: 'r', can: () => !!places.composer, run: () => places.composer?.focus(false) },
  { id: 'note', group: 'write', key: 'n', can: () => !!places.composer, run: () => places.composer?.focus(true) },
  { id: 'attach', group: 'write', key: 'f', can: () => !!places.composer, run: () => places.composer?.attach() },
  { id: 'break', group: 'me', key: 'b', can: idle, run: () => presence(app.desk?.me?.presence === 'break' ? 'online' : 'break') },
  { id: 'settings', group: 'me', key: ',', can: idle, run: () => (ui.dialog = 'settings') },
];

export function reopen(): void {
  const id = app.open;
  if (!id) return;
  app.parting.add(id); // the queue may have it next, or somebody else
  void attempt(() => app.desk!.command('reopen', { thread: id }), t('thread.reopened'));
}

/** Where the panel has its own column it gets the focus; elsewhere it lies over the thread, so that nothing moves. */
export function togglePanel(): void {
  if (matchMedia('(min-width: 75rem)').matches) places.panel?.focus();
  else ui.panelOver = !ui.panelOver;
}

export function act(id: string): Act {
  const found = acts.find((each) => each.id === id);
  if (!found) throw new Error(`no action ${id}`);
  return found;
}

/** What a key stands for on any keyboard: an Arabic layout gives "ق" for the key that says "r" too. */
function keyOf(event: KeyboardEvent): string {
  const key = event.key.toLowerCase();
  if (key === '\u061F') return '?';
  if (/^[\u0660-\u0669]$/u.test(key)) return String(key.charCodeAt(0) - 0x660);
  if (/^[\u06F0-\u06F9]$/u.test(key)) return String(key.charCodeAt(0) - 0x6f0);
  if (key.length === 1 && key.charCodeAt(0) > 127 && /^Key[A-Z]$/u.test(event.code)) return event.code.charAt(3).toLowerCase();
  return key;
}

function typing(target: EventTarget | null): boolean {
  const at = target instanceof HTMLElement ? target : null;
  return !!at && (at.isContentEditable || at.matches('textarea, select, input:not([type=checkbox]):not([type=radio]):not([type=range])'));
}

export function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || event.altKey || app.status !== 'in') return;
  const key = keyOf(event);
  const withCtrl = event.ctrlKey || event.metaKey;
  if (document.querySelector('dialog[open]')) return;
  if (!withCtrl && typing(event.target)) {
    if (key === 'escape') (event.target as HTMLElement).blur();
    return;
  }
  if (!withCtrl && key !== 'escape' && !ui.settings.singleKeys) return;
  if (event.shiftKey && key !== '?' && key !== '/' && key !== '!') return;
  const found = acts.find((each) => each.key === (withCtrl ? `ctrl+${key}` : key) && each.can());
  if (!found) return;
  event.preventDefault();
  found.run();
}

/** A key as it is printed on the key. */
export function keyName(key: string): string {
  if (key === 'escape') return t('key.escape');
  return key.replace('ctrl+', 'Ctrl ').replace(/[a-z]$/u, (letter) => letter.toUpperCase());
}
