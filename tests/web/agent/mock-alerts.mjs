// SPDX-License-Identifier: Apache-2.0
// Red alerts of the mock: raised, confirmed, acknowledged, handed over, closed, as the daemon does; `store.redAlert` makes one.
const MAY = { possible: ['confirm', 'dismiss'], raised: ['acknowledge', 'dismiss'], notified: ['acknowledge', 'dismiss'], acknowledged: ['handover', 'close', 'dismiss'], handed: ['handover', 'close'], closed: [], dismissed: [] };
const TO = { confirm: 'raised', acknowledge: 'acknowledged', handover: 'handed', close: 'closed', dismiss: 'dismissed' };
const names = (en, ar, tr) => ({ en, ar, tr });
const CATEGORIES = [
  ['death', names('Death', 'وفاة', 'Ölüm')], ['detention', names('Detention', 'احتجاز', 'Gözaltı')], ['removal', names('Forced removal', 'ترحيل أو إعادة قسرية', 'Sınır dışı edilme')],
  ['missing', names('Missing person', 'شخص مفقود', 'Kayıp kişi')], ['medical', names('Medical emergency', 'حالة طبية طارئة', 'Acil sağlık durumu')],
  ['violence', names('Violence or threat', 'عنف أو تهديد', 'Şiddet veya tehdit')], ['child', names('Child at risk', 'طفل في خطر', 'Tehlikedeki çocuk')], ['other', names('Other emergency', 'طارئ آخر', 'Diğer acil durum')],
].map(([id, name]) => ({ id, name }));

const view = (a) => ({ ...a, ring: ['possible', 'raised', 'notified'].includes(a.state), may: MAY[a.state] });

/** Makes an alert, or changes one, and tells it. */
export function redAlert(store, members) {
  store.red ??= new Map();
  const code = members.code ?? String(100000 + store.red.size * 7919 + 4711).slice(0, 6);
  const now = new Date().toISOString();
  const made = {
    state: 'notified', how: 'agent', drill: false, clearance: 0, count: 1, steps: 1, category: 'detention', area: 'tr/izmir', thread: null, contact: null, group: null,
    by: 'amal', acknowledged_by: null, handed_by: null, ended_by: null, since: now, raised: now, first_notice: now, acknowledged: null, handed: null, ended: null,
    name: null, note: null, handover: null, reason: null, notices: [{ step: '0', agent: 'amal', way: 'page', outcome: 'sent', tries: 0, time: now }], ...store.red.get(code), ...members, code,
  };
  store.red.set(code, made);
  store.emit({ type: 'alert', alert: view(made) });
  return made;
}

export function alertsCall(store, path, request, url, body) {
  store.red ??= new Map();
  const [, key, verb] = path;
  if (key === 'settings') return [200, { categories: CATEGORIES, confirm_s: 45, on_rota: true, on_duty: true, rota: 3 }];
  if (!key && request.method === 'GET') {
    const open = url.searchParams.get('state') === 'open';
    const items = [...store.red.values()].filter((a) => !open || !['closed', 'dismissed'].includes(a.state)).map(view);
    return [200, { items: items.reverse(), next: null }];
  }
  if (!key) {
    const thread = store.threads.get(body.thread);
    const made = redAlert(store, { category: body.category, thread: body.thread ?? null, contact: thread?.contact.id ?? null, name: thread?.contact.name ?? null, drill: !!body.drill, how: body.drill ? 'drill' : 'agent', area: body.area ?? thread?.area ?? null });
    return [201, view(made)];
  }
  const one = store.red.get(key);
  if (!one) return [404, null];
  if (!verb) return [200, view(one)];
  if (!MAY[one.state].includes(verb)) return [409, null];
  const now = new Date().toISOString();
  const by = store.me;
  const change = { acknowledge: { acknowledged: now, acknowledged_by: by }, handover: { handed: now, handed_by: by, handover: body?.handover }, confirm: { raised: now }, close: { ended: now, ended_by: by }, dismiss: { ended: now, ended_by: by, reason: body?.reason ?? null } }[verb];
  return [200, view(redAlert(store, { code: key, state: TO[verb], ...change }))];
}
