// SPDX-License-Identifier: Apache-2.0
// Files, photos without what the camera hid in them, voice notes.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { marks, open, sleep, texts, until, write } from '../browser.mjs';

async function choose(page, ...paths) {
  await (await page.$('#file')).uploadFile(...paths);
  await until('the list', async () => (await page.$$('#files li')).length === paths.length);
}

/** A JPEG from the browser's own canvas, with an EXIF segment that names a place put in. */
async function photo(page, path, width) {
  const b64 = await page.evaluate(async (w) => {
    const c = document.createElement('canvas');
    c.width = w;
    c.height = w / 2;
    c.getContext('2d').fillRect(0, 0, w / 2, w / 4);
    return c.toDataURL('image/jpeg').split(',')[1];
  }, width);
  const jpeg = Buffer.from(b64, 'base64');
  const place = Buffer.from('Exif\0\0GPS 36.2021 37.1343 CANARY');
  const segment = Buffer.concat([Buffer.from([0xff, 0xe1, 0, place.length + 2]), place]);
  writeFileSync(path, Buffer.concat([jpeg.subarray(0, 2), segment, jpeg.subarray(2)]));
}

const blobs = (mock, s) => s.entries.flatMap((e) => e.attachments || []).map((a) => mock.blobs.get(a.id));

export const cases = {
  'a file with words, over a break': {
    needs: 'mock',
    async run({ browser, url, desk, mock, profile }) {
      const page = await open(browser, url);
      const path = join(profile, 'تقرير <1>.pdf');
      writeFileSync(path, '%PDF-1.4 ' + 'x'.repeat(200000));
      mock.faults.breakUploads = 2;
      await choose(page, path);
      await write(page, 'my paper');
      await write(page, 'a text is not held up by a file');
      const s = await until('it', () => desk.find('my paper'), 20000);
      await until('ticks', async () => (await marks(page)).filter((m) => m === 'stored').length === 2);
      const [b] = blobs(mock, s);
      assert.equal(b.meta.name, 'تقرير <1>.pdf');
      assert.equal(b.meta.type, 'application/pdf');
      assert.equal(b.body.length, 200009);
      const link = await page.$eval('.entry.in a.file', (e) => e.href);
      assert.equal((await fetch(link)).status, 200);
      assert.equal((await fetch(link.replace(/s=.{5}/, 's=wrong'))).status, 404);
      assert.deepEqual(page.problems, []);
    },
  },
  'a photo is made smaller and loses its place': {
    needs: 'mock',
    async run({ browser, url, desk, mock, profile }) {
      const page = await open(browser, url);
      const path = join(profile, 'IMG_1.jpeg');
      await photo(page, path, 3000);
      await choose(page, path);
      await write(page, 'look');
      const s = await until('it', () => desk.find('look'));
      const [b] = blobs(mock, s);
      assert.equal(b.meta.type, 'image/jpeg');
      assert.ok(!b.body.includes('CANARY') && !b.body.includes('Exif'));
      await until('the picture', () => page.$eval('.entry img', (e) => e.complete && e.naturalWidth > 0 && e.naturalWidth <= 2000));
      assert.deepEqual(page.problems, []);
    },
  },
  'too large, of a wrong kind, taken off again': {
    needs: 'mock',
    async run({ browser, url, desk, profile }) {
      const page = await open(browser, url);
      const big = join(profile, 'big.mp4');
      writeFileSync(big, Buffer.alloc(26 * 1024 * 1024 + 1));
      await (await page.$('#file')).uploadFile(big);
      await until('the word', () => page.$eval('#status', (e) => e.textContent.includes('25 MB')));
      assert.equal((await page.$$('#files li')).length, 0);
      const odd = join(profile, 'odd.exe');
      writeFileSync(odd, 'MZ');
      await choose(page, odd);
      await page.click('#files button');
      assert.equal((await page.$$('#files li')).length, 0);
      await choose(page, odd);
      await write(page, 'odd');
      await until('the refusal', async () => (await marks(page))[0] === 'failed');
      assert.ok(await page.$eval('.why', (e) => e.textContent.includes('kind')));
      assert.equal(await desk.find('odd'), undefined);
    },
  },
  'a link that expired is asked for anew': {
    needs: 'mock',
    async run({ browser, url, desk, mock, profile }) {
      const page = await open(browser, url);
      const path = join(profile, 'a.png');
      writeFileSync(path, Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64'));
      await write(page, 'hi');
      const s = await until('it', () => desk.find('hi'));
      const meta = mock.blob(s.id, 'a.png', 'image/png', Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64'));
      const real = mock.signed.bind(mock);
      let spoiled = 0;
      mock.signed = (e) => {
        const x = real(e);
        if (x.attachments && !spoiled++) x.attachments[0].url += 'old';
        return x;
      };
      await desk.reply(s, '', { attachments: [meta] });
      await until('the picture', () => page.$eval('.entry img', (e) => e.complete && e.naturalWidth === 1));
      assert.equal(spoiled, 2);
    },
  },
  'a voice note: record, listen, delete, record, send': {
    needs: 'mock',
    async run({ browser, url, desk, mock }) {
      const page = await open(browser, url);
      await page.click('#record');
      await until('recording', () => page.$eval('#voice-time', (e) => !e.closest('[hidden]') && e.textContent.includes('0:0')));
      await sleep(600);
      await page.click('#voice-stop');
      await until('the player', () => page.$eval('#voice-player', (e) => !e.hidden && e.src.startsWith('blob:')));
      await page.click('#voice-drop');
      assert.ok(await page.$eval('#voice', (e) => e.hidden));
      await page.click('#record');
      await until('recording', () => page.$eval('#voice-stop', (e) => !e.closest('[hidden]')));
      await sleep(1200);
      await page.click('#voice-stop');
      await until('the player', () => page.$eval('#voice-send', (e) => !e.closest('[hidden]')));
      await page.click('#voice-send');
      const s = await until('it', () => mock.stored[0]);
      await until('a tick', async () => (await marks(page))[0] === 'stored');
      const [b] = blobs(mock, s);
      assert.equal(b.meta.type, 'audio/webm');
      assert.ok(b.body.length > 500);
      await desk.reply(s, 'heard');
      await until('an answer', async () => (await texts(page)).includes('heard'));
      assert.ok(await page.$('.entry.in audio'));
      assert.deepEqual(page.problems, []);
    },
  },
};
