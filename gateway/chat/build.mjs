// SPDX-License-Identifier: Apache-2.0
// Builds dist/ as PROTOCOL.md says: the page's template, its script, the texts, the widget and the manifest.
import { build, transform } from 'esbuild';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const src = join(here, 'src');
const dist = join(here, 'dist');
const read = (name) => readFileSync(join(src, name), 'utf8');
const LIMIT = 30000; // bytes gzipped, for the page with one language and for the widget
const options = { bundle: true, minify: true, target: ['es2017', 'chrome60'], charset: 'utf8', legalComments: 'none', write: false };

/** All texts; every key that is used exists in every language, and none is there in vain. */
function texts() {
  const all = readdirSync(join(src, 'texts')).sort().map((f) => JSON.parse(read('texts/' + f)));
  const code = readdirSync(src).filter((f) => /\.(ts|html)$/.test(f)).map(read).join('\n');
  const used = new Set();
  for (const m of code.matchAll(/\{\{t\.(\w+)\}\}|data-t(?:-label)?="(\w+)"|['"](\w+)['"]/g)) used.add(m[1] || m[2] || m[3]);
  const served = /^(sent|form)_/;
  const said = new Set(['closed_now']); // the operation's, by the server
  const keys = Object.keys(all.find((t) => t.lang === 'en').texts);
  for (const m of code.matchAll(/\bt\('(\w+)'\)|\{\{t\.(\w+)\}\}/g)) {
    if (said.has(m[1] || m[2])) continue;
    if (!keys.includes(m[1] || m[2])) throw new Error('no text for ' + (m[1] || m[2]));
  }
  for (const t of all) {
    const missing = keys.filter((k) => !t.texts[k]);
    const extra = Object.keys(t.texts).filter((k) => !keys.includes(k));
    if (missing.length || extra.length) throw new Error(`${t.lang}: missing ${missing}, not known ${extra}`);
    if (typeof t.reviewed !== 'boolean' || !/^(ltr|rtl)$/.test(t.dir)) throw new Error(t.lang + ': reviewed or dir');
  }
  const idle = keys.filter((k) => !used.has(k) && !served.test(k) && k !== 'w_open');
  if (idle.length) throw new Error('texts that nobody uses: ' + idle);
  return all;
}

async function css(name) {
  const r = await transform(read(name), { loader: 'css', minify: true, target: ['chrome60'], charset: 'utf8' });
  return r.code.trim();
}

async function script(entry, define) {
  const r = await build({ ...options, entryPoints: [join(src, entry)], format: 'iife', define });
  return r.outputFiles[0].text;
}

const hash = (s, kind = 'hex') => createHash('sha256').update(s).digest(kind);
const gz = (s) => gzipSync(s, { level: 9 }).length;

function write(name, text) {
  mkdirSync(dirname(join(dist, name)), { recursive: true });
  writeFileSync(join(dist, name), text);
}

const languages = texts();
rmSync(dist, { recursive: true, force: true });
const js = await script('main.ts', {});
const style = await css('chat.css');
const jsName = `chat-${hash(js).slice(0, 12)}.js`;
// Line breaks between tags stay: they are the spaces between inline elements.
const html = read('chat.html').replace('/*CSS*/', () => style).replace('/*JS*/', '/chat-assets/' + jsName);
const words = Object.fromEntries(languages.map((t) => [t.lang, { dir: t.dir, open: t.texts.w_open, close: t.texts.w_close }]));
const widget = await script('widget.ts', { WORDS: JSON.stringify(words), WIDGET_CSS: JSON.stringify(await css('widget.css')) });
write('chat.html', html);
write('leave.html', read('leave.html'));
write('assets/' + jsName, js);
write('widget.js', widget);
const sizes = { script: gz(js), widget: gz(widget) };
for (const t of languages) {
  const { w_open, ...page } = t.texts;
  const out = JSON.stringify({ ...t, texts: page });
  write(`texts/${t.lang}.json`, out);
  const filled = html.replace(/\{\{t\.(\w+)\}\}/g, (_, k) => page[k] ?? '').replace('<!--parley:texts-->', () => out);
  sizes[`page ${t.lang}`] = gz(filled) + gz(js);
}
const csp = [
  "default-src 'none'",
  "script-src 'self'",
  `style-src 'sha256-${hash(style, 'base64')}'`,
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "connect-src 'self' {{socket_origins}}",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'self' {{ancestors}}",
].join('; ');
const order = ['en', 'ar', 'fa', 'prs', 'ps', 'ur', 'so', 'fr', 'tr'];
languages.sort((a, b) => order.indexOf(a.lang) - order.indexOf(b.lang));
write('manifest.json', JSON.stringify({
  languages: languages.map((t) => ({ id: t.lang, name: t.name, dir: t.dir, reviewed: t.reviewed })),
  assets: { [jsName]: 'text/javascript; charset=utf-8' },
  csp,
  sizes,
}, null, 1) + '\n');
for (const [what, size] of Object.entries(sizes)) {
  console.log(`${what}: ${size} bytes gzipped`);
  if (size > LIMIT) throw new Error(`${what} is over ${LIMIT} bytes`);
}
