// SPDX-License-Identifier: Apache-2.0
// A server in memory that keeps the contract of gateway/api/README.md towards the agents' page, for developing and
// testing it without the daemon. `node mock.mjs [port]` serves the demo at http://127.0.0.1:8080 (login amal, password
// demo); run.mjs imports startMock() and pulls its strings: drop links, let sends fail, have people write.
import { randomBytes } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { CHANNELS, LANGUAGES, TOPICS, fill } from './demo.mjs';
import { adminCall } from './mock-admin.mjs';
import { alertsCall } from './mock-alerts.mjs';
import { commands } from './mock-commands.mjs';
import { deskAsks, deskCall } from './mock-desk.mjs';
import { hoursCall } from './mock-hours.mjs';
import { mattersCall } from './mock-matters.mjs';
import { securityCall } from './mock-security.mjs';
import { supervisionCall } from './mock-supervision.mjs';

const DIST = process.env.PARLEY_WEB_DIST ?? fileURLToPath(new URL('../../../gateway/web/dist/', import.meta.url));
const CSP =
  "default-src 'self'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };

const id = (prefix) => `${prefix}-${randomBytes(6).toString('hex')}`;

/** Half a second of a tone, as the smallest voice note that any browser plays. */
function wav() {
  const rate = 8000;
  const data = Buffer.alloc(rate);
  for (let n = 0; n < data.length; n += 1) data[n] = 128 + Math.round(40 * Math.sin((n / rate) * 440 * 2 * Math.PI));
  const head = Buffer.alloc(44);
  head.write('RIFF', 0); head.writeUInt32LE(36 + data.length, 4); head.write('WAVEfmt ', 8); head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20); head.writeUInt16LE(1, 22); head.writeUInt32LE(rate, 24); head.writeUInt32LE(rate, 28);
  head.writeUInt16LE(1, 32); head.writeUInt16LE(8, 34); head.write('data', 36); head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M/wHwAEBgIApD5fRAAAAABJRU5ErkJggg==', 'base64');

export class Store {
  me = 'a-amal';
  threads = new Map();
  contacts = new Map();
  logs = new Map();
  files = new Map();
  agents = new Map();
  refs = new Map();
  events = [];
  eventNumber = 1000;
  sockets = new Set();
  offers = new Map();
  /** Strings that tests pull. */
  refuse = null;
  silent = false;
  /** An agent like most: sees a thread when it is offered, and of what waits the counts alone. */
  plain = false;
  offerMs = 30_000;

  constructor() {
    const agent = (agentId, login, name, extra = {}) =>
      this.agents.set(agentId, { id: agentId, login, name, teams: ['counselling'], areas: ['tr'], languages: { ar: 5, en: 4, tr: 3, fa: 2 }, topics: ['*'], capacity: { chat: 4 }, load: 2, presence: 'online', clearance: 2, roles: ['agent', 'supervisor', 'focal'], disabled: false, ...extra });
    agent('a-amal', 'amal', 'Amal');
    agent('a-deniz', 'deniz', 'Deniz', { presence: 'away', languages: { tr: 5, en: 4 } });
    agent('a-yusuf', 'yusuf', 'يوسف', { presence: 'break', languages: { ar: 5 } });
  }

  contact(fields) {
    const contactId = id('c');
    const contact = { id: contactId, addresses: [{ uri: `web:${contactId}`, channel: 'web', verified: true, last_seen: new Date().toISOString() }], fields: {}, notes: '', area: 'tr', ...fields };
    this.contacts.set(contactId, contact);
    return contact;
  }

  thread({ contact, ...fields }) {
    const thread = {
      id: id('t'), contact: { id: contact.id, name: contact.name }, state: 'waiting', language: null, topic: null, priority: 1, clearance: 0, area: 'tr',
      assignee: null, channel: 'web', opened: new Date().toISOString(), waiting_since: null, first_reply: null, last: null, unread: 0, tags: [], entries: 0, ...fields,
    };
    this.threads.set(thread.id, thread);
    this.logs.set(thread.id, []);
    return thread;
  }

