// The page as a whole: who is signed in, which operation, which thread is open, and the lists at the side.
import * as api from './api';
import { ApiError } from './api';
import { Desk } from './desk.svelte';
import { forgetTab } from './keep';
import { LOCALES, pickLocale, type Locale } from './i18n';
import { Logs } from './logs.svelte';
import { Lists } from './lists.svelte';
import { signInCode, type Ticket } from '../security/api';
import { Alerts } from './alerts.svelte';
import { beginsAt } from './pages';
import { at, place } from './place.svelte';
import { t, useLocale, words } from './text.svelte';
import type { Me, Membership, Thread } from './types';
import { ui } from './ui.svelte';

export type Status = 'starting' | 'out' | 'enrol' | 'in' | 'unreachable' | 'nowhere';

const NOWHERE_MS = 5000;

class App {
  status = $state<Status>('starting');
  me = $state.raw<Me | null>(null);
  membership = $state.raw<Membership | null>(null);
  desk = $state.raw<Desk | null>(null);
  logs = $state.raw<Logs | null>(null);
  lists = $state.raw<Lists | null>(null);
  alerts = new Alerts();
  open = $state<string | null>(null);
  /** The first unread number when the thread was opened. */
  unreadFrom = $state<number | null>(null);
  revealed = $state.raw<ReadonlySet<string>>(new Set());
  lost = $state(false);
  /** Threads that the agent gave away: that they go out of sight needs no word. */
  readonly parting = new Set<string>();
  /** The offer that the decline dialog is about. */
  offerAt = $state<string | null>(null);

  async start(): Promise<void> {
    await useLocale(pickLocale([ui.settings.locale, ...navigator.languages]));
    addEventListener('popstate', () => void this.follow());
    await this.resume();
  }

  async resume(): Promise<void> {
    try {
      await this.enter(await api.me());
    } catch (error) {
      this.status = error instanceof ApiError && error.status === 401 ? 'out' : 'unreachable';
    }
  }

  /** A ticket when a code is wanted as well. */
  async signIn(login: string, password: string): Promise<Ticket | null> {
    this.lost = false;
    const answer = await api.signIn(login, password);
    if ('ticket' in answer) return answer;
    await this.enter(answer);
    return null;
  }

  async signInCode(login: string, ticket: string, code: string, trust: boolean): Promise<void> {
    await this.enter(await signInCode(login, ticket, code, trust));
  }

  /** The server's word comes first: when it cannot be reached, the session still lives and the page says so. */
  async signOut(): Promise<void> {
    try {
      await api.signOut();
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
    }
    forgetTab();
    this.leave();
    this.status = 'out';
  }

  private leave(): void {
    this.desk?.stop();
    this.desk = this.logs = this.lists = this.me = this.membership = null;
    this.revealed = new Set();
    ui.dialog = null;
    this.go(null);
  }

  private async enter(me: Me): Promise<void> {
    this.me = me;
    if (!ui.settings.locale && LOCALES.some((locale) => locale === me.locale)) await useLocale(me.locale as Locale);
    if (me.second_factor?.must) {
      this.status = 'enrol';
      return;
    }
    const wanted = ui.settings.operation;
    const membership = me.operations.find((op) => op.id === wanted) ?? me.operations[0];
    if (membership) this.choose(membership);
    else this.nowhere();
  }

  /** An operation may be on its way: ask again now and then, so that nobody has to. */
  private nowhere(): void {
    this.status = 'nowhere';
    setTimeout(() => this.status === 'nowhere' && void this.resume(), NOWHERE_MS);
  }

  choose(membership: Membership): void {
    this.desk?.stop();
    this.membership = membership;
    this.revealed = new Set();
    ui.change({ operation: membership.id });
    const desk = new Desk(membership.id, {
      hides: (thread) => this.hides(thread),
      offered: (thread) => this.alerts.offered(thread),
      arrived: (entry) => this.alerts.arrived(entry, this.open, this.holds(entry.thread)),
      failed: (id) => this.alerts.failed(desk.state.threads.get(id), this.open, this.holds(id), (thread) => this.go(thread)),
      given: (thread) => this.alerts.given(thread, (id) => this.go(id)),
      gone: (id) => id === this.open && this.missingThread(this.parting.has(id)),
      signedOut: () => this.sessionEnded(),
      reset: () => void this.reload(),
    });
    this.desk = desk;
    this.logs = new Logs(desk);
    this.lists = new Lists(desk);
    this.status = 'in';
    desk.start();
    const first = beginsAt(membership.roles);
    if (first && !location.hash) history.replaceState(null, '', at(first.name));
    void this.follow();
  }

