// SPDX-License-Identifier: Apache-2.0
// Hours and call-backs of the mock: open unless a test closes it; call-backs go through their steps.
export function hoursCall(store, path, request, body) {
  store.hours ??= [{ area: null, open: true, always: true, timezone: 'Europe/Istanbul', offset: 10800, since: null, next: null, exception: null }];
  store.callbacks ??= new Map();
  const [what, thread, part, act] = path;
  const list = (items) => [200, { items, next: null }];
  if (what === 'hours') return list(store.hours);
  if (what === 'callbacks') {
    const open = [...store.callbacks.values()].filter((one) => ['waiting', 'due', 'taken'].includes(one.state));
    return list(open.map((callback) => ({ callback, thread: store.threads.get(callback.thread) })));
  }
  if (what !== 'threads' || part !== 'callback') return null;
  const one = store.callbacks.get(thread);
  if (request.method === 'GET') return one ? [200, one] : [404, null];
  if (!act) {
    if (body.asked === 'agent' && store.threads.get(thread)?.clearance) return [409, { code: 'unsafe', detail: '' }];
    const from = body.from ?? new Date().toISOString();
    const made = { thread, state: Date.parse(from) > Date.now() ? 'waiting' : 'due', version: 1, from, to: new Date(Date.parse(from) + 7 * 86400e3).toISOString(), person: body.asked === 'person', tries: 0, agent: null, channel: 'web', address: null, note: body.note ?? null };
    store.callbacks.set(thread, made);
    return [201, made];
  }
  if (!one || one.version !== body.version) return [409, { code: 'conflict', detail: '' }];
  const states = { take: 'taken', done: 'done', drop: 'dropped', no_answer: one.tries >= 2 ? 'expired' : 'waiting' };
  Object.assign(one, { state: states[act], version: one.version + 1, agent: act === 'take' ? store.me : act === 'no_answer' ? null : one.agent, tries: one.tries + (act === 'no_answer' ? 1 : 0) });
  return [200, one];
}
