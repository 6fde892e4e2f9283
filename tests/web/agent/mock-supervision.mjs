// SPDX-License-Identifier: Apache-2.0
// What supervisors ask of the mock: reports, alerts that are open, referrals. Figures by the same rules as the server's: few are hidden.
const LANGUAGES = [['ar', 812], ['fa', 431], ['prs', 97], ['tr', 64], ['so', 12], ['ti', null]];
const TOPICS = ['registration', 'health', 'none'];
const times = (half, within) => ({ mean_s: half * 1.3, p50_s: half, p95_s: half * 3.1, within });

function rows(by) {
  if (!by.length) return [];
  const value = (dim, at) => ({ language: LANGUAGES[at % 6][0], topic: TOPICS[at % 3], channel: 'web', area: 'tr/izmir', outcome: at % 2 ? 'answered' : 'open',
    duration: at % 2 ? '2-5-to-15-min' : 'open', day: `2026-03-0${(at % 9) + 1}`, week: '2026-W10', month: '2026-03', type: 'complaint', subject: 'none' })[dim];
  return LANGUAGES.map(([, count], at) => ({ key: Object.fromEntries(by.map((dim) => [dim, value(dim, at)])), count: at === 4 ? null : count,
    accept: count && at < 4 ? times(9 + at, 0.93 - at / 20) : null, reply: count && at < 4 ? times(31 + at, 0.4) : null }));
}

function report(params) {
  const by = (params.get('by') ?? '').split(',').filter(Boolean);
  return { operation: 'demo', from: params.get('from'), to: params.get('to'), timezone: 'Europe/Istanbul', made: new Date().toISOString(), unit: by.includes('type') ? 'matters' : 'contacts',
    k: 5, targets: { answer_s: 20, alert_s: 120 }, by, total: { count: 1418, accept: times(11, 0.91), reply: times(34, 0.38) }, guessed_languages: 230, sealed: 14,
    alerts: { raised: 7, acknowledged: times(48, 1) }, rows: rows(by) };
}

/** True when it was answered. */
export function supervisionCall(store, what, params, response, { json, problem }) {
  if (what === 'reports') {
    store.reports = [...(store.reports ?? []), params.toString()];
    if (params.get('from') > params.get('to')) problem(response, 400);
    else if (params.get('format') === 'csv') response.writeHead(200, { 'Content-Type': 'text/csv; charset=utf-8' }).end('\ufeff"language",contacts\r\n"ar",812\r\n');
    else json(response, 200, report(params));
    return true;
  }
  if (what === 'erasures') {
    json(response, 200, { items: [{ certificate: '0123456789abcdef0123456789abcdef', operation: 'demo', erased: '2026-03-01T10:00:00.000Z', by: 'amal', threads: 2, entries: 31, addresses: 1,
      ledger: { hash: '0123456789abcdef0123456789abcdef' }, key_backups_expire: '2026-03-31T10:00:00.000Z', audit: { root: 'ab', lines: 7 } }], next: null });
    return true;
  }
  if (what === 'processing') {
    const kept = { what: 'what was written', why: 'to answer the person', key: "the person's own key", how_long: 'as its channel keeps' };
    json(response, 200, { operation: 'demo', stored: [{ server: 'data', name: 'log:*', fields: '*', ...kept }], records: [{ kind: 'matter', ...kept }] });
    return true;
  }
  if (what === 'referrals') {
    json(response, 200, { items: store.referrals ?? [], next: null });
    return true;
  }
  return false;
}
