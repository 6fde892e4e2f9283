// SPDX-License-Identifier: Apache-2.0
// The list of entries on the page: what is stored stands in the server's order, what is not yet sent behind it.
// Nothing that is being read moves: new entries come below, and a pill tells of them when the end is out of sight.

import { $, clear, show } from './dom';
import { t } from './texts';
import { Choice, Entry, Status } from './frames';
import { Conversation, Unsent, View } from './conversation';
import { Acts, entryItem, linkAge, mark, unsentItem } from './bubble';
import { statusLine } from './notice';

const NEAR = 160; // pixels from the end that still count as reading the newest

export class Log implements View {
  private list = $<HTMLOListElement>('entries');
  private pill = $<HTMLButtonElement>('pill');
  private earlierButton = $<HTMLButtonElement>('earlier');
  private typingTimer = 0;
  private atEnd = true; // when last scrolled: what grows since then does not change it
  private stale = new Set<string>(); // entries whose links were asked for anew
  conversation!: Conversation;

  constructor(
    private acts: Acts,
    private arrived: (e: Entry) => void,
  ) {
    this.pill.onclick = () => this.toEnd();
    this.earlierButton.onclick = () => this.conversation.earlier();
    addEventListener('scroll', () => this.scrolled(), { passive: true });
    document.addEventListener('visibilitychange', () => this.scrolled());
    this.list.addEventListener('error', (e) => this.broken(e.target as HTMLElement), true);
    this.list.addEventListener('load', () => this.follow(), true); // a picture has its height now
    // A keyboard has come or gone: what is being answered stays in sight, above the field.
    addEventListener('resize', () => this.resized());
    statusLine.changed = () => this.follow();
    this.list.addEventListener('click', (e) => this.opened(e), true);
  }

  /** The choices that can be answered now: those of the last entry, when nothing was written since. */
  activeChoices(): Choice[] {
    const c = this.conversation;
    if (c.queue.length) return [];
    let last: Entry | undefined;
    c.entries.forEach((e) => (last = e.kind === 'message' ? e : last));
    return (last && last.direction === 'out' && last.choices) || [];
  }

  reset(): void {
    clear(this.list);
    this.stale.clear();
    this.hasEarlier(false);
    this.typing(false);
    show(this.pill, false);
  }

  redraw(): void {
    clear(this.list);
    const last = this.lastMessage();
    this.conversation.entries.forEach((e) => this.list.append(entryItem(e, e.id === last, this.acts)));
    this.conversation.queue.forEach((m) => this.list.append(unsentItem(m, this.acts)));
    this.group();
  }

  entry(e: Entry, known: boolean): void {
    const near = this.atEnd || this.nearEnd();
    const old = document.getElementById('e-' + e.id);
    const mine = e.ref ? document.getElementById('r-' + e.ref) : null;
    const item = entryItem(e, this.isLast(e), this.acts);
    if (old) this.list.replaceChild(item, old);
    else if (mine && mine === this.firstUnsent()) this.list.replaceChild(item, mine);
    else {
      if (mine) mine.remove();
      this.list.insertBefore(item, this.firstUnsent());
    }
    this.stale.delete(e.id);
    this.group();
    if (known) return this.follow();
    this.withdrawChoices(e);
    if (near) this.toEnd();
    else if (e.direction === 'out') show(this.pill, true);
    this.arrived(e);
    this.scrolled();
  }

  unsent(m: Unsent): void {
    const item = unsentItem(m, this.acts);
    const old = document.getElementById('r-' + m.ref);
    if (old) this.list.replaceChild(item, old);
    else {
      this.list.append(item);
      this.withdrawChoices(null);
      this.atEnd = true;
    }
    this.group();
    this.follow();
  }

  gone(ref: string): void {
    const item = document.getElementById('r-' + ref);
    if (item) item.remove();
  }

  older(entries: Entry[], more: boolean): void {
    const root = document.documentElement;
    const before = root.scrollHeight;
    const first = this.list.firstChild;
    entries.forEach((e) => this.list.insertBefore(entryItem(e, false, this.acts), first));
    this.hasEarlier(more);
    this.group();
    scrollTo(0, pageYOffset + root.scrollHeight - before);
  }

  hasEarlier(more: boolean): void {
    show(this.earlierButton, more);
  }

  status(id: string, s: Status): void {
    const item = document.getElementById('e-' + id);
    const old = item && item.querySelector('.mark');
    if (old && old.parentNode) old.parentNode.replaceChild(mark(s), old);
    this.group();
  }

