// SPDX-License-Identifier: Apache-2.0
// Against a running daemon: PARLEY_URL, PARLEY_LOGIN, PARLEY_PASSWORD, and PARLEY_CHAT=<operation>/<webchat channel>
// for the whole way of a message.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import WebSocket from 'ws';
import { axe, openPage, OUT, press, shot } from '../browser.mjs';
import { equal, eventually, sees, signIn, status, unfocus, until, write } from '../desk.mjs';

const url = (process.env.PARLEY_URL ?? '').replace(/\/$/u, '');
const { PARLEY_LOGIN: login, PARLEY_PASSWORD: password, PARLEY_CHAT: chat } = process.env;

/** A person on the webchat: what is heard, and a way to say something. */
async function person() {
  const socket = new WebSocket(`${url.replace(/^http/u, 'ws')}/ws/chat/${chat}`, 'parley.chat.v1', { headers: { Origin: url } });
  const heard = [];
  await new Promise((done, fail) => { socket.on('open', done); socket.on('error', fail); });
  socket.on('message', (data) => heard.push(JSON.parse(data)));
  socket.send(JSON.stringify({ type: 'hello', session: null, after: null, locale: 'ar' }));
  await eventually('the welcome of the chat', () => heard.some((frame) => frame.type === 'welcome'));
  const tell = (frame) => socket.send(JSON.stringify(frame));
  return { heard, tell, close: () => socket.close(), say: (ref, text) => tell({ type: 'send', ref, text }) };
}

export const cases = {
  async 'a wrong password is told in words'({ browser }) {
    const { page, wrong, close } = await openPage(browser);
    await page.goto(url);
    await page.waitForSelector('input[name=login]');
    await page.type('input[name=login]', login);
    await page.type('input[name=password]', `${password}x`);
    await page.keyboard.press('Enter');
    await sees(page, 'Login or password is wrong', '[role=alert]');
    equal(wrong, [], 'errors');
    await close();
  },

  async 'signs in, is connected, changes presence, and comes back after a reload'({ browser }) {
    const { page, wrong, close } = await openPage(browser);
    await signIn(page, url, login, password);
    await until(page, 'presence', () => /Online|Away|On a break/u.test(document.querySelector('header .name')?.innerText ?? ''));
    await unfocus(page);
    if ((await page.$eval('header .name', (node) => node.innerText)) !== 'On a break') await page.keyboard.press('b');
    await sees(page, 'On a break', 'header .name');
    await page.reload();
    await page.waitForSelector('.column');
    await until(page, 'presence', () => /Online|Away|On a break/u.test(document.querySelector('header .name')?.innerText ?? ''));
    equal(wrong, [], 'errors');
    await close();
  },

  async 'lists, keys, settings, in three languages, without a violation'({ browser }) {
    for (const locale of ['en', 'ar', 'tr']) {
      const { page, wrong, close } = await openPage(browser, { locale });
      await signIn(page, url, login, password);
      for (const key of ['1', '2', '3', '?', ',']) {
        await unfocus(page);
        await page.keyboard.press(key);
        await new Promise((done) => setTimeout(done, 400));
        equal(await axe(page), [], `axe after ${key} in ${locale}`);
        await shot(page, `real-${locale}-${key === '?' ? 'keys' : key === ',' ? 'settings' : key}`);
        await page.keyboard.press('Escape');
      }
      equal(wrong, [], 'errors');
      await close();
    }
  },
};

/** Online, and with a new thread of somebody who just wrote. */
async function withThread(page, words) {
  await signIn(page, url, login, password);
  await until(page, 'presence', () => /Online|Away|On a break/u.test(document.querySelector('header .name')?.innerText ?? ''));
  await press(page, `Presence: ${await page.$eval('header .name', (node) => node.innerText)}`);
  await (await page.waitForSelector('[role=menuitemradio]')).click();
  await sees(page, 'Online', 'header .name');
  const someone = await person();
  someone.say('c1', words);
  await eventually('the tick', () => someone.heard.some((frame) => frame.type === 'ack'), 15_000);
  await page.waitForSelector('.offer', { timeout: 30_000 });
  await press(page, 'Accept', '.offer');
  await sees(page, words, '.bubble');
  return someone;
}

