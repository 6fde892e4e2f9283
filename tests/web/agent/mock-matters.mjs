// SPDX-License-Identifier: Apache-2.0
// Matters and the guard of the mock: a pack as it is shipped, matters in memory, and what an end lacks by the same rules as far as tests look.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PACK = { id: 'protection-1.mock', ...JSON.parse(readFileSync(fileURLToPath(new URL('../../../config/packs/protection.json', import.meta.url)), 'utf8')) };
const REASONS = ['answered_in_person', 'nothing_to_answer', 'unreachable', 'duplicate', 'spam', 'wants_no_answer', 'contact_unsafe'].map((code) => ({ code, approved: code === 'wants_no_answer' || code === 'contact_unsafe' }));
const FOCAL = new Set(['wants_no_answer', 'contact_unsafe']);

const of = (store, thread) => [...store.matters.values()].filter((matter) => matter.thread === thread);

/** What an end of the thread lacks; tests say what is known of the answer (store.answers: thread → lack). */
export function lacks(store, thread, reason) {
  const out = [];
  if (!reason && store.answers?.get(thread)) out.push(store.answers.get(thread));
  if (reason === 'unreachable' && (store.tries ?? 0) < 3) out.push('tries');
  if (FOCAL.has(reason)) out.push('approval');
  if (!store.matters) return out;
  const shown = of(store, thread).filter((matter) => matter.clearance < 2);
  if (store.coded && !shown.some((matter) => matter.type && matter.subject) && reason !== 'spam' && reason !== 'duplicate') out.push('uncoded');
  const open = shown.filter((matter) => matter.state !== 'ended');
  if (open.length > 1) out.push('matters_open');
  else if (open[0]?.referrals.some((each) => each.state === 'made' || each.state === 'accepted')) out.push('referral_open');
  return out;
}

export function mattersCall(store, path, request, url, body) {
  const [what, thread, part, id, verb, last] = path;
  store.matters ??= new Map();
  if (what === 'packs') return [200, { pack: PACK, reasons: REASONS }];
  if (what !== 'threads' || !['matters', 'guard', 'approve', 'tries'].includes(part)) return null;
  const told = store.threads.get(thread);
  if (part === 'guard') {
    const reason = url.searchParams.get('reason') ?? '';
    const missing = lacks(store, thread, reason);
    const later = missing.includes('answer_not_presumed_yet') ? new Date(Date.now() + 36e5).toISOString() : null;
    return [200, { known: missing.length ? null : reason ? 'reason' : 'delivered', lacks: missing, presumed_at: later, unsafe: [], tries: store.tries ?? 0, days: 1, tries_needed: 3, days_needed: 2 }];
  }
  if (part === 'approve') {
    if (body.yes) Object.assign(told, { state: 'resolved', reason: told.ending.reason, outcome: told.ending.reason });
    delete told.ending;
    return [200, told];
  }
  if (part === 'tries') { store.tries = (store.tries ?? 0) + 1; return [200, told]; }
  if (!id && request.method === 'GET') return [200, { items: of(store, thread).filter((matter) => matter.clearance < 2), next: null }];
  const now = new Date().toISOString();
  const matter = id ? store.matters.get(id) : { id: `m${store.matters.size + 1}`, thread, version: 0, clearance: 0, state: 'open', area: 'tr', opened: now, received: now, answers: {}, note: '', referrals: [] };
  if (!matter) return [404, null];
  const done = () => { matter.version += 1; store.matters.set(matter.id, matter); return matter.clearance === 2 ? [200, { id: matter.id, thread, sealed: true }] : [id ? 200 : 201, matter]; };
  if (!verb) {
    Object.assign(matter, body);
    matter.clearance = Math.max(matter.clearance, PACK.paths.find((each) => each.code === matter.path)?.clearance ?? 0);
    return done();
  }
  if (verb === 'end') Object.assign(matter, { state: 'ended' });
  if (verb === 'reopen') Object.assign(matter, { state: 'open' });
  if (verb === 'referrals' && last) matter.referrals.find((each) => each.id === last).state = body.state;
  else if (verb === 'referrals') matter.referrals.push({ id: `${matter.id}.${matter.referrals.length + 1}`, state: 'made', kind: body.kind, to: body.to, anonymous: body.kind === 'accountability', due: new Date(Date.now() + body.hours * 36e5).toISOString() });
  return done();
}
