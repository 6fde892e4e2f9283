// SPDX-License-Identifier: Apache-2.0
// A small server that keeps to gateway/chat/PROTOCOL.md, with everything in memory, for the page's own tests. What real
// networks and servers do wrong is switched on by `faults`.
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { Pages } from './mock_pages.mjs';
import { parseForm } from './mock_form.mjs';

const require = createRequire(import.meta.url);
const { WebSocketServer } = require('ws');

const secret = () => randomBytes(24).toString('base64url');
const MAX_FILE = 25 * 1024 * 1024;
const TYPES = /^(image\/(jpeg|png|webp|gif|heic)|audio\/|video\/(mp4|webm|3gpp|quicktime)|application\/pdf|text\/plain|application\/(msword|vnd\.))/;

export class Mock {
  constructor(dist, options = {}) {
    this.pages = new Pages(dist, { operation: 'demo', channel: 'web', name: 'Demo service', emergency: '112', privacy: '', ...options });
    this.base = `/chat/${this.pages.o.operation}/${this.pages.o.channel}`;
    this.origins = options.origins || [];
    this.sessions = new Map();
    this.blobs = new Map();
    this.links = new Set();
    this.log = []; // every request: method, url, cookies in and out
    this.next = 1;
    this.faults = { ackDelay: 0, ackTwice: false, ackNever: 0, blockSockets: false, down: false, refuse: 0, breakUploads: 0, away: 0 };
    this.forms = new Map(); // ref of a first form → session
  }

