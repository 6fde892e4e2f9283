// SPDX-License-Identifier: Apache-2.0
// The page with scripts switched off.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { open, sleep, texts, until } from '../browser.mjs';

async function post(page, text, file) {
  await page.type('#text', text);
  if (file) await (await page.$('#file')).uploadFile(file);
  await Promise.all([page.waitForNavigation(), page.click('.send')]);
}

const cookies = async (page) => (await page.browserContext().cookies()).map((c) => c.name);

export const cases = {
  'write, send a file, read the answer': {
    needs: 'desk',
    async run({ browser, url, desk, profile, mock }) {
      const page = await open(browser, url + '?lang=fr', { scripts: false });
      assert.deepEqual(await cookies(page), []);
      const text = 'sans script ' + Math.random();
      await post(page, text);
      assert.ok(page.url().startsWith(url), page.url());
      assert.equal(new URL(page.url()).search, '?lang=fr&sent=1');
      assert.equal(await page.$eval('html', (e) => e.lang), 'fr');
      assert.ok(await page.$('.notice'));
      assert.deepEqual(await texts(page, '.in'), [text]);
      assert.deepEqual(await cookies(page), ['parley_chat']);
      const [cookie] = await page.browserContext().cookies();
      assert.ok(cookie.httpOnly && cookie.sameSite === 'Strict' && cookie.path === new URL(url).pathname && cookie.expires - Date.now() / 1000 < 1900);
      const file = join(profile, 'letter.txt');
      writeFileSync(file, 'a letter');
      await post(page, 'with a letter', file);
      const s = await desk.find(text);
      assert.deepEqual(await desk.received(s), [text, 'with a letter']);
      assert.equal(await page.$eval('.entry.in .file', (e) => e.textContent), 'letter.txt');
      await desk.reply(s, 'the answer', { choices: [{ id: 'a', title: 'Oui' }, { id: 'b', title: 'Non' }] });
      await Promise.all([page.waitForNavigation(), page.click('noscript form button')]);
      assert.deepEqual(await texts(page, '.out'), ['the answer']);
      await Promise.all([page.waitForNavigation(), page.click('.choice[value=b]')]);
      await until('the choice', async () => (await desk.received(s)).includes('Non'));
      if (mock) assert.equal(s.entries[s.entries.length - 1].choice, 'b');
    },
  },
  'a form sent again stores nothing a second time': {
    needs: 'desk',
    async run({ browser, url, desk }) {
      const page = await open(browser, url, { scripts: false });
      const text = 'once ' + Math.random();
      const fields = await page.$$eval('#write input[type=hidden]', (all) => all.map((e) => [e.name, e.value]));
      const body = new URLSearchParams([...fields, ['text', text]]).toString();
      const send = () => fetch(url, { method: 'POST', body, redirect: 'manual', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
      const answers = await Promise.all([send(), send(), send()]);
      assert.deepEqual(answers.map((a) => a.status), [303, 303, 303]);
      assert.equal(new Set(answers.map((a) => a.headers.get('set-cookie'))).size, 1);
      assert.deepEqual(await desk.received(await desk.find(text)), [text]);
    },
  },
  'nothing written, or a wrong file: said, and the words are still there': {
    async run({ browser, url, profile }) {
      const page = await open(browser, url, { scripts: false });
      await Promise.all([page.waitForNavigation(), page.click('.send')]);
      assert.ok(await page.$('.notice'));
      assert.deepEqual(await cookies(page), []);
      const file = join(profile, 'bad.exe');
      writeFileSync(file, Buffer.from([0x4d, 0x5a, 0x90, 0, 3, 0, 0, 0, 4]));
      await post(page, 'see <this>', file);
      assert.ok(await page.$('.notice'));
      assert.equal(await page.$eval('#text', (e) => e.value), 'see <this>');
    },
  },
  'without cookies the answer is the page itself': {
    async run({ url }) {
      const first = await fetch(url + '?lang=en');
      assert.equal(first.headers.get('set-cookie'), null);
      const html = await first.text();
      const ref = /name="ref" value="(\w+)"/.exec(html)[1];
      const post = (fields) => fetch(url, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
      const a = await post({ session: '', ref, text: 'no cookies here', lang: 'en' });
      assert.equal(a.status, 303);
      const session = /parley_chat=([\w-]+)/.exec(a.headers.get('set-cookie'))[1];
      const b = await post({ session, ref: ref + 'b', text: 'second', lang: 'en' });
      assert.equal(b.status, 200);
      const page = await b.text();
      assert.ok(page.includes('no cookies here') && page.includes('second'));
      const other = await fetch(new URL(url), { method: 'POST', body: new URLSearchParams({ session, ref: 'x', text: 'y' }), headers: { origin: 'https://evil.example' } });
      assert.equal(other.status, 403);
      // The cookie alone is no authority: this makes a session of its own.
      const c = await fetch(url, { method: 'POST', body: new URLSearchParams({ session: '', ref: 'z1', text: 'forged' }), headers: { cookie: 'parley_chat=' + session }, redirect: 'manual' });
      assert.notEqual(/parley_chat=([\w-]+)/.exec(c.headers.get('set-cookie'))[1], session);
    },
  },
  'leaving and forgetting without scripts': {
    needs: 'mock',
    async run({ browser, url, origin }) {
      const page = await open(browser, url, { scripts: false });
      await post(page, 'here');
      await page.click('noscript form:nth-of-type(2) button');
      await until('the page anew', () => page.url() === url + '?lang=en');
      assert.deepEqual(await cookies(page), []);
      assert.deepEqual(await texts(page), []);
      await post(page, 'again');
      await page.click('.exit');
      await until('the neutral page', () => page.url() === origin + '/neutral');
      assert.deepEqual(await cookies(page), []);
      const history = await page.createCDPSession();
      const { entries } = await history.send('Page.getNavigationHistory');
      for (const e of entries.filter((x) => x.url.startsWith(url))) {
        await history.send('Page.navigateToHistoryEntry', { entryId: e.id });
        await sleep(400);
        assert.deepEqual(await texts(page), [], e.url);
      }
    },
  },
  'what was begun without scripts goes on with them': {
    needs: 'mock',
    async run({ browser, url, desk }) {
      const page = await open(browser, url, { scripts: false });
      await post(page, 'begun');
      await page.setJavaScriptEnabled(true);
      await page.goto(url);
      await until('the entry', async () => (await texts(page)).join() === 'begun');
      const s = await desk.find('begun');
      await desk.reply(s, 'hello');
      await until('the answer', async () => (await texts(page)).length === 2);
    },
  },
};
