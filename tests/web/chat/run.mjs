// SPDX-License-Identifier: Apache-2.0
// The tests of the chat page and widget. By themselves they run against the mock of PROTOCOL.md; with PARLEY_CHAT_URL
// (http://127.0.0.1:8080/chat/demo/web) against a daemon, and what the agent's side must do there is skipped unless
// PARLEY_TOKEN holds a bearer token that may read and answer threads. `node run.mjs [word…]` runs the cases with that word.
import { existsSync, mkdirSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { launch } from './browser.mjs';
import { Mock } from './mock.mjs';
import { MockDesk, RestDesk } from './desk.mjs';

const chat = new URL('../../../gateway/chat/', import.meta.url);
const out = fileURLToPath(new URL('../../out/chat/', import.meta.url));
const names = ['build', 'basics', 'drops', 'poll', 'noscript', 'traces', 'choices', 'files', 'reading', 'access', 'widget', 'screens'];

const words = process.argv.slice(2);
if (!existsSync(new URL('dist/manifest.json', chat))) {
  execFileSync('node', ['build.mjs'], { cwd: fileURLToPath(chat), stdio: 'ignore' });
}
mkdirSync(out, { recursive: true });

const real = process.env.PARLEY_CHAT_URL;
const chromium = await launch();
let passed = 0, failed = 0, skipped = 0;

async function one(name, test) {
  const mock = real ? null : await new Mock(new URL('dist/', chat)).listen();
  const url = real || mock.url + mock.base;
  const desk = real ? new RestDesk(url, process.env.PARLEY_TOKEN) : new MockDesk(mock);
  const cleanup = [];
  const c = { url, origin: new URL(url).origin, base: new URL(url).pathname, mock, desk, browser: chromium.browser, profile: chromium.dir, out, chat, after: (f) => cleanup.push(f) };
  const started = Date.now();
  try {
    await Promise.race([test.run(c), new Promise((_, no) => setTimeout(() => no(new Error('over 60 s')), test.limit || 60000).unref())]);
    passed++;
    console.log(`ok   ${name} (${Date.now() - started} ms)`);
  } catch (e) {
    failed++;
    console.log(`FAIL ${name}: ${e.stack || e}`);
  }
  for (const f of cleanup.reverse()) await f().catch(() => {});
  for (const context of chromium.browser.browserContexts().slice(1)) await context.close().catch(() => {});
  if (mock) await mock.close();
}

for (const file of names) {
  const { cases } = await import(`./cases/${file}.mjs`);
  for (const [title, test] of Object.entries(cases)) {
    const name = `${file}: ${title}`;
    if (words.length && !words.some((w) => name.includes(w))) continue;
    const cannot = real && ((test.needs === 'mock' && 'mock') || (test.needs === 'desk' && !process.env.PARLEY_TOKEN && 'token'));
    if (cannot) {
      skipped++;
      console.log(`skip ${name}: needs the ${cannot}`);
      continue;
    }
    await one(name, test);
  }
}
await chromium.close();
console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`);
process.exit(failed ? 1 : 0);