async function dialog(page, key) {
  await until(page, 'no dialog', () => !document.querySelector('dialog[open]'));
  await unfocus(page);
  await page.keyboard.press(key);
  await page.waitForSelector('dialog[open]');
}

if (chat) {
  cases['a person writes in Arabic, the agent accepts and answers, the person reads it'] = async ({ browser }) => {
    const { page, wrong, close } = await openPage(browser);
    const mark = `سؤال ${Date.now()}`;
    const someone = await withThread(page, `السلام عليكم، أريد تجديد بطاقة التسجيل. ${mark}`);
    await write(page, `جواب ${mark}`);
    await eventually('the answer in the chat', () => someone.heard.some((frame) => JSON.stringify(frame).includes(`جواب ${mark}`)), 15_000);
    // No provider stands between: what the person's page has is delivered.
    const { id } = someone.heard.find((frame) => frame.entry?.text === `جواب ${mark}`).entry;
    someone.tell({ type: 'got', id });
    await status(page, `جواب ${mark}`, 'Delivered');
    someone.tell({ type: 'read', id });
    await status(page, `جواب ${mark}`, 'Read');
    someone.close();
    equal(wrong, [], 'errors');
    await close();
  };

  cases['all that is done to a thread: files, notes, typing, tags, snooze, resolve, reopen, transfer'] = async ({ browser }) => {
    const { page, wrong, close } = await openPage(browser);
    const mark = `سؤال ${Date.now()}`;
    const someone = await withThread(page, `أريد موعداً للتسجيل. ${mark}`);
    const file = join(OUT, 'note.txt');
    writeFileSync(file, 'z'.repeat(3000));
    await (await page.$('.composer input[type=file]')).uploadFile(file);
    await page.waitForSelector('.uploads .good');
    await write(page, `مع ملف ${mark}`);
    await sees(page, 'note.txt', '.bubble .file');
    equal(await page.$eval('.bubble a.file', async (node) => { const got = await fetch(node.href); return [got.status, (await got.text()).length]; }), [200, 3000], 'the file as its link gives it');
    await eventually('the file in the chat', () => someone.heard.some((frame) => frame.entry?.attachments?.length), 15_000);
    someone.tell({ type: 'typing', on: true });
    await sees(page, 'is writing…', '.typing').catch(() => { throw new Error('the person typing was not shown'); });
    await unfocus(page);
    await page.keyboard.press('n');
    await page.keyboard.type(`note ${mark}`);
    await page.keyboard.press('Enter');
    await sees(page, `note ${mark}`, 'article.note');
    await dialog(page, 'l');
    await page.keyboard.type('call back');
    await page.keyboard.press('Enter');
    await sees(page, 'call-back', 'dialog .tags');
    await page.keyboard.press('Escape');
    await page.select('#c-priority', '2');
    await sees(page, 'High', '.thread header');
    await dialog(page, 's');
    await press(page, 'Snooze', 'dialog');
    await sees(page, 'Snoozed until', '.notice');
    await sees(page, 'Snoozed until', '.thread header');
    someone.say('c2', `ما زلت هنا ${mark}`);
    await sees(page, `ما زلت هنا ${mark}`, '.bubble');
    await sees(page, 'Assigned', '.thread header');
    await dialog(page, 'e');
    await press(page, 'The same stands in another thread', 'dialog'); // they wrote last, and nothing is coded: the guard wants a reason
    await press(page, 'Resolve', 'dialog');
    await sees(page, 'The thread is resolved.', '.notice');
    // An agent no longer sees what they resolved; the person's next words open it again.
    someone.say('c3', `سؤال آخر ${mark}`);
    await page.waitForSelector('.offer', { timeout: 30_000 });
    await press(page, 'Accept', '.offer');
    await page.waitForSelector('.composer textarea');
    await sees(page, `سؤال آخر ${mark}`, '.bubble');
    await dialog(page, 't');
    await press(page, 'Transfer', 'dialog');
    await sees(page, 'The thread was transferred.', '.notice');
    await shot(page, 'real-end');
    someone.close();
    equal(wrong, [], 'errors');
    await close();
  };
}
