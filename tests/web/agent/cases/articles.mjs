// SPDX-License-Identifier: Apache-2.0
// Canned answers under the slash, the page of articles, and people by hand.
import { axe, press, shot } from '../browser.mjs';
import { atDesk, equal, eventually, first, openThread, pause, sees, unfocus, until } from '../desk.mjs';

const area = '.composer textarea';
const value = (page) => page.$eval(area, (node) => node.value);
const mine = (mock, tag = 'ar') => first(mock, (thread) => thread.assignee === mock.store.me && thread.state === 'assigned' && thread.clearance === 0 && thread.language?.tag === tag);
const field = async (page, label, words) => {
  const node = await page.waitForSelector(`::-p-aria(${label})`);
  await node.click({ clickCount: 3 });
  await node.type(words);
};

async function slash(page, words) {
  await page.waitForSelector(area);
  await page.focus(area);
  await page.keyboard.type(words);
}

export const cases = {
  async 'a slash and some words give a canned answer in the language of the thread, filled in first'({ browser, mock }) {
    const thread = await mine(mock);
    thread.contact.name = 'Leyla';
    const { page, wrong, close } = await atDesk({ browser, mock }, { thread: thread.id });
    await slash(page, 'Hello /');
    await page.waitForSelector('#slash-list');
    await page.keyboard.type('tha');
    await until(page, 'one answer', () => document.querySelectorAll('#slash-list [role=option]').length === 1);
    equal(await page.$eval('#slash-list [role=option] strong', (node) => node.textContent), 'شكرا ومع السلامة', 'the title in Arabic');
    equal(await page.$eval(area, (node) => document.getElementById(node.getAttribute('aria-activedescendant')) !== null), true, 'the field names the row');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.slash input');
    equal(await page.$eval('.slash input', (node) => node.value), 'Leyla', 'the hole is filled with what is known');
    equal(await axe(page), [], 'axe, filling');
    await page.keyboard.press('Enter');
    await until(page, 'inserted', () => document.querySelector('.composer textarea').value.startsWith('Hello شكرا لك يا Leyla'));
    equal(mock.store.frames.filter((frame) => frame.type === 'send').length, 0, 'nothing was sent by itself');
    await eventually('it is counted', () => mock.store.articles.get('thanks').used === 13);
    await page.$eval(area, (node) => { node.value = ''; node.dispatchEvent(new Event('input', { bubbles: true })); });
    await slash(page, '/hours');
    await sees(page, 'Review overdue', '.slash');
    await page.keyboard.press('Escape');
    await until(page, 'closed', () => !document.querySelector('.slash'));
    equal(await value(page), '/hours', 'Escape leaves what was typed');
    equal(wrong, [], 'errors');
    await close();
  },

  async 'articles are found, read, flagged, written and published'({ browser, mock }) {
    const { page, wrong, close } = await atDesk({ browser, mock });
    await unfocus(page);
    await page.keyboard.press('w');
    await sees(page, 'Registering a newborn', '.articles');
    await page.type('.search input', 'newb');
    await sees(page, '1 found', '.articles');
    await page.click('.articles .list li a');
    await sees(page, 'Bring the birth notification', '.one');
    await press(page, 'Outdated', '.rate');
    await page.type('.rate textarea', 'The fee has changed');
    await press(page, 'Tell', '.rate');
    await sees(page, 'The fee has changed', '.notes');
    await page.evaluate(() => { location.hash = '#/articles/new'; });
    await page.waitForSelector('.editor fieldset');
    await page.type('.editor fieldset:first-of-type input', 'Where to sleep tonight');
    equal(await page.$eval('.editor .primary', (node) => node.disabled), true, 'a title without a text is not saved');
    await page.type('.editor fieldset:first-of-type textarea', 'Call the night line.');
    await press(page, 'Save and publish', '.editor');
    await sees(page, 'Where to sleep tonight', '.one h2');
    await eventually('published', () => [...mock.store.articles.values()].some((each) => each.state === 'published' && each.shortcut === null && Object.values(each.texts)[0].title === 'Where to sleep tonight'));
    equal(await axe(page), [], 'axe, the page');
    equal(wrong, [], 'errors');
    await close();
  },

  async 'somebody called: entered by the keyboard; a known number stays closed until it was asked'({ browser, mock }) {
    const { page, wrong, close } = await atDesk({ browser, mock });
    const known = mock.store.contact({ name: 'Zeynep', addresses: [{ uri: 'tel:+905551112233', channel: 'sms', verified: true, blocked: false, last_seen: new Date().toISOString() }] });
    await unfocus(page);
    await page.keyboard.press('h');
    await page.waitForSelector('dialog[open]');
    await page.type('dialog input[type=tel]', '0555 xx');
    await sees(page, 'This is no telephone number', 'dialog');
    await page.$eval('dialog input[type=tel]', (node) => { node.value = ''; });
    await page.type('dialog input[type=tel]', '+٩٠ ٥٥٥ ١١١ ٢٢ ٣٣');
    await page.type('dialog textarea', 'She asks when the office opens');
    equal(await axe(page), [], 'axe, the dialog');
    await page.keyboard.down('Control');
    await page.keyboard.press('Enter');
    await page.keyboard.up('Control');
    await sees(page, 'Is this the same person?', '.thread');
    await sees(page, 'She asks when the office opens', '.bubble');
    equal(await page.evaluate(() => document.body.innerText.includes('Zeynep')), false, 'nothing of who is known');
    equal(await axe(page), [], 'axe, the question');
    await press(page, 'Same person', '.thread');
    await sees(page, 'Confirmed: the same person', '.thread');
    await sees(page, 'Zeynep', '.thread header');
    await press(page, 'Undo', '.thread');
    await sees(page, 'Is this the same person?', '.thread');
    equal([...mock.store.threads.values()].filter((thread) => thread.contact.id === known.id).length, 1, 'one thread');
    equal(wrong, [], 'errors');
    await close();
  },

  async 'a check of identity is shown; another number is linked, two are merged and taken apart'({ browser, mock }) {
    const thread = await mine(mock);
    const other = mock.store.contact({ name: 'Amina A.', addresses: [{ uri: 'tel:+905550000001', channel: 'sms', verified: true, blocked: false, last_seen: new Date().toISOString() }] });
    const { page, wrong, close } = await atDesk({ browser, mock }, { thread: thread.id });
    await unfocus(page);
    await page.keyboard.press('v');
    await page.waitForSelector('dialog[open]');
    await press(page, 'It is them', 'dialog');
    await sees(page, 'Identity checked', '.thread header');
    await press(page, 'Another number of theirs', '.contact');
    await page.type('.contact input[type=tel]', '+90 555 000 00 01');
    await press(page, 'Link', '.contact');
    await sees(page, 'Amina A.', '.contact .other');
    await press(page, 'One and the same person', '.contact');
    await sees(page, 'The same person as', '.contact');
    await press(page, 'Take apart', '.contact');
    await until(page, 'apart', () => ![...document.querySelectorAll('.contact h3')].some((node) => node.textContent === 'The same person as'));
    equal(mock.store.contacts.get(other.id).name, 'Amina A.', 'the other is as it was');
    equal(wrong, [], 'errors');
    await close();
  },

  async 'articles and people by hand at 360 and 1440 px, in English and Arabic, light and dark'({ browser, mock }) {
    for (const [width, locale, theme] of [[360, 'ar', 'light'], [1440, 'ar', 'dark'], [360, 'en', 'dark']]) {
      const thread = await mine(mock);
      const name = `${width}-${locale}-${theme}`;
      const { page, wrong, close } = await atDesk({ browser, mock }, { width, height: width === 360 ? 740 : 900, locale, settings: { theme } });
      await openThread(page, thread.id);
      await slash(page, '/');
      await page.waitForSelector('#slash-list');
      await pause(100);
      await shot(page, `slash-${name}`);
      equal(await axe(page), [], `axe, slash ${name}`);
      await page.keyboard.press('Escape');
      await unfocus(page);
      await page.keyboard.press('h');
      await page.waitForSelector('dialog[open]');
      await shot(page, `byhand-${name}`);
      equal(await axe(page), [], `axe, by hand ${name}`);
      await page.keyboard.press('Escape');
      thread.same_person = { why: 'channel', answer: null };
      mock.store.emit({ type: 'thread.changed', thread });
      await page.waitForSelector('.ask');
      await shot(page, `same-${name}`);
      delete thread.same_person;
      for (const path of ['articles', 'articles/hours', 'articles/hours/edit']) {
        await page.evaluate((to) => { location.hash = `#/${to}`; }, path);
        await page.waitForSelector(path.endsWith('edit') ? '.editor fieldset' : path === 'articles' ? '.articles li a' : '.one .text');
        await pause(100);
        await shot(page, `${path.replace(/\//gu, '-')}-${name}`);
        equal(await axe(page), [], `axe, ${path} ${name}`);
        equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, `${path} ${name} fits`);
      }
      equal(wrong, [], 'errors');
      await close();
    }
  },
};
