// SPDX-License-Identifier: Apache-2.0
// What was built: sizes, the language level of old browsers, the texts.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { parse } from 'acorn';

const LIMIT = 30000;

/** Newer than Chrome 60; none of it may be called without a look whether it is there. */
const TOO_NEW = [
  /\?\.[a-z_$([]/i, /\?\?/, /\.replaceAll\(/, /\.matchAll\(/, /\.flat(Map)?\(/, /Object\.fromEntries/, /\.allSettled/, /globalThis/, /randomUUID/, /structuredClone/,
  /\.replaceChildren\(/, /AbortController/, /\.toggleAttribute\(/, /classList\.replace\(/, /\.trim(Start|End)\(/, /queueMicrotask/, /\.finally\(/, /ResizeObserver/, /RelativeTimeFormat/, /\.at\(-?\d/, /catch\{/, /\bfetch\(/,
  /\.\.\.[a-z]+[,}]/i, /#[a-z]+\b *[=(;]/i, /\basync function\*/, /for await/, /\d_\d/, /\bstatic\{/,
];

/** Chrome 60 leaves out a whole rule for a selector that it does not know, and one declaration for a value. */
function stylesAreOld(css, name) {
  for (const r of [/[{;](row-|column-)?gap:/, /[{;"`]inset(-\w+)?:/, /:is\(|:where\(|:has\(|:focus-within/, /aspect-ratio:/, /[:(, ](min|max|clamp)\(/, /@layer|@container|color-mix/, /scrollbar-gutter/])
    assert.ok(!r.test(css), `${name}: ${r} in …${(css.match(r) || [{ index: 0 }]) && css.substr(Math.max(0, css.search(r) - 40), 90)}…`);
  for (const m of css.matchAll(/([\w-]+):\d+(\.\d+)?[dsl]v[hw]/g)) // behind the same property in a unit that is known
    assert.ok(new RegExp(m[1] + ':[^;}]*\\dv[hw]').test(css.slice(css.lastIndexOf('{', m.index), m.index)), `${name}: ${m[0]} alone`);
  for (const m of css.matchAll(/[^{}]*:focus-visible[^{}]*\{/g)) // only to take an outline away from :focus
    assert.ok(m[0].includes(':focus:not(:focus-visible)'), `${name}: ${m[0]}`);
}

export const cases = {
  'page and widget are small': {
    async run({ chat }) {
      const dist = new URL('dist/', chat);
      const m = JSON.parse(readFileSync(new URL('manifest.json', dist)));
      const assets = Object.keys(m.assets).map((n) => gzipSync(readFileSync(new URL('assets/' + n, dist))).length).reduce((a, b) => a + b);
      const html = readFileSync(new URL('chat.html', dist), 'utf8');
      for (const l of m.languages) {
        const texts = readFileSync(new URL(`texts/${l.id}.json`, dist), 'utf8');
        const t = JSON.parse(texts).texts;
        const page = html.replace(/\{\{t\.(\w+)\}\}/g, (_, k) => t[k]).replace('<!--parley:texts-->', () => texts);
        const size = gzipSync(page).length + assets;
        assert.ok(size <= LIMIT, `${l.id}: ${size}`);
      }
      assert.ok(gzipSync(readFileSync(new URL('widget.js', dist))).length <= LIMIT);
    },
  },
  'the scripts use nothing newer than Chrome 60': {
    async run({ chat }) {
      const dist = new URL('dist/', chat);
      const scripts = readdirSync(new URL('assets/', dist)).filter((n) => n.endsWith('.js')).map((n) => 'assets/' + n);
      for (const name of scripts.concat('widget.js')) {
        const js = readFileSync(new URL(name, dist), 'utf8').replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '""');
        for (const r of TOO_NEW) assert.ok(!r.test(js), `${name}: ${r} near ${(r.exec(js) || {}).index && js.substr(r.exec(js).index - 30, 80)}`);
      }
    },
  },
  'the scripts are ES2017 by the grammar': {
    async run({ chat }) {
      const dist = new URL('dist/', chat);
      const scripts = readdirSync(new URL('assets/', dist)).filter((n) => n.endsWith('.js')).map((n) => 'assets/' + n);
      for (const name of scripts.concat('widget.js')) parse(readFileSync(new URL(name, dist), 'utf8'), { ecmaVersion: 2017, sourceType: 'script' });
      for (const bad of ['a?.b', 'a ?? b', 'try{}catch{}', 'x={...y}']) assert.throws(() => parse(bad, { ecmaVersion: 2017 }), bad);
    },
  },
  'the styles use nothing newer than Chrome 60 without an older way beside it': {
    async run({ chat }) {
      const dist = new URL('dist/', chat);
      const html = readFileSync(new URL('chat.html', dist), 'utf8');
      const sheets = [...html.matchAll(/<style[^>]*>([^]*?)<\/style>/g)].map((m) => m[1]);
      assert.ok(sheets.join('').length > 3000, 'the styles stand in the page');
      for (const css of sheets) stylesAreOld(css, 'chat.html');
      const widget = readFileSync(new URL('widget.js', dist), 'utf8');
      stylesAreOld(widget, 'widget.js');
      for (const bad of ['a{gap:4px}', 'a{inset:0}', 'a{height:100dvh}', 'a:is(b){color:red}', 'a{aspect-ratio:1}', 'a{width:min(1px,2px)}', '.a:focus-visible{outline:0}'])
        assert.throws(() => stylesAreOld(bad, 'x'), bad);
      stylesAreOld('a{height:100vh;height:100dvh}:focus:not(:focus-visible){outline:none}', 'x');
    },
  },
  'the nine languages are whole, and say whether a native speaker has read them': {
    async run({ chat }) {
      const dir = new URL('src/texts/', chat);
      const all = readdirSync(dir).map((f) => JSON.parse(readFileSync(new URL(f, dir))));
      assert.deepEqual(all.map((t) => t.lang).sort(), ['ar', 'en', 'fa', 'fr', 'prs', 'ps', 'so', 'tr', 'ur']);
      const keys = Object.keys(all.find((t) => t.lang === 'en').texts);
      for (const t of all) {
        assert.equal(typeof t.reviewed, 'boolean', t.lang);
        assert.deepEqual(Object.keys(t.texts), keys, t.lang);
        assert.equal(t.dir, /^(ar|fa|prs|ps|ur)$/.test(t.lang) ? 'rtl' : 'ltr');
      }
    },
  },
  'no text of another site is named': {
    async run({ chat }) {
      const dist = new URL('dist/', chat);
      const all = ['chat.html', 'widget.js', ...readdirSync(new URL('assets/', dist)).map((n) => 'assets/' + n)];
      for (const n of all) {
        const urls = readFileSync(new URL(n, dist), 'utf8').match(/https?:\/\/[\w.]+/g) || [];
        assert.deepEqual(urls.filter((u) => !/^http:\/\/www\.w3\.org/.test(u)), [], n);
      }
    },
  },
};
