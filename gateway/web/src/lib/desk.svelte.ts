// One operation on the agent's desk: the state, the socket that feeds it, and the commands of the agent.
import { Api, ApiError, newRef } from './api';
import { loadOutbox, loadPresence, saveOutbox, savePresence } from './keep';
import { AgentSocket, CommandError, type Link, type Wire } from './socket';
import { add, frameOf, mark, passing, ready, remove, rewind, type Box, type Draft, type Pending } from './outbox';
import { emptyState, reduceAll, TYPING_LASTS, type Action, type State } from './state';
import type { Agent, Contact, Entry, Frame, Operation, Presence, Thread } from './types';

type Reply = Extract<Frame, { type: 'ok' }>;

export interface DeskHooks {
  /** Hide what is sensitive? Decides what is stripped before it reaches the state. */
  hides(thread: Thread | undefined): boolean;
  offered(thread: Thread): void;
  arrived(entry: Entry): void;
  /** A message of ours failed, or may have. */
  failed(thread: string): void;
  /** A thread became mine without a command of this tab. */
  given(thread: Thread): void;
  /** A thread is no longer the agent's to see. */
  gone(thread: string): void;
  /** The session is no longer good. */
  signedOut(): void;
  reset(): void;
}

const BATCH_MS = 16;
const AGAIN_MS = 4000;
/** What becomes mine within this time of a command of mine is its effect. */
const ASKED_MS = 30_000;

export class Desk {
  readonly api: Api;
  readonly socket: AgentSocket;
  operation = $state.raw<Operation | null>(null);
  state = $state.raw<State>(emptyState());
  box = $state.raw<Box>([]);
  link = $state.raw<Link>('closed');
  retryAt = $state.raw<number | null>(null);
  contacts = $state.raw<ReadonlyMap<string, Contact>>(new Map());
  /** Parts of the page that keep something of their own hear frames by their type (alerts/, …). */
  readonly hears = new Map<string, (frame: Frame) => void>();
  private queue: Action[] = [];
  private flushTimer: ReturnType<typeof setTimeout> | null = null;
  private againTimer: ReturnType<typeof setTimeout> | null = null;
  /** Threads that a command of this tab was about just now. */
  private readonly asked = new Set<string>();
  private sweeper: ReturnType<typeof setInterval> | null = null;

  constructor(
    readonly op: string,
    private readonly hooks: DeskHooks,
  ) {
    this.api = new Api(op);
    this.box = loadOutbox(op);
    this.socket = new AgentSocket({
      open: () => openWire(op),
      clock: browserClock,
      after: () => {
        this.flush();
        return this.state.after;
      },
      frame: (frame, resumed) => this.receive(frame, resumed),
      link: (link, retryAt) => this.linked(link, retryAt),
      suspect: () => void this.suspect(),
    });
  }

  start(): void {
    this.socket.start();
    this.sweeper = setInterval(() => {
      if (this.state.typing.size) this.dispatch({ type: 'typing.sweep', now: Date.now() });
    }, TYPING_LASTS / 2);
    void this.loadOperation();
  }

  stop(): void {
    this.socket.stop();
    if (this.sweeper) clearInterval(this.sweeper);
    if (this.againTimer) clearTimeout(this.againTimer);
  }

  get me(): Agent | null {
    return this.state.agent;
  }

  async loadOperation(): Promise<void> {
    try {
      this.operation = await this.api.operation();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.hooks.signedOut();
      else setTimeout(() => !this.operation && this.link !== 'closed' && void this.loadOperation(), AGAIN_MS);
    }
  }

  // --- frames -------------------------------------------------------------------------------------------------

  dispatch(...actions: Action[]): void {
    this.queue.push(...actions);
    this.flush();
  }

  private later(action: Action): void {
    this.queue.push(action);
    this.flushTimer ??= setTimeout(() => this.flush(), BATCH_MS);
  }

  /** Applies what has come so far in one step; drawing happens once for it. */
  flush(): void {
    if (this.flushTimer) clearTimeout(this.flushTimer);
    this.flushTimer = null;
    const actions = this.queue;
    this.queue = [];
    this.state = reduceAll(this.state, actions);
  }

  private receive(frame: Frame, resumed: boolean): void {
    this.hears.get(frame.type)?.(frame);
    switch (frame.type) {
      case 'welcome':
        this.later({ ...frame, resumed, threads: frame.threads.map((thread) => this.veil(thread)) });
        this.flush();
        if (!resumed) this.hooks.reset();
        return;
      case 'reset':
        this.later({ type: 'reset' });
        return;
      case 'live':
      case 'pong':
      case 'bye':
      case 'ok':
      case 'error':
        return;
      case 'typing':
        this.later({ ...frame, now: Date.now() });
        return;
      case 'entry.added':
        this.added(frame);
        return;
      case 'entry.changed':
        this.later({ ...frame, entry: this.veilEntry(frame.entry) });
        return;
      case 'thread.offered':
        this.later({ ...frame, thread: this.veil(frame.thread) });
        if (!this.state.seen.includes(frame.id)) this.hooks.offered(frame.thread);
        return;
      case 'entry.status':
        this.later(frame);
        if ((frame.status === 'failed' || frame.status === 'unknown') && !this.state.seen.includes(frame.id)) this.hooks.failed(frame.thread);
        return;
      case 'thread.assigned':
        this.assigned(frame);
        return;
      case 'thread.changed':
        this.later({ ...frame, thread: this.veil(frame.thread) });
        return;
      case 'thread.gone':
        this.dispatch(frame);
        this.hooks.gone(frame.thread);
        return;
      case 'offer.ended':
        this.dispatch(frame);
        if (!this.state.threads.has(frame.thread)) this.hooks.gone(frame.thread);
        return;
      default:
        this.later(frame);
    }
  }

