// SPDX-License-Identifier: Apache-2.0
// Puts the page together: the template's elements, the conversation, what is kept, the way out.

import { $, show } from './dom';
import { changeLanguage, language, nameLanguage, readTexts } from './texts';
import { Choice } from './frames';
import { Conversation, Unsent, UnsentFile } from './conversation';
import { Compose } from './compose';
import { Keep, Kept } from './keep';
import { Leave } from './leave';
import { Log } from './log';
import { Voice } from './voice';
import { embed, tellSite } from './embed';
import { statusLine } from './notice';

const root = document.documentElement;
const data = document.body.dataset;
const base = data['base'] as string;

readTexts();

const log = new Log(
  {
    choose: (c) => send(c.title, [], c),
    again: (m) => conversation.tryAgain(m),
    remove: (m) => conversation.drop(m),
  },
  (e) => e.direction === 'out' && tellSite.unread(),
);
const conversation = new Conversation(base, data['socket'] as string, spoken, log, () => keep.save());
log.conversation = conversation;
const keep = new Keep(base, record, () => wipe());
const compose = new Compose({
  send,
  choices: () => log.activeChoices(),
  typing: (on) => conversation.typing(on),
  touched: () => conversation.link.start(),
  draft: () => keep.save(true),
});
const voice = new Voice(
  (f) => send('', [f]),
  () => compose.focus(),
);
// On another site the site's own choice is in the address, not the person's.
let chosen = data['chosen'] === 'yes' && parent === window;
const mine = $<HTMLInputElement>('mine');

function spoken(): { locale: string; chosen?: boolean } {
  return chosen ? { locale: language(), chosen } : { locale: language() };
}

function record(): Kept {
  const queue = conversation.queue
    .filter((m) => !m.id && !m.files.length)
    .map((m) => ({ ref: m.ref, text: m.text, time: m.time, ...(m.choice ? { choice: m.choice } : {}) }));
  return { v: 1, session: conversation.session, lang: language(), chosen, draft: compose.value, queue };
}

function send(text: string, files: UnsentFile[], choice?: Choice): void {
  first();
  conversation.write(text, files, choice);
}

/** From the first message on the screen belongs to the conversation. */
function first(): void {
  if (root.classList.contains('begun')) return;
  root.classList.add('begun');
  fold('langs', true);
  fold('about', true);
}

function fold(id: string, shut: boolean): void {
  $<HTMLDetailsElement>(id).open = !shut;
}

function wipe(): void {
  keep.turn(false);
  mine.checked = false;
  voice.drop();
  compose.clear();
  conversation.wipe();
  document.querySelectorAll<HTMLInputElement>('input[name=session]').forEach((i) => (i.value = ''));
  root.classList.remove('begun');
  fold('about', false);
}

function setLanguage(lang: string): void {
  changeLanguage(base, lang, (ok) => {
    if (!ok) return statusLine.set('offline');
    log.redraw();
    compose.redraw();
    statusLine.redraw();
    conversation.link.again();
    keep.save();
  });
}

function restore(k: Kept): void {
  mine.checked = true;
  conversation.session = k.session;
  if (!compose.value) compose.value = k.draft;
  if (data['chosen'] !== 'yes') {
    chosen = !!k.chosen;
    if (k.lang !== language()) setLanguage(k.lang);
  }
  for (const q of k.queue) {
    const m: Unsent = { ref: q.ref, text: q.text, time: q.time, files: [], part: 0, state: 'waiting' };
    if (q.choice) m.choice = q.choice;
    conversation.put(m);
  }
  if (k.session) begin();
}

function begin(): void {
  first();
  conversation.link.start();
}

function wire(): void {
  mine.addEventListener('change', () => {
    if (!keep.turn(mine.checked)) mine.checked = false;
  });
  $('langs').addEventListener('click', (e) => {
    const link = (e.target as Element).closest('a');
    if (!link) return;
    e.preventDefault();
    fold('langs', true);
    $('langs-open').focus();
    chosen = true;
    setLanguage(link.getAttribute('hreflang') as string);
  });
  $('skip').addEventListener('click', (e) => {
    e.preventDefault(); // an address with #… would be one more line in the browser's history
    compose.focus();
  });
  // Files and voice notes are never kept on the device, so closing now would lose them; texts only when nothing is kept.
  addEventListener('beforeunload', (e) => {
    const lost = conversation.queue.some((m) => !m.id && (m.files.length > 0 || !keep.on));
    if (!lost) return;
    e.preventDefault();
    e.returnValue = '';
  });
  // Left by another way than the exit: browsers may hold the page in memory for going back.
  addEventListener('pagehide', () => {
    if (keep.on) keep.save();
    else if (document.body.firstChild) wipe();
  });
}

function start(): void {
  // The server drew the entries of a session that was begun without scripts: it goes on here.
  const session = document.querySelector<HTMLInputElement>('input[name=session]');
  const begun = session ? session.value : '';
  log.reset();
  // A form that was sent before this script came: a failure stays to be read, with the words that were put back.
  const notice = document.querySelector('.notice');
  if (notice && !compose.value) notice.remove();
  root.classList.remove('nojs');
  root.classList.add('js');
  nameLanguage();
  wire();
  new Leave(base, data['exit'] as string, {
    wipe,
    session: () => conversation.session,
    forgotten: () => {
      statusLine.pass('forgotten', 15000);
      scrollTo(0, 0);
    },
  });
  embed(compose);
  const kept = keep.read();
  if (begun) conversation.session = begun;
  if (kept) restore(begun ? { ...kept, session: begun } : kept);
  else if (begun) begin();
  if (data['chosen'] === 'yes') fold('langs', true);
  show($('device'), true);
}

start();