  file(name, type, bytes) {
    const fileId = id('f');
    const body = bytes ?? (type.startsWith('audio/') ? wav() : type.startsWith('image/') ? PNG : Buffer.from('%PDF-1.4 demo'));
    this.files.set(fileId, { body, type, name });
    return { id: fileId, type, name, size: body.length, url: `/api/v1/ops/demo/attachments/${fileId}`, state: 'stored' };
  }

  /** Appends an entry; `tell` makes it an event as well. */
  say(thread, fields, tell = false) {
    const log = this.logs.get(thread.id);
    const direction = fields.direction ?? 'in';
    const author = direction === 'in' ? { kind: 'person', id: thread.contact.id, name: thread.contact.name } : { kind: 'agent', id: this.me, name: 'Amal' };
    const entry = {
      id: id('e'), thread: thread.id, seq: log.length + 1, kind: 'message', direction, channel: thread.channel, time: new Date().toISOString(), text: '',
      language: direction === 'in' ? thread.language?.tag : undefined, attachments: [], author, external_ids: [], status: 'stored', attempt: 1, ...fields,
    };
    // As the daemon does: a file is given to those who may see its entry, so its address names it.
    entry.attachments = entry.attachments.map((file) => (file.url ? { ...file, url: `${file.url.split('?')[0]}?entry=${thread.id}.${entry.seq}` } : file));
    log.push(entry);
    thread.entries = log.length;
    if (entry.kind === 'message' || entry.kind === 'note') {
      const status = direction === 'out' && entry.kind === 'message' ? { status: entry.status } : {};
      const preview = (entry.text || entry.attachments[0]?.name || '').slice(0, 120);
      thread.last = { time: entry.time, direction: entry.direction, kind: entry.kind, preview, seq: entry.seq, ...status };
    }
    if (entry.kind === 'message' && entry.direction === 'in') {
      thread.unread = entry.seq - (thread.readSeq ?? 0);
      thread.waiting_since ??= entry.time;
    } else if (entry.kind === 'message' && entry.author.kind === 'agent') {
      thread.readSeq = entry.seq;
      thread.unread = 0;
      thread.waiting_since = null;
    }
    if (tell) this.emit({ type: 'entry.added', entry, thread: { id: thread.id, unread: thread.unread, state: thread.state } });
    return entry;
  }

  happened(thread, what, more = {}) {
    this.say(thread, { kind: 'event', direction: 'out', text: null, author: { kind: 'agent', id: this.me, name: 'Amal' }, event: { what, by: this.me, ...more } }, true);
  }

  emit(event) {
    this.eventNumber += 1;
    const told = structuredClone({ ...event, id: `${this.eventNumber}-0` });
    this.events.push(told);
    for (const socket of this.sockets) if (socket.ready) socket.tell(told);
    this.tellQueues();
    return told;
  }

  passing(frame) {
    for (const socket of this.sockets) if (socket.ready) socket.tell(frame);
  }

  tellQueues() {
    if (this.queueTimer) return;
    this.queueTimer = setTimeout(() => {
      this.queueTimer = null;
      this.passing({ type: 'queues', ...this.queues() });
    }, 200);
    this.queueTimer.unref();
  }

  queues() {
    const groups = new Map();
    for (const thread of this.threads.values()) {
      if (thread.state !== 'waiting') continue;
      const key = `${thread.language?.tag} ${thread.topic}`;
      const group = groups.get(key) ?? { language: thread.language?.tag ?? null, topic: thread.topic, clearance: 0, area: 'tr', waiting: 0, oldest: thread.waiting_since };
      group.waiting += 1;
      if (thread.waiting_since < group.oldest) group.oldest = thread.waiting_since;
      groups.set(key, group);
    }
    const items = [...groups.values()];
    const spoken = this.agents.get(this.me).languages;
    return { items, mine: { waiting: items.reduce((sum, item) => sum + (spoken[item.language] ? item.waiting : 0), 0) } };
  }

