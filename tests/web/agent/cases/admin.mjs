// SPDX-License-Identifier: Apache-2.0
// The administration page: set up by somebody who does it for the first time, by keyboard too, and looked at in two languages.
import { axe, openPage, press, shot, text } from '../browser.mjs';
import { atDesk, equal, eventually, pause, sees, until } from '../desk.mjs';

async function go(page, where = '') {
  await page.evaluate((wanted) => { location.hash = `#/admin${wanted ? `/${wanted}` : ''}`; }, where);
  await page.waitForSelector('.adm h2');
  await pause(150);
}

/** Sets the field with a label as somebody types it. */
async function fill(page, label, words) {
  const find = (wanted) => [...document.querySelectorAll('.adm input, .adm textarea, .adm select, dialog input')]
    .find((node) => node.checkVisibility() && [node.getAttribute('aria-label'), ...[...(node.labels ?? [])].map((each) => each.innerText.split('\n')[0])].some((name) => name?.replace(/[\u2066-\u2069]/gu, '').trim() === wanted));
  await until(page, `the field "${label}"`, find, label);
  const field = await page.evaluateHandle(find, label);
  await field.evaluate((node) => { node.focus(); node.select?.(); });
  await page.keyboard.type(words);
  await field.evaluate((node) => node.dispatchEvent(new Event('change', { bubbles: true })));
}

async function save(page) {
  await until(page, 'the difference', () => /change/u.test(document.querySelector('.savebar')?.innerText ?? ''));
  await press(page, 'Review and save', '.savebar');
  await until(page, 'Save to be possible', () => [...document.querySelectorAll('dialog[open] footer button')].some((node) => node.innerText === 'Save' && !node.disabled));
  const told = await text(page, 'dialog[open] .body');
  await press(page, 'Save', 'dialog[open] footer');
  return told;
}

