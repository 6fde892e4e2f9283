// SPDX-License-Identifier: Apache-2.0
// The conversation without its looks: session, entries in the server's order, the queue of what was not acknowledged
// yet. Nothing is lost since an item leaves the queue only by its ack or its entry; nothing comes twice since it is sent
// again with the same ref.

import { Choice, Entry, ServerFrame, Status } from './frames';
import { Link } from './link';
import { randomId } from './dom';
import { upload } from './upload';

export interface UnsentFile {
  blob: Blob;
  name: string;
  type: string;
  id?: string;
}

export interface Unsent {
  ref: string;
  text: string;
  time: string;
  choice?: string;
  files: UnsentFile[];
  part: number; // of the file that is being sent, 0..1
  state: 'waiting' | 'uploading' | 'sent' | 'failed';
  id?: string; // acknowledged, its entry is still to come
  error?: string;
}

/** What the page shows; it draws, the conversation decides. */
export interface View {
  reset(): void;
  entry(e: Entry, known: boolean): void;
  older(entries: Entry[], more: boolean): void;
  hasEarlier(more: boolean): void;
  unsent(m: Unsent): void;
  gone(ref: string): void;
  status(id: string, s: Status, error?: string): void;
  typing(on: boolean): void;
  notice(key: string): void; // '' takes it away
  linked(): void;
}

const STATES = ['waiting', 'assigned', 'resolved'];
const IN_FLIGHT = 8;
const ACK_IN = 20000;

export class Conversation {
  session: string | null = null;
  after: string | null = null;
  readonly entries = new Map<string, Entry>();
  readonly queue: Unsent[] = [];
  link: Link;
  private started = new Map<string, number>(); // ref → when it was sent on this link
  private pauseUntil = 0;
  private retryTimer = 0;
  private gotTimer = 0;
  private uploadTries = 0;
  private abortUpload: (() => void) | null = null;
  private said: string | null = null; // what we told the server that was read
  private replacing = false; // the next welcome holds everything

  constructor(
    private base: string,
    socket: string,
    private locale: () => { locale: string; chosen?: boolean },
    private view: View,
    private changed: () => void, // something that may be kept
  ) {
    this.link = new Link(socket, base + '/poll', {
      hello: () => ({ type: 'hello', session: this.session, after: this.after, ...this.locale() }),
      frame: (f) => this.take(f),
      state: (up) => this.linkState(up),
    });
    setInterval(() => this.overdue(), 2500);
  }

  get empty(): boolean {
    return this.entries.size === 0 && this.queue.length === 0;
  }

  write(text: string, files: UnsentFile[], choice?: Choice): void {
    const m: Unsent = { ref: randomId(), text, time: new Date().toISOString(), files, part: 0, state: 'waiting' };
    if (choice) m.choice = choice.id;
    this.put(m);
  }

  put(m: Unsent): void {
    this.queue.push(m);
    this.view.unsent(m);
    this.changed();
    this.link.start();
    this.flush();
  }

  /** A message that was refused, once more: as a new one. */
  tryAgain(m: Unsent): void {
    this.drop(m);
    m.ref = randomId();
    m.state = 'waiting';
    delete m.error;
    this.put(m);
  }

  drop(m: Unsent): void {
    const at = this.queue.indexOf(m);
    if (at >= 0) this.queue.splice(at, 1);
    if (m.state === 'uploading' && this.abortUpload) {
      this.abortUpload();
      this.abortUpload = null;
    }
    this.view.gone(m.ref);
    this.changed();
    this.flush();
  }

  typing(on: boolean): void {
    this.link.send({ type: 'typing', on });
  }

  seen(id: string): void {
    if (id !== this.said && this.link.send({ type: 'read', id })) this.said = id;
  }

  earlier(): void {
    const first = this.entries.keys().next();
    if (!first.done) this.link.send({ type: 'earlier', before: first.value });
  }

  fetchAgain(id: string): void {
    this.link.send({ type: 'again', id });
  }

