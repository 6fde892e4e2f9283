// SPDX-License-Identifier: Apache-2.0
// Demo data of the mock server: people who write in nine languages and in two more scripts.

export const LANGUAGES = ['en', 'ar', 'fa', 'prs', 'ps', 'ur', 'so', 'fr', 'tr', 'am', 'ti'];

export const TOPICS = [
  ['registration', { en: 'Registration', ar: 'التسجيل', tr: 'Kayıt' }],
  ['protection', { en: 'Protection', ar: 'الحماية', tr: 'Koruma' }],
  ['health', { en: 'Health', ar: 'الصحة', tr: 'Sağlık' }],
  ['cash', { en: 'Cash assistance', ar: 'المساعدة النقدية', tr: 'Nakit yardım' }],
];

export const CHANNELS = [
  ['web', 'webchat', 'up'],
  ['tg', 'telegram', 'up'],
  ['wa', 'whatsapp', 'up'],
  ['sms', 'sms', 'down'],
  ['mail', 'email', 'up'],
];

/** One person per language: name, words in, our answer. */
export const PEOPLE = {
  en: ['Grace Okello', 'My registration card expires on 14/12/2026. Where can I renew it? My number is 385-24C00917.', 'You can renew it at the office in İzmir, Monday to Friday, 9:00–16:00.'],
  ar: ['نور الحسن', 'السلام عليكم، انتهت صلاحية بطاقة التسجيل COVID-19 رقم ‎385-24C00917‎ وأحتاج إلى موعد قبل 14/12/2026.', 'وعليكم السلام. يمكنك تجديدها في مكتب إزمير، من الاثنين إلى الجمعة، من الساعة 9:00 حتى 16:00.'],
  fa: ['رضا کریمی', 'سلام، کارت ثبت‌نام من گم شده است. چه کار باید بکنم؟', 'سلام. لطفاً شمارهٔ پرونده را بفرستید تا پیگیری کنیم.'],
  prs: ['فرشته احمدی', 'سلام، اولاد من مریض است و شفاخانه ما را قبول نکرد.', 'سلام. نام شفاخانه و ساعت مراجعه را بنویسید.'],
  ps: ['زرغونه ستانکزۍ', 'سلام، زموږ د نوم لیکنې پاڼه ورکه شوې ده، څنګه کولی شو نوې واخلو؟', 'سلام، د دوسیې شمېره راولېږئ.'],
  ur: ['عائشہ خان', 'السلام علیکم، میرے بچوں کے اسکول میں داخلے کے لیے کون سے کاغذات چاہییں؟', 'وعلیکم السلام، شناختی کارڈ اور رہائش کا ثبوت کافی ہے۔'],
  so: ['Xaliimo Cabdi', 'Salaan, waxaan u baahanahay caawimaad lacageed, kaarkayguna wuu dhacay.', 'Salaan, fadlan noo soo dir lambarka kiiska.'],
  fr: ['Aïcha Traoré', 'Bonjour, mon rendez-vous a été annulé. Pouvez-vous m’en donner un autre avant le 3 janvier ?', 'Bonjour, un rendez-vous est libre le 29 décembre à 10 h 30.'],
  tr: ['Şükran Yıldız', 'Merhaba, kimlik kartımın süresi doldu, ne yapmalıyım?', 'Merhaba, İl Göç İdaresinden randevu alabilirsiniz.'],
  am: ['ሰላማዊት በቀለ', 'ሰላም፣ የምዝገባ ካርዴ ጊዜው አልፎበታል። የት ማደስ እችላለሁ?', 'ሰላም፣ የጉዳይ ቁጥርዎን ይላኩልን።'],
  ti: ['ኣስመረት ተስፋይ', 'ሰላም፣ ናይ ምዝገባ ካርደይ ጠፊኡኒ፣ እንታይ ክገብር?', 'ሰላም፣ ቁጽሪ ጉዳይኩም ስደዱልና።'],
};

const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();