  offer(thread) {
    const expires = new Date(Date.now() + this.offerMs).toISOString();
    Object.assign(thread, { state: 'offered', assignee: null, offer_expires: expires });
    this.emit({ type: 'thread.offered', thread, expires });
    const timer = setTimeout(() => this.endOffer(thread, 'expired'), this.offerMs);
    timer.unref();
    this.offers.set(thread.id, timer);
  }

  endOffer(thread, why) {
    clearTimeout(this.offers.get(thread.id));
    if (!this.offers.delete(thread.id)) return false;
    Object.assign(thread, { state: 'waiting', offer_expires: null });
    this.emit({ type: 'offer.ended', thread: thread.id, why });
    return true;
  }

  /** The provider's word: sent, delivered, read, one after the other; or failed. */
  deliver(thread, entry, outcomes = ['sent', 'delivered', 'read'], ms = 120) {
    outcomes.forEach((status, at) => {
      setTimeout(() => {
        entry.status = status;
        entry.error = status === 'failed' ? { code: 'rejected', text: 'provider said 470' } : null;
        if (thread.last?.seq === entry.seq) thread.last = { ...thread.last, status };
        this.emit({ type: 'entry.status', thread: thread.id, entry: entry.id, seq: entry.seq, status, attempt: entry.attempt, ...(entry.error ? { error: entry.error } : {}) });
      }, ms * (at + 1)).unref();
    });
  }

  operation() {
    return {
      id: 'demo', name: { en: 'Demo operation', ar: 'عملية تجريبية', tr: 'Deneme operasyonu' }, languages: LANGUAGES, fallback: { prs: ['fa', 'en'] }, timezone: 'Europe/Istanbul',
      areas: [{ id: 'tr', name: { en: 'Türkiye', ar: 'تركيا' } }, { id: 'tr/izmir', name: { en: 'İzmir', ar: 'إزمير' } }],
      teams: [{ id: 'counselling', name: { en: 'Counselling', ar: 'الإرشاد', tr: 'Danışmanlık' } }],
      topics: TOPICS.map(([topic, name]) => ({ id: topic, name })),
      channels: CHANNELS.map(([channel, connector, state]) => ({ id: channel, connector, name: '', capabilities: {}, limits: channel === 'sms' ? { text: 480 } : {}, state, ...(state === 'down' ? { state_text: 'no bind' } : {}) })),
    };
  }

  who() {
    const roles = this.plain ? ['agent'] : ['agent', 'supervisor', 'focal', 'administrator'];
    return { login: 'amal', name: 'Amal', locale: 'en', operations: [{ id: 'demo', name: this.operation().name, roles, agent: this.me, areas: ['tr'], clearance: 2, languages: { ar: 5, en: 4 }, topics: ['*'], teams: ['counselling'] }] };
  }
}

function problem(response, status, detail = '', headers = {}) {
  const body = JSON.stringify({ type: 'about:blank', title: `${status}`, status, detail });
  response.writeHead(status, { 'Content-Type': 'application/problem+json', ...headers }).end(body);
}

function json(response, status, body, headers = {}) {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers }).end(JSON.stringify(body));
}

async function bytesOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

function listThreads(store, query) {
  const states = query.get('state')?.split(',').filter(Boolean);
  const words = query.get('q')?.toLowerCase().split(/\s+/u).filter(Boolean) ?? [];
  let found = [...store.threads.values()].filter((thread) => {
    if (states?.length && !states.includes(thread.state)) return false;
    if (store.plain && thread.assignee !== store.me && thread.state !== 'offered') return false;
    if (query.get('language') && thread.language?.tag !== query.get('language')) return false;
    if (query.get('topic') && thread.topic !== query.get('topic')) return false;
    return words.every((word) => store.logs.get(thread.id).some((entry) => entry.text?.toLowerCase().includes(word)));
  });
  const time = (thread) => thread.last?.time ?? thread.opened;
  if (query.get('sort') === 'waiting') found.sort((a, b) => b.priority - a.priority || (a.waiting_since ?? '').localeCompare(b.waiting_since ?? ''));
  else found.sort((a, b) => time(b).localeCompare(time(a)));
  const from = Number(query.get('before') ?? 0);
  const limit = Number(query.get('limit') ?? 50);
  return { items: found.slice(from, from + limit), next: from + limit < found.length ? String(from + limit) : null };
}

