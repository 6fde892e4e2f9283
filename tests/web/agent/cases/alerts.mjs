// SPDX-License-Identifier: Apache-2.0
// Red alerts: raised by two keys, ringing above everything until somebody has them, answered on a phone.
import { axe, openPage, press, shot, text } from '../browser.mjs';
import { atDesk, equal, eventually, first, pause, sees, signIn, unfocus, until } from '../desk.mjs';
import { redAlert } from '../mock-alerts.mjs';

const clean = async (page, what) => equal(await axe(page), [], `axe: ${what}`);
const wide = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

export const cases = {
  async 'a red alert is raised by one key and a second one, and not by a slip'({ browser, mock }) {
    const mine = await first(mock, (thread) => thread.assignee === mock.store.me && thread.state === 'assigned');
    const { page, close } = await atDesk({ browser, mock }, { thread: mine.id });
    await unfocus(page);
    await page.keyboard.type('!');
    await page.waitForSelector('dialog[open]');
    await sees(page, 'Medical emergency', 'dialog');
    await clean(page, 'raising');
    await shot(page, 'alert-raise');
    await page.keyboard.press('Escape');
    await until(page, 'the dialog is gone', () => !document.querySelector('dialog[open]'));
    equal(mock.store.red?.size ?? 0, 0, 'nothing was raised');
    await page.keyboard.type('!');
    await page.waitForSelector('dialog[open]');
    await page.keyboard.press('2');
    await eventually('it is raised', () => mock.store.red?.size === 1);
    const made = [...mock.store.red.values()][0];
    equal([made.category, made.thread], ['detention', mine.id], 'what was raised');
    await sees(page, 'Red alert: Detention', '.bar');
    await clean(page, 'the bar');
    await shot(page, 'alert-bar-1440');
    await press(page, 'I take it over', '.bar');
    await until(page, 'its page', () => location.hash.startsWith('#/alert/'));
    equal(made.state, 'notified', 'the object before');
    equal([...mock.store.red.values()][0].acknowledged_by, mock.store.me, 'who has it');
    await until(page, 'no bar', () => !document.querySelector('.bar'));
    await close();
  },

  async 'on a phone: opening answers nothing, one large button does, then it is handed over and closed'({ browser, mock }) {
    for (const [locale, dir, words] of [['en', 'ltr', ['I take it over', 'Hand over', 'Close']], ['ar', 'rtl', ['أتولّى الأمر', 'تسليم', 'إغلاق']]]) {
      const a = redAlert(mock.store, { code: locale === 'en' ? '482913' : '482914', name: 'Zeinab Haddad', note: 'Taken from the bus at the checkpoint.', steps: 2 });
      const { page, close } = await openPage(browser, { width: 360, height: 740, settings: { locale, theme: locale === 'ar' ? 'dark' : 'light' } });
      await signIn(page, mock.url);
      if (locale === 'ar') await until(page, 'Arabic', () => document.documentElement.dir === 'rtl');
      await shot(page, `alert-desk-360-${locale}`);
      await page.evaluate((code) => { location.hash = `#/alert/${code}`; }, a.code);
      await sees(page, 'Zeinab Haddad', 'article');
      await pause(300);
      equal(mock.store.red.get(a.code).state, 'notified', 'opened is not answered');
      equal(await page.evaluate(() => document.documentElement.dir), dir, 'direction');
      equal(await wide(page), 0, 'nothing wider than the phone');
      await clean(page, `alert ${locale}`);
      await shot(page, `alert-360-${locale}`);
      await press(page, words[0], 'article');
      await eventually('acknowledged', () => mock.store.red.get(a.code).state === 'acknowledged');
      await until(page, 'the next button', (label) => document.querySelector('article .main')?.textContent.trim() === label, words[1]);
      await shot(page, `alert-has-360-${locale}`);
      await press(page, words[1], 'article');
      await page.waitForSelector('#alert-text');
      await page.keyboard.type('Bar association, night line');
      await clean(page, `handing over ${locale}`);
      await press(page, words[1], 'article');
      await eventually('handed over', () => mock.store.red.get(a.code).handover === 'Bar association, night line');
      await until(page, 'the next button', () => document.querySelector('article')?.classList.contains('handed'));
      await press(page, words[2], 'article');
      await eventually('closed', () => mock.store.red.get(a.code).state === 'closed');
      await close();
    }
  },

  async 'a possible alert is confirmed or dismissed above whatever is open; the list tells all of them'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock });
    redAlert(mock.store, { code: '111111', state: 'possible', how: 'words', category: 'medical', by: 'system', raised: null, first_notice: null });
    await sees(page, 'Possible alert: Medical emergency', '.bar');
    await clean(page, 'possible');
    await press(page, 'No alert', '.bar');
    await eventually('dismissed', () => mock.store.red.get('111111').state === 'dismissed');
    redAlert(mock.store, { code: '222222', state: 'possible', how: 'words', category: 'missing', by: 'system' });
    await sees(page, 'Missing person', '.bar');
    await press(page, 'It is an alert', '.bar');
    await eventually('confirmed', () => mock.store.red.get('222222').state === 'raised');
    redAlert(mock.store, { code: '333333', category: 'disaster', count: 12, drill: true, how: 'drill' });
    await page.evaluate(() => { location.hash = '#/alerts'; });
    await sees(page, '×12', '.page');
    await sees(page, 'Earlier', '.page');
    await clean(page, 'the list');
    await shot(page, 'alerts-1440');
    await page.setViewport({ width: 360, height: 740 });
    await pause(200);
    equal(await wide(page), 0, 'nothing wider than the phone');
    await shot(page, 'alerts-360');
    mock.store.emit({ type: 'alert.gone', code: '333333' });
    await until(page, 'it is gone', () => !document.querySelector('.page')?.innerText.includes('×12'));
    equal((await text(page, '.page')).includes('disaster'), false, 'gone from the list');
    await close();
  },
};
