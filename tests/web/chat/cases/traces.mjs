// SPDX-License-Identifier: Apache-2.0
// What stays on the device: nothing, but when it was asked for; and what leaving and forgetting take away.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { marks, open, sleep, texts, until, write } from '../browser.mjs';

const kept = (page) => page.evaluate(() => JSON.stringify(Object.assign({}, localStorage)) + JSON.stringify(Object.assign({}, sessionStorage)) + document.cookie);

async function databases(page) {
  return page.evaluate(async () => {
    const d = indexedDB.databases ? await indexedDB.databases() : [];
    const c = window.caches ? await caches.keys() : [];
    return d.length + c.length;
  });
}

async function begun(c, mine) {
  const page = await open(c.browser, c.url);
  if (mine) await page.click('#mine');
  await write(page, 'my secret words');
  await until('a tick', async () => (await marks(page))[0] === 'stored');
  await page.type('#text', 'a secret draft');
  await sleep(700);
  return page;
}

/** After leaving: no storage of the origin, nothing of the chat by going back. */
async function nothingLeft(c, page, context) {
  await until('the neutral page', () => !page.url().includes(c.base));
  const other = await context.newPage();
  await other.goto(c.url);
  assert.equal(await kept(other), '{}{}');
  assert.equal(await databases(other), 0);
  assert.deepEqual(await texts(other), []);
  assert.equal(await other.$eval('#text', (e) => e.value), '');
  await other.close();
  const history = await (await page.createCDPSession()).send('Page.getNavigationHistory');
  const rest = history.entries.filter((e) => e.url.includes(c.base));
  assert.deepEqual(rest, []);
}

export const cases = {
  'nothing is kept unless the phone is theirs': {
    async run(c) {
      const page = await begun(c, false);
      assert.equal(await kept(page), '{}{}');
      assert.equal(await databases(page), 0);
      await page.evaluate(() => (document.title = 'x'));
      await page.reload();
      assert.deepEqual(await texts(page), []);
      assert.equal(await page.$eval('#text', (e) => e.value), '');
    },
  },
  'this phone is mine: session, draft and unsent words come back': {
    async run(c) {
      const page = await begun(c, true);
      await page.reload();
      await until('the entry', async () => (await texts(page)).join() === 'my secret words');
      assert.equal(await page.$eval('#text', (e) => e.value), 'a secret draft');
      assert.ok(await page.$eval('#mine', (e) => e.checked));
      assert.ok(!(await kept(page)).includes('my secret words'), 'what the server has is not kept');
      await page.setOfflineMode(true);
      await write(page, 'unsent');
      await sleep(200);
      assert.ok((await kept(page)).includes('unsent'));
      await page.setOfflineMode(false);
      await page.reload();
      await until('both', async () => (await marks(page)).filter((m) => m === 'stored').length === 2, 15000);
      assert.deepEqual(await texts(page), ['my secret words', 'unsent']);
      await page.click('#mine');
      assert.equal(await kept(page), '{}{}');
    },
  },
  'quick exit by its button': {
    async run(c) {
      const page = await begun(c, true);
      const context = page.browserContext();
      const session = JSON.parse(Object.values(await page.evaluate(() => Object.assign({}, localStorage)))[0]).session;
      await page.click('.exit');
      await nothingLeft(c, page, context);
      await until('the session is gone', async () => {
        const hello = { type: 'hello', session, after: null, locale: 'en' };
        const body = JSON.stringify({ session, after: null, cursor: null, frames: [hello], wait: 0 });
        const r = await fetch(c.url + '/poll', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
        return !(await r.text()).includes('my secret words');
      });
    },
  },
  'quick exit by Esc twice, not by Esc once': {
    async run(c) {
      const page = await begun(c, false);
      await page.keyboard.press('Escape');
      await until('the hint', () => page.$eval('#status', (e) => e.textContent.includes('Esc')));
      await sleep(2300);
      await page.keyboard.press('Escape');
      await sleep(100);
      assert.deepEqual(await texts(page), ['my secret words']);
      await page.keyboard.press('Escape');
      await nothingLeft(c, page, page.browserContext());
    },
  },
  'quick exit empties the page at once, also when the network is slow': {
    needs: 'mock',
    async run(c) {
      const silent = createServer(() => {});
      await new Promise((done) => silent.listen(0, '127.0.0.1', done));
      c.after(async () => silent.close());
      c.mock.pages.o.exit = `http://127.0.0.1:${silent.address().port}/`;
      const page = await begun(c, true);
      const left = await page.evaluate(() => {
        document.querySelector('.exit').click();
        return [document.body.textContent.trim(), document.title.trim(), localStorage.length];
      });
      assert.deepEqual(left, ['', '\u200b', 0]);
    },
  },
  'going back after an exit does not bring it back': {
    async run(c) {
      const context = await c.browser.createBrowserContext();
      const page = await context.newPage();
      await page.goto(c.origin + '/healthz').catch(() => {});
      await page.goto(c.url);
      await write(page, 'my secret words');
      await until('a tick', async () => (await marks(page))[0] === 'stored');
      await page.click('.exit');
      await until('it has gone', () => !page.url().includes(c.base));
      await page.goBack().catch(() => {});
      await sleep(500);
      const body = await page.evaluate(() => document.documentElement.textContent).catch(() => '');
      assert.ok(!body.includes('my secret words'));
      assert.ok(!page.url().includes(c.base));
    },
  },
  'left by another link, then back: nothing is shown either': {
    needs: 'mock',
    async run(c) {
      const page = await begun(c, false);
      await page.goto(c.origin + '/neutral');
      await page.goBack();
      await sleep(300);
      assert.ok(page.url().includes(c.base));
      assert.deepEqual(await texts(page), []);
      assert.equal(await page.$eval('#text', (e) => e.value), '');
      await write(page, 'anew');
      await until('a tick', async () => (await marks(page)).join() === 'stored');
    },
  },
  'forget on this device asks first, then leaves nothing': {
    async run(c) {
      const page = await begun(c, true);
      await page.click('#forget');
      await page.click('#forget-no');
      assert.deepEqual(await texts(page), ['my secret words']);
      await page.click('#forget');
      await page.click('#forget-yes');
      assert.deepEqual(await texts(page), []);
      assert.equal(await page.$eval('#text', (e) => e.value), '');
      assert.equal(await kept(page), '{}{}');
      assert.ok(!(await page.$eval('#mine', (e) => e.checked)));
      assert.ok(await page.$eval('#status', (e) => e.textContent.includes('Forgotten')));
      await write(page, 'a new beginning');
      await until('a tick', async () => (await marks(page)).join() === 'stored');
      assert.deepEqual(await texts(page), ['a new beginning']);
    },
  },
  'forgetting in one tab empties the other': {
    async run(c) {
      const page = await begun(c, true);
      const other = await page.browserContext().newPage();
      await other.goto(c.url);
      await until('the entry', async () => (await texts(other)).length === 1);
      await other.click('#forget');
      await other.click('#forget-yes');
      await until('nothing here either', async () => (await texts(page)).length === 0);
      assert.equal(await page.$eval('#text', (e) => e.value), '');
    },
  },
  'the secret is in no address': {
    needs: 'mock',
    async run(c) {
      const page = await begun(c, true);
      await page.reload();
      await until('the entry', async () => (await texts(page)).length === 1);
      const { session } = JSON.parse(Object.values(await page.evaluate(() => Object.assign({}, localStorage)))[0]);
      assert.ok(session.length >= 22);
      for (const r of c.mock.log) assert.ok(!r.url.includes(session) && !(r.headers.referer || '').includes(session));
    },
  },
};