/** Fills a store: threads of each kind, one with everything in it. */
export function fill(store, options) {
  const { me } = store;
  let at = 0;
  for (const tag of LANGUAGES) {
    const [name, theirs, ours] = PEOPLE[tag];
    at += 1;
    const contact = store.contact({ name, language: { tag, how: at % 3 ? 'guessed' : 'stated' } });
    const thread = store.thread({
      contact, state: 'assigned', assignee: me, topic: TOPICS[at % 4][0], channel: CHANNELS[at % 3][0],
      language: { tag, how: 'guessed' }, opened: ago(120 + at), priority: tag === 'prs' ? 2 : 1,
    });
    store.say(thread, { text: theirs, time: ago(60 + at) });
    if (at % 3 === 0) store.say(thread, { direction: 'out', text: ours, time: ago(40 + at), status: 'read' });
  }
  rich(store);
  waitingOnes(store);
  if (options.long) longThread(store, options.long);
  for (let n = 0; n < (options.many ?? 0); n += 1) {
    const tag = LANGUAGES[n % LANGUAGES.length];
    const contact = store.contact({ name: `${PEOPLE[tag][0]} ${n}`, language: { tag, how: 'guessed' } });
    const thread = store.thread({ contact, state: 'assigned', assignee: me, topic: TOPICS[n % 4][0], channel: 'web', language: { tag, how: 'guessed' }, opened: ago(10_000 + n) });
    store.say(thread, { direction: n % 2 ? 'in' : 'out', text: PEOPLE[tag][n % 2 ? 1 : 2], time: ago(9000 + n) });
  }
}

function rich(store) {
  const { me } = store;
  const contact = store.contact({
    name: 'Omar ‮gpj.exe‬ الخطيب',
    language: { tag: 'ar', how: 'stated' },
    addresses: [
      { uri: 'tel:+905551234567', channel: 'wa', verified: true, last_seen: ago(9) },
      { uri: 'tel:+905551234567', channel: 'sms', verified: true, last_seen: ago(9000) },
      { uri: 'telegram:4471120', channel: 'tg', verified: true, last_seen: ago(30) },
      { uri: 'mailto:omar.k@example.org', channel: 'mail', verified: false, last_seen: null },
    ],
    fields: { household: 5, 'country of origin': 'Syria' },
    notes: 'يفضّل الكتابة مساءً. Speaks some Turkish.',
  });
  const earlier = store.thread({ contact, state: 'resolved', assignee: me, topic: 'cash', channel: 'tg', language: { tag: 'ar', how: 'stated' }, opened: ago(60_000), outcome: 'answered' });
  store.say(earlier, { text: 'متى يصل المبلغ؟', channel: 'tg', time: ago(59_900) });
  store.say(earlier, { direction: 'out', text: 'يصل خلال ثلاثة أيام.', channel: 'tg', time: ago(59_880), status: 'read' });
  const thread = store.thread({ contact, id: 'rich', state: 'assigned', assignee: me, topic: 'protection', channel: 'wa', language: { tag: 'ar', how: 'stated' }, opened: ago(1500), area: 'tr/izmir', tags: ['call-back'] });
  const say = (entry) => store.say(thread, entry);
  say({ kind: 'event', author: { kind: 'system' }, event: { what: 'opened' }, time: ago(1500) });
  const first = say({ text: 'السلام عليكم\nI need help with my papers. انظر https://help.example.org/ar?x=1. شكراً!', channel: 'tg', time: ago(1499) });
  say({ kind: 'reaction', author: { kind: 'agent', id: me, name: 'Amal' }, direction: 'out', target: first.id, text: '👍', time: ago(1490), channel: 'tg' });
  say({ kind: 'event', author: { kind: 'agent', id: me, name: 'Amal' }, event: { what: 'accepted', by: me }, time: ago(1489) });
  say({ kind: 'note', direction: 'out', author: { kind: 'agent', id: 'a-deniz', name: 'Deniz' }, text: 'He called yesterday too. Please ask for the case number first.', time: ago(1480) });
  say({ direction: 'out', text: 'وعليكم السلام. كيف يمكنني مساعدتك؟', channel: 'tg', time: ago(1470), status: 'read' });
  say({ direction: 'out', text: 'اختر الموضوع من فضلك:', choices: [{ id: '1', title: 'التسجيل' }, { id: '2', title: 'الحماية' }, { id: '3', title: 'Other / غير ذلك' }], channel: 'tg', time: ago(1469), status: 'delivered' });
  say({ text: '', choice: '2', channel: 'tg', time: ago(1460) });
  const wrong = say({ text: 'Call me on 0555 123 45 76', channel: 'wa', time: ago(70) });
  say({ kind: 'edit', target: wrong.id, text: 'Call me on 0555 123 45 67 (from tomorrow, after 18:00)', channel: 'wa', time: ago(69) });
  const gone = say({ text: 'sent to the wrong person', channel: 'wa', time: ago(68) });
  say({ kind: 'deletion', target: gone.id, text: null, channel: 'wa', time: ago(67) });
  say({ text: '', channel: 'wa', time: ago(66), location: { latitude: 38.41885, longitude: 27.12872, name: 'Konak Meydanı, İzmir' } });
  say({ text: '', channel: 'wa', time: ago(65), contact_card: { name: 'Fatma الخطيب', phones: ['+90 555 765 43 21'] } });
  say({ text: '', channel: 'wa', time: ago(64), attachments: [store.file('voice.wav', 'audio/wav')] });
  say({ text: 'وهذه صورة البطاقة', channel: 'wa', time: ago(63), attachments: [store.file('card‮gnp.png', 'image/png'), store.file('نموذج.pdf', 'application/pdf'), { ...store.file('big.mp4', 'video/mp4'), state: 'fetching' }] });
  say({ direction: 'out', text: 'شكراً، وصلت.', channel: 'wa', time: ago(50), status: 'delivered' });
  say({ direction: 'out', text: 'Your appointment is on 14 December at 10:30.', channel: 'sms', time: ago(45), status: 'failed', attempt: 1, error: { code: 'no_address', text: 'Unknown subscriber' } });
  say({ direction: 'out', text: 'موعدك يوم 14 ديسمبر الساعة 10:30.', channel: 'wa', time: ago(44), status: 'unknown' });
  say({ text: 'شكراً جزيلاً 🙏', channel: 'wa', time: ago(9) });
  thread.unread = 0;
  thread.readSeq = thread.entries;
}