  typing(on: boolean): void {
    clearTimeout(this.typingTimer);
    if (on) this.typingTimer = window.setTimeout(() => this.typing(false), 6000);
    statusLine.typing(on ? t('typing') : '');
  }

  notice(key: string): void {
    statusLine.set(key);
  }

  /** What was seen while there was no link is told now. */
  linked(): void {
    this.scrolled();
  }

  toEnd(): void {
    this.atEnd = true;
    show(this.pill, false);
    // The end of the conversation right above the composer, not the end of the page, which is below it.
    const end = this.list.getBoundingClientRect().bottom + $('dock').offsetHeight;
    scrollTo(0, Math.max(0, pageYOffset + end - innerHeight));
  }

  private resized(): void {
    if (document.activeElement !== $('text')) return;
    if (innerHeight <= 420 && !this.list.firstChild) this.toEnd();
    else this.follow();
  }

  /** Who reads the newest keeps seeing it when something grows: a picture, a line of status, a keyboard. */
  private follow(): void {
    if (this.atEnd && this.list.firstChild) this.toEnd();
  }

  private nearEnd(): boolean {
    return this.list.getBoundingClientRect().bottom < innerHeight + NEAR;
  }

  private scrolled(): void {
    this.atEnd = this.nearEnd();
    if (document.visibilityState !== 'visible' || document.documentElement.classList.contains('away') || !this.nearEnd()) return;
    show(this.pill, false);
    let last: string | null = null;
    this.conversation.entries.forEach((e) => (last = e.direction === 'out' ? e.id : last));
    if (last) this.conversation.seen(last);
  }

  private firstUnsent(): Element | null {
    return this.list.querySelector('.unsent');
  }

  private lastMessage(): string {
    let id = '';
    this.conversation.entries.forEach((e) => (id = e.kind === 'message' ? e.id : id));
    return this.conversation.queue.length ? '' : id;
  }

  private isLast(e: Entry): boolean {
    return this.lastMessage() === e.id;
  }

  private withdrawChoices(but: Entry | null): void {
    this.list.querySelectorAll('.choices').forEach((c) => {
      const item = c.parentElement as HTMLElement;
      if (!but || (item.id !== 'e-' + but.id && but.kind === 'message')) c.remove();
    });
  }

  /** Name and time stand once for a group of one side; ticks too, when they say the same. */
  private group(): void {
    let before: HTMLElement | null = null;
    let key = '';
    this.list.querySelectorAll<HTMLElement>('.entry').forEach((item) => {
      const next = groupKey(item);
      const joined = next === key;
      if (before) before.classList.toggle('joined', joined);
      item.classList.toggle('follows', joined);
      item.classList.remove('joined');
      before = item;
      key = next;
    });
  }

  /** A link that expired: the entry is asked for anew, once. */
  private broken(target: HTMLElement): void {
    const id = entryOf(target);
    if (id && !this.stale.has(id)) {
      this.stale.add(id);
      this.conversation.fetchAgain(id);
    }
  }

  private opened(e: MouseEvent): void {
    const link = (e.target as Element).closest('a.file');
    const item = link && link.closest<HTMLElement>('.entry');
    if (!link || !item) return;
    if (linkAge(link.getAttribute('href') || '') < 50 * 60000) return;
    e.preventDefault();
    const id = item.id.slice(2);
    const at = Array.from(item.querySelectorAll('a.file')).indexOf(link);
    this.conversation.fetchAgain(id);
    this.waitFor(id, item, at, 40);
  }

  private waitFor(id: string, old: HTMLElement, at: number, tries: number): void {
    const item = document.getElementById('e-' + id);
    if (item && item !== old) {
      const link = item.querySelectorAll<HTMLElement>('a.file')[at];
      if (link) link.click();
    } else if (tries) setTimeout(() => this.waitFor(id, old, at, tries - 1), 250);
  }
}

function entryOf(e: HTMLElement): string {
  const item = e.closest('.entry');
  return item && item.id.slice(0, 2) === 'e-' ? item.id.slice(2) : '';
}

function groupKey(item: HTMLElement): string {
  if (item.querySelector('.row')) return '';
  const text = (selector: string): string => (item.querySelector(selector) || { textContent: '' }).textContent || '';
  return [item.className.split(' ')[1], text('.author'), text('time'), text('.mark')].join('|');
}
