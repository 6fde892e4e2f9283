import { beforeEach, describe, expect, it } from 'vitest';
import { AgentSocket, backoff, CommandError, type Link, type Wire } from '../src/lib/socket';
import type { Frame } from '../src/lib/types';
import { agent } from './make';

class FakeWire implements Wire {
  readyState = 1;
  sent: Record<string, unknown>[] = [];
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }
  close(): void {
    this.readyState = 3;
  }
  give(frame: unknown): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

class FakeClock {
  at = 0;
  private timers = new Map<number, { due: number; run: () => void }>();
  private next = 1;
  now = (): number => this.at;
  random = (): number => 1;
  set = (run: () => void, ms: number): number => {
    this.timers.set(this.next, { due: this.at + ms, run });
    return this.next++;
  };
  clear = (id: number): void => void this.timers.delete(id);
  pass(ms: number): void {
    const end = this.at + ms;
    for (;;) {
      const due = [...this.timers].filter(([, timer]) => timer.due <= end).sort((a, b) => a[1].due - b[1].due)[0];
      if (!due) break;
      this.timers.delete(due[0]);
      this.at = due[1].due;
      due[1].run();
    }
    this.at = end;
  }
}

const welcome = { type: 'welcome', agent: agent('me'), threads: [], queues: { items: [], mine: { waiting: 0 } }, after: '5-0', heartbeat: 25 };

describe('the agents’ socket', () => {
  let wires: FakeWire[];
  let clock: FakeClock;
  let frames: [Frame, boolean][];
  let links: Link[];
  let after: string | null;
  let suspected: number;
  let socket: AgentSocket;
  const wire = (): FakeWire => wires[wires.length - 1]!;

  beforeEach(() => {
    wires = [];
    clock = new FakeClock();
    frames = [];
    links = [];
    after = null;
    suspected = 0;
    socket = new AgentSocket({
      open: () => {
        wires.push(new FakeWire());
        return wire();
      },
      clock,
      after: () => after,
      frame: (frame, resumed) => frames.push([frame, resumed]),
      link: (link) => links.push(link),
      suspect: () => (suspected += 1),
    });
  });

  function live(): void {
    socket.start();
    wire().onopen?.();
    wire().give(welcome);
  }

  it('says hello, and is live with the welcome', () => {
    live();
    expect(wire().sent).toEqual([{ type: 'hello', after: null }]);
    expect(links).toEqual(['connecting', 'resuming', 'live']);
  });

  it('resumes after the last id, and is live only when all events have come', () => {
    live();
    after = '9-0';
    wire().onclose?.({ code: 1006 });
    clock.pass(500);
    wire().onopen?.();
    expect(wire().sent).toEqual([{ type: 'hello', after: '9-0' }]);
    wire().give(welcome);
    expect(socket.link).toBe('resuming');
    expect(frames[frames.length - 1]![1]).toBe(true);
    wire().give({ type: 'live' });
    expect(socket.link).toBe('live');
  });

  it('treats the welcome after a reset as a fresh one', () => {
    after = '1-0';
    socket.start();
    wire().onopen?.();
    wire().give({ type: 'reset' });
    wire().give(welcome);
    expect(frames.map(([frame, resumed]) => [frame.type, resumed])).toEqual([['reset', false], ['welcome', false]]);
    expect(socket.link).toBe('live');
  });

  it('waits longer each time, with jitter, and never beyond the cap', () => {
    expect([0, 1, 2, 3].map((attempt) => backoff(attempt, 1))).toEqual([500, 1000, 2000, 4000]);
    expect(backoff(50, 1)).toBe(20_000);
    expect(backoff(3, 0)).toBe(400);
    expect(backoff(3, 0.5)).toBeLessThan(backoff(3, 1));
  });

  it('notices a dead link by the silence after its pings', () => {
    live();
    clock.pass(25_000);
    expect(wire().sent[1]).toEqual({ type: 'ping' });
    wire().give({ type: 'pong' });
    clock.pass(49_000);
    expect(socket.link).toBe('live');
    clock.pass(2000);
    expect(wires.length).toBe(2);
  });

  it('probes on waking: a link that does not answer in three seconds is dead', () => {
    live();
    socket.wake();
    clock.pass(3000);
    expect(socket.link).toBe('waiting');
    socket.wake();
    expect(wires.length).toBe(2);
    expect(socket.link).toBe('connecting');
  });

  it('gives a command its own answer', async () => {
    live();
    const one = socket.command({ type: 'send', ref: 'r1' });
    const two = socket.command({ type: 'accept', ref: 'r2' });
    wire().give({ type: 'error', ref: 'r2', code: 'gone', detail: 'expired' });
    wire().give({ type: 'ok', ref: 'r1' });
    await expect(one).resolves.toMatchObject({ ref: 'r1' });
    await expect(two).rejects.toMatchObject({ code: 'gone' });
  });

  it('tells commands whose link went that they were dropped, and keeps nothing to repeat by itself', async () => {
    live();
    const lost = socket.command({ type: 'send', ref: 'r1' });
    wire().onclose?.({ code: 1006 });
    await expect(lost).rejects.toBeInstanceOf(CommandError);
    await expect(lost).rejects.toMatchObject({ code: 'dropped' });
    await expect(socket.command({ type: 'send', ref: 'r2' })).rejects.toMatchObject({ code: 'offline' });
    clock.pass(500);
    wire().onopen?.();
    expect(wire().sent.map((frame) => frame.type)).toEqual(['hello']);
  });

  it('takes a link on which a command has no answer for dead', async () => {
    live();
    const lost = socket.command({ type: 'send', ref: 'r1' });
    clock.pass(20_000);
    await expect(lost).rejects.toMatchObject({ code: 'dropped' });
  });

  it('comes back when the server says bye, at the time it says', () => {
    live();
    wire().give({ type: 'bye', retry_ms: 3000 });
    clock.pass(2900);
    expect(wires.length).toBe(1);
    clock.pass(200);
    expect(wires.length).toBe(2);
  });

  it('suspects the session when a link fails before its welcome', () => {
    socket.start();
    wire().onclose?.({ code: 1006 });
    expect(suspected).toBe(1);
  });

  it('ignores a wire that it left', () => {
    live();
    const old = wire();
    const told = old.onmessage;
    socket.stop();
    told?.({ data: JSON.stringify(welcome) });
    expect(frames.length).toBe(1);
    expect(socket.link).toBe('closed');
  });
});
