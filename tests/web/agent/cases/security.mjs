// SPDX-License-Identifier: Apache-2.0
// Signing in in two steps, setting up a second factor, and the parts of the administration page about what comes in and goes out.
import { axe, openPage, press, shot, text } from '../browser.mjs';
import { atDesk, equal, pause, sees, until } from '../desk.mjs';

const clean = async (page, what) => equal(await axe(page), [], `axe: ${what}`);
const wide = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

async function password(page, url) {
  await page.goto(url);
  await page.waitForSelector('input[name=login]');
  await page.type('input[name=login]', 'amal');
  await page.type('input[name=password]', 'demo');
  await page.keyboard.press('Enter');
}

async function go(page, where) {
  await page.evaluate((wanted) => { location.hash = `#/admin/${wanted}`; }, where);
  await page.waitForSelector('.adm h2');
  await pause(200);
}

export const cases = {
  async 'security: signing in takes a password and a code, by keyboard alone'({ browser, mock }) {
    mock.store.second = { on: true };
    const { page, close } = await openPage(browser);
    await password(page, mock.url);
    await page.waitForSelector('#signin-code');
    equal(await page.evaluate(() => document.activeElement?.id), 'signin-code', 'where the focus is');
    await clean(page, 'the code step');
    await shot(page, 'security-code-1440');
    await page.keyboard.type('000000');
    await page.keyboard.press('Enter');
    await sees(page, 'That code is wrong', 'form');
    equal(await page.$eval('#signin-code', (node) => node.value), '', 'the field is empty again');
    await page.keyboard.type('123456');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.column');
    await close();
  },

  async 'security: a recovery code in the place of the phone, and the way back'({ browser, mock }) {
    mock.store.second = { on: true };
    const { page, close } = await openPage(browser, { width: 360, height: 740, settings: { locale: 'ar', theme: 'dark' } });
    await password(page, mock.url);
    await page.waitForSelector('#signin-code');
    equal(await wide(page), 0, 'nothing wider than the phone');
    await clean(page, 'the code step in Arabic');
    await shot(page, 'security-code-360-ar');
    await press(page, 'رجوع');
    await page.waitForSelector('input[name=login]');
    await page.type('input[name=password]', 'demo');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#signin-code');
    await press(page, 'استخدام رمز استرداد');
    await page.type('#signin-code', '0-bcdfg-hjkmn-pqrst');
    await page.keyboard.press('Enter');
    await until(page, 'the desk', () => !document.querySelector('#signin-code'));
    await close();
  },

  async 'security: whoever must sets it up before anything else'({ browser, mock }) {
    for (const [locale, width, words] of [['en', 1440, ['Set it up', 'Confirm', 'I have kept them', 'Go on']], ['ar', 360, ['الإعداد', 'تأكيد', 'احتفظت بها', 'متابعة']]]) {
      mock.store.second = { must: true };
      const { page, close } = await openPage(browser, { width, height: 800, settings: { locale, theme: locale === 'ar' ? 'dark' : 'light' } });
      await password(page, mock.url);
      await page.waitForSelector('#enrol-title');
      equal(await page.$('.column'), null, 'no desk before');
      await clean(page, `enrolment ${locale}`);
      await press(page, words[0]);
      await page.waitForSelector('.qr');
      await until(page, 'the picture', () => document.querySelector('.qr').naturalWidth > 0);
      equal(await wide(page), 0, 'width');
      await page.evaluate(() => { document.querySelector('details').open = true; });
      equal((await text(page, '.key')).replace(/\s/gu, ''), 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', 'the key to type');
      await clean(page, `scanning ${locale}`);
      await shot(page, `security-scan-${width}-${locale}`);
      await page.type('#second-code', '123456');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.codes');
      equal((await page.$$('.codes li')).length, 10, 'recovery codes');
      equal(await wide(page), 0, 'width');
      await clean(page, `codes ${locale}`);
      await shot(page, `security-codes-${width}-${locale}`);
      equal(await page.evaluate((name) => [...document.querySelectorAll('button')].find((node) => node.innerText.trim() === name).disabled, words[3]), true, 'not before they are kept');
      await page.click('input[type=checkbox]');
      await press(page, words[3]);
      await until(page, 'the desk', () => !document.querySelector('#enrol-title'));
      await close();
    }
  },

  async 'security: networks, webhooks with what was put aside, tokens'({ browser, mock }) {
    mock.store.hooks = new Map([['figures', { id: 'figures', url: 'https://example.org/in', events: ['thread.*'], clearance: 0, content: false, state: 'failing', waiting: 3, dead: 1, lost: 0, failing_since: '2026-01-02T08:00:00Z', last_ok: null, last_error: { time: '2026-01-02T08:00:00Z', code: '503' } }]]);
    const desk = await atDesk({ browser, mock });
    const { page } = desk;
    await go(page, 'networks');
    await sees(page, 'None is named', '.adm');
    await press(page, 'Add a network', '.adm');
    await page.type('.adm fieldset input[placeholder]', '192.0.2.0/24');
    await page.keyboard.press('Tab');
    await clean(page, 'networks');
    await shot(page, 'security-networks-1440');
    await go(page, 'webhooks');
    await press(page, 'Add a webhook', '.adm');
    await sees(page, 'whsec_', '.adm');
    await clean(page, 'webhooks');
    await shot(page, 'security-webhooks-1440');
    await go(page, 'tokens');
    await sees(page, 'Monthly figures', '.adm');
    await press(page, 'Make it', '.adm');
    await sees(page, 'parley_shownonlyonce', '.adm');
    await clean(page, 'tokens');
    await shot(page, 'security-tokens-1440');
    await desk.close();
    const phone = await atDesk({ browser, mock }, { width: 360, height: 740, settings: { locale: 'ar', theme: 'dark' } });
    for (const where of ['networks', 'webhooks', 'tokens']) {
      await go(phone.page, where);
      equal(await wide(phone.page), 0, `${where}: nothing wider than the phone`);
      await clean(phone.page, `${where} in Arabic`);
      await shot(phone.page, `security-${where}-360-ar`);
    }
    await phone.close();
  },
};
