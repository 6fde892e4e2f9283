// SPDX-License-Identifier: Apache-2.0
// A TCP proxy between browser and server that does what bad networks do: links that drop, websockets that are blocked,
// no network at all. It works in front of the mock and of the daemon alike.
import { connect, createServer } from 'node:net';

export class Proxy {
  constructor(target) {
    this.target = new URL(target);
    this.pairs = new Set();
    this.blockSockets = false;
    this.down = false;
    this.upgrades = 0;
  }

  async listen() {
    this.server = createServer((near) => this.accept(near));
    await new Promise((done) => this.server.listen(0, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  accept(near) {
    near.on('error', () => {});
    if (this.down) return near.destroy();
    const far = connect(Number(this.target.port), this.target.hostname);
    const pair = { near, far };
    this.pairs.add(pair);
    const end = () => {
      near.destroy();
      far.destroy();
      this.pairs.delete(pair);
    };
    near.on('data', (d) => {
      // A request's head comes in one piece from a browser on loopback.
      if (/^GET [^\r\n]*\r\n(.*\r\n)*?upgrade: *websocket/i.test(d.toString('latin1', 0, 4096))) {
        this.upgrades++;
        if (this.blockSockets) return end();
      }
      far.write(d);
    });
    far.on('data', (d) => near.write(d));
    near.on('close', end);
    far.on('close', end);
    far.on('error', end);
  }

  drop() {
    for (const p of this.pairs) {
      p.near.destroy();
      p.far.destroy();
    }
  }

  /** Drops every link about each `ms` until the returned function is called. */
  dropEvery(ms) {
    let timer;
    const again = () => (timer = setTimeout(() => (this.drop(), again()), ms * (0.5 + Math.random())));
    again();
    return () => clearTimeout(timer);
  }

  async close() {
    this.drop();
    await new Promise((done) => this.server.close(done));
  }
}