export const cases = {
  async 'administration: only for administrators, in files of its own, from the menu'({ browser, mock }) {
    const desk = await openPage(browser);
    const asked = [];
    desk.page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await desk.page.goto(mock.url);
    await desk.page.type('input[name=login]', 'amal');
    await desk.page.type('input[name=password]', 'demo');
    await desk.page.keyboard.press('Enter');
    await desk.page.waitForSelector('.column');
    equal(asked.filter((path) => /Admin|People|Channel/u.test(path)), [], 'files that agents load');
    await desk.page.evaluate(() => document.querySelector('header .menu:last-child button').click());
    await press(desk.page, 'Administration');
    await sees(desk.page, 'Before opening', '.adm');
    await sees(desk.page, 'Emergency number', '.adm');
    await desk.close();
    mock.store.plain = true;
    const agent = await atDesk({ browser, mock });
    await agent.page.evaluate(() => { location.hash = '#/admin'; });
    await pause(400);
    equal(await agent.page.$('.adm'), null, 'the page of an agent');
    equal(await agent.page.evaluate(() => [...document.querySelectorAll('[role=menuitem]')].some((node) => node.innerText.includes('Administration'))), false, 'its entry');
    equal(agent.wrong, [], 'errors');
    await agent.close();
  },

  async 'administration: changes are kept together, shown, saved and taken back'({ browser, mock }) {
    const { page, wrong, close } = await atDesk({ browser, mock });
    await go(page, 'office');
    await fill(page, 'Emergency number (English)', '112');
    await go(page, 'topics/health');
    await fill(page, 'Name (English)', 'Health and care');
    await sees(page, '2 changes', '.savebar');
    const told = await save(page);
    for (const line of ['Emergency number: changed', 'Health and care: name']) equal(told.includes(line), true, `${line} in ${told}`);
    await eventually('it is saved', () => mock.store.admin.file.emergency.en === '112');
    equal(mock.store.admin.file.topics.find((each) => each.id === 'health').name.en, 'Health and care', 'the name');
    await sees(page, 'Saved: 2 changes.');
    await go(page);
    await press(page, 'Undo', '.adm');
    await eventually('it is taken back', () => mock.store.admin.file.topics.find((each) => each.id === 'health').name.en === 'Health');
    equal(mock.store.admin.file.emergency, {}, 'the number');
    equal(wrong, [], 'errors');
    await close();
  },

  async 'administration: what is wrong is told where it is, and nothing is lost by looking elsewhere'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock });
    await go(page, 'channels/app');
    await fill(page, 'url (needed)', 'nonsense');
    await sees(page, 'an http or https address is wanted', '.adm');
    await sees(page, '1 thing is not in order', '.savebar');
    await page.evaluate(() => { location.hash = '#t=rich'; });
    await sees(page, 'Your changes are kept, but not saved.');
    await go(page, 'channels/app');
    await sees(page, 'an http or https address is wanted', '.adm');
    await press(page, 'Discard', '.savebar');
    await until(page, 'no bar', () => !document.querySelector('.savebar'));
    await go(page, 'texts/notice.first');
    await fill(page, 'Your wording, if you want another', 'I am {nmae}');
    await sees(page, '"{nmae}" is not filled in this text', '.adm');
    await sees(page, 'The shipped text also says, and yours does not:', '.adm');
    await press(page, 'Discard', '.savebar');
    await go(page, 'file/hours');
    await fill(page, 'hours as JSON', '{"week":{"monday":[]}}');
    await sees(page, '/hours/week/monday', '.adm');
    // Who signs out takes it along; a session that ended by itself finds it again.
    mock.endSessions();
    await page.waitForSelector('input[name=login]', { timeout: 15_000 });
    await page.type('input[name=login]', 'amal');
    await page.type('input[name=password]', 'demo');
    await page.keyboard.press('Enter');
    await go(page, 'file/hours');
    await sees(page, 'not in order', '.savebar');
    await page.evaluate(() => document.querySelector('header .menu:last-child button').click());
    await press(page, 'Sign out');
    await page.waitForSelector('input[name=login]');
    await page.type('input[name=login]', 'amal');
    await page.type('input[name=password]', 'demo');
    await page.keyboard.press('Enter');
    await go(page, 'file/hours');
    await pause(700);
    equal(await page.$('.savebar'), null, 'what was left of before');
    await close();
  },

  async 'administration: somebody new, a password told once, a secret that never comes out, a test'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock });
    await go(page, 'people');
    await fill(page, 'Name', 'Leyla Şen');
    await press(page, 'Add', '.adm');
    await sees(page, 'leyla-sen', '.adm-head');
    await save(page);
    await sees(page, 'bcdfg-hjkmn-pqrst-vwxz2', 'dialog');
    await press(page, 'They have it', 'dialog');
    await go(page, 'people/leyla-sen');
    await press(page, 'New password');
    await press(page, 'Make one', 'dialog');
    await sees(page, 'zxwvt-srqpn-mkjhg-fdcb9', 'dialog');
    await press(page, 'They have it', 'dialog');
    await go(page, 'channels/tg');
    await fill(page, 'token (needed)', '123:very-secret');
    await save(page);
    await eventually('the secret is there', () => mock.store.admin.secrets.channels.tg.token === true);
    await until(page, 'the field to be empty', () => document.querySelector('input[type=password]')?.value === '' && /Kept/u.test(document.querySelector('input[type=password]')?.placeholder));
    equal(await page.evaluate(() => document.documentElement.outerHTML.includes('very-secret')), false, 'the secret in the page');
    await fill(page, 'Address', '12345');
    await press(page, 'Send', '.adm');
    await sees(page, 'The provider has taken it. Look at your device.', '.adm');
    equal(mock.store.admin.tests, [{ to: 'telegram:12345', language: 'en' }], 'what was asked');
    await fill(page, 'Address', '999');
    await press(page, 'Send', '.adm');
    await sees(page, 'This address cannot be reached', '.adm');
    await close();
  },

  async 'administration: somebody else saves meanwhile'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock });
    await go(page, 'topics/health');
    await fill(page, 'Name (English)', 'Mine');
    await sees(page, '1 change', '.savebar');
    mock.store.admin.file = { ...mock.store.admin.file, privacy: 'https://example.org/p' };
    mock.store.admin.version += 1;
    await press(page, 'Review and save', '.savebar');
    await pause(900); // asks against the old version, takes the new one, and keeps what was changed
    await until(page, 'Save to be possible', () => [...document.querySelectorAll('dialog[open] footer button')].some((node) => node.innerText === 'Save' && !node.disabled));
    mock.store.admin.file = { ...mock.store.admin.file, topics: mock.store.admin.file.topics.map((each) => (each.id === 'health' ? { ...each, name: { en: 'Theirs' } } : each)) };
    mock.store.admin.version += 1;
    await press(page, 'Save', 'dialog[open] footer');
    await sees(page, 'Changed by two', 'dialog');
    await press(page, 'Take theirs', 'dialog');
    await until(page, 'their name', () => document.querySelector('.adm h2')?.innerText === 'Theirs');
    equal(await page.$('.savebar'), null, 'the bar');
    equal(mock.store.admin.file.privacy, 'https://example.org/p', 'what the other saved');
    await close();
  },

  async 'administration: by keyboard, found by search, in Arabic and on a phone without a violation'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock });
    await go(page);
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press('/');
    await page.keyboard.type('farid');
    await sees(page, 'Farid', '.nav');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await until(page, 'Farid', () => location.hash === '#/admin/people/farid' && document.activeElement?.innerText === 'Farid');
    const name = await page.$('.adm-card input');
    await name.focus();
    await page.keyboard.press('End');
    await page.keyboard.type(' K');
    await sees(page, '1 change', '.savebar');
    await page.keyboard.down('Control');
    await page.keyboard.press('s');
    await page.keyboard.up('Control');
    await sees(page, 'Farid K: name', 'dialog');
    await page.keyboard.press('Escape');
    await close();
    const bad = [];
    for (const [width, height, locale, theme] of [[1440, 900, 'en', 'light'], [360, 740, 'ar', 'dark']]) {
      const look = await atDesk({ browser, mock }, { width, height, locale, settings: { theme } });
      for (const where of ['', 'people/farid', 'channels/app']) {
        await go(look.page, where);
        await pause(150);
        const label = `admin-${where.replace(/\W/gu, '-') || 'overview'}-${width}-${locale}-${theme}`;
        await shot(look.page, label);
        for (const each of await axe(look.page)) bad.push(`${label}: ${each}`);
        if (await look.page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) bad.push(`${label}: wider than the window`);
      }
      bad.push(...look.wrong);
      await look.close();
    }
    equal(bad, [], 'what is wrong');
  },
};
