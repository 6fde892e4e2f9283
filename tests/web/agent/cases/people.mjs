// SPDX-License-Identifier: Apache-2.0
// Care, keys, languages, long lists: how the page treats those who write and those who read.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OUT, openPage, press, shot, text } from '../browser.mjs';
import { atDesk, bubbles, equal, eventually, first, openThread, pause, sees, status, unfocus, until } from '../desk.mjs';

const top = (page, words) => page.evaluate((wanted) => {
  const node = [...document.querySelectorAll('article, [data-row]')].find((each) => each.innerText.includes(wanted));
  return node ? Math.round(node.getBoundingClientRect().top) : null;
}, words);

export const cases = {
  async 'a sensitive thread is not fetched and not shown until asked for'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'sealed' });
    await sees(page, 'This thread is sensitive', '.thread');
    await sees(page, 'Sensitive: not shown', '[data-row]');
    mock.store.say(mock.store.threads.get('sealed'), { text: 'CANARY-SENSITIVE more' }, true);
    await pause(400);
    equal(await page.evaluate(() => document.documentElement.outerHTML.includes('CANARY-SENSITIVE')), false, 'its text in the page');
    equal(mock.store.asked.includes('sealed'), false, 'its entries were asked for');
    await unfocus(page);
    await page.keyboard.press('x');
    await sees(page, 'CANARY-SENSITIVE more', '.bubble');
    await openThread(page, 'rich');
    await openThread(page, 'sealed');
    await sees(page, 'This thread is sensitive', '.thread');
    await page.evaluate(() => document.querySelector('header .menu:last-child button').click());
    await press(page, 'Settings');
    await press(page, 'Hide sensitive threads until I ask');
    await page.keyboard.press('Escape');
    await sees(page, 'CANARY-SENSITIVE', '.bubble');
    await close();
  },

  async 'what people wrote cannot deceive: controls gone, own direction, safe links, nothing fetched unasked'({ browser, mock }) {
    const asked = [];
    const { page, close } = await openPage(browser);
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(mock.url);
    await page.waitForSelector('input[name=login]');
    await page.type('input[name=login]', 'amal');
    await page.type('input[name=password]', 'demo');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-row]');
    await openThread(page, 'rich');
    await page.evaluate(() => { document.querySelector('.entries .scroller').scrollTop = 0; });
    await sees(page, 'I need help with my papers', '.bubble');
    equal(await page.evaluate(() => /[\u202A-\u202E]/u.test(document.body.innerHTML)), false, 'overrides in the page');
    const link = await page.$eval('.bubble a', (node) => [node.href, node.rel, node.target]);
    equal(link, ['https://help.example.org/ar?x=1', 'noopener noreferrer', '_blank'], 'the link');
    equal(await page.$$eval('.words', (nodes) => nodes.every((node) => node.dir === 'auto' && getComputedStyle(node).unicodeBidi === 'plaintext')), true, 'directions');
    equal(asked.filter((url) => !url.startsWith(mock.url)), [], 'requests elsewhere');
    equal(asked.filter((url) => /attachments/u.test(url)), [], 'attachments fetched unasked');
    await close();
  },

  async 'edits, deletions, reactions, choices, places, cards stand where they belong'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    const seen = new Set();
    const collect = async (y) => {
      await page.evaluate((to) => { document.querySelector('.entries .scroller').scrollTop = to; }, y);
      await pause(200);
      for (const each of await page.$$eval('article, .event', (nodes) => nodes.map((node) => node.innerText.replace(/[\u2066-\u2069]/gu, '')))) seen.add(each);
    };
    for (const y of [0, 600, 1200, 5000]) await collect(y);
    const all = [...seen].join('\n');
    for (const wanted of ['0555 123 45 67 (from tomorrow', 'edited', 'The person deleted this message.', '👍', 'Chose:', 'التسجيل', 'Konak Meydanı', '38.41885, 27.12872', '+90 555 765 43 21', 'Note, seen by colleagues only', 'You accepted the thread', 'Being fetched from the channel']) {
      equal([wanted, all.includes(wanted)], [wanted, true], 'shown');
    }
    equal(all.includes('sent to the wrong person'), false, 'deleted text shown');
    await close();
  },

  async 'voice notes play, pictures come when asked for'({ browser, mock }) {
    const { page, wrong, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    await page.evaluate(() => { const box = document.querySelector('.entries .scroller'); box.scrollTop = box.scrollHeight * 0.55; });
    await pause(300);
    await (await page.waitForSelector('.voice button')).click();
    await until(page, 'the note to play', () => { const audio = document.querySelector('audio'); return audio && (audio.currentTime > 0 || audio.ended); });
    await (await page.waitForSelector('.ask')).click();
    await until(page, 'the picture', () => document.querySelector('.bubble img')?.complete && document.querySelector('.bubble img').naturalWidth > 0);
    equal(wrong, [], 'errors');
    await close();
  },

  async 'attachments go up with progress, can be removed, and are sent'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    const [one, two] = [join(OUT, 'بطاقة.txt'), join(OUT, 'second.txt')];
    writeFileSync(one, 'x'.repeat(50_000));
    writeFileSync(two, 'y');
    const input = await page.$('.composer input[type=file]');
    await input.uploadFile(one, two);
    await until(page, 'both ready', () => document.querySelectorAll('.uploads .good').length === 2);
    await press(page, 'Remove second.txt');
    await page.focus('.composer textarea');
    await page.keyboard.type('with a file');
    await page.keyboard.press('Enter');
    await status(page, 'with a file', 'Read');
    const sent = mock.store.logs.get('rich').find((entry) => entry.text === 'with a file');
    equal(sent.attachments.map((file) => [file.name, file.size]), [['بطاقة.txt', 50_000]], 'attachments');
    await close();
  },

  async 'the whole job by keyboard alone, on an Arabic layout too'({ browser, mock }) {
    const { page, close } = await openPage(browser);
    await page.goto(mock.url);
    await page.waitForFunction(() => document.activeElement?.name === 'login');
    await page.keyboard.type('amal');
    await page.keyboard.press('Tab');
    await page.keyboard.type('demo');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-row]');
    const thread = await first(mock, (each) => each.state === 'waiting' && each.language.tag === 'tr');
    mock.store.offer(thread);
    await page.waitForSelector('.offer');
    await page.keyboard.press('a');
    await page.waitForSelector('.composer textarea');
    // The key that says "r" gives "ق" on an Arabic layout.
    await page.evaluate(() => dispatchEvent(new KeyboardEvent('keydown', { key: 'ق', code: 'KeyR', bubbles: true })));
    await page.waitForFunction(() => document.activeElement?.matches('.composer textarea'));
    await page.keyboard.type('Merhaba, yardım edelim.');
    await page.keyboard.press('Enter');
    await status(page, 'yardım edelim', 'Read');
    await page.keyboard.press('Escape');
    await page.keyboard.press('e');
    await page.waitForSelector('dialog[open]');
    await page.keyboard.press('Space');
    await page.keyboard.press('Enter');
    await eventually('resolved', () => thread.state === 'resolved' && thread.outcome === 'answered');
    await until(page, 'no dialog', () => !document.querySelector('dialog[open]'));
    await unfocus(page);
    await page.keyboard.press('1');
    await page.waitForFunction(() => document.activeElement?.matches('[data-row]'));
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.composer textarea');
    await page.evaluate(() => dispatchEvent(new KeyboardEvent('keydown', { key: '؟', code: 'Slash', shiftKey: true, bubbles: true })));
    await sees(page, 'Keys', 'dialog[open]');
    const focusSeen = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    equal(focusSeen, 'solid', 'the focus is visible');
    await close();
  },

  async 'Arabic and Turkish: words, direction, digits of waiting, and kept over a reload'({ browser, mock }) {
    const { page, wrong, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    for (const [locale, dir, words, status_] of [['ar', 'rtl', 'محادثاتي', 'وصلت'], ['tr', 'ltr', 'Benimkiler', 'Teslim edildi']]) {
      await page.evaluate(() => document.activeElement?.blur());
      await page.keyboard.press(',');
      await page.waitForSelector('dialog[open] select');
      await page.select('dialog select', locale);
      await page.keyboard.press('Escape');
      await sees(page, words, '.tabs');
      await sees(page, status_, 'article');
      equal(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir]), [locale, dir], 'lang and dir');
      await page.reload();
      await sees(page, words, '.tabs');
      await shot(page, `locale-${locale}`);
    }
    equal(wrong, [], 'errors');
    await close();
  },

  async 'nothing jumps: what is read stays, a pill counts, and the list stands still under the pointer'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'long' });
    const thread = mock.store.threads.get('long');
    await page.evaluate(() => { document.querySelector('.entries .scroller').scrollTop -= 900; });
    await pause(400);
    const word = (await bubbles(page)).find((each) => /^\d+\./u.test(each)).split(' ')[0];
    const before = await top(page, word);
    for (let n = 1; n <= 3; n += 1) mock.store.say(thread, { text: `below ${n}\n`.repeat(n * 4) }, true);
    await sees(page, '3 new', '.pill');
    equal(await top(page, word), before, 'where the read entry is');
    await shot(page, 'pill');
    await press(page, '3 new', '.entries');
    await sees(page, 'below 3', '.bubble');
    await until(page, 'the end', () => { const box = document.querySelector('.entries .scroller'); return box.scrollHeight - box.scrollTop - box.clientHeight < 60; });
    // The list: hover, then a thread of the end becomes the most urgent.
    const row = await page.$('[data-row]');
    await row.hover();
    const order = () => page.$$eval('[data-row]', (rows) => rows.map((each) => each.dataset.row));
    const shown = await order();
    const last = shown.map((id) => mock.store.threads.get(id)).filter((each) => each.unread > 0).pop();
    last.priority = 3;
    mock.store.emit({ type: 'thread.changed', thread: last });
    await pause(300);
    equal(await order(), shown, 'the order under the pointer');
    await page.mouse.move(900, 400);
    await until(page, 'the urgent one first', (id) => document.querySelector('[data-row]').dataset.row === id, last.id);
    await close();
  },

  async 'loading what is older moves nothing'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'long' });
    await page.evaluate(() => { document.querySelector('.entries .scroller').scrollTop = 800; });
    await pause(100);
    const word = (await bubbles(page)).filter((each) => /^\d+\./u.test(each))[3].split(' ')[0];
    const before = await top(page, word);
    await until(page, 'older ones', () => document.querySelector('.entries .space').getBoundingClientRect().height > 15_000);
    await pause(300);
    const now = await top(page, word);
    if (now === null || Math.abs(now - before) > 40) throw new Error(`it moved from ${before} to ${now}`);
    await close();
  },

  async 'five thousand entries and ten thousand threads stay fluid'({ browser, big }) {
    const { page, close } = await atDesk({ browser, mock: big }, { thread: 'long' });
    await page.evaluate(() => {
      window.longTasks = [];
      new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((entry) => Math.round(entry.duration)))).observe({ type: 'longtask' });
    });
    equal(await text(page, '[role=tab] .badge').then((value) => Number(value.replace(/\D/gu, '')) > 4000), true, 'many threads');
    for (let n = 0; n < 30; n += 1) {
      await page.evaluate(() => { document.querySelector('.list .scroller').scrollTop += 25_000; document.querySelector('.entries .scroller').scrollTop -= 3000; });
      await pause(60);
    }
    for (let n = 0; n < 60; n += 1) {
      await page.evaluate(() => { document.querySelector('.entries .scroller').scrollTop = 0; });
      await pause(60);
    }
    await eventually('the first of 5,000', async () => {
      await page.evaluate(() => { document.querySelector('.entries .scroller').scrollTop = 0; });
      return (await bubbles(page)).some((each) => each.startsWith('1. '));
    }, 30_000);
    const counts = await page.evaluate(() => [document.querySelectorAll('[data-row]').length, document.querySelectorAll('article').length, document.querySelectorAll('*').length]);
    if (counts[0] > 60 || counts[1] > 60 || counts[2] > 3500) throw new Error(`too much is drawn: ${counts}`);
    const tasks = await page.evaluate(() => window.longTasks);
    console.log(`     10,000 threads, 5,000 entries: ${counts[2]} elements, ${tasks.length} long tasks, the longest ${Math.max(0, ...tasks)} ms`);
    await close();
  },
};