  /** Drafts stay in the tab: they are there again after the next sign-in. */
  private sessionEnded(): void {
    if (this.status !== 'in') return;
    this.lost = true;
    this.leave();
    this.status = 'out';
  }

  // --- rights -------------------------------------------------------------------------------------------------

  get roles(): readonly string[] {
    return this.membership?.roles ?? [];
  }

  get supervises(): boolean {
    return this.roles.includes('supervisor');
  }

  get myId(): string {
    return this.desk?.me?.id ?? this.membership?.agent ?? '';
  }

  isMine(thread: Thread): boolean {
    return thread.assignee === this.myId && thread.state !== 'offered';
  }

  private holds(id: string): boolean {
    const thread = this.desk?.state.threads.get(id);
    return !!thread && this.isMine(thread);
  }

  mayWrite(thread: Thread): boolean {
    if (thread.state === 'resolved' || thread.state === 'offered') return false;
    return this.isMine(thread) || this.supervises || this.roles.includes('focal');
  }

  mayTake(thread: Thread): boolean {
    return thread.state === 'waiting' || (this.supervises && !this.isMine(thread) && thread.state === 'assigned');
  }

  isOffer(thread: Thread): boolean {
    return this.desk?.state.offers.has(thread.id) ?? false;
  }

  // --- what is sensitive --------------------------------------------------------------------------------------

  sensitive(thread: Thread): boolean {
    return thread.priority < 3 && (thread.clearance >= 2 || thread.tags.includes('sensitive'));
  }

  /** Not fetched and not shown until asked for. Emergencies are never hidden. */
  hides(thread: Thread | undefined): boolean {
    if (!thread || !ui.settings.hideSensitive) return false;
    return this.sensitive(thread) && !this.revealed.has(thread.id);
  }

  reveal(id: string): void {
    this.revealed = new Set(this.revealed).add(id);
    void this.logs?.open(id);
  }

  private veilAgain(id: string): void {
    if (!this.revealed.has(id)) return;
    const revealed = new Set(this.revealed);
    revealed.delete(id);
    this.revealed = revealed;
    if (ui.settings.hideSensitive) this.desk?.dispatch({ type: 'forget', thread: id });
  }

  // --- the open thread ----------------------------------------------------------------------------------------

  get thread(): Thread | undefined {
    return this.open ? this.desk?.state.threads.get(this.open) : undefined;
  }

  go(id: string | null): void {
    const hash = id ? `#t=${encodeURIComponent(id)}` : '';
    if (location.hash !== hash) history.pushState(null, '', hash || location.pathname);
    void this.follow();
  }

  /** Opens what the address says; the browser's back key thus works on a phone. */
  async follow(): Promise<void> {
    place.read();
    const found = /^#t=(.+)$/u.exec(location.hash);
    const id = found?.[1] ? decodeURIComponent(found[1]) : null;
    if (id === this.open && id !== null && this.desk?.state.logs.has(id)) return;
    if (this.open && this.open !== id) this.veilAgain(this.open);
    this.open = id;
    ui.note = false;
    ui.panelOver = false;
    this.unreadFrom = null;
    if (!id || !this.desk) return;
    await this.load(id);
  }

  private async load(id: string): Promise<void> {
    const { desk, logs } = this;
    if (!desk || !logs) return;
    if (!desk.state.threads.has(id)) {
      const asOf = desk.state.tick;
      try {
        desk.dispatch({ type: 'rest.threads', threads: [desk.veil(await desk.api.thread(id))], asOf });
      } catch (error) {
        if (this.open === id && error instanceof ApiError && error.status === 404) this.missingThread();
        return;
      }
    }
    const thread = desk.state.threads.get(id);
    if (!thread || this.open !== id) return;
    void desk.loadContact(thread.contact.id).catch(() => undefined);
    if (!this.hides(thread)) await logs.open(id);
  }

  private missingThread(expected = false): void {
    if (!expected) ui.tell('error', t('thread.gone'));
    this.go(null);
  }

  /** After a fresh welcome: everything on the screen is asked for again. */
  private async reload(): Promise<void> {
    void this.lists?.refresh();
    if (this.open) await this.load(this.open);
  }

  // --- language -----------------------------------------------------------------------------------------------

  async setLocale(locale: Locale): Promise<void> {
    await useLocale(locale);
    ui.change({ locale });
    if (this.me && this.me.locale !== locale) {
      try {
        this.me = await api.patchMe({ locale });
      } catch {
        // It stays on this device; the next sign-in elsewhere starts in the old one.
      }
    }
  }

  get locale(): Locale {
    return words.locale;
  }
}

export const app = new App();