function waitingOnes(store) {
  for (let n = 0; n < 14; n += 1) {
    const tag = LANGUAGES[n % LANGUAGES.length];
    const contact = store.contact({ name: n % 4 === 3 ? null : PEOPLE[tag][0], language: { tag, how: 'guessed' } });
    const thread = store.thread({ contact, state: 'waiting', topic: TOPICS[n % 4][0], channel: CHANNELS[n % 3][0], language: { tag, how: 'guessed' }, opened: ago(4 + n * 3), waiting_since: ago(4 + n * 3), priority: n === 5 ? 3 : 1 });
    store.say(thread, { text: PEOPLE[tag][1], time: ago(4 + n * 3) });
  }
  const sealed = store.contact({ name: 'No name given', language: { tag: 'en', how: 'stated' } });
  const thread = store.thread({ contact: sealed, id: 'sealed', state: 'assigned', assignee: store.me, topic: 'protection', channel: 'web', clearance: 2, language: { tag: 'en', how: 'stated' }, opened: ago(300) });
  store.say(thread, { text: 'CANARY-SENSITIVE what happened to me', time: ago(299) });
  store.say(thread, { text: 'CANARY-SENSITIVE please tell nobody', time: ago(298) });
}

function longThread(store, count) {
  const contact = store.contact({ name: 'Long History', language: { tag: 'ar', how: 'stated' } });
  const thread = store.thread({ contact, id: 'long', state: 'assigned', assignee: store.me, topic: 'health', channel: 'web', language: { tag: 'ar', how: 'stated' }, opened: ago(count * 7) });
  for (let n = 1; n <= count; n += 1) {
    const tag = LANGUAGES[n % LANGUAGES.length];
    const out = n % 3 === 0;
    const text = `${n}. ${PEOPLE[tag][out ? 2 : 1]}${n % 7 === 0 ? `\n${PEOPLE[tag][1]}`.repeat(3) : ''}`;
    store.say(thread, { direction: out ? 'out' : 'in', text, time: ago((count - n) * 6 + 90), status: out ? 'read' : 'stored' });
  }
  thread.unread = 0;
  thread.readSeq = thread.entries;
}