  async listen(port = 0) {
    this.server = createServer((rq, rs) => this.request(rq, rs).catch((e) => rs.destroy(e)));
    const sockets = new WebSocketServer({ noServer: true, handleProtocols: (p) => (p.has('parley.chat.v1') ? 'parley.chat.v1' : false) });
    this.server.on('upgrade', (rq, socket, head) => {
      this.log.push({ method: 'WS', url: rq.url, headers: rq.headers });
      if (this.faults.blockSockets || this.faults.down || rq.url !== '/ws' + this.base || !this.originOk(rq, true)) return socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n');
      sockets.handleUpgrade(rq, socket, head, (ws) => this.socket(ws));
    });
    await new Promise((done) => this.server.listen(port, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  async close() {
    this.dropLinks();
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  originOk(rq, needed) {
    const o = rq.headers.origin;
    return o ? o === `http://${rq.headers.host}` || this.origins.includes(o) : !needed;
  }

  // --- sessions and entries -------------------------------------------------------------------------------------------

  session(id) {
    const s = { id, entries: [], refs: new Map(), stored: false, links: new Set(), waiting: null, read: null, seen: null, typed: [], locale: '' };
    this.sessions.set(id, s);
    return s;
  }

  get stored() {
    return [...this.sessions.values()].filter((s) => s.stored);
  }

  add(s, entry) {
    const e = { id: `e${this.next++}`, kind: 'message', time: new Date().toISOString(), text: '', ...entry };
    s.entries.push(e);
    s.stored = true;
    this.push(s, { type: 'entry', entry: this.signed(e) });
    return e;
  }

  /** What an agent does. */
  reply(s, text, more = {}) {
    return this.add(s, { direction: 'out', text, ...more });
  }

  read(s) {
    const last = s.entries.filter((e) => e.direction === 'in').pop();
    if (!last) return;
    s.read = last.id;
    this.push(s, { type: 'read', id: last.id });
  }

  push(s, frame) {
    for (const l of s.links) l.give(frame);
    if (s.waiting) s.waiting([frame]);
  }

  signed(e) {
    if (!e.attachments) return e;
    const attachments = e.attachments.map((a) => {
      const key = secret();
      this.blobs.get(a.id).keys.add(key);
      return { ...a, url: `${this.base}/file/${a.id}?s=${key}` };
    });
    return { ...e, attachments };
  }

  dropLinks() {
    for (const l of this.links) l.ws.terminate();
  }

  // --- frames ---------------------------------------------------------------------------------------------------------

  socket(ws) {
    const link = { ws, session: null, give: (f) => ws.readyState === 1 && ws.send(JSON.stringify(f)) };
    this.links.add(link);
    ws.on('message', (m) => this.frame(link, m.toString()));
    ws.on('error', () => {});
    ws.on('close', () => {
      this.links.delete(link);
      if (link.session) link.session.links.delete(link);
    });
  }

  frame(link, text) {
    let f;
    try {
      f = JSON.parse(text);
    } catch {
      return link.give({ type: 'error', code: 'bad_frame', detail: 'not JSON' });
    }
    for (const answer of this.handle(link, f, (late) => link.give(late))) link.give(answer);
  }

  /** The immediate answers to one client frame; `later` takes what comes after a while. */
  handle(link, f, later) {
    if (f.type === 'hello') return this.hello(link, f);
    const s = link.session;
    if (!s) return [{ type: 'error', code: 'bad_frame', detail: 'hello first' }];
    switch (f.type) {
      case 'send':
        return this.send(s, f, later);
      case 'typing':
        s.typed.push(f.on);
        return [];
      case 'got':
        s.got = f.id;
        return [];
      case 'read':
        s.seen = f.id;
        return [];
      case 'earlier': {
        const at = s.entries.findIndex((e) => e.id === f.before);
        const from = Math.max(0, at - 50);
        return [{ type: 'earlier', entries: s.entries.slice(from, at).map((e) => this.signed(e)), earlier: from > 0 }];
      }
      case 'again':
        return s.entries.filter((e) => e.id === f.id).map((e) => ({ type: 'entry', entry: this.signed(e) }));
      case 'forget':
        this.forget(s.id);
        return [{ type: 'forgotten' }];
      default:
        return [{ type: 'error', code: 'bad_frame', detail: 'unknown type' }];
    }
  }

  hello(link, f) {
    if (this.faults.away > 0 && this.faults.away--) return [{ type: 'error', code: 'unavailable', detail: 'store', retry_ms: 200 }];
    if (f.session && f.after && !this.sessions.has(f.session)) return [{ type: 'error', code: 'unknown_session', detail: 'gone' }];
    const s = this.sessions.get(f.session) || this.session(f.session || secret());
    if (link.session) link.session.links.delete(link);
    link.session = s;
    Object.assign(s, { locale: f.locale, chosen: f.chosen === true });
    if (link.ws) s.links.add(link);
    const at = f.after ? s.entries.findIndex((e) => e.id === f.after) : -1;
    if (f.after && at < 0) return [{ type: 'reset' }];
    const from = f.after ? at + 1 : Math.max(0, s.entries.length - 50);
    const entries = s.entries.slice(from).map((e) => this.signed(e));
    return [{ type: 'welcome', session: s.id, entries, earlier: !f.after && from > 0, read: s.read }];
  }

  send(s, f, later) {
    const refuse = (code, more) => [{ type: 'error', code, detail: code, ref: f.ref, ...more }];
    if (this.faults.refuse > 0 && this.faults.refuse--) return refuse('rate', { retry_ms: 300 });
    if (/refuse me/.test(f.text)) return refuse('bad_attachment');
    const ids = f.attachments || [];
    if (ids.some((id) => !this.blobs.has(id) || this.blobs.get(id).session !== s.id)) return refuse('bad_attachment');
    let id = s.refs.get(f.ref);
    if (!id) {
      const attachments = ids.map((i) => this.blobs.get(i).meta);
      id = `e${this.next}`;
      s.refs.set(f.ref, id);
      this.add(s, { direction: 'in', text: f.text, ref: f.ref, ...(ids.length ? { attachments } : {}), ...(f.choice ? { choice: f.choice } : {}) });
      if (this.onMessage) setTimeout(() => this.onMessage(s, f.text), 0);
    }
    if (this.faults.ackNever > 0 && this.faults.ackNever--) return [];
    const acks = Array(this.faults.ackTwice ? 2 : 1).fill({ type: 'ack', ref: f.ref, id });
    if (!this.faults.ackDelay) return acks;
    setTimeout(() => acks.forEach(later), this.faults.ackDelay);
    return [];
  }

  forget(id) {
    const s = this.sessions.get(id);
    if (!s) return;
    this.sessions.delete(id);
    (this.forgotten = this.forgotten || []).push(s);
    for (const l of s.links) setTimeout(() => l.ws.close(), 20);
  }

  // --- HTTP -----------------------------------------------------------------------------------------------------------

  async request(rq, rs) {
    const url = new URL(rq.url, this.url);
    const at = { method: rq.method, url: rq.url, headers: rq.headers };
    this.log.push(at);
    rs.on('finish', () => (at.cookie = rs.getHeader('set-cookie')));
    if (this.faults.down) return rs.destroy();
    const path = url.pathname;
    if (rq.method === 'GET' && this.pages.serve(rq, rs, path)) return;
    if (rq.method === 'POST' && !this.originOk(rq, false)) return this.answer(rs, 403, 'origin');
    const body = rq.method === 'POST' ? await bytes(rq) : null;
    if (path === this.base && rq.method === 'GET') return this.page(rq, rs, url, {});
    if (path === this.base) return this.form(rq, rs, url, body);
    if (path === this.base + '/poll') return this.poll(rq, rs, body);
    if (path === this.base + '/upload') return this.upload(rq, rs, body);
    if (path === this.base + '/leave') return this.leave(rs, body);
    if (path === this.base + '/leave/done') return this.answer(rs, 204, '', { 'clear-site-data': '"cache"' });
    if (path.startsWith(this.base + '/file/')) return this.file(rs, url);
    this.answer(rs, 404, 'not found');
  }

  answer(rs, status, body, headers = {}) {
    rs.writeHead(status, { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json', 'cache-control': 'no-store', ...headers });
    rs.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  cookie(rq) {
    const m = /(?:^|; )parley_chat=([\w-]+)/.exec(rq.headers.cookie || '');
    return m ? m[1] : '';
  }

  page(rq, rs, url, { notice = '', draft = '', status = 200, session }) {
    const id = session || this.cookie(rq);
    const s = this.sessions.get(id);
    if (url.searchParams.get('sent') && !notice) notice = s ? 'sent_stored' : 'sent_no_cookie';
    this.pages.page(rq, rs, url, { status, session: s ? id : '', entries: s ? s.entries.map((e) => this.signed(e)) : [], notice, draft });
  }

  form(rq, rs, url, body) {
    const f = parseForm(rq.headers['content-type'] || '', body);
    url.searchParams.set('lang', f.lang || 'en');
    const text = (f.text || '').replace(/\r\n/g, '\n').trim();
    const files = f.files.filter((x) => x.name || x.body.length);
    if (!text && !files.length && !f.choice) return this.page(rq, rs, url, { notice: 'form_empty', status: 400, session: f.session });
    if (files.some((x) => !TYPES.test(x.type))) return this.page(rq, rs, url, { notice: 'form_file', status: 415, draft: text, session: f.session });
    let s = this.sessions.get(f.session);
    if (!s) {
      s = this.sessions.get(this.forms.get(f.ref)) || this.session(secret());
      this.forms.set(f.ref, s.id);
    }
    const attachments = s.refs.has(f.ref) ? [] : files.map((x) => this.blob(s.id, x.name, x.type, x.body).id);
    const last = s.entries[s.entries.length - 1];
    const choice = ((last && last.choices) || []).find((c) => c.id === f.choice);
    this.send(s, { ref: f.ref, text: text || (choice ? choice.title : ''), ...(attachments.length ? { attachments } : {}), ...(choice ? { choice: choice.id } : {}) }, () => {});
    if (f.session && this.cookie(rq) !== f.session) return this.page(rq, rs, url, { notice: 'sent_stored', session: s.id });
    const cookie = `parley_chat=${s.id}; Path=${this.base}; Max-Age=1800; HttpOnly; SameSite=Strict`;
    this.answer(rs, 303, '', { location: `${this.base}?lang=${f.lang || 'en'}&sent=1`, 'set-cookie': cookie });
  }

  poll(rq, rs, body) {
    const b = JSON.parse(body);
    const out = [];
    const link = { session: this.sessions.get(b.session) || null };
    if (b.session && !link.session && b.after) return this.answer(rs, 200, { frames: [{ type: 'error', code: 'unknown_session', detail: 'gone' }], cursor: null });
    for (const f of b.frames) out.push(...this.handle(link, f, (late) => link.session && this.push(link.session, late)));
    const s = link.session;
    const end = (frames) => {
      if (rs.writableEnded) return;
      clearTimeout(timer);
      if (s && s.waiting === end) s.waiting = null;
      this.answer(rs, 200, { frames, cursor: 'c1' });
    };
    let timer;
    if (!s) return end(out);
    const at = s.entries.findIndex((e) => e.id === b.after);
    if (!out.some((f) => f.type === 'welcome')) out.push(...s.entries.slice(at + 1).map((e) => ({ type: 'entry', entry: this.signed(e) })));
    if (s.read && !out.some((f) => f.type === 'welcome')) out.push({ type: 'read', id: s.read });
    if (s.waiting) s.waiting([]);
    const news = out.filter((f) => f.type !== 'read').length > 0;
    if (news || !b.wait) return end(out);
    s.waiting = end;
    timer = setTimeout(() => end([]), b.wait * 1000);
    rs.on('close', () => s.waiting === end && (s.waiting = null));
  }

  blob(session, name, type, body) {
    const id = secret().slice(0, 12);
    const meta = { id, type, name, size: body.length };
    this.blobs.set(id, { session, meta, body, keys: new Set() });
    return meta;
  }

  upload(rq, rs, body) {
    const session = rq.headers['x-parley-session'];
    if (this.faults.breakUploads > 0 && this.faults.breakUploads--) return rs.destroy();
    if (!this.sessions.has(session)) return this.answer(rs, 401, 'unknown session');
    if (body.length > MAX_FILE) return this.answer(rs, 413, 'too large');
    const type = rq.headers['content-type'] || '';
    if (!TYPES.test(type)) return this.answer(rs, 415, 'type');
    this.answer(rs, 201, this.blob(session, decodeURIComponent(rq.headers['x-parley-name'] || ''), type, body));
  }

  file(rs, url) {
    const b = this.blobs.get(url.pathname.split('/').pop());
    if (!b || !b.keys.has(url.searchParams.get('s'))) return this.answer(rs, 404, 'not found');
    rs.writeHead(200, { 'content-type': b.meta.type, 'cache-control': 'private, no-store', 'x-content-type-options': 'nosniff' });
    rs.end(b.body);
  }

  leave(rs, body) {
    const f = new URLSearchParams(body.toString());
    this.forget(f.get('session'));
    const cookie = `parley_chat=; Path=${this.base}; Max-Age=0; HttpOnly; SameSite=Strict`;
    const to = f.get('to');
    if (to === 'none') return this.answer(rs, 204, '', { 'set-cookie': cookie, 'clear-site-data': '"cache"' });
    const lang = f.get('lang') || 'en';
    this.pages.leave(rs, cookie, { lang, base: this.base, to: to === 'exit' ? this.pages.exit() : `${this.base}?lang=${lang}` });
  }
}

async function bytes(rq) {
  const parts = [];
  for await (const p of rq) parts.push(p);
  return Buffer.concat(parts);
}

// By hand: node mock.mjs [port], to look at the page without a daemon. It answers by itself after a while.
if (process.argv[1] && import.meta.url.endsWith('/mock.mjs') && process.argv[1].endsWith('mock.mjs')) {
  const dist = new URL('../../../gateway/chat/dist/', import.meta.url);
  const m = await new Mock(dist).listen(Number(process.argv[2] || 8090));
  m.onMessage = (s, text) => {
    m.push(s, { type: 'typing', on: true });
    setTimeout(() => m.read(s), 800);
    setTimeout(() => m.reply(s, `“${text}”`, { author: 'Amal', choices: [{ id: 'y', title: 'Yes / نعم' }, { id: 'n', title: 'No / لا' }] }), 2000);
  };
  console.log(m.url + m.base);
}
