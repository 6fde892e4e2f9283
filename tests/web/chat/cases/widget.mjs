// SPDX-License-Identifier: Apache-2.0
// The chat on another site.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { open, texts, until, write } from '../browser.mjs';

/** A site of another origin that carries the widget. */
async function site(c) {
  const [, , op, channel] = c.base.split('/');
  const server = createServer((rq, rs) => {
    rs.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': `style-src 'unsafe-inline'; frame-src ${c.origin}; script-src ${c.origin}` });
    rs.end(`<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Help</title><style>button,div{background:red!important;position:static!important}</style>
<h1>A help site</h1><script src="${c.origin}/widget.js" data-operation="${op}" data-channel="${channel}" data-lang="ar"></script>`);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  c.after(async () => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}

const shadow = 'pierce/';

export const cases = {
  'open, write, close, be told, exit': {
    needs: 'mock',
    async run(c) {
      const origin = await site(c);
      c.mock.pages.o.origins = [origin];
      await open(c.browser, 'about:blank');
      const page = await open(c.browser, origin, { before: closedRootsOpen });
      assert.equal(page.requests.filter((r) => r.includes(c.base)).length, 0, 'nothing before the press');
      await page.click(shadow + '.button');
      const frame = await until('the frame', () => page.frames().find((f) => f.url().includes(c.base)));
      await until('the page', () => frame.$('#text'));
      assert.equal(await frame.$eval('html', (e) => e.lang), 'ar');
      await write(frame, 'من الموقع');
      const s = await until('it', () => c.desk.find('من الموقع'));
      await frame.click('#close');
      await until('closed', () => page.$eval(shadow + '.panel', (e) => e.hidden));
      await c.desk.reply(s, 'جواب');
      await until('the count', () => page.$eval(shadow + '.count', (e) => !e.hidden && e.textContent === '1'));
      assert.equal(s.seen, null);
      await page.click(shadow + '.button');
      await until('seen', () => s.seen);
      assert.deepEqual(await texts(frame), ['من الموقع', 'جواب']);
      await frame.click('.exit');
      await until('the neutral page', () => page.url() === c.origin + '/neutral');
      assert.deepEqual(page.problems, []);
    },
  },
  'a site that is not named cannot carry it': {
    async run(c) {
      const origin = await site(c);
      const page = await open(c.browser, origin, { before: closedRootsOpen });
      await page.click(shadow + '.button');
      await new Promise((r) => setTimeout(r, 1500));
      for (const f of page.frames().slice(1)) assert.equal(await f.$('#text').catch(() => null), null);
      const answer = await fetch(c.url + '/poll', { method: 'POST', headers: { origin, 'content-type': 'application/json' }, body: '{"session":null,"after":null,"cursor":null,"frames":[],"wait":0}' });
      assert.equal(answer.status, 403);
    },
  },
};

/** Only so that the tests can look into the widget's closed shadow root. */
function closedRootsOpen() {
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function () {
    return attach.call(this, { mode: 'open' });
  };
}
