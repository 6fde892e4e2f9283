// SPDX-License-Identifier: Apache-2.0
// Where websockets are blocked.
import assert from 'node:assert/strict';
import { marks, open, sleep, texts, until, write } from '../browser.mjs';
import { Proxy } from '../proxy.mjs';

async function blocked(c) {
  const proxy = await new Proxy(c.origin).listen();
  proxy.blockSockets = true;
  c.after(() => proxy.close());
  return { proxy, url: proxy.url + c.base };
}

export const cases = {
  'two tries, then the long poll': {
    async run(c) {
      const { proxy, url } = await blocked(c);
      const page = await open(c.browser, url);
      const sent = [];
      for (let i = 0; i < 8; i++) {
        sent.push('polled ' + i);
        await write(page, sent[i]);
        await sleep(80);
      }
      await until('all ticks', async () => (await marks(page)).filter((m) => m === 'stored').length === 8, 20000);
      assert.equal(proxy.upgrades, 2);
      assert.deepEqual(await texts(page, '.in'), sent);
      assert.deepEqual(page.requests.filter((r) => /session|[\w-]{22,}/.test(new URL(r).search)), []);
      assert.deepEqual(page.problems, []);
    },
  },
  'answers, ticks and typing come by poll too': {
    needs: 'mock',
    async run(c) {
      const { url } = await blocked(c);
      const page = await open(c.browser, url);
      await write(page, 'by poll');
      const s = await until('it', () => c.desk.find('by poll'));
      await until('a waiting poll', () => s.waiting);
      c.mock.push(s, { type: 'typing', on: true });
      await until('typing', () => page.$eval('#status', (e) => e.textContent.includes('writing')));
      await until('a waiting poll', () => s.waiting);
      await c.desk.reply(s, 'answer');
      await until('the answer', async () => (await texts(page, '.out')).join() === 'answer');
      await until('seen', () => s.seen);
      await until('a waiting poll', () => s.waiting);
      await c.desk.read(s);
      await until('the second tick', async () => (await marks(page))[0] === 'read');
    },
  },
  'polls over a link that drops': {
    needs: 'desk',
    async run(c) {
      const { proxy, url } = await blocked(c);
      const page = await open(c.browser, url);
      const stop = proxy.dropEvery(1200);
      const tag = 'pd' + Math.random();
      const sent = [];
      for (let i = 0; i < 15; i++) {
        sent.push(`${tag} ${i}`);
        await write(page, sent[i]);
        await sleep(250);
      }
      stop();
      await until('all ticks', async () => (await marks(page)).filter((m) => m === 'stored').length === 15, 40000);
      const s = await c.desk.find(sent[0]);
      const got = await c.desk.received(s);
      assert.deepEqual(got.slice().sort(), sent.slice().sort());
      assert.deepEqual(got, sent);
    },
  },
  'a websocket is tried again later': {
    async run(c) {
      const { proxy, url } = await blocked(c);
      // Minutes pass in the page a hundred times as fast.
      const before = `{const later = window.setTimeout; window.setTimeout = (f, ms, ...a) => later(f, ms >= 60000 ? ms / 100 : ms, ...a);}`;
      const page = await open(c.browser, url, { before });
      await write(page, 'one');
      await until('a tick', async () => (await marks(page))[0] === 'stored', 15000);
      proxy.blockSockets = false;
      const had = proxy.upgrades;
      await until('a try', () => proxy.upgrades > had, 10000);
      await sleep(500);
      await write(page, 'two');
      await until('ticks', async () => (await marks(page)).filter((m) => m === 'stored').length === 2);
      await sleep(800);
      const polls = page.requests.filter((r) => r.endsWith('/poll')).length;
      await write(page, 'three');
      await until('ticks', async () => (await marks(page)).filter((m) => m === 'stored').length === 3);
      assert.equal(page.requests.filter((r) => r.endsWith('/poll')).length, polls);
    },
  },
};
