// SPDX-License-Identifier: Apache-2.0
// That the right thing is read: numbers beside Arabic, times, and the newest in sight on a small screen.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { open, sleep, texts, until, write } from '../browser.mjs';

/** Horizontal places of the signs of `what` in the last bubble of a kind: rising means that it is read as written. */
const places = (page, kind, what) => page.$$eval(`.entry${kind} .bubble, .choice`, (all, w) => {
  for (const e of all) {
    const walk = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
    for (let n = walk.nextNode(); n; n = walk.nextNode()) {
      const at = n.data.indexOf(w);
      if (at < 0) continue;
      return [...w].map((_, i) => {
        const r = document.createRange();
        r.setStart(n, at + i);
        r.setEnd(n, at + i + 1);
        const box = r.getBoundingClientRect();
        return [Math.round(box.left), Math.round(box.top)];
      });
    }
  }
  return null;
}, what);

function asWritten(at, what) {
  assert.ok(at, what);
  for (let i = 1; i < at.length; i++) assert.ok(at[i][0] >= at[i - 1][0] && at[i][1] === at[0][1], `${what}: ${JSON.stringify(at)}`);
}

/** The end of the conversation stands above the composer. */
const endInSight = (page) => page.evaluate(() => {
  const dock = document.getElementById('dock').getBoundingClientRect();
  const last = document.querySelector('#entries').lastElementChild.getBoundingClientRect();
  const top = document.querySelector('header').getBoundingClientRect().bottom;
  return last.bottom <= dock.top + 1 && last.bottom > top && dock.bottom <= innerHeight + 1;
});

