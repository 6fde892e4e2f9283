// SPDX-License-Identifier: Apache-2.0
// The supervisors' pages: what needs somebody first, giving a thread by keyboard, reports, and how it all looks.
import { axe, openPage, pause, shot, text } from '../browser.mjs';
import { equal, eventually, first, sees, signIn } from '../desk.mjs';

async function go(page, where) {
  await page.evaluate((hash) => { location.hash = hash; }, where);
}

const wide = (page) => page.evaluate(() => document.documentElement.scrollWidth > innerWidth);

export const cases = {
  async 'the supervision page says what needs somebody first, and a thread is given by keyboard'({ browser, mock }) {
    mock.store.referrals = [{ id: 'r1', to: 'clinic', thread: 'rich', due: new Date(Date.now() - 7200_000).toISOString() }];
    const { page, wrong, close } = await openPage(browser, {});
    await signIn(page, mock.url);
    await go(page, '#/supervise');
    await page.waitForSelector('[data-line]');
    await sees(page, 'Past its deadline at clinic', '.first');
    const waits = [...mock.store.threads.values()].filter((each) => each.state === 'waiting').length;
    equal((await page.$$eval('#sup-waits .count', (nodes) => nodes[0].textContent)).trim(), String(waits), 'how many wait');
    const id = await page.$eval('[data-line]', (node) => node.dataset.line);
    await page.focus('[data-line]');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowUp');
    equal(await page.evaluate(() => document.activeElement.dataset.line), id, 'the arrows move');
    await page.keyboard.press('a');
    equal(await page.evaluate(() => document.activeElement.tagName), 'SELECT', 'a asks whom');
    await page.keyboard.press('Enter');
    await eventually('it is given', () => mock.store.threads.get(id).state === 'assigned');
    await page.waitForFunction((line) => !document.querySelector(`.sup-columns > section:nth-child(2) [data-line="${line}"]`), { timeout: 8000 }, id);
    const waiting = await first(mock, (each) => each.state === 'waiting');
    equal(Boolean(waiting), true, 'others wait on');
    equal(wrong, [], 'errors');
    await close();
  },

  async 'a report is asked for, shown, hidden where few, and taken as a file'({ browser, mock }) {
    const { page, wrong, close } = await openPage(browser, {});
    await signIn(page, mock.url);
    await go(page, '#/reports');
    await sees(page, '1,418', '.rep-facts');
    await sees(page, 'hidden', '.rep-scroll');
    await page.evaluate(() => [...document.querySelectorAll('.rep-pick')].find((each) => each.textContent.includes('Topic')).querySelector('input').click());
    await eventually('topic is asked for', () => (mock.store.reports ?? []).some((each) => each.includes('language%2Ctopic')));
    await page.evaluate(() => [...document.querySelectorAll('button')].find((each) => each.textContent.includes('CSV')).click());
    await eventually('the file is asked for', () => mock.store.reports.some((each) => each.includes('format=csv')));
    equal((await text(page, '.rep')).includes('NaN'), false, 'NaN');
    equal(wrong, [], 'errors');
    await close();
  },

  async 'both pages at three widths, in English, Arabic and Turkish, light and dark'({ browser, mock }) {
    mock.store.referrals = [{ id: 'r1', to: 'clinic', thread: 'rich', due: new Date(Date.now() - 7200_000).toISOString() }];
    const bad = [];
    for (const [width, height, locale, theme] of [[1440, 900, 'en', 'light'], [360, 740, 'ar', 'dark'], [360, 740, 'en', 'light'], [1440, 900, 'ar', 'light'], [768, 1024, 'tr', 'dark']]) {
      const { page, wrong, close } = await openPage(browser, { width, height, locale, settings: { theme } });
      await signIn(page, mock.url);
      for (const [name, ready] of [['supervise', '[data-line]'], ['reports', '.rep-scroll'], ['admin/rights', '.id']]) {
        await go(page, `#/${name}`);
        await page.waitForSelector(ready);
        await pause(200);
        await shot(page, `${name.replace('/', '-')}-${width}-${locale}-${theme}`);
        for (const each of await axe(page)) bad.push(`${name} ${width} ${locale}: ${each}`);
        if (await wide(page)) bad.push(`${name} ${width} ${locale}: wider than the window`);
      }
      bad.push(...wrong);
      await close();
    }
    equal(bad, [], 'what is wrong');
  },
};
