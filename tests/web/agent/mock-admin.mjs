// SPDX-License-Identifier: Apache-2.0
// The mock's administration: an operation file in memory, changed as the server does: against a version, section by section, with the
// difference as lines and what is wrong with its place.
import { FLOW, flowsCall, rotaProblems } from './mock-parts.mjs';

const named = (en, ar, tr) => ({ en, ...(ar ? { ar } : {}), ...(tr ? { tr } : {}) });

function person(login, name, roles, languages, more = {}) {
  return { login, name, teams: ['counselling'], roles, areas: ['tr'], topics: ['*'], languages, capacity: { chat: 4 }, ...more };
}

export function adminStart() {
  return {
    version: 1,
    secrets: { channels: { app: { secret: true }, tg: { token: false } }, webhooks: {} },
    tests: [],
    file: {
      operation: 'demo', name: named('Demo operation', 'عملية تجريبية', 'Deneme operasyonu'), languages: ['ar', 'fa', 'prs', 'en', 'tr'], fallback: { prs: ['fa', 'en'] }, timezone: 'Europe/Istanbul',
      areas: [{ id: 'tr', name: named('Türkiye', 'تركيا') }, { id: 'tr/izmir', name: named('İzmir', 'إزمير') }],
      teams: [{ id: 'counselling', name: named('Counselling', 'الإرشاد', 'Danışmanlık') }],
      topics: [
        { id: 'registration', name: named('Registration', 'التسجيل', 'Kayıt'), words: { en: ['register', 'card'], ar: ['تسجيل', 'بطاقة'] } },
        { id: 'health', name: named('Health', 'الصحة', 'Sağlık'), priority: 2, words: { en: ['doctor'] } },
        { id: 'misconduct', name: named('Report misconduct', 'الإبلاغ عن سوء سلوك', 'Kötü davranış bildir'), clearance: 2, no_last_agent: true },
        { id: 'cash', name: named('Cash assistance', 'المساعدة النقدية', 'Nakit yardım'), disabled: true },
      ],
      agents: [
        person('amal', 'Amal', ['agent', 'supervisor', 'focal', 'administrator'], { ar: 5, en: 4 }), person('farid', 'Farid', ['agent'], { fa: 5, prs: 5, en: 3 }),
        person('selin', 'Selin', ['agent', 'supervisor'], { tr: 5, en: 4 }), person('nadia', 'Nadia', ['agent', 'focal'], { ar: 5, fa: 4 }), person('old', 'Omar', ['agent'], { ar: 5 }, { disabled: true }),
      ],
      channels: [
        { id: 'web', connector: 'webchat', name: named('Web chat', 'دردشة الويب', 'Web sohbeti'), retention_days: 180 },
        { id: 'app', connector: 'http', name: named('Our app', 'تطبيقنا', 'Uygulamamız'), settings: { url: 'https://app.example.org/out' } },
        { id: 'tg', connector: 'telegram', name: named('Telegram', 'تيليغرام', 'Telegram'), settings: {}, retention_days: 365 },
      ],
      flows: [{ id: 'guide', name: named('Guide', 'الدليل', 'Rehber'), flow: FLOW }],
      emergency: {}, privacy: '',
    },
  };
}

const CONNECTORS = [
  { id: 'http', version: '1', pull: false, signs: true, hooks: true, scheme: 'tel', capabilities: { text: true, files: true }, settings: [
    { name: 'url', type: 'url', required: true, default: '', help: 'Where messages to people are posted.', choices: [] },
    { name: 'secret', type: 'secret', required: true, default: '', help: 'whsec_ and the key in base64; several, for a change of keys.', choices: [] },
    { name: 'verified', type: 'bool', required: false, default: 'false', help: 'Your system vouches for telephone numbers.', choices: [] },
    { name: 'rate', type: 'number', required: false, default: '', help: 'Messages a second at most.', choices: [] }] },
  { id: 'telegram', version: '1', pull: false, signs: true, hooks: true, scheme: 'telegram', capabilities: { text: true }, settings: [
    { name: 'token', type: 'secret', required: true, default: '', help: 'Of the bot, from BotFather.', choices: [] },
    { name: 'mode', type: 'choice', required: false, default: 'poll', help: 'Whether Telegram calls us or we ask it.', choices: ['poll', 'webhook'] }] },
  { id: 'webchat', version: '1', pull: true, signs: false, hooks: false, scheme: 'web', capabilities: { text: true, files: true }, settings: [
    { name: 'origins', type: 'list', required: false, default: '', help: 'Sites that may hold the widget.', choices: [] }] },
];