  private added(frame: Extract<Frame, { type: 'entry.added' }>): void {
    const fresh = !this.state.seen.includes(frame.id);
    this.later({ ...frame, entry: this.veilEntry(frame.entry) });
    if (frame.entry.ref) this.setBox(remove(this.box, frame.entry.ref));
    if (fresh) this.hooks.arrived(frame.entry);
  }

  private assigned(frame: Extract<Frame, { type: 'thread.assigned' }>): void {
    const { thread } = frame;
    const fresh = !this.state.seen.includes(frame.id) && this.state.threads.get(thread.id)?.assignee !== thread.assignee;
    this.later({ ...frame, thread: this.veil(thread) });
    if (fresh && thread.assignee === this.me?.id && !this.asked.has(thread.id)) this.hooks.given(thread);
  }

  /** A sensitive thread that is hidden leaves no words in the page's memory. */
  veil(thread: Thread): Thread {
    return thread.last?.preview && this.hooks.hides(thread) ? { ...thread, last: { ...thread.last, preview: '' } } : thread;
  }

  private veilEntry(entry: Entry): Entry {
    if (!this.hooks.hides(this.state.threads.get(entry.thread))) return entry;
    return { ...entry, text: null, attachments: [], location: undefined, contact_card: undefined, choices: [], choice: null };
  }

  private linked(link: Link, retryAt: number | null): void {
    this.link = link;
    this.retryAt = retryAt;
    if (link === 'live') this.lives();
    else if (link === 'waiting') this.setBox(rewind(this.box));
  }

  private lives(): void {
    this.pump();
    const chosen = loadPresence(this.op);
    if (chosen === 'away' || chosen === 'break') void this.setPresence(chosen).catch(() => undefined);
    if (this.state.agents.size <= 1) void this.loadAgents().catch(() => undefined); // their names
  }

  private async suspect(): Promise<void> {
    try {
      await this.api.queues();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.hooks.signedOut();
    }
  }

  // --- messages -----------------------------------------------------------------------------------------------

  private setBox(box: Box): void {
    if (box === this.box) return;
    this.box = box;
    saveOutbox(this.op, box);
  }

  send(thread: string, draft: Draft): void {
    const time = new Date().toISOString();
    this.setBox(add(this.box, { ...draft, ref: newRef(), thread, time, state: 'waiting' }));
    this.pump();
  }

  /** A refused one, as it is: with the same ref, since nothing of it was kept. */
  sendAgain(ref: string): void {
    this.setBox(mark(this.box, ref, 'waiting'));
    this.pump();
  }

  discard(ref: string): void {
    this.setBox(remove(this.box, ref));
  }

  private pump(): void {
    if (this.link !== 'live') return;
    for (const item of ready(this.box)) void this.carry(item);
  }

  private async carry(item: Pending): Promise<void> {
    this.setBox(mark(this.box, item.ref, 'sending'));
    try {
      const reply = await this.socket.command(frameOf(item));
      this.take(reply);
      this.setBox(remove(this.box, item.ref));
      this.pump();
    } catch (error) {
      const code = error instanceof CommandError ? error.code : 'unavailable';
      this.setBox(mark(this.box, item.ref, passing(code) ? 'waiting' : 'refused', passing(code) ? undefined : code));
      if (code === 'unavailable' || code === 'rate') this.again();
      else this.pump();
    }
  }

  private again(): void {
    this.againTimer ??= setTimeout(() => {
      this.againTimer = null;
      this.pump();
    }, AGAIN_MS);
  }

  // --- commands -----------------------------------------------------------------------------------------------

  private take(reply: Reply): void {
    const thread = reply.thread && this.veil(reply.thread);
    this.dispatch({ type: 'answer', entry: reply.entry, thread, agent: reply.agent });
  }

  /** Any command with a thread; throws CommandError. */
  async command(type: string, members: Record<string, unknown>): Promise<Reply> {
    const { thread } = members;
    if (typeof thread === 'string') {
      this.asked.add(thread);
      setTimeout(() => this.asked.delete(thread), ASKED_MS);
    }
    const reply = await this.socket.command({ ...members, type, ref: newRef() });
    this.take(reply);
    return reply;
  }

  async setPresence(presence: Presence, why?: string): Promise<void> {
    await this.command('presence', { presence, ...(why ? { reason: why } : {}) });
    savePresence(this.op, presence);
  }

  typing(thread: string, on: boolean): void {
    this.socket.post({ type: 'typing', thread, on });
  }

  read(thread: string, seq: number): void {
    if (this.socket.post({ type: 'read', thread, seq })) this.dispatch({ type: 'seen', thread });
  }

  // --- contacts -----------------------------------------------------------------------------------------------

  async loadContact(id: string): Promise<void> {
    this.keepContact(await this.api.contact(id));
  }

  keepContact(contact: Contact): void {
    this.contacts = new Map(this.contacts).set(contact.id, contact);
  }

  async loadAgents(): Promise<void> {
    const page = await this.api.agents();
    this.dispatch({ type: 'rest.agents', agents: page.items });
  }
}

const browserClock = {
  now: () => Date.now(),
  set: (run: () => void, ms: number) => window.setTimeout(run, ms),
  clear: (id: number) => window.clearTimeout(id),
  random: () => Math.random(),
};

function openWire(op: string): Wire {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  return new WebSocket(`${scheme}://${location.host}/ws/agent/${encodeURIComponent(op)}`, 'parley.agent.v1') as unknown as Wire;
}
