// SPDX-License-Identifier: Apache-2.0
// Every screen at three widths, in English and Arabic, light and dark: a picture to look at, and axe without a violation.
import { axe, openPage, pause, shot } from '../browser.mjs';
import { first, openThread, signIn, unfocus } from '../desk.mjs';

const LOOKS = [['en', 'light'], ['en', 'dark'], ['ar', 'light'], ['ar', 'dark']];
// Each language and each theme at both ends, every pair of them once; PARLEY_SCREENS=all walks through all.
const all = process.env.PARLEY_SCREENS === 'all';
const WIDTHS = [[1440, 900, all ? LOOKS : [LOOKS[0], LOOKS[3]]], [360, 740, all ? LOOKS : [LOOKS[1], LOOKS[2]]], [768, 1024, all ? LOOKS : [LOOKS[3]]]];

async function key(page, name) {
  await unfocus(page);
  await page.keyboard.press(name);
  await pause(350);
}

/** What can be pressed and is less than 44 px high or wide, but for words inside a sentence and parts of a larger label. */
async function small(page) {
  return page.$$eval('button, a[href], select, input, summary, label.check', (nodes) => nodes
    .filter((node) => node.checkVisibility({ visibilityProperty: true }) && !node.closest('.words, .skip, label.check *, li a') && !node.matches('.skip, [type=radio], [type=checkbox], .hidden-text'))
    .map((node) => [node.getAttribute('aria-label') ?? node.innerText.trim(), node.getBoundingClientRect()])
    .filter(([, box]) => box.width > 1 && (box.height < 43.5 || box.width < 40))
    .map(([name, box]) => `"${name}" ${Math.round(box.width)} × ${Math.round(box.height)}`));
}

/** Each screen: how to get there from the list, and how to leave. */
const SCREENS = [
  ['list', async () => undefined],
  ['waiting', async (page) => { await key(page, '2'); await page.waitForSelector('.queues'); await pause(400); }],
  ['all', async (page) => { await key(page, '3'); await pause(400); await key(page, '1'); }],
  ['offer', async (page, mock) => { mock.store.offer(await first(mock, (each) => each.state === 'waiting' && each.priority === 3)); await pause(500); }],
  ['thread', async (page) => { await openThread(page, 'rich'); await pause(400); }],
  ['thread-top', async (page) => { await page.evaluate(() => { document.querySelector('.entries .scroller').scrollTop = 120; }); await pause(400); }],
  ['thread-middle', async (page) => { await page.evaluate(() => { document.querySelector('.entries .scroller').scrollTop = 780; }); await pause(400); }],
  ['note', async (page) => { await key(page, 'n'); }],
  ['sensitive', async (page) => { await openThread(page, 'sealed'); }],
  ['panel', async (page) => { await openThread(page, 'rich'); await key(page, 'i'); await pause(200); }, async (page) => { await page.keyboard.press('Escape'); }],
  ['transfer', async (page) => { await openThread(page, 'rich'); await key(page, 't'); }, (page) => page.keyboard.press('Escape')],
  ['resolve', (page) => key(page, 'e'), (page) => page.keyboard.press('Escape')],
  ['snooze', (page) => key(page, 's'), (page) => page.keyboard.press('Escape')],
  ['tags', (page) => key(page, 'l'), (page) => page.keyboard.press('Escape')],
  ['keys', (page) => key(page, '?'), (page) => page.keyboard.press('Escape')],
  ['settings', (page) => key(page, ','), (page) => page.keyboard.press('Escape')],
  ['palette', async (page) => { await page.keyboard.down('Control'); await page.keyboard.press('k'); await page.keyboard.up('Control'); await pause(300); }, (page) => page.keyboard.press('Escape')],
  ['offline', async (page, mock) => { mock.away(true); await pause(2200); }, async (page, mock) => { mock.away(false); await page.evaluate(() => dispatchEvent(new Event('online'))); await pause(600); }],
];

async function walk({ browser, startMock }, width, height, locale, theme, contrast = 'normal') {
  const mock = await startMock({});
  const bad = [];
  const { page, wrong, close } = await openPage(browser, { width, height, locale, settings: { theme, contrast } });
  const look = async (name) => {
    const label = `${name}-${width}-${locale}-${theme}${contrast === 'more' ? '-contrast' : ''}`;
    await shot(page, label);
    for (const each of await axe(page)) bad.push(`${label}: ${each}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    if (wide) bad.push(`${label}: wider than the window`);
    if (width < 700) for (const each of await small(page)) bad.push(`${label}: smaller than a finger: ${each}`);
  };
  await page.goto(mock.url);
  await page.waitForSelector('input[name=login]');
  await look('signin');
  await signIn(page, mock.url);
  await page.waitForSelector('[data-row]');
  await pause(300);
  for (const [name, enter, leave] of SCREENS) {
    await enter(page, mock);
    await look(name);
    await leave?.(page, mock);
  }
  await close();
  await mock.close();
  bad.push(...wrong);
  if (bad.length) throw new Error(`\n       ${bad.join('\n       ')}`);
}

export const cases = {};
for (const [width, height, looks] of WIDTHS) {
  for (const [locale, theme] of looks) {
    cases[`every screen at ${width} px, ${locale}, ${theme}`] = (tools) => walk(tools, width, height, locale, theme);
  }
}
if (all) cases['every screen with high contrast, light'] = (tools) => walk(tools, 1440, 900, 'en', 'light', 'more');
cases['every screen with high contrast, dark'] = (tools) => walk(tools, 1440, 900, 'ar', 'dark', 'more');
