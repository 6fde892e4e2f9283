// SPDX-License-Identifier: Apache-2.0
// Hours in the bar; call-backs in the panel and on their page.
import { axe, press, shot } from '../browser.mjs';
import { atDesk, equal, eventually, openThread, pause, sees, unfocus } from '../desk.mjs';

async function panel(page) {
  await page.waitForSelector('.contact');
}

const one = (thread, state) => {
  const soon = new Date(Date.now() + 36e5).toISOString();
  return { thread, state, version: 1, from: soon, to: soon, person: true, tries: 0, agent: null, channel: 'web', address: null, note: null };
};

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

  async 'the page hears of a step, asks for the list once, and not for what is none'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock });
    mock.store.callbacks = new Map();
    await page.evaluate(() => { location.hash = '#/callbacks'; });
    await sees(page, 'Nobody is waiting', '.callbacks');
    const [first, second] = ['rich', 'sealed'].map((thread) => one(thread, 'due'));
    mock.store.callbacks.set('rich', first);
    mock.store.passing({ type: 'callback', id: '9999999999999-1', thread: 'rich', state: 'due' });
    await sees(page, 'Due now', '.callbacks');
    mock.store.callbacks.set('sealed', second);
    mock.store.passing({ type: 'typing', thread: 'sealed', who: 'person', on: true });
    await pause(300);
    equal(await page.$$eval('.callbacks li', (all) => all.length), 1, 'nobody asked');
    await close();
  },

  async 'in English and Arabic, wide and narrow, light and dark'({ browser, mock }) {
    mock.store.callbacks = new Map([['rich', { ...one('rich', 'waiting'), tries: 1, note: 'بعد العمل' }], ['sealed', one('sealed', 'due')]]);
    for (const [width, height, locale, theme] of [[360, 740, 'ar', 'dark'], [360, 740, 'en', 'light'], [1440, 900, 'en', 'dark'], [1440, 900, 'ar', 'light']]) {
      const label = `${width}-${locale}-${theme}`;
      const { page, close } = await atDesk({ browser, mock }, { width, height, settings: { locale, theme } });
      await page.evaluate(() => { location.hash = '#/callbacks'; });
      await eventually('the list', () => page.$('.callbacks li'));
      await shot(page, `callback-page-${label}`);
      equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true, 'nothing sticks out');
      equal(await axe(page), [], `axe: the page ${label}`);
      if (width > 1000) {
        await openThread(page, [...mock.store.threads.values()].find((t) => !mock.store.callbacks.has(t.id) && t.assignee === mock.store.me).id);
        await panel(page);
        await press(page, locale === 'ar' ? 'الاتصال أو الكتابة لاحقًا…' : 'Call or write back later…');
        await page.waitForSelector('#callback-note');
        await page.$eval('#callback-note', (node) => node.scrollIntoView({ block: 'center' }));
        await shot(page, `callback-form-${label}`);
        equal(await axe(page), [], `axe: the form ${label}`);
      }
      await close();
    }
  },
};