function listEntries(store, threadId, query) {
  const log = store.logs.get(threadId);
  const limit = Number(query.get('limit') ?? 50);
  if (query.has('after')) {
    const items = log.filter((entry) => entry.seq > Number(query.get('after'))).slice(0, limit);
    return { items, next: items.length ? String(items[items.length - 1].seq) : null };
  }
  const before = Number(query.get('before') ?? Infinity);
  const items = log.filter((entry) => entry.seq < before).slice(-limit);
  return { items, next: items.length && items[0].seq > 1 ? String(items[0].seq) : null };
}

function contactOf(store, contact) {
  const threads = [...store.threads.values()].filter((thread) => thread.contact.id === contact.id);
  return { ...contact, threads: threads.map(({ id: threadId, state, opened, topic, clearance }) => ({ id: threadId, state, opened, topic, clearance })) };
}

function sendFile(store, fileId, request, response, url) {
  if (!url.searchParams.get('entry')) return problem(response, 404);
  const file = store.files.get(fileId);
  if (!file) return problem(response, 404);
  const headers = { 'Content-Type': file.type, 'Accept-Ranges': 'bytes', 'Content-Security-Policy': 'sandbox' };
  if (!/^(image|audio|video)\//u.test(file.type)) headers['Content-Disposition'] = 'attachment';
  const wanted = /^bytes=(\d+)-(\d*)$/u.exec(request.headers.range ?? '');
  if (!wanted) return response.writeHead(200, { ...headers, 'Content-Length': file.body.length }).end(file.body);
  const from = Number(wanted[1]);
  const to = wanted[2] ? Math.min(Number(wanted[2]), file.body.length - 1) : file.body.length - 1;
  response.writeHead(206, { ...headers, 'Content-Range': `bytes ${from}-${to}/${file.body.length}` }).end(file.body.subarray(from, to + 1));
}

async function opCall(store, path, request, response, url) {
  const [what, key, sub] = path;
  const thread = what === 'threads' && key ? store.threads.get(key) : null;
  if ((what === 'operation' && key) || what === 'quarantine' || what === 'flows' || (what === 'channels' && sub === 'dead')) return adminCall(store, path, request, response, { json, problem, body: () => bytesOf(request) });
  if (what === 'hours' || what === 'callbacks' || sub === 'callback') {
    const body = request.method === 'POST' ? JSON.parse(await bytesOf(request)) : null;
    const [status, answer] = hoursCall(store, path, request, body) ?? [404, null];
    return status === 404 ? problem(response, 404) : json(response, status, answer);
  }
  if (what === 'alerts') {
    const [status, answer] = alertsCall(store, path, request, url, request.method === 'POST' ? JSON.parse((await bytesOf(request)) || '{}') : null);
    return answer ? json(response, status, answer) : problem(response, status);
  }
  if (what === 'packs' || ['matters', 'guard', 'approve', 'tries'].includes(sub)) {
    const [status, answer] = mattersCall(store, path, request, url, JSON.parse((await bytesOf(request)).toString() || 'null')) ?? [404, null];
    return status >= 400 ? problem(response, status) : json(response, status, answer);
  }
  if (deskAsks(store, path, request, url)) {
    const [status, answer] = deskCall(store, path, request.method, JSON.parse((await bytesOf(request)).toString() || 'null'), url.searchParams) ?? [404];
    return status >= 400 ? problem(response, status) : status === 204 ? response.writeHead(204).end() : json(response, status, answer);
  }
  if (what === 'operation') return json(response, 200, store.operation());
  if (what === 'queues') return json(response, 200, store.queues());
  if (supervisionCall(store, what, url.searchParams, response, { json, problem })) return undefined;
  if (what === 'agents') return json(response, 200, { items: [...store.agents.values()], next: null });
  if (what === 'threads' && !key) return json(response, 200, listThreads(store, url.searchParams));
  if (what === 'threads' && !thread) return problem(response, 404);
  if (thread && sub === 'entries') {
    store.asked.push(thread.id);
    return json(response, 200, listEntries(store, thread.id, url.searchParams));
  }
  if (thread && request.method === 'PATCH') {
    const body = JSON.parse(await bytesOf(request));
    if (body.language) thread.language = { tag: body.language, how: 'set' };
    if (body.topic) thread.topic = body.topic;
    if (body.priority !== undefined) thread.priority = body.priority;
    store.emit({ type: 'thread.changed', thread });
    return json(response, 200, thread);
  }
  if (thread) return json(response, 200, thread);
  if (what === 'contacts') {
    const contact = store.contacts.get(key);
    if (!contact) return problem(response, 404);
    if (request.method === 'PATCH') Object.assign(contact, JSON.parse(await bytesOf(request)));
    return json(response, 200, contactOf(store, contact));
  }
  if (what === 'attachments' && request.method === 'POST') {
    const { id: fileId, type, name, size } = store.file(decodeURIComponent(request.headers['x-parley-name'] ?? 'file'), request.headers['content-type'], await bytesOf(request));
    return json(response, 201, { id: fileId, type, name, size });
  }
  if (what === 'attachments') return sendFile(store, key, request, response, url);
  return problem(response, 404);
}

async function api(store, sessions, request, response, url) {
  const path = url.pathname.slice('/api/v1/'.length).split('/').map(decodeURIComponent);
  const cookie = /(?:^|; )parley=([^;]+)/u.exec(request.headers.cookie ?? '')?.[1];
  const secured = await securityCall(store, sessions, path, request, cookie, () => bytesOf(request));
  if (secured) return json(response, ...secured);
  if (path[0] === 'sign-in') {
    const { login, password } = JSON.parse(await bytesOf(request));
    if (login === 'busy') return problem(response, 429, '', { 'Retry-After': '30' });
    if (login !== 'amal' || password !== 'demo') return problem(response, 401);
    const session = randomBytes(16).toString('hex');
    sessions.add(session);
    return json(response, 200, store.who(), { 'Set-Cookie': `parley=${session}; HttpOnly; SameSite=Strict; Path=/` });
  }
  if (!sessions.has(cookie)) return problem(response, 401);
  if (request.method !== 'GET' && request.headers.origin && new URL(request.headers.origin).host !== request.headers.host) return problem(response, 403);
  if (path[0] === 'sign-out') {
    sessions.delete(cookie);
    for (const socket of store.sockets) socket.terminate();
    return response.writeHead(204).end();
  }
  if (path[0] === 'me') return json(response, 200, store.who());
  if (path[0] === 'ops' && path[1] === 'demo') return opCall(store, path.slice(2), request, response, url);
  return problem(response, 404);
}

function page(request, response, url) {
  const path = normalize(decodeURIComponent(url.pathname)).replace(/^(\.\.[/\\])+/u, '');
  const file = join(DIST, path === '/' ? 'index.html' : path);
  if (!file.startsWith(DIST) || !existsSync(file) || !statSync(file).isFile()) return problem(response, 404);
  const cached = path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-store';
  response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': CSP, 'Referrer-Policy': 'no-referrer', 'X-Content-Type-Options': 'nosniff', 'Cache-Control': cached });
  createReadStream(file).pipe(response);
}

function hello(store, socket, after) {
  // Presence is a lease of the socket: a new one begins as online.
  store.agents.get(store.me).presence = 'online';
  const mine = () => [...store.threads.values()].filter((thread) => thread.assignee === store.me && thread.state !== 'resolved' ? true : thread.state === 'offered');
  const welcome = { type: 'welcome', agent: store.agents.get(store.me), threads: mine(), queues: store.queues(), after: `${store.eventNumber}-0`, heartbeat: 25 };
  const from = after === null ? -1 : store.events.findIndex((event) => event.id === after);
  const known = after === `${store.eventNumber}-0` || from >= 0;
  if (after !== null && known) {
    for (const event of store.events.slice(from >= 0 ? from + 1 : store.events.length)) socket.tell(event);
    socket.tell({ type: 'live' });
  } else {
    if (after !== null) socket.tell({ type: 'reset' });
    socket.tell(welcome);
    socket.tell({ type: 'live' });
  }
  socket.ready = true;
}

function attend(store, socket) {
  socket.tell = (frame) => socket.readyState === 1 && socket.send(JSON.stringify(frame));
  socket.ready = false;
  store.sockets.add(socket);
  socket.on('close', () => store.sockets.delete(socket));
  socket.on('message', (data) => {
    if (store.silent) return;
    const frame = JSON.parse(data);
    store.frames.push(frame);
    if (frame.type === 'hello') hello(store, socket, frame.after);
    else if (frame.type === 'ping') socket.tell({ type: 'pong' });
    else commands(store, socket, frame);
  });
}

/** Starts a mock; its answer has the store and the strings to pull. */
export async function startMock(options = {}) {
  const store = new Store();
  store.frames = [];
  store.asked = [];
  fill(store, options);
  const sessions = new Set();
  let away = false;
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://mock');
    if (away) return request.socket.destroy();
    const work = url.pathname.startsWith('/api/v1/') ? api(store, sessions, request, response, url) : Promise.resolve(page(request, response, url));
    work.catch((error) => problem(response, 400, String(error)));
  });
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'parley.agent.v1' });
  server.on('upgrade', (request, wire, head) => {
    const session = /(?:^|; )parley=([^;]+)/u.exec(request.headers.cookie ?? '')?.[1];
    if (away || !sessions.has(session)) return wire.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
    sockets.handleUpgrade(request, wire, head, (socket) => attend(store, socket));
  });
  await new Promise((done) => server.listen(options.port ?? 0, '127.0.0.1', done));
  let nuisance = null;
  return {
    store,
    url: `http://127.0.0.1:${server.address().port}`,
    drop: () => { for (const socket of store.sockets) socket.terminate(); },
    /** No request and no socket is answered any more, until false. */
    away: (value) => { away = value; if (value) for (const socket of store.sockets) socket.terminate(); },
    trim: () => { store.events = []; store.eventNumber += 10; },
    endSessions: () => { sessions.clear(); for (const socket of store.sockets) socket.terminate(); },
    /** Drops every link each few milliseconds. */
    unreliable: (ms) => { clearInterval(nuisance); nuisance = ms ? setInterval(() => { for (const socket of store.sockets) socket.terminate(); }, ms) : null; },
    close: async () => { clearInterval(nuisance); for (const socket of store.sockets) socket.terminate(); server.closeAllConnections(); await new Promise((done) => server.close(done)); },
  };
}

/** Life for whoever looks at the demo: an offer and a message now and then. */
function live(mock) {
  const { store } = mock;
  setInterval(() => {
    const waiting = [...store.threads.values()].filter((thread) => thread.state === 'waiting');
    if (waiting.length && !store.offers.size && store.agents.get(store.me).presence === 'online') store.offer(waiting[0]);
  }, 20_000);
  setInterval(() => {
    const mine = [...store.threads.values()].filter((thread) => thread.assignee === store.me && thread.state === 'assigned' && thread.clearance === 0);
    const thread = mine[Math.floor(Math.random() * mine.length)];
    store.passing({ type: 'typing', thread: thread.id, who: 'person', on: true });
    setTimeout(() => store.say(thread, { text: store.logs.get(thread.id)[0].text || '…' }, true), 3000);
  }, 15_000);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await startMock({ port: Number(process.argv[2] ?? 8080), long: 500 });
  live(mock);
  console.log(`${mock.url}  login: amal  password: demo`);
}
