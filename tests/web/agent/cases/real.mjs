// SPDX-License-Identifier: Apache-2.0
// Against a running daemon: PARLEY_URL, PARLEY_LOGIN, PARLEY_PASSWORD, and PARLEY_CHAT=<operation>/<webchat channel>
// for the whole way of a message.
import WebSocket from 'ws';
import { axe, openPage, press, shot } from '../browser.mjs';
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
  return { heard, close: () => socket.close(), say: (ref, text) => socket.send(JSON.stringify({ type: 'send', ref, text })) };
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

if (chat) {
  cases['a person writes in Arabic, the agent accepts and answers, the person reads it'] = async ({ browser }) => {
    const { page, wrong, close } = await openPage(browser);
    await signIn(page, url, login, password);
    await until(page, 'presence', () => /Online|Away|On a break/u.test(document.querySelector('header .name')?.innerText ?? ''));
    await press(page, `Presence: ${await page.$eval('header .name', (node) => node.innerText)}`);
    await (await page.waitForSelector('[role=menuitemradio]')).click();
    await sees(page, 'Online', 'header .name');
    const someone = await person();
    const mark = `سؤال ${Date.now()}`;
    someone.say('c1', `السلام عليكم، أريد تجديد بطاقة التسجيل. ${mark}`);
    await eventually('the tick', () => someone.heard.some((frame) => frame.type === 'ack'), 15_000);
    await page.waitForSelector('.offer', { timeout: 30_000 });
    await press(page, 'Accept', '.offer');
    await sees(page, mark, '.bubble');
    await write(page, `جواب ${mark}`);
    await status(page, `جواب ${mark}`, 'Sent').catch(() => status(page, `جواب ${mark}`, 'Delivered')).catch(() => status(page, `جواب ${mark}`, 'Read'));
    await eventually('the answer in the chat', () => someone.heard.some((frame) => JSON.stringify(frame).includes(`جواب ${mark}`)), 15_000);
    someone.close();
    equal(wrong, [], 'errors');
    await close();
  };
}
