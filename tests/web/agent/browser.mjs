// SPDX-License-Identifier: Apache-2.0
// A Chromium of Debian's, steered by puppeteer-core, with the few helpers that the tests use.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';

export const OUT = fileURLToPath(new URL('../../out/', import.meta.url));
mkdirSync(OUT, { recursive: true });

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export async function openBrowser() {
  const profile = mkdtempSync(join(tmpdir(), 'parley-web-'));
  const browser = await puppeteer.launch({
    executablePath: process.env.PARLEY_CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    userDataDir: profile,
    args: ['--no-sandbox', '--headless', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required', '--hide-scrollbars'],
  });
  return { browser, close: async () => { await browser.close(); rmSync(profile, { recursive: true, force: true, maxRetries: 3 }); } };
}

/** A page in a context of its own; `wrong` collects errors and refusals by the Content-Security-Policy. */
export async function openPage(browser, { width = 1440, height = 900, locale = null, settings = {} } = {}) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const wrong = [];
  await page.setViewport({ width, height, deviceScaleFactor: 1, hasTouch: width < 700 });
  page.on('pageerror', (error) => wrong.push(`pageerror: ${error.stack ?? error}`));
  page.on('console', (message) => {
    const text = message.text();
    if (message.type() === 'error' && /Content Security Policy|Refused to|Uncaught/u.test(text)) wrong.push(text);
  });
  await page.evaluateOnNewDocument((kept) => {
    if (!localStorage.getItem('parley.settings')) localStorage.setItem('parley.settings', kept);
  }, JSON.stringify({ ...(locale ? { locale } : {}), ...settings }));
  return { page, wrong, close: () => context.close() };
}

export async function axe(page) {
  // Through the debugger, which the page's policy does not touch.
  await page.evaluate(AXE);
  const found = await page.evaluate(() => globalThis.axe.run(document, { runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] } }));
  return found.violations.map((each) => `${each.id} (${each.impact}): ${each.nodes.slice(0, 3).map((node) => `${node.target.join(' ')} ${node.any?.[0]?.message ?? ''}`).join(' | ')}`);
}

export async function shot(page, name) {
  await page.screenshot({ path: join(OUT, `agent-${name}.png`) });
}

/** Waits until a function in the page gives something true; says what it waited for when it does not. */
export async function until(page, what, run, ...args) {
  try {
    return await page.waitForFunction(run, { timeout: 8000, polling: 50 }, ...args);
  } catch {
    throw new Error(`waited in vain: ${what}`);
  }
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export async function text(page, selector) {
  return page.$eval(selector, (node) => node.innerText.replace(/[\u2066-\u2069]/gu, ''));
}

/** Waits for a text anywhere in an element. */
export async function sees(page, wanted, selector = 'body') {
  await until(page, `"${wanted}" in ${selector}`, (words, where) => [...document.querySelectorAll(where)].some((node) => node.innerText.replace(/[\u2066-\u2069]/gu, '').includes(words)), wanted, selector);
}

/** Clicks the button, tab, link or label with a name, as its text or aria-label. */
export async function press(page, name, within = 'body') {
  const find = (wanted, where) => {
    const plain = (words) => words.replace(/[\u2066-\u2069]/gu, '').replace(/\s+/gu, ' ').trim();
    const all = [...document.querySelectorAll(where)].flatMap((root) => [...root.querySelectorAll('button, a, label, summary')]);
    return all.find((node) => node.checkVisibility() && !node.disabled && plain(node.getAttribute('aria-label') ?? node.innerText) === wanted) ?? null;
  };
  await until(page, `"${name}" to press in ${within}`, find, name, within);
  await (await page.evaluateHandle(find, name, within)).click();
}
