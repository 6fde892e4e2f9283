// SPDX-License-Identifier: Apache-2.0
// What a day at the desk brings, beyond the main job: signs that must not be missed and things that must not be wrong.
import { axe, openPage, press, text } from '../browser.mjs';
import { atDesk, equal, eventually, first, openThread, pause, sees, signIn, status, unfocus, until, write } from '../desk.mjs';

/** Counts the tones that the page asks for; no sound is made. */
async function listen(page) {
  await page.evaluateOnNewDocument(() => {
    window.tones = 0;
    const node = { connect: () => node, start: () => { window.tones += 1; }, stop() {}, frequency: {}, gain: { setValueAtTime() {}, linearRampToValueAtTime() {}, exponentialRampToValueAtTime() {} } };
    window.AudioContext = class { state = 'running'; currentTime = 0; createOscillator() { return node; } createGain() { return node; } };
  });
}

const tones = (page) => page.evaluate(() => { const heard = window.tones; window.tones = 0; return heard; });

export const cases = {
  async 'an agent who may not look into the queues sees what waits in them, and why none is offered'({ browser, mock }) {
    mock.store.plain = true;
    const { page, wrong, close } = await atDesk({ browser, mock });
    await unfocus(page);
    await page.keyboard.press('2');
    await sees(page, 'Dari · Cash assistance', '.board');
    await sees(page, 'longest', '.board');
    await sees(page, 'one by one', '.board');
    equal((await text(page, '.list')).includes('Nobody waits'), false, 'a queue that is not empty called empty');
    await press(page, 'Arabic 2');
    await until(page, 'one language', () => [...document.querySelectorAll('.board strong')].every((node) => node.innerText === 'Arabic'));
    await unfocus(page);
    await page.keyboard.press('b');
    await sees(page, 'until you are online', '.board');
    Object.assign(mock.store.agents.get('a-amal'), { presence: 'online', load: 4 });
    mock.store.emit({ type: 'presence', agent: mock.store.agents.get('a-amal') });
    await sees(page, 'You hold 4 threads', '.board');
    equal(await axe(page), [], 'axe');
    equal(wrong, [], 'errors');
    await close();
  },

  async 'a message that fails while another thread is read is told, marked in the list, and found by one press'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    await press(page, 'Send again', 'article'); // what failed before
    await eventually('a second attempt', () => mock.store.logs.get('rich').some((entry) => entry.attempt === 2));
    const other = await first(mock, (each) => each.state === 'assigned' && each.language.tag === 'fr');
    await openThread(page, other.id);
    await write(page, 'Oui, je vous écris.');
    await status(page, 'je vous écris', 'Read');
    const entry = mock.store.logs.get(other.id).find((each) => each.text === 'Oui, je vous écris.');
    await openThread(page, 'rich');
    Object.assign(entry, { status: 'failed', attempt: 2, error: { code: 'no_address', text: '' } });
    mock.store.emit({ type: 'entry.status', thread: other.id, entry: entry.id, seq: entry.seq, status: 'failed', attempt: 2, error: entry.error });
    await sees(page, 'A message to Aïcha Traoré was not sent.', '.notice');
    await until(page, 'the mark in the list', (id) => document.querySelector(`[data-row="${id}"]`)?.innerText.includes('Not sent'), other.id);
    equal(await page.evaluate((id) => {
      const rows = [...document.querySelectorAll('.list .slot')];
      const answered = rows.findIndex((row) => row.innerText.startsWith('Answered'));
      return answered < 0 || rows.findIndex((row) => row.querySelector(`[data-row="${id}"]`)) < answered;
    }, other.id), true, 'among those that need an answer');
    await press(page, 'Show', '.notice');
    await status(page, 'je vous écris', 'Not sent: the address does not exist');
    await unfocus(page);
    await page.keyboard.press('e');
    await sees(page, '1 message did not reach the person', 'dialog');
    await page.keyboard.press('Escape');
    await until(page, 'no dialog', () => !document.querySelector('dialog[open]'));
    await press(page, 'Send again', 'article');
    await until(page, 'no mark', (id) => !document.querySelector(`[data-row="${id}"]`)?.innerText.includes('Not sent'), other.id);
    await close();
  },

  async 'a message that failed is marked in the list after a reload, and no more once it arrived'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock });
    const other = await first(mock, (each) => each.state === 'assigned' && each.language.tag === 'fr');
    const entry = mock.store.say(other, { text: 'Oui.', direction: 'out', status: 'failed', error: { code: 'no_address', text: '' } });
    await page.reload();
    const marked = (id) => document.querySelector(`[data-row="${id}"]`)?.innerText.includes('Not sent');
    await until(page, 'the mark in the list', marked, other.id);
    mock.store.say(other, { text: 'Encore.', direction: 'out' }, true);
    const earlier = (id) => document.querySelector(`[data-row="${id}"]`)?.innerText.includes('An earlier message was not sent');
    await until(page, 'what the mark is about, once another message is the last', earlier, other.id);
    mock.store.deliver(other, Object.assign(entry, { attempt: 2 }));
    await until(page, 'no mark', (id) => !/not sent/iu.test(document.querySelector(`[data-row="${id}"]`).innerText), other.id);
    await close();
  },

  async 'numbers and codes read from left to right beside Arabic, in the thread and in the list'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    mock.store.say(mock.store.threads.get('rich'), { text: 'هاتفي +90 555 111 00 01 والملف 385-24C00917' }, true);
    await sees(page, '385-24C00917', '.bubble');
    const order = (selector) => page.evaluate((where) => {
      const place = (node, words) => {
        const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
          const from = walker.currentNode.data.indexOf(words);
          if (from < 0) continue;
          const range = document.createRange();
          range.setStart(walker.currentNode, from);
          range.setEnd(walker.currentNode, from + words.length);
          return range.getBoundingClientRect();
        }
        return null;
      };
      const node = [...document.querySelectorAll(where)].find((each) => each.innerText.includes('+90 555 111'));
      const [begin, end, code, rest] = ['+90', '00 01', '385', '24C00917'].map((words) => place(node, words));
      return [begin.right < end.left && Math.abs(begin.top - end.top) < 4, code.right < rest.left];
    }, selector);
    equal(await order('.bubble'), [true, true], 'in the thread');
    equal(await order('[data-row] .preview'), [true, true], 'in the list');
    await close();
  },

  async 'an offer is heard, and seen on the tab; nothing is heard of threads of others; one switch makes it silent'({ browser, mock }) {
    const { page, close } = await openPage(browser);
    await listen(page);
    await signIn(page, mock.url);
    await page.waitForSelector('[data-row]');
    const icon = () => page.$eval('link[rel=icon]', (node) => node.getAttribute('href'));
    const [one, two] = [...mock.store.threads.values()].filter((each) => each.state === 'waiting');
    mock.store.offer(one);
    await until(page, 'the title', () => /^\(\d+\) Offered to you/u.test(document.title));
    equal(await icon(), '/mark-waits.svg', 'the icon');
    equal(await tones(page), 2, 'tones of an offer');
    await sees(page, 'A thread is offered to you.', '[aria-live=polite]');
    Object.assign(two, { state: 'assigned', assignee: 'a-deniz' });
    mock.store.emit({ type: 'thread.changed', thread: two });
    mock.store.say(two, { text: 'to a colleague' }, true);
    await pause(300);
    equal(await tones(page), 0, 'tones of a thread of somebody else');
    const mine = await first(mock, (each) => each.state === 'assigned' && each.assignee === 'a-amal');
    mock.store.say(mine, { text: 'to me' }, true);
    await eventually('the tone of a message', async () => (await tones(page)) === 1);
    await sees(page, 'another of your threads', '[aria-live=polite]');
    await unfocus(page);
    await page.keyboard.press(',');
    await press(page, 'Sound for offers and messages');
    await page.keyboard.press('Escape');
    mock.store.say(mine, { text: 'to me again' }, true);
    await pause(400);
    equal(await tones(page), 0, 'tones when switched off');
    await close();
  },

  async 'an offer of a confidential thread says so on its card and in its row'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock });
    const [open, closed] = [...mock.store.threads.values()].filter((each) => each.state === 'waiting');
    Object.assign(open, { clearance: 0 });
    mock.store.offer(open);
    mock.store.offer(Object.assign(closed, { clearance: 1 }));
    const card = (id) => `[data-offer="${id}"]`;
    await sees(page, 'Confidential', card(closed.id));
    equal(await page.$(`${card(closed.id)} .chip svg`) !== null, true, 'the lock');
    equal(await page.$eval(card(open.id), (node) => node.innerText.includes('Confidential')), false, 'nothing on an open one');
    mock.store.endOffer(open, 'taken');
    await until(page, 'one offer', () => document.querySelectorAll('.offer').length === 1);
    await press(page, 'Accept', card(closed.id));
    await page.waitForSelector(`[data-row="${closed.id}"] [aria-label="Confidential"], [data-row="${closed.id}"] [title="Confidential"]`);
    await close();
  },

  async 'a new message in the open thread is said to those who do not see it'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    mock.store.say(mock.store.threads.get('rich'), { text: 'said' }, true);
    await sees(page, 'A new message in this thread.', '[aria-live=polite]');
    await close();
  },

  async 'after accepting, the focus is on the thread; lists change beside it without closing it'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock });
    const thread = await first(mock, (each) => each.state === 'waiting' && each.language.tag === 'tr');
    mock.store.offer(thread);
    await page.waitForSelector('.offer');
    await unfocus(page);
    await page.keyboard.press('a');
    await until(page, 'the focus on its name', () => document.activeElement?.matches('.thread header h2'));
    for (const key of ['2', '3', '1']) {
      await page.keyboard.press(key);
      await pause(150);
      equal(await page.evaluate(() => [location.hash, !!document.querySelector('.composer')]), [`#t=${thread.id}`, true], `the thread after ${key}`);
    }
    await close();
  },

  async 'a thread that a supervisor gives is told'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock });
    const thread = await first(mock, (each) => each.state === 'waiting' && each.contact.name && each.language.tag === 'so');
    Object.assign(thread, { state: 'assigned', assignee: 'a-amal' });
    mock.store.emit({ type: 'thread.assigned', thread });
    await sees(page, 'Xaliimo Cabdi was given to you.', '.notice');
    await press(page, 'Show', '.notice');
    await until(page, 'the thread', (id) => location.hash === `#t=${id}`, thread.id);
    await close();
  },

  async 'zoomed to 200 and 400 per cent, an offer can be accepted and a message written'({ browser, mock }) {
    for (const [width, height] of [[720, 450], [320, 256]]) {
      const { page, close } = await atDesk({ browser, mock }, { width, height });
      const thread = await first(mock, (each) => each.state === 'waiting' && each.language.tag === 'ar');
      mock.store.offer(thread);
      await page.waitForSelector('.offer');
      await pause(200);
      const inSight = (selector) => page.$eval(selector, (node) => {
        node.scrollIntoView({ block: 'nearest' });
        const box = node.getBoundingClientRect();
        const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
        return box.height > 0 && (node === at || node.contains(at));
      });
      equal(await inSight('.offer .primary'), true, `the accept button at ${width} px`);
      await page.click('.offer .primary');
      await page.waitForSelector('.composer textarea');
      equal(await inSight('.composer textarea'), true, `the field at ${width} px`);
      equal(await inSight('.composer .primary'), true, `the send button at ${width} px`);
      equal(await page.$eval('.entries', (node) => node.clientHeight >= 100), true, `room to read at ${width} px`);
      equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, 'no sideways scrolling');
      equal(await axe(page), [], `axe at ${width} px`);
      mock.store.endOffer(thread, 'expired');
      Object.assign(thread, { state: 'resolved' });
      await close();
    }
  },

  async 'who asks for less motion gets none'({ browser, mock }) {
    const { page, close } = await openPage(browser);
    await page.emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }]);
    await signIn(page, mock.url);
    await openThread(page, 'rich');
    equal(await page.$$eval('*', (nodes) => nodes.filter((node) => {
      const { transitionDuration, animationName } = getComputedStyle(node);
      return animationName !== 'none' || transitionDuration.split(',').some((each) => Number.parseFloat(each) > 0);
    }).length), 0, 'elements that move');
    await close();
  },

  async 'nothing that somebody wrote stays in the browser for longer than the tab'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    await page.type('.composer textarea', 'CANARY draft');
    await pause(500);
    await openThread(page, (await first(mock, (each) => each.language?.tag === 'fr' && each.assignee)).id);
    await write(page, 'CANARY sent');
    await sees(page, 'CANARY sent', '.bubble');
    const kept = await page.evaluate(async () => ({ local: { ...localStorage }, bases: (await indexedDB.databases()).length, caches: (await caches.keys()).length, cookie: document.cookie }));
    equal([Object.keys(kept.local), kept.bases, kept.caches, kept.cookie], [['parley.settings'], 0, 0, ''], 'what is kept');
    equal(JSON.stringify(kept.local).includes('CANARY'), false, 'words of somebody');
    await close();
  },
};
