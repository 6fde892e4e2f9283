// SPDX-License-Identifier: Apache-2.0
// Second factors, webhooks and tokens of the mock. `store.second` switches the first on: { on } has one, { must } has to set one up.
// The code is 123456, a recovery code 0-bcdfg-hjkmn-pqrst.
import { randomBytes } from 'node:crypto';

const CODES = ['123456', '0-bcdfg-hjkmn-pqrst'];
const no = (status, code) => [status, { type: 'about:blank', title: 'Refused', status, code }];
const recovery = () => Array.from({ length: 10 }, (_, i) => `${i}-bcdfg-hjkmn-pqrs${'tvwxz23456'[i]}`);
const mine = (store) => ({ ...store.who(), second_factor: { on: Boolean(store.second?.on), must: Boolean(store.second?.must && !store.second.on) } });

function signedIn(store, sessions) {
  const session = randomBytes(16).toString('hex');
  sessions.add(session);
  return [200, mine(store), { 'Set-Cookie': `parley=${session}; HttpOnly; SameSite=Strict; Path=/` }];
}

function own(store, what, body) {
  if (what === 'state') return [200, { on: Boolean(store.second.on), policy: 'required', later: false, trust_days: 30, recovery_left: store.second.on ? 10 : 0 }];
  if (what === 'begin') return store.second.on && body.code !== '123456' ? no(403, 'code') : [200, { secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', uri: 'otpauth://totp/Parley:amal?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Parley' }];
  if (body.code !== '123456') return no(403, 'code');
  store.second.on = true;
  return [200, { recovery: recovery() }];
}

function office(store, path, method, body) {
  const [, , what, id, verb] = path;
  store.hooks ??= new Map();
  store.tokens ??= [{ id: 'tok1', role: 'integrator', agent: null, clearance: 0, note: 'Monthly figures', created: '2026-01-02T08:00:00Z', used: null }];
  if (what === 'webhooks' && !id) {
    const items = [...store.hooks.values()];
    return [200, { items, next: null }];
  }
  if (what === 'webhooks' && verb === 'test') return [200, { status: 200, ms: 41 }];
  if (what === 'webhooks' && verb === 'dead') return [200, { items: store.hooks.get(id)?.dead ? [{ id: 'msg_1', type: 'thread.resolved', thread: 'x', tries: 14, error: '503', time: '2026-01-02T08:00:00Z', died: '2026-01-05T08:00:00Z' }] : [], next: null }];
  if (what === 'webhooks' && verb === 'redeliver') {
    store.hooks.get(id).dead = 0;
    return [200, { redelivered: 1 }];
  }
  if (what === 'tokens' && method === 'GET') return [200, { items: store.tokens, next: null }];
  if (what === 'tokens' && !id) {
    store.tokens = [...store.tokens, { id: 'tok2', agent: null, created: '2026-01-02T08:00:00Z', used: null, ...body }];
    return [201, { token: 'parley_shownonlyonce' }];
  }
  if (what === 'tokens') {
    store.tokens = store.tokens.filter((each) => each.id !== id);
    return [204, null];
  }
  return null;
}

/** [status, body, headers], or null when it is not about this. `read` reads the body. */
export async function securityCall(store, sessions, path, request, cookie, read) {
  const body = async () => JSON.parse((await read()) || '{}');
  const at = path.join('/');
  if (store.second && path[0] === 'sign-in') {
    const said = await body();
    if (at === 'sign-in/code') return said.ticket === 'ticket' && CODES.includes(said.code) ? signedIn(store, sessions) : no(401, said.ticket === 'ticket' ? 'code' : 'ticket');
    if (said.login !== 'amal' || said.password !== 'demo') return no(401, 'signed_out');
    return store.second.on ? [202, { ticket: 'ticket', trust_days: 30 }] : signedIn(store, sessions);
  }
  if (!sessions.has(cookie)) return null;
  if (store.second && at === 'me' && request.method === 'GET') return [200, mine(store)];
  if (at.startsWith('me/second-factor')) {
    store.second ??= {};
    const what = request.method === 'GET' ? 'state' : (path[2] ?? 'begin');
    return own(store, what, request.method === 'GET' ? {} : await body());
  }
  return path[0] === 'ops' && ['webhooks', 'tokens'].includes(path[2]) ? office(store, path, request.method, request.method === 'GET' ? {} : await body()) : null;
}
