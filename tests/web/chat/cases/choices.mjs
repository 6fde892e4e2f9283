// SPDX-License-Identifier: Apache-2.0
// Choices: large buttons, or their number typed in any of the three sets of digits.
import assert from 'node:assert/strict';
import { open, texts, until, write } from '../browser.mjs';

const list = [{ id: 'r', title: 'تسجيل' }, { id: 'h', title: 'صحة' }, { id: 'o', title: 'أمر آخر' }];

async function asked(c, lang) {
  const page = await open(c.browser, c.url + '?lang=' + lang);
  await write(page, 'start');
  const s = await until('it', () => c.desk.find('start'));
  await c.desk.reply(s, '?', { choices: list });
  await until('the buttons', async () => (await page.$$('.choice')).length === 3);
  return { page, s, last: () => s.entries[s.entries.length - 1] };
}

export const cases = {
  'by button': {
    needs: 'mock',
    async run(c) {
      const { page, s, last } = await asked(c, 'ar');
      const box = await page.$eval('.choice', (e) => [e.getBoundingClientRect().height, e.querySelector('span').textContent]);
      assert.ok(box[0] >= 44);
      assert.equal(box[1], '١');
      await page.click('.choice:nth-child(2)');
      await until('the answer', () => last().choice === 'h');
      assert.equal(last().text, 'صحة');
      assert.equal((await page.$$('.choice')).length, 0);
      await c.desk.reply(s, 'ok');
      await until('ok', async () => (await texts(page)).includes('ok'));
    },
  },
  'by number in Latin, Arabic and Persian digits': {
    needs: 'mock',
    async run(c) {
      const { page, s, last } = await asked(c, 'fa');
      for (const [typed, id] of [['1', 'r'], ['٢', 'h'], [' ۳ ', 'o']]) {
        await write(page, typed);
        await until(typed, () => last().choice === id);
        await c.desk.reply(s, 'again', { choices: list });
        await until('the buttons', async () => (await page.$$('.choice')).length === 3);
      }
      await write(page, '4');
      await until('a number that is no choice', () => last().text === '4' && !last().choice);
      await write(page, '1');
      await until('and after it none is open', () => last().text === '1' && !last().choice);
    },
  },
  'they can be changed and withdrawn': {
    needs: 'mock',
    async run(c) {
      const { page, last } = await asked(c, 'en');
      c.mock.push(await c.desk.find('start'), { type: 'choices', id: last().id, choices: [{ id: 'x', title: 'Only this' }] });
      await until('one', async () => (await page.$$('.choice')).length === 1);
      c.mock.push(await c.desk.find('start'), { type: 'choices', id: last().id, choices: [] });
      await until('none', async () => (await page.$$('.choice')).length === 0);
    },
  },
};
