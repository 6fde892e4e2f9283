// SPDX-License-Identifier: Apache-2.0
// Makes the README's pictures from a running daemon with its demo operation: node tests/web/pictures.mjs [folder]
// (default gateway/pictures). Needs build/parleyd and the built pages; starts and stops everything by itself.
import { spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';

const top = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const out = process.argv[2] ?? join(top, 'gateway/pictures');
const wait = (ms) => new Promise((r) => setTimeout(r, ms));

const freePort = () => new Promise((resolve) => {
  const s = createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => resolve(port)); });
});

async function startDaemon() {
  const data = mkdtempSync(join(tmpdir(), 'parley-pictures-'));
  const port = await freePort();
  const build = process.env.PARLEY_BUILD ?? join(top, 'build');
  const child = spawn(join(build, 'parleyd'), ['--config', join(top, 'config/parley.json'), '--data', data, '--listen', `127.0.0.1:${port}`],
    { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.on('data', (d) => { text += d; });
  for (let i = 0; i < 300 && !/RECOVERY KEY/.test(text); i++) await wait(100);
  const password = /^ +amal +(\S+)$/m.exec(text)?.[1];
  const secret = /whsec_\S+/.exec(text)?.[0];
  if (!password || !secret) throw new Error(`the daemon did not come up:\n${text}`);
  const stop = async () => {
    const ended = new Promise((r) => child.once('exit', r));
    child.kill('SIGTERM');
    await ended;
    rmSync(data, { recursive: true, force: true });
  };
  return { base: `http://127.0.0.1:${port}`, password, secret, stop };
}

// Somebody who writes through a program of the office's own.
async function post(d, address, name, text) {
  const body = JSON.stringify({ messages: [{ id: randomBytes(8).toString('hex'), from: { address, name }, text }] });
  const id = `msg_${randomBytes(8).toString('hex')}`, at = String(Math.floor(Date.now() / 1000));
  const mac = createHmac('sha256', Buffer.from(d.secret.slice(6), 'base64')).update(`${id}.${at}.${body}`).digest('base64');
  const r = await fetch(`${d.base}/hooks/demo/app`, { method: 'POST', body,
    headers: { 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': `v1,${mac}` } });
  if (r.status !== 200) throw new Error(`hook: ${r.status} ${await r.text()}`);
}

async function shot(page, name) {
  await page.screenshot({ path: join(out, `${name}.png`) });
  console.log(`${name}.png`);
}

async function press(page, selector) {
  await page.evaluate((s) => document.querySelector(s).click(), selector);
}

const person = { width: 360, height: 740, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };

async function chatPage(browser, d, lang, script) {
  const page = await (await browser.createBrowserContext()).newPage();
  await page.setJavaScriptEnabled(script);
  await page.setViewport(person);
  await page.goto(`${d.base}/chat/demo/web?lang=${lang}`);
  await wait(800);
  return page;
}

async function main() {
  mkdirSync(out, { recursive: true });
  const d = await startDaemon();
  const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
      '--disable-sync'] });
  try {
    const agent = await browser.newPage();
    await agent.setViewport({ width: 1440, height: 900 });
    await agent.goto(`${d.base}/`);
    await agent.waitForSelector('input');
    const fields = await agent.$$('input');
    await fields[0].type('amal');
    await fields[1].type(d.password);
    await agent.keyboard.press('Enter');
    await wait(2500);
    await post(d, 'tel:+905551110001', 'Samira Haddad', 'مرحبا، ابني مريض ونحتاج إلى طبيب في إزمير');
    await post(d, 'tel:+905551110002', 'Moussa Diallo', 'Bonjour, comment puis-je renouveler mon certificat d’enregistrement ?');
    const chat = await chatPage(browser, d, 'ar', true);
    await chat.type('textarea', 'السلام عليكم، أريد أن أعرف متى موعد التسجيل لعائلتي');
    await press(chat, 'button.send');
    await wait(2500);
    await agent.bringToFront();
    for (let i = 0; i < 3; i++) { await agent.keyboard.press('a'); await wait(1500); }
    for (let i = 0; i < 4; i++) {
      const shown = await agent.evaluate(() => document.body.innerText);
      if (/التسجيل لعائلتي/.test(shown.split('Write to the person')[0].slice(-900))) break;
      await agent.keyboard.press('j'); await wait(1200);
    }
    await agent.keyboard.press('r');
    await wait(300);
    await agent.keyboard.type('وعليكم السلام، أنا أمل. الموعد يوم الاثنين في التاسعة صباحًا.');
    await agent.keyboard.press('Enter');
    await wait(2000);
    await chat.bringToFront();
    await wait(1200);
    await shot(chat, 'chat-ar');
    await agent.bringToFront();
    await wait(1500);
    await shot(agent, 'agent-en');
    await agent.setViewport({ width: 360, height: 740, isMobile: true, hasTouch: true, deviceScaleFactor: 2 });
    await wait(800);
    await shot(agent, 'agent-phone');
    const plain = await chatPage(browser, d, 'ar', false);
    await plain.type('textarea', 'أريد أن أعرف أين أجد المساعدة القانونية');
    await Promise.all([plain.waitForNavigation(), plain.click('button.send')]);
    await wait(500);
    await shot(plain, 'chat-plain');
  } finally {
    await browser.close();
    await d.stop();
  }
}

await main();
