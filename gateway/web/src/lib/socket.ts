// The agents' socket: one link that mends itself. It says hello with the last event id, pings, notices a dead link,
// waits with backoff and jitter, and gives each command one answer or none ("dropped"), never two.
import type { Frame } from './types';

export type Link = 'connecting' | 'resuming' | 'live' | 'waiting' | 'closed';

export interface Clock {
  now(): number;
  set(run: () => void, ms: number): number;
  clear(id: number): void;
  random(): number;
}

export interface Wire {
  readyState: number;
  send(text: string): void;
  close(code?: number): void;
  onopen: (() => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  onerror: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
}

export interface Hooks {
  open(): Wire;
  clock: Clock;
  after(): string | null;
  frame(frame: Frame, resumed: boolean): void;
  link(link: Link, retryAt: number | null): void;
  /** Called after the link failed before any welcome: is the session still good? */
  suspect(): void;
}

export class CommandError extends Error {
  constructor(
    readonly code: string,
    readonly detail: string,
  ) {
    super(detail || code);
  }
}

type Waiting = { done(frame: Extract<Frame, { type: 'ok' }>): void; fail(error: CommandError): void; timer: number };

const FIRST_MS = 500;
const CAP_MS = 20_000;
const OPEN_MS = 15_000;
const ANSWER_MS = 20_000;
const PROBE_MS = 3000;

/** Full jitter: anything between a tenth and all of the doubled step, so that a thousand pages do not come back at once. */
export function backoff(attempt: number, random: number): number {
  const step = Math.min(CAP_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(step * (0.1 + 0.9 * random));
}

export class AgentSocket {
  private wire: Wire | null = null;
  private state: Link = 'closed';
  private attempt = 0;
  private timer = 0;
  private beat = 0;
  private dead = 0;
  private heartbeat = 25_000;
  private resumed = false;
  private welcomed = false;
  private waiting = new Map<string, Waiting>();

  constructor(private readonly hooks: Hooks) {}

  get link(): Link {
    return this.state;
  }

  start(): void {
    if (this.state === 'closed') this.connect();
  }

  stop(): void {
    this.drop();
    this.clear('timer');
    this.set('closed', null);
  }

  /** The page woke up or the network came back: try at once, or ask a quiet link whether it lives. */
  wake(): void {
    if (this.state === 'waiting') {
      this.attempt = 0;
      this.connect();
    } else if (this.state === 'live') {
      this.probe();
    }
  }

  /** False when there is no link; nothing was kept. For what may be lost: typing, read. */
  post(frame: Record<string, unknown>): boolean {
    if (this.state !== 'live' || this.wire?.readyState !== 1) return false;
    this.wire.send(JSON.stringify(frame));
    return true;
  }

  /** A command with its answer. Fails with code "dropped" when the link goes before the answer came. */
  command(frame: { type: string; ref: string } & Record<string, unknown>): Promise<Extract<Frame, { type: 'ok' }>> {
    return new Promise((done, fail) => {
      if (!this.post(frame)) {
        fail(new CommandError('offline', ''));
        return;
      }
      const timer = this.hooks.clock.set(() => this.lost(), ANSWER_MS);
      this.waiting.set(frame.ref, { done, fail, timer });
    });
  }

  private set(state: Link, retryAt: number | null): void {
    this.state = state;
    this.hooks.link(state, retryAt);
  }

  private clear(name: 'timer' | 'beat' | 'dead'): void {
    if (this[name]) this.hooks.clock.clear(this[name]);
    this[name] = 0;
  }

  private connect(): void {
    this.clear('timer');
    this.drop();
    this.welcomed = false;
    this.set('connecting', null);
    let wire: Wire;
    try {
      wire = this.hooks.open();
    } catch {
      this.retry();
      return;
    }
    this.wire = wire;
    wire.onopen = () => this.hello(wire);
    wire.onmessage = (event) => wire === this.wire && this.receive(event.data);
    wire.onclose = () => wire === this.wire && this.lost();
    wire.onerror = () => undefined;
    this.dead = this.hooks.clock.set(() => this.lost(), OPEN_MS);
  }

  private hello(wire: Wire): void {
    if (wire !== this.wire) return;
    const after = this.hooks.after();
    this.resumed = after !== null;
    this.set('resuming', null);
    wire.send(JSON.stringify({ type: 'hello', after }));
  }

  private receive(data: unknown): void {
    let frame: Frame;
    try {
      frame = JSON.parse(String(data)) as Frame;
    } catch {
      return;
    }
    this.alive();
    switch (frame.type) {
      case 'pong':
        return;
      case 'ok':
      case 'error':
        this.answer(frame);
        return;
      case 'bye':
        this.lost(frame.retry_ms);
        return;
      case 'reset':
        this.resumed = false;
        break;
      case 'welcome':
        this.heartbeat = Math.max(5, frame.heartbeat || 25) * 1000;
        this.welcomed = true;
        break;
      case 'live':
        this.welcomed = true;
        break;
    }
    const resumed = this.resumed;
    this.hooks.frame(frame, resumed);
    if (frame.type === 'live' || (frame.type === 'welcome' && !resumed)) this.goLive();
  }

  private goLive(): void {
    if (this.state === 'live') return;
    this.attempt = 0;
    this.set('live', null);
    this.schedulePing();
  }

  private answer(frame: Extract<Frame, { type: 'ok' | 'error' }>): void {
    const waiting = frame.ref === undefined ? undefined : this.waiting.get(frame.ref);
    if (!waiting || frame.ref === undefined) return;
    this.waiting.delete(frame.ref);
    this.hooks.clock.clear(waiting.timer);
    if (frame.type === 'ok') waiting.done(frame);
    else waiting.fail(new CommandError(frame.code, frame.detail));
  }

  /** Something came: the link lives for another two beats. */
  private alive(): void {
    this.clear('dead');
    this.dead = this.hooks.clock.set(() => this.lost(), 2 * this.heartbeat);
  }

  private schedulePing(): void {
    this.clear('beat');
    this.beat = this.hooks.clock.set(() => {
      this.post({ type: 'ping' });
      this.schedulePing();
    }, this.heartbeat);
  }

  private probe(): void {
    this.post({ type: 'ping' });
    this.clear('dead');
    this.dead = this.hooks.clock.set(() => this.lost(), PROBE_MS);
  }

  private lost(retryMs?: number): void {
    const early = !this.welcomed;
    this.drop();
    this.retry(retryMs);
    if (early) this.hooks.suspect();
  }

  private retry(retryMs?: number): void {
    const ms = retryMs ?? backoff(this.attempt, this.hooks.clock.random());
    this.attempt += 1;
    this.clear('timer');
    this.timer = this.hooks.clock.set(() => this.connect(), ms);
    this.set('waiting', this.hooks.clock.now() + ms);
  }

  private drop(): void {
    this.clear('beat');
    this.clear('dead');
    const wire = this.wire;
    this.wire = null;
    if (wire) {
      wire.onopen = wire.onclose = wire.onerror = wire.onmessage = null;
      wire.close();
    }
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    for (const each of waiting) {
      this.hooks.clock.clear(each.timer);
      each.fail(new CommandError('dropped', ''));
    }
  }
}
