// SPDX-License-Identifier: Apache-2.0
// Hours in the bar; call-backs in the panel and on their page.
import { press, shot } from '../browser.mjs';
import { atDesk, equal, eventually, openThread, sees, unfocus } from '../desk.mjs';

async function panel(page) {
  await page.waitForSelector('.contact');
}

export const cases = {
  async 'the bar says that the office is closed, and until when'({ browser, mock }) {
    mock.store.hours = ['tr', null].map((area) => ({ area, open: false, always: false, timezone: 'Europe/Istanbul', offset: 10800, since: '2026-01-01T17:00:00Z', next: new Date(Date.now() + 36e5).toISOString(), exception: null }));
    const { page, close } = await atDesk({ browser, mock });
    await sees(page, 'Closed', 'header');
    await close();
    mock.store.hours = undefined;
  },

  async 'a call-back is noted, taken, tried and done, by keyboard'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    await panel(page);
    await press(page, 'Call or write back later…');
    await page.focus('#callback-note');
    await page.keyboard.type('after work');
    await page.keyboard.press('Enter');
    await sees(page, 'Due now', '.contact');
    await sees(page, 'after work', '.contact');
    await shot(page, 'callback-panel');
    await unfocus(page);
    await page.evaluate(() => { location.hash = '#/callbacks'; });
    await sees(page, 'after work', '.callbacks');
    await shot(page, 'callback-page');
    await press(page, 'I do it');
    await sees(page, 'Taken', '.callbacks');
    await press(page, 'No answer');
    await sees(page, 'tried once', '.callbacks');
    await press(page, 'I do it');
    await press(page, 'Reached');
    await sees(page, 'Nobody is waiting', '.callbacks');
    equal(mock.store.callbacks.get('rich').state, 'done');
    await close();
  },

  async 'what is not safe is refused in words'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'sealed' });
    await panel(page);
    await press(page, 'Call or write back later…');
    await press(page, 'We suggest it');
    await press(page, 'Note it');
    await sees(page, 'not safe to reach', 'body');
    await close();
  },

  async 'in Arabic, at 360 pixels'({ browser, mock }) {
    const soon = new Date(Date.now() + 36e5).toISOString();
    mock.store.callbacks = new Map([['rich', { thread: 'rich', state: 'waiting', version: 1, from: soon, to: soon, person: true, tries: 1, agent: null, channel: 'web', address: null, note: 'بعد العمل' }]]);
    const { page, close } = await atDesk({ browser, mock }, { width: 360, height: 740, locale: 'ar' });
    await page.evaluate(() => { location.hash = '#/callbacks'; });
    await page.waitForSelector('.callbacks');
    await eventually('the list', () => page.$('.callbacks li'));
    await shot(page, 'callback-page-ar');
    equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true, 'nothing sticks out');
    await openThread(page, 'rich');
    await close();
  },
};