const TEXTS = [
  ['notice.first', true, ['name'], { en: 'This is {name}. Staff of this service read what you write.', ar: 'هنا {name}. يقرأ العاملون في هذه الخدمة ما تكتبه.', fa: 'اینجا {name} است.', tr: 'Burası {name}. Yazdıklarınızı bu hizmetin çalışanları okur.' }],
  ['notice.emergency', true, ['emergency'], { en: 'If you are in danger now, call {emergency}.', ar: 'إن كنت في خطر الآن فاتصل بالرقم {emergency}.', fa: 'اگر اکنون در خطرید با {emergency} تماس بگیرید.', tr: 'Şu anda tehlikedeyseniz {emergency} numarasını arayın.' }],
  ['notice.nobody', false, [], { en: 'Nobody who speaks your language is free at the moment.', ar: 'لا يوجد الآن من يتكلم لغتك.', tr: 'Şu anda dilinizi konuşan kimse boşta değil.' }],
  ['chat.title', false, [], { en: 'Chat', ar: 'محادثة', fa: 'گفتگو', tr: 'Sohbet' }],
];

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

function members(was, now, at, lines) {
  for (const key of new Set([...Object.keys(was), ...Object.keys(now)])) {
    if (same(was[key], now[key])) continue;
    if (key === 'settings' && was[key] && now[key]) members(was[key], now[key], `${at}.settings`, lines);
    else lines.push(`${key in was ? (key in now ? 'changed' : 'removed') : 'set'} ${at}.${key}`);
  }
}

function difference(was, now, section, lines) {
  const key = section === 'agents' ? 'login' : 'id';
  if (!Array.isArray(now) || !now[0]?.[key]) {
    if (!same(was, now)) lines.push(`${was === undefined ? 'set' : 'changed'} ${section}`);
    return;
  }
  for (const thing of now) {
    const before = (was ?? []).find((each) => each[key] === thing[key]);
    const at = `${section}/${thing[key]}`;
    if (!before) lines.push(`added ${at}`);
    else if (!before.disabled !== !thing.disabled) lines.push(`${thing.disabled ? 'disabled' : 'enabled'} ${at}`);
    else members(before, thing, at, lines);
  }
}

/** What the server would say is wrong. */
function problems(file) {
  const found = [];
  file.channels.forEach((channel, n) => {
    for (const setting of CONNECTORS.find((each) => each.id === channel.connector)?.settings ?? []) {
      const value = channel.settings?.[setting.name];
      if (channel.disabled) continue;
      if (setting.type === 'url' && value && !/^https?:/u.test(value)) found.push({ at: `/channels/${n}/settings/${setting.name}`, text: 'an http or https address is wanted' });
      if (setting.type === 'url' && setting.required && !value) found.push({ at: `/channels/${n}/settings/${setting.name}`, text: 'it is missing' });
    }
  });
  if (!/^[A-Z]\w+\/\w+|^UTC$/u.test(file.timezone)) found.push({ at: '/timezone', text: 'a time zone of the tz database is wanted, such as "Europe/Istanbul"' });
  for (const [tag, texts] of Object.entries(file.texts ?? {})) {
    for (const [key, text] of Object.entries(texts)) {
      const holes = TEXTS.find((each) => each[0] === key)?.[2] ?? [];
      for (const [, hole] of text.matchAll(/\{(\w+)\}/gu)) if (!holes.includes(hole)) found.push({ at: `/texts/${tag}/${key}`, text: `"{${hole}}" is not filled in this text` });
    }
  }
  found.push(...rotaProblems(file.alerts));
  if (file.hours !== undefined && (typeof file.hours !== 'object' || 'monday' in (file.hours.week ?? {}))) found.push({ at: '/hours/week/monday', text: 'a day is wanted: mon … sun' });
  return found;
}

