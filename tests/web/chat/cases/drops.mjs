// SPDX-License-Identifier: Apache-2.0
// Links that drop, answers that come late, twice or never: nothing is lost and nothing comes twice.
import assert from 'node:assert/strict';
import { marks, open, sleep, texts, until, write } from '../browser.mjs';
import { Proxy } from '../proxy.mjs';

async function proxied(c) {
  const proxy = await new Proxy(c.origin).listen();
  c.after(() => proxy.close());
  return { proxy, url: proxy.url + c.base };
}

async function writeMany(page, prefix, n, gap) {
  const all = [];
  for (let i = 0; i < n; i++) {
    all.push(`${prefix} ${i}`);
    await write(page, all[i]);
    await sleep(gap * (0.5 + Math.random()));
  }
  return all;
}

const allStored = (page, n) => async () => (await marks(page)).filter((m) => m === 'stored' || m === 'read').length === n;

export const cases = {
  'a link that drops every second and a half': {
    needs: 'desk',
    async run(c) {
      const { proxy, url } = await proxied(c);
      const page = await open(c.browser, url);
      const stop = proxy.dropEvery(1500);
      const tag = 'drop' + Math.random();
      const sent = await writeMany(page, tag, 25, 400);
      const s = await until('the first', () => c.desk.find(sent[0]));
      for (let i = 0; i < 10; i++) {
        await c.desk.reply(s, `answer ${tag} ${i}`);
        await sleep(200);
      }
      stop();
      await until('all ticks', allStored(page, 25), 30000);
      assert.deepEqual(await c.desk.received(s), sent);
      const answers = Array.from({ length: 10 }, (_, i) => `answer ${tag} ${i}`);
      await until('all answers', async () => (await texts(page, '.out')).filter((t) => t.includes(tag)).length >= 10, 15000);
      assert.deepEqual((await texts(page, '.out')).filter((t) => t.includes(tag)), answers);
      assert.deepEqual(await texts(page, '.in'), sent);
      assert.deepEqual(page.problems, []);
    },
  },
  'the order on the page is the order of the store': {
    needs: 'mock',
    async run(c) {
      const { proxy, url } = await proxied(c);
      const page = await open(c.browser, url);
      const stop = proxy.dropEvery(900);
      c.mock.faults.ackDelay = 400;
      c.mock.onMessage = (s, t) => c.mock.reply(s, 're ' + t);
      await writeMany(page, 'm', 20, 250);
      stop();
      await until('all', async () => (await texts(page)).length === 40, 30000);
      const s = await c.desk.find('m 0');
      assert.deepEqual(await texts(page), s.entries.map((e) => e.text));
      assert.equal(s.entries.length, 40);
    },
  },
  'acks that come late and twice': {
    needs: 'mock',
    async run(c) {
      Object.assign(c.mock.faults, { ackDelay: 1200, ackTwice: true });
      const page = await open(c.browser, c.url);
      const sent = await writeMany(page, 'late', 12, 60);
      await until('all ticks', allStored(page, 12), 20000);
      await sleep(1500);
      assert.deepEqual(await c.desk.received(await c.desk.find('late 0')), sent);
      assert.deepEqual(await texts(page), sent);
    },
  },
  'acks that never come': {
    needs: 'mock',
    async run(c) {
      const { proxy, url } = await proxied(c);
      c.mock.faults.ackNever = 3;
      const page = await open(c.browser, url);
      const sent = await writeMany(page, 'lost', 3, 50);
      await sleep(300);
      proxy.drop();
      await until('all ticks', allStored(page, 3));
      assert.deepEqual(await c.desk.received(await c.desk.find('lost 0')), sent);
      assert.deepEqual(await texts(page), sent);
    },
  },
  'no network: a clock, the words kept, and sent by itself': {
    async run(c) {
      const { proxy, url } = await proxied(c);
      const page = await open(c.browser, url);
      await write(page, 'before');
      await until('a tick', allStored(page, 1));
      proxy.down = true;
      proxy.drop();
      await write(page, 'in the tunnel');
      await write(page, 'still there');
      assert.deepEqual(await marks(page), ['stored', 'waiting', 'waiting']);
      await until('the word offline', () => page.$eval('#status', (e) => e.textContent.includes('No connection')));
      proxy.down = false;
      await until('all ticks', allStored(page, 3), 40000);
      await until('no more word', () => page.$eval('#status', (e) => e.textContent === ''));
      assert.deepEqual(await texts(page, '.in'), ['before', 'in the tunnel', 'still there']);
    },
  },
  'a server that drains and comes back': {
    needs: 'mock',
    async run(c) {
      const page = await open(c.browser, c.url);
      await write(page, 'one');
      const s = await until('it', () => c.desk.find('one'));
      c.mock.push(s, { type: 'bye', retry_ms: 500 });
      c.mock.dropLinks();
      await write(page, 'two');
      await until('all ticks', allStored(page, 2));
      assert.deepEqual(await c.desk.received(s), ['one', 'two']);
    },
  },
  'a store that is away at the hello': {
    needs: 'mock',
    async run(c) {
      c.mock.faults.away = 2;
      const page = await open(c.browser, c.url);
      await write(page, 'patience');
      await until('a tick', allStored(page, 1));
      assert.deepEqual(await c.desk.received(await c.desk.find('patience')), ['patience']);
    },
  },
  'a reset empties the list and loads it anew': {
    needs: 'mock',
    async run(c) {
      const page = await open(c.browser, c.url);
      await write(page, 'one');
      const s = await until('it', () => c.desk.find('one'));
      await c.desk.reply(s, 'two');
      await until('both', async () => (await texts(page)).length === 2);
      s.entries[1].id = 'e-renamed'; // what the page knows is not known any more
      c.mock.dropLinks();
      await until('a new hello', () => s.links.size === 1);
      await c.desk.reply(s, 'three');
      await until('three', async () => (await texts(page)).includes('three'));
      assert.deepEqual(await texts(page), ['one', 'two', 'three']);
    },
  },
  'a session that is not known any more begins anew, unsent words go along': {
    needs: 'mock',
    async run(c) {
      const { proxy, url } = await proxied(c);
      const page = await open(c.browser, url);
      await write(page, 'old');
      await until('a tick', allStored(page, 1));
      proxy.down = true;
      proxy.drop();
      await write(page, 'new');
      c.mock.sessions.clear();
      proxy.down = false;
      const s = await until('it in a new session', () => c.desk.find('new'), 20000);
      assert.deepEqual(await c.desk.received(s), ['new']);
      await until('only it', async () => (await texts(page)).join() === 'new');
    },
  },
};
