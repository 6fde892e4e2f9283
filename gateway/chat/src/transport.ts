// SPDX-License-Identifier: Apache-2.0
// Two ways to carry frames: a websocket, and a long poll where websockets are blocked. Neither retries: link.ts does.

import { request } from './http';
import { ClientFrame, Hello, ServerFrame, parseFrame } from './frames';

export interface Transport {
  send(f: ClientFrame): void;
  close(): void;
}

export interface Ends {
  hello(): Hello;
  frame(f: ServerFrame): void;
  down(retryMs: number): void; // once, also when it never came up; not after close(). 0: the server said nothing
}

export function socketTransport(path: string, ends: Ends): Transport {
  const url = location.origin.replace(/^http/, 'ws') + path;
  let over = false;
  let socket: WebSocket | null = null;
  const down = (): void => {
    if (over) return;
    over = true;
    ends.down(0);
  };
  try {
    socket = new WebSocket(url, 'parley.chat.v1');
    socket.onopen = () => socket && socket.send(JSON.stringify(ends.hello()));
    socket.onmessage = (m) => {
      const f = typeof m.data === 'string' ? parseFrame(m.data) : null;
      if (f && !over) ends.frame(f);
    };
    socket.onclose = socket.onerror = down;
  } catch (e) {
    setTimeout(down, 0);
  }
  return {
    send(f) {
      if (socket && socket.readyState === 1) socket.send(JSON.stringify(f));
    },
    close() {
      over = true;
      if (socket) socket.close();
    },
  };
}

const WAIT = 25;

class Poll implements Transport {
  private out: ClientFrame[] = [];
  private cursor: string | null = null;
  private abort: (() => void) | null = null;
  private idle = false;
  private over = false;
  private timer = 0;

  constructor(
    private url: string,
    private ends: Ends,
  ) {
    this.out.push(ends.hello());
    this.later(0);
  }

  send(f: ClientFrame): void {
    this.out.push(f);
    if (this.abort && this.idle) {
      this.abort();
      this.abort = null;
    }
    if (!this.abort) this.later(0);
  }

  close(): void {
    this.over = true;
    clearTimeout(this.timer);
    if (this.abort) this.abort();
  }

  private later(ms: number): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.go(), ms);
  }

  private go(): void {
    if (this.over || this.abort) return;
    const frames = this.out.splice(0, 32);
    this.idle = frames.length === 0;
    const where = this.ends.hello();
    const wait = this.idle ? WAIT : 0;
    const started = Date.now();
    this.abort = request(
      {
        method: 'POST',
        url: this.url,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ session: where.session, after: where.after, cursor: this.cursor, frames, wait }),
        timeout: wait * 1000 + 15000,
      },
      (status, body, retryAfter) => this.answered(status, body, started, retryAfter),
    );
  }

  private answered(status: number, body: string, started: number, retryAfter: number): void {
    this.abort = null;
    if (this.over) return;
    let got: { frames?: ServerFrame[]; cursor?: string | null } | null = null;
    try {
      got = status === 200 ? JSON.parse(body) : null;
    } catch (e) {
      got = null;
    }
    if (!got) {
      this.over = true;
      return this.ends.down(retryAfter * 1000);
    }
    this.cursor = got.cursor || null;
    const frames = got.frames || [];
    for (const f of frames) if (!this.over) this.ends.frame(f);
    // A server or proxy that never waits must not make us spin.
    const quick = this.idle && !frames.length && Date.now() - started < 1000;
    this.later(quick && !this.out.length ? 1000 : 0);
  }
}

export function pollTransport(url: string, ends: Ends): Transport {
  return new Poll(url, ends);
}