function apply(admin, sections, dry) {
  const file = structuredClone(admin.file);
  const lines = [];
  const passwords = [];
  for (const [section, value] of Object.entries(sections)) {
    let next = structuredClone(value);
    if (Array.isArray(next) && Array.isArray(file[section])) {
      const key = section === 'agents' ? 'login' : 'id';
      next = [...next, ...file[section].filter((each) => !next.some((one) => one[key] === each[key])).map((each) => ({ ...each, disabled: true }))];
    }
    difference(file[section], next, section, lines);
    if (section === 'agents') for (const each of next) if (!file.agents.some((one) => one.login === each.login)) passwords.push({ login: each.login, password: 'bcdfg-hjkmn-pqrst-vwxz2' });
    file[section] = next;
  }
  const wrong = problems(file);
  if (wrong.length || dry) return { wrong, lines, passwords: [] };
  for (const channel of file.channels) {
    for (const setting of CONNECTORS.find((each) => each.id === channel.connector)?.settings ?? []) {
      if (setting.type !== 'secret' || channel.settings?.[setting.name] === undefined) continue;
      (admin.secrets.channels[channel.id] ??= {})[setting.name] = true;
      delete channel.settings[setting.name];
    }
  }
  admin.file = file;
  if (lines.length) admin.version += 1;
  return { wrong, lines, passwords };
}

function checklist({ file }) {
  const fact = (id, done, detail = '') => ({ id, state: done ? 'done' : 'missing', detail });
  const people = file.agents.filter((each) => !each.disabled);
  return [fact('https', true, 'https://demo.example.org'), fact('recovery', true), fact('backup', false), fact('memory', true, '210'), fact('disk', false, '12'), fact('hours', Boolean(file.hours)), fact('name', true), fact('emergency', Object.keys(file.emergency).length > 0),
    fact('privacy', Boolean(file.privacy)), fact('texts', false, 'ar, fa, prs'), fact('channels', true), fact('agents', true, String(people.length)),
    fact('focal', people.filter((each) => each.roles.includes('focal')).length > 1, '2'), fact('administrators', people.filter((each) => each.roles.includes('administrator')).length > 1, '1')];
}

function texts({ file }) {
  return TEXTS.map(([key, safety, holes, all]) => ({
    key, safety, holes,
    languages: Object.fromEntries(file.languages.map((tag) => [tag, { text: all[tag] ?? '', reviewed: tag === 'en', read: Boolean(file.reviewed?.[tag]?.includes(key)), own: file.texts?.[tag]?.[key] ?? null }])),
  }));
}

/** Calls below operation/…; true when it was one. */
export async function adminCall(store, path, request, response, { json, problem, body }) {
  const admin = (store.admin ??= adminStart());
  const [what, key, id, verb] = path;
  const list = (items) => json(response, 200, { items, next: null });
  if (what === 'channels' && id === 'dead') return request.method === 'POST' ? json(response, 202, { queued: true }) : list(key === 'app' ? [{ id: '1700000000000-0', thread: 'rich', seq: 4, time: '2026-11-20T09:12:00Z', error: { code: '470', text: 'The recipient has no consent.' } }] : []);
  if (what === 'flows') return json(response, 200, flowsCall(key, JSON.parse(await body())));
  if (what === 'quarantine') return list([{ id: '1700000000000-1', channel: 'app', time: '2026-11-21T19:02:00Z', why: 'no address' }]);
  if (key === 'checklist') return list(checklist(admin));
  if (key === 'texts') return list(texts(admin));
  if (key === 'connectors') return list(CONNECTORS);
  if (key === 'users' && verb === 'password') return json(response, 200, { login: id, password: JSON.parse(await body()).password ? null : 'zxwvt-srqpn-mkjhg-fdcb9' });
  if (key === 'channels' && verb === 'test') {
    const asked = JSON.parse(await body());
    admin.tests.push(asked);
    return json(response, 200, asked.to.includes('999') ? { outcome: 'gone', code: '403', text: 'bot was blocked by the user' } : { outcome: 'sent', code: '', text: '' });
  }
  if (key !== 'document') return problem(response, 404);
  const tag = `${admin.version}-mock`;
  if (request.method === 'GET') return json(response, 200, { version: tag, file: admin.file, secrets: admin.secrets });
  if (request.headers['if-match'] !== `"${tag}"`) return problem(response, 412, 'somebody has changed the operation meanwhile');
  const { wrong, lines, passwords } = apply(admin, JSON.parse(await body()), request.url.includes('dry_run=true'));
  if (wrong.length) return response.writeHead(400, { 'Content-Type': 'application/problem+json' }).end(JSON.stringify({ type: 'about:blank', title: '400', status: 400, detail: 'the operation file is not in order', problems: wrong, at: wrong[0].at }));
  return json(response, 200, { version: `${admin.version}-mock`, changes: lines, passwords, behind: [] });
}