  /** Everything in memory is dropped; the server is told by the caller. */
  wipe(): void {
    this.link.stop();
    if (this.abortUpload) this.abortUpload();
    clearTimeout(this.retryTimer);
    this.abortUpload = null;
    this.session = this.after = this.said = null;
    this.entries.clear();
    this.queue.length = 0;
    this.started.clear();
    this.view.reset();
    this.view.notice('');
  }

  private linkState(up: boolean): void {
    this.started.clear();
    for (const m of this.queue) if (m.state === 'sent' && !m.id) m.state = 'waiting';
    if (!up) {
      this.view.typing(false);
      this.view.notice('offline');
    }
  }

  private take(f: ServerFrame): void {
    switch (f.type) {
      case 'welcome':
        return this.welcome(f);
      case 'ack':
        return this.ack(f.ref, f.id);
      case 'entry':
        return this.add(f.entry);
      case 'earlier':
        return this.addOlder(f.entries, f.earlier);
      case 'typing':
        return this.view.typing(f.on !== false);
      case 'read':
        return this.agentRead(f.id);
      case 'status':
        return this.setStatus(f.id, f.status, f.error);
      case 'choices':
        return this.setChoices(f.id, f.choices);
      case 'state':
        return this.view.notice(STATES.indexOf(f.state) < 0 ? '' : f.state);
      case 'error':
        return this.error(f);
      case 'reset':
        this.startOver();
        return this.link.again();
      default:
        return;
    }
  }

  private startOver(): void {
    this.after = null;
    this.replacing = true;
  }

  private welcome(f: Extract<ServerFrame, { type: 'welcome' }>): void {
    const fresh = this.session !== f.session;
    this.session = f.session;
    if (this.replacing) {
      this.replacing = false;
      this.entries.clear();
      this.view.reset();
      this.queue.forEach((m) => this.view.unsent(m));
    }
    if (this.entries.size === 0) this.view.hasEarlier(!!f.earlier);
    f.entries.forEach((e) => this.add(e));
    if (f.read) this.agentRead(f.read);
    this.view.notice('');
    if (fresh) this.changed();
    this.flush();
    this.view.linked();
  }

  private add(e: Entry): void {
    const known = this.entries.has(e.id);
    if (!known) this.after = e.id;
    if (e.kind === 'edit') return this.edit(e);
    this.entries.set(e.id, e);
    const mine = e.ref ? this.queue.find((m) => m.ref === e.ref) : undefined;
    if (mine) {
      this.queue.splice(this.queue.indexOf(mine), 1);
      this.started.delete(mine.ref);
    }
    if (e.direction === 'out') {
      this.view.typing(false);
      if (!known) this.tellGot();
    }
    this.view.entry(e, known);
    if (mine) {
      this.changed();
      this.flush();
    }
  }

  /** Tells the server that entries really came, once a second at most; a poll says it by its `after`. */
  private tellGot(): void {
    if (this.gotTimer) return;
    this.gotTimer = window.setTimeout(() => {
      this.gotTimer = 0;
      if (this.after && !this.link.polling) this.link.send({ type: 'got', id: this.after });
    }, 1000);
  }

  private edit(e: Entry): void {
    const old = e.of ? this.entries.get(e.of) : undefined;
    if (!old) return;
    if (e.deleted) Object.assign(old, { deleted: true, text: '', attachments: [], choices: [] });
    else Object.assign(old, { text: e.text, edited: true });
    this.view.entry(old, true);
  }

  private addOlder(entries: Entry[], more: boolean): void {
    const fresh = entries.filter((e) => !this.entries.has(e.id) && e.kind !== 'edit');
    const later = Array.from(this.entries.values());
    this.entries.clear();
    fresh.concat(later).forEach((e) => this.entries.set(e.id, e));
    this.view.older(fresh, more);
  }

  private ack(ref: string, id: string): void {
    this.started.delete(ref);
    const m = this.queue.find((q) => q.ref === ref);
    if (!m) return;
    m.id = id;
    m.state = 'sent';
    this.view.unsent(m);
    this.changed();
    this.flush();
  }

