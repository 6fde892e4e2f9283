// SPDX-License-Identifier: Apache-2.0
// Browser tests of the agents' page. `node run.mjs [part of a name]`; pictures go to tests/out.
// With PARLEY_URL, PARLEY_LOGIN and PARLEY_PASSWORD set, those that make sense run against that daemon instead.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openBrowser, OUT } from './browser.mjs';
import { startMock } from './mock.mjs';

const LIMIT_MS = 120_000;
const wanted = process.argv[2] ?? '';
const real = Boolean(process.env.PARLEY_URL);
const parts = real ? ['real'] : ['main', 'link', 'people', 'day', 'admin', 'admin_parts', 'hours', 'articles', 'supervision', 'security', 'screens', 'alerts', 'matters'];

if (!real && !existsSync(fileURLToPath(new URL('../../../gateway/web/dist/index.html', import.meta.url)))) {
  console.error('gateway/web/dist is missing: run `npm ci && npm run build` in gateway/web first.');
  process.exit(2);
}

function limited(work) {
  let timer;
  const late = new Promise((_, fail) => { timer = setTimeout(() => fail(new Error(`not done after ${LIMIT_MS / 1000} s`)), LIMIT_MS); });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

const { browser, close } = await openBrowser();
let passed = 0;
let failed = 0;
/** What the open pages look like, when something went wrong. */
async function pictures(name) {
  const pages = await browser.pages().catch(() => []);
  for (const [at, page] of pages.entries()) await page.screenshot({ path: join(OUT, `agent-${name}-${at}.png`) }).catch(() => undefined);
}

async function one(part, name, run) {
  const mock = real || part === 'screens' ? null : await startMock({ long: 400 });
  const big = name.startsWith('five thousand') ? await startMock({ long: 5000, many: 10_000 }) : null;
  const from = Date.now();
  try {
    await limited(run({ browser, mock, big, startMock }));
    passed += 1;
    console.log(`ok   ${name} (${Date.now() - from} ms)`);
  } catch (error) {
    failed += 1;
    await pictures(`failed-${failed}`);
    const lines = error.message.startsWith('\n') ? 60 : 4;
    console.log(`FAIL ${name}\n     ${error.stack?.split('\n').slice(0, lines).join('\n     ')}`);
  }
  // What a failed case left open must not linger; cases of other lanes are theirs.
  await mock?.close();
  await big?.close();
}

for (const part of parts) {
  const { cases } = await import(`./cases/${part}.mjs`);
  const left = Object.entries(cases).filter(([name]) => name.includes(wanted));
  // The walks through the screens mostly wait: a few at a time. The others are timed: one by one.
  const lanes = Array.from({ length: part === 'screens' ? 3 : 1 }, async () => {
    for (let next = left.shift(); next; next = left.shift()) await one(part, ...next);
  });
  await Promise.all(lanes);
}
await close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
