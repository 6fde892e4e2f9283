// SPDX-License-Identifier: Apache-2.0
// Keeps a link to the server alive: websocket first, long poll when two tries failed, websocket probed again later,
// reconnecting with full jitter. What must not be lost is the conversation's business; a link only carries.

import { ClientFrame, Hello, ServerFrame } from './frames';
import { Transport, pollTransport, socketTransport } from './transport';

export interface LinkEnds {
  hello(): Hello;
  frame(f: ServerFrame): void;
  state(up: boolean): void; // true before the welcome of each new link: what it did not ack must be sent again
}

const WELCOME_IN = 12000; // hello until welcome
const QUIET = 55000; // silence after which we ask whether somebody is there
const ANSWER_IN = 10000;
const MINUTE = 60000;

export class Link {
  private transport: Transport | null = null;
  private probe: Transport | null = null;
  private wanted = false;
  private welcomed = false;
  private isSocket = true;
  private tries = 0; // since a link that lived
  private socketFails = 0; // websockets that closed before their welcome, in a row
  private probes = 0;
  private heard = 0;
  private deadline = 0; // a frame must come before; 0: none is awaited
  private retryMs = 0; // the server's wish for the next reconnect
  private reconnectTimer = 0;
  private probeTimer = 0;
  private liveTimer = 0;

  constructor(
    private socketPath: string,
    private pollUrl: string,
    private ends: LinkEnds,
  ) {
    setInterval(() => this.watch(), 2500);
    addEventListener('online', () => this.nudge());
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.nudge());
  }

  get polling(): boolean {
    return !this.isSocket;
  }

  get up(): boolean {
    return this.welcomed;
  }

  start(): void {
    if (this.wanted) return;
    this.wanted = true;
    this.open();
  }

  stop(): void {
    this.wanted = false;
    this.drop();
    clearTimeout(this.reconnectTimer);
  }

  send(f: ClientFrame): boolean {
    if (!this.welcomed || !this.transport) return false;
    this.transport.send(f);
    return true;
  }

  /** Hello again on the same link: after a reset, with another language, or to hear whether it is alive. */
  again(): void {
    if (!this.transport) return;
    this.transport.send(this.ends.hello());
    this.deadline = this.deadline || Date.now() + ANSWER_IN;
  }

  /** The link does not do what it should: take another one. */
  renew(): void {
    if (this.transport) this.lost();
  }

  private nudge(): void {
    if (!this.wanted) return;
    if (this.transport) {
      if (this.welcomed) this.again();
      return;
    }
    clearTimeout(this.reconnectTimer);
    this.open();
  }

  private watch(): void {
    if (!this.transport) return;
    const now = Date.now();
    if (this.deadline && now > this.deadline) this.lost();
    else if (this.welcomed && this.isSocket && !this.deadline && now - this.heard > QUIET) this.again();
  }

  private open(): void {
    this.isSocket = this.socketFails < 2;
    this.deadline = Date.now() + WELCOME_IN;
    const ends = {
      hello: () => this.ends.hello(),
      frame: (f: ServerFrame) => this.take(f),
      down: (retryMs: number) => {
        this.retryMs = retryMs;
        this.lost();
      },
    };
    this.transport = this.isSocket ? socketTransport(this.socketPath, ends) : pollTransport(this.pollUrl, ends);
  }

  private take(f: ServerFrame): void {
    this.heard = Date.now();
    if (!this.welcomed && f.type === 'error' && (f.code === 'unavailable' || f.code === 'rate')) {
      this.retryMs = f.retry_ms || 5000;
      return this.lost();
    }
    if (this.welcomed || f.type === 'welcome') this.deadline = 0;
    if (f.type === 'bye') this.retryMs = Math.max(1, f.retry_ms || 1000);
    if (f.type === 'welcome' && !this.welcomed) this.arrived();
    this.ends.frame(f);
    if (f.type === 'bye') this.lost();
  }

  private arrived(): void {
    this.welcomed = true;
    if (this.isSocket) this.socketFails = 0;
    else this.planProbe();
    clearTimeout(this.liveTimer);
    this.liveTimer = window.setTimeout(() => (this.tries = 0), 10000);
    this.ends.state(true);
  }

  private drop(): void {
    clearTimeout(this.liveTimer);
    clearTimeout(this.probeTimer);
    if (this.transport) this.transport.close();
    if (this.probe) this.probe.close();
    this.transport = this.probe = null;
    this.deadline = 0;
    this.welcomed = false;
  }

  private lost(): void {
    if (!this.welcomed) {
      // When the poll fails as well there is no network at all: begin with a websocket again, once.
      this.socketFails = this.isSocket ? this.socketFails + 1 : 1;
    }
    this.drop();
    this.ends.state(false);
    if (!this.wanted) return;
    const delay = this.retryMs
      ? this.retryMs * (1 + Math.random())
      : Math.random() * Math.min(30000, 500 * Math.pow(2, this.tries++));
    this.retryMs = 0;
    clearTimeout(this.reconnectTimer);
    this.reconnectTimer = window.setTimeout(() => this.open(), delay);
  }

  private planProbe(): void {
    clearTimeout(this.probeTimer);
    const wait = Math.min(30, Math.pow(2, this.probes++)) * MINUTE;
    this.probeTimer = window.setTimeout(() => this.tryProbe(), wait);
  }

  /** While polling goes on, a websocket is tried beside it; its welcome makes it the link. */
  private tryProbe(): void {
    let taken = false;
    const fail = (): void => {
      if (this.probe) this.probe.close();
      this.probe = null;
      this.planProbe();
    };
    const timer = window.setTimeout(() => !taken && fail(), WELCOME_IN);
    this.probe = socketTransport(this.socketPath, {
      hello: () => this.ends.hello(),
      frame: (f) => {
        if (taken) return this.take(f);
        if (f.type !== 'welcome') return;
        taken = true;
        clearTimeout(timer);
        if (this.transport) this.transport.close();
        this.transport = this.probe;
        this.probe = null;
        this.isSocket = true;
        this.socketFails = this.probes = 0;
        this.ends.state(true);
        this.take(f);
      },
      down: () => {
        clearTimeout(timer);
        if (taken) this.lost();
        else fail();
      },
    });
  }
}
