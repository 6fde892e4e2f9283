// SPDX-License-Identifier: Apache-2.0
// Links that drop: no event missed, none shown twice, nothing sent twice, nothing typed lost.
import { text } from '../browser.mjs';
import { atDesk, bubbles, equal, eventually, openThread, pause, sees, signIn, status, unfocus, until, write } from '../desk.mjs';

const told = (all, prefix) => all.filter((each) => each.startsWith(prefix));

export const cases = {
  async 'after a dropped link every event is there, once and in order'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    const thread = mock.store.threads.get('rich');
    mock.drop();
    for (let n = 1; n <= 5; n += 1) mock.store.say(thread, { text: `missed ${n}` }, true);
    await sees(page, 'missed 5', '.bubble');
    equal(told(await bubbles(page), 'missed'), [1, 2, 3, 4, 5].map((n) => `missed ${n}`), 'bubbles');
    const hellos = mock.store.frames.filter((frame) => frame.type === 'hello');
    equal([hellos.length, hellos[0].after === null, hellos[1].after !== null], [2, true, true], 'hellos');
    await close();
  },

  async 'a link that drops all the time loses nothing and doubles nothing, either way'({ browser, mock }) {
    const { page, wrong, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    const thread = mock.store.threads.get('rich');
    mock.unreliable(900);
    const wanted = [];
    for (let n = 1; n <= 12; n += 1) {
      mock.store.say(thread, { text: `in ${n}` }, true);
      if (n % 3 === 0) {
        await write(page, `out ${n}`);
        wanted.push(`out ${n}`);
      }
      await pause(250);
    }
    await eventually('all at the server', () => told(mock.store.logs.get('rich').map((entry) => entry.text ?? ''), 'out ').length >= wanted.length, 20_000);
    mock.unreliable(0);
    await sees(page, 'in 12', '.bubble');
    await until(page, 'nothing waits', () => !document.querySelector('.bubble + .foot.waiting, .bubble + .foot.sending'));
    await pause(500);
    equal(told(mock.store.logs.get('rich').map((entry) => entry.text ?? ''), 'out '), wanted, 'entries at the server');
    const shown = await bubbles(page);
    equal(told(shown, 'out '), wanted, 'ours on the page');
    equal(told(shown, 'in '), Array.from({ length: 12 }, (_, n) => `in ${n + 1}`), 'theirs on the page');
    equal(wrong, [], 'errors');
    await close();
  },

  async 'an answer that is cut off after storing does not make a second message'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    mock.store.cutAnswers = 2;
    await write(page, 'cut off');
    await status(page, 'cut off', 'Read');
    await pause(300);
    equal(mock.store.logs.get('rich').filter((entry) => entry.text === 'cut off').length, 1, 'entries at the server');
    equal(told(await bubbles(page), 'cut off').length, 1, 'bubbles');
    await close();
  },

  async 'offline: it says so, keeps what is written, and sends it once when the link is back'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    mock.away(true);
    await sees(page, 'No connection. Trying again in', '.link');
    await write(page, 'written offline');
    await status(page, 'written offline', 'Waiting for the connection');
    await sees(page, '1 message waits here', '.link');
    await sees(page, 'it is kept here and sent later', '.hint');
    mock.away(false);
    await page.evaluate(() => dispatchEvent(new Event('online')));
    await status(page, 'written offline', 'Read');
    equal(mock.store.logs.get('rich').filter((entry) => entry.text === 'written offline').length, 1, 'entries at the server');
    await close();
  },

  async 'what was not sent outlives a reload of the tab'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    mock.store.refuse = 'unavailable';
    await write(page, 'over the reload');
    await eventually('a first try', () => mock.store.frames.some((frame) => frame.text === 'over the reload'));
    await page.reload();
    mock.store.refuse = null;
    await status(page, 'over the reload', 'Read');
    equal(mock.store.logs.get('rich').filter((entry) => entry.text === 'over the reload').length, 1, 'entries at the server');
    await close();
  },

  async 'when events were trimmed, all is loaded anew'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    const thread = mock.store.threads.get('rich');
    mock.away(true);
    for (let n = 1; n <= 3; n += 1) mock.store.say(thread, { text: `trimmed ${n}` });
    const other = [...mock.store.threads.values()].find((each) => each.state === 'assigned' && each.contact.name === 'Grace Okello');
    other.state = 'resolved';
    mock.trim();
    mock.away(false);
    await page.evaluate(() => dispatchEvent(new Event('online')));
    await sees(page, 'trimmed 3', '.bubble');
    equal(told(await bubbles(page), 'trimmed').length, 3, 'bubbles');
    await until(page, 'the resolved one has left the list', () => ![...document.querySelectorAll('[data-row]')].some((row) => row.innerText.includes('Grace Okello')));
    await close();
  },

  async 'a gap in the numbers is filled from the server'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    const thread = mock.store.threads.get('rich');
    mock.store.say(thread, { text: 'gap 1' });
    mock.store.say(thread, { text: 'gap 2' });
    mock.store.say(thread, { text: 'gap 3' }, true);
    await sees(page, 'gap 2', '.bubble');
    equal(told(await bubbles(page), 'gap'), ['gap 1', 'gap 2', 'gap 3'], 'bubbles');
    await close();
  },

  async 'a session that has ended asks for a sign-in, and the draft is still there'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    await page.type('.composer textarea', 'half a sentence');
    await pause(500);
    mock.endSessions();
    await sees(page, 'Your session has ended', 'form');
    await signIn(page, mock.url);
    await openThread(page, 'rich');
    equal(await page.$eval('.composer textarea', (node) => node.value), 'half a sentence', 'the draft');
    await close();
  },

  async 'a thread that is taken away closes and says so'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    const thread = mock.store.threads.get('rich');
    mock.store.threads.delete('rich');
    mock.store.emit({ type: 'thread.gone', thread: thread.id });
    await sees(page, 'no longer yours to see', '.notice');
    await sees(page, 'No thread is open', 'main');
    await close();
  },

  async 'drafts are kept per thread'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock });
    const one = [...mock.store.threads.values()].find((each) => each.contact.name === 'Aïcha Traoré' && each.state === 'assigned');
    await openThread(page, one.id);
    await page.type('.composer textarea', 'for Aïcha');
    await openThread(page, 'rich');
    equal(await page.$eval('.composer textarea', (node) => node.value), '', 'the other composer');
    await until(page, 'a draft mark', () => [...document.querySelectorAll('[data-row]')].some((row) => row.innerText.includes('Draft')));
    await openThread(page, one.id);
    equal(await page.$eval('.composer textarea', (node) => node.value), 'for Aïcha', 'the composer');
    await close();
  },

  async 'presence: a break is one key and honest'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock });
    await unfocus(page);
    await page.keyboard.press('b');
    await sees(page, 'You are on a break', '.break');
    equal(mock.store.agents.get('a-amal').presence, 'break', 'presence at the server');
    mock.drop();
    await eventually('a new link', () => mock.store.frames.filter((frame) => frame.type === 'hello').length === 2);
    await eventually('the break told again', () => mock.store.agents.get('a-amal').presence === 'break');
    await page.reload();
    await sees(page, 'You are on a break', '.break');
    await page.click('.break button');
    await until(page, 'no break', () => !document.querySelector('.break'));
    equal(mock.store.agents.get('a-amal').presence, 'online', 'presence at the server');
    equal(await text(page, 'header .name'), 'Online', 'the menu');
    await close();
  },
};
