// SPDX-License-Identifier: Apache-2.0
// Writing and being answered.
import assert from 'node:assert/strict';
import { marks, open, sleep, texts, until, write } from '../browser.mjs';

export const cases = {
  'a message is stored, read and answered': {
    needs: 'mock',
    async run({ browser, url, desk, mock }) {
      const page = await open(browser, url);
      await write(page, 'I need help');
      const s = await until('the message', () => desk.find('I need help'));
      await until('the first tick', async () => (await marks(page))[0] === 'stored');
      mock.push(s, { type: 'typing', on: true });
      await until('typing', () => page.$eval('#status', (e) => e.textContent.includes('writing')));
      await desk.read(s);
      await until('the second tick', async () => (await marks(page))[0] === 'read');
      const answer = await desk.reply(s, 'We are here <b>&amp;</b>', { author: 'Amal' });
      await until('the answer', async () => (await texts(page, '.out')).join() === 'We are here <b>&amp;</b>');
      assert.equal(await page.$eval('#status', (e) => e.textContent), '');
      await until('read by the person', () => s.seen === answer.id);
      await until('and had by the page', () => s.got === answer.id);
      assert.equal(s.chosen, false);
      // The first words open the link, and typing is told on one that is open: the next ones are heard for sure.
      await write(page, 'Thank you');
      await until('typing, and its end', () => s.typed.slice(-2).join() === 'true,false');
      assert.deepEqual(page.problems, []);
    },
  },
  'an old browser: without what came after Chrome 60': {
    needs: 'mock',
    async run({ browser, url, desk }) {
      const page = await open(browser, url + '?lang=ar', { before: ageBrowser });
      await write(page, 'قديم');
      const s = await until('it', () => desk.find('قديم'));
      await desk.reply(s, 'أهلًا', { choices: [{ id: 'a', title: 'نعم' }] });
      await until('the answer', async () => (await texts(page, '.out')).join() === 'أهلًا');
      await page.click('.choice');
      await until('the choice', () => s.entries.some((e) => e.choice === 'a'));
      await page.click('#mine');
      await page.reload();
      await until('all again', async () => (await texts(page)).length === 3);
      assert.deepEqual(page.problems, []);
      await page.click('.exit');
      await until('the neutral page', () => page.url().endsWith('/neutral'));
    },
  },
  'an answer arrives': {
    needs: 'desk',
    async run({ browser, url, desk }) {
      const page = await open(browser, url);
      const text = 'help ' + Math.random();
      await write(page, text);
      const s = await until('the message', () => desk.find(text));
      await desk.reply(s, 'answer to ' + text);
      await until('the answer', async () => (await texts(page, '.out')).includes('answer to ' + text));
      assert.deepEqual(page.problems, []);
    },
  },
  'no cookie, no third party and no link before the first word': {
    async run({ browser, url, origin, mock }) {
      const page = await open(browser, url);
      await sleep(500);
      assert.deepEqual(await page.browserContext().cookies(), []);
      assert.deepEqual(page.requests.filter((r) => !r.startsWith(origin) && !r.startsWith('data:')), []);
      if (mock) assert.equal(mock.log.filter((r) => r.method === 'WS').length, 0);
      await write(page, 'hello');
      await until('a tick', async () => (await marks(page))[0] === 'stored');
      assert.deepEqual(await page.browserContext().cookies(), []);
      assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
      assert.deepEqual(page.problems, []);
    },
  },
  'the language can be changed in the middle': {
    async run({ browser, url, mock }) {
      const page = await open(browser, url, { languages: 'tr,en' });
      assert.equal(await page.$eval('html', (e) => e.lang), 'tr');
      await write(page, 'merhaba');
      await until('a tick', async () => (await marks(page))[0] === 'stored');
      await page.click('#langs-open');
      await page.click('#langs a[hreflang=ar]');
      await until('Arabic', () => page.$eval('html', (e) => e.lang === 'ar' && e.dir === 'rtl'));
      if (mock) await until('the server knows', () => mock.stored[0].locale === 'ar' && mock.stored[0].chosen);
      assert.equal(await page.$eval('.send span', (e) => e.textContent), 'إرسال');
      assert.equal(await page.$eval('.mark', (e) => e.textContent.trim()), 'وصلت');
      assert.deepEqual(await texts(page), ['merhaba']);
      assert.equal(page.url(), url);
      await write(page, 'سلام');
      await until('a second tick', async () => (await marks(page)).filter((m) => m === 'stored').length === 2);
      assert.deepEqual(page.problems, []);
    },
  },
  'each message has its own direction': {
    needs: 'mock',
    async run({ browser, url, desk }) {
      const page = await open(browser, url);
      await write(page, 'مرحبا، كيف الحال؟');
      const s = await until('it', () => desk.find('مرحبا، كيف الحال؟'));
      await desk.reply(s, 'pay \u202e100\u202c now');
      await until('it', async () => (await texts(page, '.out')).length === 1);
      assert.deepEqual(await texts(page, '.out'), ['pay 100 now']);
      const dirs = await page.$$eval('.bubble', (all) => all.map((e) => getComputedStyle(e).direction));
      assert.deepEqual(dirs, ['rtl', 'ltr']);
    },
  },
  'older entries come when asked for, edits and deletions change what is there': {
    needs: 'mock',
    async run({ browser, url, desk, mock }) {
      const page = await open(browser, url);
      await write(page, 'first');
      const s = await until('it', () => desk.find('first'));
      for (let i = 0; i < 70; i++) mock.add(s, { direction: 'out', text: 'n' + i });
      const e = mock.add(s, { direction: 'out', text: 'worng' });
      mock.add(s, { kind: 'edit', direction: 'out', of: e.id, text: 'right' });
      mock.add(s, { kind: 'event', direction: 'out', text: 'A person has joined' });
      await until('the edit', async () => (await texts(page)).includes('right'));
      mock.add(s, { kind: 'edit', direction: 'out', of: e.id, deleted: true });
      await until('the deletion', async () => !(await texts(page)).includes('right'));
      assert.equal(await page.$eval('.event', (x) => x.textContent), 'A person has joined');
      await page.click('#mine');
      await page.reload();
      await until('the newest', async () => (await texts(page)).includes('n69'));
      assert.ok(!(await texts(page)).includes('first'));
      await page.click('#earlier');
      await until('the oldest', async () => (await texts(page))[0] === 'first');
      assert.equal((await texts(page)).filter((t) => /^n\d/.test(t)).length, 70);
      assert.ok(await page.$eval('#earlier', (b) => b.hidden));
    },
  },
  'nothing moves while reading: a pill tells of what is new': {
    needs: 'mock',
    async run({ browser, url, desk }) {
      const page = await open(browser, url, { width: 360, height: 640 });
      await write(page, 'go');
      const s = await until('it', () => desk.find('go'));
      for (let i = 0; i < 30; i++) await desk.reply(s, 'line ' + i);
      await until('them', async () => (await texts(page)).length === 31);
      await page.evaluate(() => scrollTo(0, 0));
      await sleep(200);
      await desk.reply(s, 'the newest');
      await until('the pill', () => page.$eval('#pill', (e) => !e.hidden));
      assert.equal(await page.evaluate(() => scrollY), 0);
      await page.click('#pill');
      await until('the end', () => page.$eval('.entry:last-child', (e) => e.getBoundingClientRect().bottom <= document.getElementById('dock').getBoundingClientRect().top + 4));
      assert.ok(await page.$eval('#pill', (e) => e.hidden));
    },
  },
  'a refused message says so and can be tried again or removed': {
    needs: 'mock',
    async run({ browser, url, mock }) {
      const page = await open(browser, url);
      await write(page, 'refuse me');
      await until('the refusal', async () => (await marks(page))[0] === 'failed');
      await page.click('.entry .row button:nth-child(2)');
      assert.deepEqual(await texts(page), []);
      mock.faults.refuse = 1;
      await write(page, 'slowly');
      await until('it after the limit', async () => (await marks(page))[0] === 'stored');
      assert.deepEqual(page.problems, []);
    },
  },
};