  private agentRead(id: string): void {
    if (!this.entries.has(id)) return;
    for (const e of Array.from(this.entries.values())) {
      if (e.direction === 'in' && e.status !== 'read') this.setStatus(e.id, 'read');
      if (e.id === id) break;
    }
  }

  private setStatus(id: string, status: Status, error?: string): void {
    const e = this.entries.get(id);
    if (!e || e.status === 'read') return;
    e.status = status;
    this.view.status(id, status, error);
  }

  private setChoices(id: string, choices: Choice[]): void {
    const e = this.entries.get(id);
    if (!e) return;
    e.choices = choices;
    this.view.entry(e, true);
  }

  private error(f: Extract<ServerFrame, { type: 'error' }>): void {
    if (f.code === 'unknown_session') return this.newSession();
    if (f.code === 'closed') {
      this.link.stop();
      return this.view.notice('closed');
    }
    const m = f.ref ? this.queue.find((q) => q.ref === f.ref) : undefined;
    if (f.code === 'rate' || f.code === 'unavailable') return this.pause(f.retry_ms || 5000, m);
    if (!m) return;
    this.started.delete(m.ref);
    m.state = 'failed';
    m.error = f.code === 'too_long' ? 'too_long' : f.code === 'bad_attachment' ? 'file_kind' : '';
    this.view.unsent(m);
    this.changed();
    this.flush();
  }

  private newSession(): void {
    this.session = null;
    this.startOver();
    const unsent = this.queue.filter((m) => !m.id);
    this.queue.splice(0, this.queue.length, ...unsent);
    for (const m of unsent) {
      if (m.state === 'sent') m.state = 'waiting';
      m.files.forEach((file) => delete file.id);
    }
    this.started.clear();
    this.link.again();
  }

  private pause(ms: number, m?: Unsent): void {
    if (m) {
      m.state = 'waiting';
      this.started.delete(m.ref);
    }
    this.view.notice('busy');
    this.pauseUntil = Date.now() + ms;
    clearTimeout(this.retryTimer);
    this.retryTimer = window.setTimeout(() => {
      this.view.notice('');
      this.flush();
    }, ms + Math.random() * 500);
  }

  private overdue(): void {
    const limit = Date.now() - ACK_IN;
    this.started.forEach((when) => {
      if (when < limit) this.link.renew();
    });
  }

  /** Sends what can be sent: in the person's order, a few at a time; files go first, and do not hold up other texts. */
  private flush(): void {
    if (!this.link.up || !this.session || Date.now() < this.pauseUntil) return;
    for (const m of this.queue) {
      if (this.started.size >= IN_FLIGHT) return;
      if (m.state !== 'waiting') continue;
      const file = m.files.find((x) => !x.id);
      if (file) {
        this.sendFile(m, file);
        continue;
      }
      m.state = 'sent';
      this.started.set(m.ref, Date.now());
      const attachments = m.files.map((x) => x.id as string);
      this.link.send({
        type: 'send',
        ref: m.ref,
        text: m.text,
        ...(attachments.length ? { attachments } : {}),
        ...(m.choice ? { choice: m.choice } : {}),
      });
    }
  }

  private sendFile(m: Unsent, file: UnsentFile): void {
    if (this.abortUpload) return;
    m.state = 'uploading';
    const progress = (part: number): void => {
      m.part = part;
      if (this.queue.indexOf(m) >= 0) this.view.unsent(m);
    };
    progress(0);
    this.abortUpload = upload(this.base, this.session as string, file, progress, (id, error, retry) => {
      this.abortUpload = null;
      m.state = 'waiting';
      if (id) {
        this.uploadTries = 0;
        file.id = id;
        return this.flush();
      }
      if (error === 'session') return this.newSession();
      if (error) {
        m.state = 'failed';
        m.error = error;
        this.view.unsent(m);
        return this.flush();
      }
      const wait = Math.max(retry * 1000, Math.random() * Math.min(30000, 1000 * Math.pow(2, this.uploadTries++)));
      this.view.unsent(m);
      this.retryTimer = window.setTimeout(() => this.flush(), wait);
    });
  }
}
