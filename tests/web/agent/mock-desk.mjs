// SPDX-License-Identifier: Apache-2.0
// Articles and people by hand, as gateway/api tells them, for the mock: what the page asks is answered from memory.
const past = '2025-03-01';
const text = (title, words) => ({ title, text: words });

function article(id, more) {
  return {
    id, version: 1, kind: 'answer', state: 'published', clearance: 0, shortcut: null, area: null, topic: null, owner: null, review: '2027-06-30', source: null, tags: [],
    source_changed: false, editable: true, ratings: { useful: 3, not_useful: 0, outdated: 0 }, used: 12, notes: [], ...more,
  };
}

function library(store) {
  store.articles ??= new Map([
    article('thanks', { shortcut: 'thanks', tags: ['goodbye'], texts: { en: text('Thank you, goodbye', 'Thank you, {name}. You can write to us here at any time.'), ar: text('شكرا ومع السلامة', 'شكرا لك يا {name}. يمكنك الكتابة إلينا هنا في أي وقت.'), tr: text('Teşekkürler', 'Teşekkürler {name}. Bize istediğiniz zaman yazabilirsiniz.') } }),
    article('hours', { shortcut: 'hours', area: 'tr/izmir', review: past, ratings: { useful: 9, not_useful: 1, outdated: 2 }, texts: { en: text('Opening hours of the İzmir office', 'Monday to Friday, 09:00 to 17:00. Closed on public holidays. Nobody needs an appointment to ask.'), ar: text('أوقات عمل مكتب إزمير', 'من الاثنين إلى الجمعة، من 9:00 إلى 17:00. لا حاجة إلى موعد للسؤال.') }, notes: [{ by: 'deniz', rating: 'outdated', comment: 'Fridays end at 16:00 now', time: '2026-02-01T09:00:00Z' }] }),
    article('newborn', { kind: 'article', topic: 'registration', source: { name: 'Help site', url: 'https://help.example.org/newborn' }, texts: { en: text('Registering a newborn', 'Bring the birth notification of the hospital and the documents of both parents. The registration is free. When a document is missing, come all the same: what is there can be begun.') } }),
    article('draft', { kind: 'article', state: 'draft', texts: { en: text('Cash help in winter', 'To be written.') } }),
  ].map((each) => [each.id, each]));
  return store.articles;
}

const plain = (a, tag, own) => {
  const { notes, texts, ...rest } = a;
  const base = { ...rest, overdue: a.review !== null && a.review < new Date().toISOString().slice(0, 10), languages: Object.keys(texts) };
  if (own) return { ...base, texts, updated_by: 'amal' };
  const language = [tag, 'en', ...Object.keys(texts)].find((each) => texts[each]);
  return { ...base, language, ...texts[language] };
};

function find(store, query) {
  const words = (query.get('q') ?? '').toLowerCase().split(/\s+/u).filter(Boolean);
  const state = query.get('state') ?? 'published';
  const rank = (a) => words.reduce((sum, word) => {
    const has = (from) => from.toLowerCase().split(/[\s/,]+/u).some((each) => each.startsWith(word));
    const best = Object.values(a.texts).some((each) => has(each.title)) ? 100 : has([a.shortcut, ...a.tags].join(' ')) ? 60 : Object.values(a.texts).some((each) => has(each.text)) ? 10 : -1000;
    return sum + best;
  }, 1);
  return [...library(store).values()].map((a) => [rank(a), a]).filter(([score, a]) => score > 0 && (state === 'all' || a.state === state)).sort((x, y) => y[0] - x[0]).slice(0, Number(query.get('limit') ?? 50)).map(([, a]) => plain(a, query.get('language')));
}

function articleCall(store, [id, verb], method, body, query) {
  const all = library(store);
  if (!id && method === 'GET') return [200, { items: find(store, query), next: null }];
  const { version, ...told } = body ?? {};
  if (!id) {
    const made = article(`a${all.size + 1}`, { state: 'draft', ...told });
    all.set(made.id, made);
    return [201, plain(made, '', true)];
  }
  const one = all.get(id);
  if (!one) return [404];
  if (method === 'DELETE') return [all.delete(id) ? 204 : 404];
  if (verb === 'used') one.used += 1;
  if (verb === 'rate') {
    one.ratings[body.rating] += 1;
    one.notes.push({ by: 'amal', ...body, time: new Date().toISOString() });
  }
  if (verb === 'used' || verb === 'rate') return [204];
  if (verb === 'notes') return [200, { items: one.notes, next: null }];
  if (verb === 'publish' || verb === 'retire') one.state = verb === 'publish' ? 'published' : 'retired';
  if (method === 'PUT') Object.assign(one, told, { version: one.version + 1 });
  return [200, plain(one, '', true)];
}