/** Takes away what Chrome 60 did not have: not the old browser, but a call of something newer fails here too. */
function ageBrowser() {
  const gone = [
    [DOMTokenList.prototype, 'replace'], [Element.prototype, 'toggleAttribute'], [Element.prototype, 'replaceChildren'], [Document.prototype, 'replaceChildren'],
    [Element.prototype, 'matches' in Element.prototype ? 'checkVisibility' : ''], [String.prototype, 'replaceAll'], [String.prototype, 'matchAll'], [String.prototype, 'at'],
    [String.prototype, 'trimStart'], [String.prototype, 'trimEnd'], [Array.prototype, 'flat'], [Array.prototype, 'flatMap'], [Array.prototype, 'at'], [Array.prototype, 'findLast'],
    [Object, 'fromEntries'], [Object, 'hasOwn'], [Promise, 'allSettled'], [Promise, 'any'], [Promise.prototype, 'finally'], [window, 'globalThis'], [window, 'AbortController'],
    [window, 'ResizeObserver'], [window, 'queueMicrotask'], [window, 'structuredClone'], [Crypto.prototype, 'randomUUID'], [Blob.prototype, 'text'], [Blob.prototype, 'arrayBuffer'],
    [Intl, 'RelativeTimeFormat'], [Intl, 'ListFormat'], [Intl, 'DisplayNames'], [CSSStyleSheet.prototype, 'replaceSync'], [window, 'visualViewport'], [Navigator.prototype, 'locks'],
    [window, 'BroadcastChannel'], [Navigator.prototype, 'clipboard'], [Navigator.prototype, 'userAgentData'], [window, 'reportError'], [window, 'requestIdleCallback'],
  ];
  for (const [o, name] of gone) if (name) delete o[name];
}