export const cases = {
  'numbers and codes keep their order beside Arabic': {
    needs: 'mock',
    async run({ browser, url, desk }) {
      for (const lang of ['ar', 'prs', 'ur']) {
        const page = await open(browser, `${url}?lang=${lang}`, { width: 360, height: 640 });
        await write(page, `${lang} وهاتفي +90 555 111 00 01 وملفي 385-24C00917`);
        const s = await until('it', async () => desk.find(`${lang} وهاتفي +90 555 111 00 01 وملفي 385-24C00917`));
        await desk.reply(s, 'اتصلي على +90 (212) 555 01 02. ملفك 0385-24C00918، موعدك 2026-12-03', { choices: [{ id: 'a', title: 'على +90 532 000 11 22' }] });
        await until('the answer', () => page.$('.choice'));
        for (const what of ['+90 555 111 00 01', '385-24C00917']) asWritten(await places(page, '.in', what), what);
        for (const what of ['+90 (212) 555 01 02', '0385-24C00918', '+90 532 000 11 22']) asWritten(await places(page, '.out', what), what);
        assert.deepEqual(await page.$$eval('.bubble a', (all) => all.map((a) => a.getAttribute('href'))), ['tel:+902125550102']);
        const [digit, title] = await page.$eval('.choice', (b) => [...b.children].map((e) => e.getBoundingClientRect().left));
        assert.ok(digit > title, 'the number of a choice stands at its start');
        assert.equal(await page.$eval('.out .bubble', (e) => e.textContent), 'اتصلي على +90 (212) 555 01 02. ملفك 0385-24C00918، موعدك 2026-12-03');
        await page.close();
      }
    },
  },
  'only telephone numbers of answers are links': {
    needs: 'mock',
    async run({ browser, url, desk }) {
      const page = await open(browser, url + '?lang=en');
      await write(page, 'mine is +90 555 111 00 01');
      const s = await until('it', () => desk.find('mine is +90 555 111 00 01'));
      await desk.reply(s, 'Call +90 212 555 01 02 or +٩٠ ٢١٢ ٥٥٥ ٠١ ٠٣; not ٠+٩٠ ٢١٢ ٥٥٥ ٠١ ٠٤, 385-24C00917, +12, 0212 555 01 02, x+905551110001, +905551110001@x.org or +90 555 555 555 555 555');
      await until('the answer', () => page.$('.out'));
      assert.deepEqual(await page.$$eval('.bubble a', (all) => all.map((a) => a.getAttribute('href'))), ['tel:+902125550102', 'tel:+902125550103']);
      assert.deepEqual(page.problems, []);
    },
  },
  'twenty-four hours unless the browser names a region that counts twelve': {
    needs: 'mock',
    async run({ browser, url, mock }) {
      const clock = async (lang, own) => {
        const page = await open(browser, `${url}?lang=${lang}`, { before: `Object.defineProperty(navigator, 'languages', { get: () => ${JSON.stringify(own)} })` });
        await write(page, 'x');
        await until('it', () => page.$('.entry time'));
        const shown = await page.$eval('.entry time', (e) => e.textContent);
        await page.close();
        return shown;
      };
      for (const lang of ['en', 'so', 'ur', 'fr', 'tr']) assert.match(await clock(lang, ['en-US']), /^[\d۰-۹]{2}:[\d۰-۹]{2}$/, lang);
      assert.match(await clock('en', ['en-AU', 'en-US']), /[ap]\.?m/i);
      assert.match(await clock('ar', ['ar']), /^[٠-٩]{2}:[٠-٩]{2}/);
      assert.ok(mock);
    },
  },
  'who reads, and the emergency number, are in sight at once on a small phone in every language': {
    async run({ browser, url }) {
      for (const lang of ['en', 'ar', 'fa', 'prs', 'ps', 'ur', 'so', 'fr', 'tr']) {
        const page = await open(browser, url, { width: 360, height: 640, languages: lang === 'prs' ? 'fa-AF' : lang });
        const [emergency, who, dock] = await page.$$eval('.emergency, .who, #dock', (all) => all.map((e) => e.getBoundingClientRect().toJSON()));
        assert.ok(emergency.bottom <= dock.top && who.top + 50 <= dock.top, `${lang}: ${[emergency.bottom, who.top, who.bottom, dock.top]}`);
        await page.focus('#text');
        await page.setViewport({ width: 360, height: 360 });
        await until('the field above the keyboard, ' + lang, () => page.$eval('.send', (e) => e.getBoundingClientRect().bottom <= innerHeight));
        await page.close();
      }
    },
  },
  'after the first message the explanations fold, the emergency number and the way out stay': {
    needs: 'mock',
    async run({ browser, url, desk }) {
      const page = await open(browser, url, { width: 360, height: 640, languages: 'ar' });
      const tall = () => page.$eval('.intro', (e) => e.getBoundingClientRect().height);
      const before = await tall();
      assert.ok(await page.$eval('#exit-hint', (e) => e.getClientRects().length > 0));
      await write(page, 'سلام');
      await until('it', () => desk.find('سلام'));
      assert.ok((await tall()) < before * 0.65, `${before} to ${await tall()}`);
      assert.ok(await page.$eval('.emergency a', (e) => e.getClientRects().length > 0));
      assert.ok(!(await page.$eval('#about', (e) => e.open)));
      await page.$eval('#about summary', (e) => e.click());
      assert.ok(await page.$eval('#about p', (e) => e.getBoundingClientRect().height > 40));
      await page.setViewport({ width: 360, height: 360 }); // a keyboard
      await page.evaluate(() => scrollTo(0, 400));
      await sleep(100);
      assert.ok(await page.$eval('.exit', (e) => e.getBoundingClientRect().top >= 0 && e.getBoundingClientRect().bottom < 60));
      await page.setViewport({ width: 360, height: 640 });
      await page.$eval('#forget', (e) => e.click());
      await page.$eval('#forget-yes', (e) => e.click());
      assert.ok(await page.$eval('#about', (e) => e.open), 'told again to who comes next');
    },
  },
  'the newest stays in sight: status, refusal, picture, keyboard; a press on the field moves nothing': {
    needs: 'mock',
    async run({ browser, url, desk, mock }) {
      const page = await open(browser, url + '?lang=ar', { width: 360, height: 640 });
      await page.focus('#text');
      await sleep(100);
      assert.equal(await page.evaluate(() => scrollY), 0);
      await write(page, 'سلام');
      const s = await until('it', () => desk.find('سلام'));
      for (let i = 0; i < 6; i++) await desk.reply(s, 'سطر ' + i);
      await until('them', async () => (await texts(page)).length === 7);
      await until('the end', () => endInSight(page));
      mock.push(s, { type: 'state', state: 'resolved' });
      await until('the line', () => page.$eval('#status', (e) => e.textContent));
      assert.ok(await endInSight(page), 'with a line of status');
      await write(page, 'refuse me');
      await until('the refusal', () => page.$('.mark.failed'));
      assert.ok(await endInSight(page), 'with what was refused');
      const shot = fileURLToPath(new URL('../../../out/chat/reading.png', import.meta.url));
      await page.screenshot({ path: shot });
      await (await page.$('#file')).uploadFile(shot);
      await until('it is ready', () => page.$('#files li'));
      await page.click('.send');
      await until('the picture', () => page.$$eval('.file img', (all) => all.length && all.every((i) => i.complete && i.naturalHeight)), 15000);
      await until('its end', () => endInSight(page));
      await page.focus('#text');
      await page.setViewport({ width: 360, height: 360 });
      await until('the end above the keyboard', () => endInSight(page));
    },
  },
};