function happen(store, thread, h) {
  const happened = { what: h.what, direction: h.direction ?? 'in', time: h.time ?? new Date().toISOString(), ...(h.seconds ? { seconds: h.seconds } : {}) };
  return store.say(thread, { kind: 'call', direction: happened.direction, channel: '', text: h.text, happened, author: { kind: 'agent', id: store.me, name: 'Amal' } }, true);
}

function open(store, body) {
  const known = [...store.contacts.values()].find((each) => each.addresses.some((one) => one.uri === body.address));
  const contact = known ?? store.contact({ name: body.name ?? null, language: body.language ? { tag: body.language, how: 'set' } : null, addresses: body.address ? [{ uri: body.address, channel: 'desk', verified: false, blocked: false, last_seen: new Date().toISOString() }] : [] });
  const thread = store.thread({ contact, channel: 'desk', state: body.wait ? 'waiting' : 'assigned', assignee: body.wait ? null : store.me, topic: body.topic ?? null, language: body.language ? { tag: body.language, how: 'set' } : null });
  if (known) Object.assign(thread, { same_person: { why: 'channel', answer: null }, contact: { id: contact.id, name: null } });
  if (body.happened) happen(store, thread, body.happened);
  store.emit({ type: 'thread.assigned', thread });
  return [201, thread];
}

function threadCall(store, thread, verb, body) {
  if (verb === 'happened') return [201, happen(store, thread, body)];
  if (verb === 'same-person') {
    thread.same_person = { why: thread.same_person.why, answer: body.answer === 'undo' ? null : body.answer };
    thread.contact.name = body.answer === 'yes' ? store.contacts.get(thread.contact.id).name : null;
  } else if (body.passed) thread.identity = { how: body.how, by: 'amal', time: new Date().toISOString() };
  else delete thread.identity;
  store.emit({ type: 'thread.changed', thread });
  return [200, thread];
}

function linkCall(store, contact, verb, body) {
  const mine = (uri) => [...store.contacts.values()].find((each) => each.addresses.some((one) => one.uri === uri));
  if (body.contact) {
    const other = store.contacts.get(body.contact);
    contact.merged = verb === 'link' ? [...(contact.merged ?? []), { ...other, threads: [] }] : (contact.merged ?? []).filter((each) => each.id !== body.contact);
  } else if (mine(body.address) && mine(body.address) !== contact) return [409];
  else contact.addresses.push({ uri: body.address, channel: 'sms', verified: false, blocked: false, last_seen: new Date().toISOString() });
  return [200, { ...contact, threads: [] }];
}

/** [status, body], or null: not ours. */
export function deskCall(store, [what, key, verb], method, body, query) {
  if (what === 'articles') return articleCall(store, [key, verb], method, body, query);
  if (what === 'threads' && !key && method === 'POST') return open(store, body);
  if (what === 'threads' && ['happened', 'same-person', 'identity'].includes(verb)) return threadCall(store, store.threads.get(key), verb, body);
  if (what === 'contacts' && ['link', 'unlink'].includes(verb)) return linkCall(store, store.contacts.get(key), verb, body);
  if (what === 'contacts' && !key && query.has('address')) {
    const found = [...store.contacts.values()].filter((each) => each.addresses.some((one) => one.uri === query.get('address')));
    return [200, { items: found.map((each) => ({ ...each, threads: [] })), next: null }];
  }
  return closed(store, key);
}

/** What is told of somebody of whom only a thread in doubt is seen; null: there is another. */
function closed(store, id) {
  const theirs = [...store.threads.values()].filter((thread) => thread.contact.id === id);
  if (!theirs.some((thread) => thread.same_person) || !theirs.every((thread) => thread.same_person && thread.same_person.answer !== 'yes')) return null;
  const threads = theirs.map(({ id: thread, state, opened, topic, clearance }) => ({ id: thread, state, opened, topic, clearance }));
  return [200, { id, name: null, language: null, addresses: store.contacts.get(id).addresses, fields: {}, notes: '', area: null, closed: true, threads }];
}

export const deskAsks = (store, [what, key, verb], request, url) =>
  what === 'articles' || (what === 'contacts' && key && !verb && request.method === 'GET' && closed(store, key) !== null) || (what === 'threads' && ((!key && request.method === 'POST') || ['happened', 'same-person', 'identity'].includes(verb))) ||
  (what === 'contacts' && (['link', 'unlink'].includes(verb) || (!key && url.searchParams.has('address'))));
