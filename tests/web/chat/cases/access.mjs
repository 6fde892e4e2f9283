// SPDX-License-Identifier: Apache-2.0
// For everybody: axe without a violation, by keyboard alone, small and magnified, calm.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { open, texts, until, write } from '../browser.mjs';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

async function check(page, what) {
  // By the debugger, which the page's own policy does not concern.
  const { readFileSync } = await import('node:fs');
  await page.evaluate(readFileSync(axe, 'utf8'));
  const found = await page.evaluate(() => window.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  const bad = found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160) + ' ' + n.failureSummary).join(' | ')}`);
  assert.deepEqual(bad, [], what);
}

async function conversation(c, page) {
  const text = page.url() + Math.random();
  await write(page, text);
  const s = await until('it', () => c.desk.find(text));
  await c.desk.reply(s, 'مرحبا، اختر', { author: 'Amal', choices: [{ id: 'a', title: 'نعم' }, { id: 'b', title: 'No' }] });
  await until('the buttons', async () => (await page.$$('.choice')).length === 2);
}

async function tabbable(page) {
  const seen = [];
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const e = document.activeElement;
      if (!e || e === document.body) return null;
      const r = e.getBoundingClientRect();
      const outline = getComputedStyle(e).outlineStyle !== 'none' || e.id === 'file';
      return { name: e.id || e.className || e.getAttribute('hreflang') || e.tagName, visible: r.bottom > 0 && r.top < innerHeight, outline };
    });
    if (!at) break;
    if (seen.length && at.name === seen[0].name) break;
    seen.push(at);
  }
  return seen;
}

export const cases = {
  'axe, en and ar, light and dark, empty and in the middle': {
    needs: 'desk',
    async run(c) {
      for (const lang of ['en', 'ar']) {
        for (const dark of [false, true]) {
          const page = await open(c.browser, c.url + '?lang=' + lang, { width: 360, height: 740, dark });
          await page.click('#langs-open');
          await check(page, `${lang} empty`);
          await conversation(c, page);
          await page.click('#forget');
          await check(page, `${lang} conversation`);
          await page.close();
        }
      }
    },
  },
  'closed is said before somebody writes, and follows the language': {
    needs: 'mock',
    async run(c) {
      c.mock.pages.o.office = { en: 'The office is closed now. It opens again: Monday, 23 November at 09:00. Your message is kept and will be read then.', ar: 'المكتب مغلق الآن. يفتح مرة أخرى: الاثنين ٢٣ نوفمبر ٠٩:٠٠.' };
      const said = (page) => page.$eval('.closed', (e) => (e.offsetHeight ? e.textContent : ''));
      const page = await open(c.browser, c.url + '?lang=en', { width: 360, height: 740, dark: true });
      assert.equal(await said(page), c.mock.pages.o.office.en);
      await page.screenshot({ path: c.out + 'closed-en.png' });
      await check(page, 'closed');
      await page.click('#langs-open');
      await page.click('#langs a[hreflang=ar]');
      await until('Arabic', async () => (await said(page)) === c.mock.pages.o.office.ar);
      await page.click('#langs-open');
      await page.click('#langs a[hreflang=tr]');
      await until('nothing', async () => (await said(page)) === '');
    },
  },
  'axe without scripts': {
    async run(c) {
      const plain = await open(c.browser, c.url + '?lang=ur', { scripts: false });
      await plain.type('#text', 'x');
      await Promise.all([plain.waitForNavigation(), plain.click('.send')]);
      // axe needs scripts: the same markup once more, without ours and with what noscript holds.
      const html = (await plain.content()).replace(/<script src[^>]*><\/script>/, '').replace(/<(\/?)noscript>/g, '<$1div>');
      const page = await open(c.browser, c.origin + '/healthz', { width: 360, height: 740 });
      await page.setContent(html);
      await check(page, 'noscript');
    },
  },
  'by keyboard alone': {
    needs: 'mock',
    async run(c) {
      const page = await open(c.browser, c.url + '?lang=en');
      const before = await tabbable(page);
      const names = before.map((x) => x.name);
      const order = ['skip', 'exit', 'langs-open', 'text', 'file', 'record', 'send', 'mine', 'forget'];
      assert.deepEqual(names.filter((n) => order.includes(n)), order);
      assert.ok(before.every((x) => x.visible && x.outline), JSON.stringify(before.filter((x) => !x.visible || !x.outline)));
      await page.reload();
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter'); // skip
      await page.keyboard.type('by keys');
      await page.keyboard.press('Enter');
      const s = await until('it', () => c.desk.find('by keys'));
      await c.desk.reply(s, '?', { choices: [{ id: 'a', title: 'Yes' }, { id: 'b', title: 'No' }] });
      await until('buttons', async () => (await page.$$('.choice')).length === 2);
      await page.keyboard.down('Shift');
      for (let i = 0; i < 3 && (await page.evaluate(() => document.activeElement.className)) !== 'choice'; i++) await page.keyboard.press('Tab');
      await page.keyboard.up('Shift');
      await page.keyboard.press('Enter');
      await until('the choice', () => s.entries.some((e) => e.choice === 'b'));
      await page.focus('#text');
      await page.keyboard.type('two');
      await page.keyboard.down('Shift');
      await page.keyboard.press('Enter');
      await page.keyboard.up('Shift');
      await page.keyboard.type('lines');
      await page.keyboard.press('Enter');
      await until('two lines', () => s.entries.some((e) => e.text === 'two\nlines'));
      assert.ok(!page.url().includes('#'));
    },
  },
  'targets of 44 pixels': {
    needs: 'desk',
    async run(c) {
      const page = await open(c.browser, c.url + '?lang=en', { width: 360, height: 740 });
      await conversation(c, page);
      const small = await page.$$eval('button, a, summary, textarea, label.tool, label.check', (all) =>
        all.filter((e) => e.offsetParent && e.id !== 'skip').map((e) => [e.id || e.className || e.textContent, e.getBoundingClientRect()])
          .filter(([, r]) => r.height < 43.9 || r.width < 43.9).map(([n, r]) => `${n} ${r.width}x${r.height}`));
      assert.deepEqual(small, []);
    },
  },
  'no sideways scrolling at 320 pixels and at 400 %': {
    needs: 'desk',
    async run(c) {
      for (const [width, height, lang] of [[320, 640, 'en'], [320, 256, 'ar'], [320, 256, 'fr'], [256, 400, 'so']]) {
        const page = await open(c.browser, c.url + '?lang=' + lang, { width, height });
        await conversation(c, page);
        await write(page, 'averyveryveryveryveryveryveryveryveryveryveryverylongwordwithoutanyblank https://example.org/' + 'x'.repeat(80));
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${width} ${lang}: ${wide}`);
        if (height < 300) assert.equal(await page.$eval('#dock', (e) => getComputedStyle(e).position), 'static');
        await page.close();
      }
    },
  },
  'new entries are told politely, and nothing moves when motion is unwanted': {
    async run(c) {
      const page = await open(c.browser, c.url);
      await page.emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }]);
      assert.equal(await page.$eval('#log', (e) => e.getAttribute('aria-live')), 'polite');
      assert.equal(await page.$eval('#status', (e) => e.getAttribute('role')), 'status');
      const moving = await page.$$eval('*', (all) => all.filter((e) => {
        const s = getComputedStyle(e);
        return parseFloat(s.transitionDuration) > 0 || s.animationName !== 'none';
      }).length);
      assert.equal(moving, 0);
      assert.deepEqual(await texts(page), []);
    },
  },
};
