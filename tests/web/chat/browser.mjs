// SPDX-License-Identifier: Apache-2.0
// Debian's Chromium, headless, with a fresh profile, and what the tests do on the page.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const puppeteer = require('puppeteer-core');

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync', '--disable-dev-shm-usage', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--mute-audio',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];

export async function launch() {
  const dir = mkdtempSync(join(tmpdir(), 'parley-chat-'));
  const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: FLAGS, userDataDir: dir, headless: true });
  return {
    browser,
    dir,
    async close() {
      await browser.close();
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A page of its own context (own storage and cookies), with the problems it met in `page.problems`. */
export async function open(browser, url, o = {}) {
  const context = o.context || (await browser.createBrowserContext());
  const page = await context.newPage();
  page.problems = [];
  page.requests = [];
  page.on('pageerror', (e) => page.problems.push(String(e)));
  page.on('console', (m) => /Content Security Policy|Refused/.test(m.text()) && page.problems.push(m.text()));
  page.on('request', (r) => page.requests.push(r.url()));
  if (o.scripts === false) await page.setJavaScriptEnabled(false);
  if (o.width) await page.setViewport({ width: o.width, height: o.height || 740, deviceScaleFactor: o.scale || 1 });
  if (o.dark) await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
  if (o.languages) await page.setExtraHTTPHeaders({ 'Accept-Language': o.languages });
  if (o.before) await page.evaluateOnNewDocument(o.before);
  await page.goto(url, { waitUntil: 'load' });
  return page;
}

export async function write(page, text) {
  await page.focus('#text');
  await page.$eval('#text', (e, t) => {
    e.value = t;
    e.dispatchEvent(new Event('input', { bubbles: true }));
  }, text);
  await page.click('.send');
}

export const texts = (page, kind = '') => page.$$eval(`.entry${kind} .bubble`, (all) => all.map((e) => e.textContent));

export const marks = (page) => page.$$eval('.entry.in', (all) => all.map((e) => e.querySelector('.mark').className.replace('mark ', '')));

export async function until(what, test, ms = 8000) {
  const end = Date.now() + ms;
  for (;;) {
    let got;
    try {
      got = await test();
    } catch (e) {
      if (Date.now() > end) throw e; // the page may be between two documents
    }
    if (got) return got;
    if (Date.now() > end) throw new Error('waited in vain for ' + what);
    await sleep(50);
  }
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
