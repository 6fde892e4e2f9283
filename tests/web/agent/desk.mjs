// SPDX-License-Identifier: Apache-2.0
// What an agent does on the page, in the words of the tests.
import { openPage, pause, sees, until } from './browser.mjs';

export async function signIn(page, url, login = 'amal', password = 'demo') {
  await page.goto(url);
  await page.waitForSelector('input[name=login]');
  await page.type('input[name=login]', login);
  await page.type('input[name=password]', password);
  await page.keyboard.press('Enter');
  await page.waitForSelector('.column', { timeout: 10_000 });
}

/** A page, signed in at a mock, with a thread open when it is named. */
export async function atDesk({ browser, mock }, { thread = null, ...options } = {}) {
  const desk = await openPage(browser, options);
  await signIn(desk.page, mock.url);
  await desk.page.waitForSelector('[data-row]');
  if (thread) await openThread(desk.page, thread);
  return desk;
}

export async function openThread(page, id) {
  await page.evaluate((wanted) => { location.hash = `#t=${wanted}`; }, id);
  await until(page, `thread ${id}`, (wanted) => location.hash === `#t=${wanted}` && document.querySelector('.thread header h2'), id);
  await pause(250);
}

/** Puts the focus nowhere, so that single keys work. */
export async function unfocus(page) {
  await page.evaluate(() => document.activeElement?.blur());
}

export async function write(page, words) {
  await page.waitForSelector('.composer textarea');
  await page.focus('.composer textarea');
  await page.keyboard.type(words);
  await page.keyboard.press('Enter');
}

/** The texts of the bubbles in sight. */
export const bubbles = (page) => page.$$eval('.bubble', (nodes) => nodes.map((node) => node.innerText.trim()));

export async function status(page, words, wanted) {
  await until(page, `"${words}" with status "${wanted}"`, (wantedText, mark) => [...document.querySelectorAll('article')].some((node) => [wantedText, mark].every((each) => node.innerText.replace(/[\u2066-\u2069]/gu, '').includes(each))), words, wanted);
}

export async function first(mock, test) {
  const found = [...mock.store.threads.values()].find(test);
  if (!found) throw new Error('the demo has no such thread');
  return found;
}

/** Waits for something on the side of the test. */
export async function eventually(what, test, ms = 8000) {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    if (await test()) return;
    await pause(40);
  }
  throw new Error(`waited in vain: ${what}`);
}

export function equal(got, wanted, what) {
  const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${what}: got ${a}, wanted ${b}`);
}

export { sees, until, pause };
