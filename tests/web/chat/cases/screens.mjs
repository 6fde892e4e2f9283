// SPDX-License-Identifier: Apache-2.0
// Screenshots to look at, in tests/out/chat: 360 and 1440 pixels, en and ar, light and dark, and some states of their own.
import { join } from 'node:path';
import { open, sleep, until, write } from '../browser.mjs';

const words = {
  en: ['Hello, I have lost my registration card.', 'What do I need to bring?', 'Hello, I am Amal. Did you lose it in İzmir?\nYou can read about it here: https://help.example.org/cards.', 'What is it about?', ['Registration card', 'Appointment', 'Something else']],
  ar: ['السلام عليكم، فقدت بطاقة التسجيل الخاصة بي.', 'ماذا يجب أن أحضر معي؟ رقمي 12-345', 'أهلًا، أنا أمل. هل فقدتها في إزمير؟', 'ما الموضوع؟', ['بطاقة التسجيل', 'موعد', 'أمر آخر']],
};

async function talk(c, page, lang) {
  const [a, b, reply, ask, choices] = words[lang];
  await write(page, a);
  const s = await until('it', () => c.desk.find(a));
  await write(page, b);
  await until('both', () => s.entries.length === 2);
  await c.desk.reply(s, reply, { author: lang === 'ar' ? 'أمل' : 'Amal' });
  await c.desk.read(s);
  const meta = c.mock.blob(s.id, 'form-12.pdf', 'application/pdf', Buffer.alloc(48000));
  await c.desk.reply(s, '', { author: lang === 'ar' ? 'أمل' : 'Amal', attachments: [meta] });
  await write(page, lang === 'ar' ? 'نعم، شكرًا' : 'Yes, thank you');
  await until('three', () => s.entries.length === 5);
  await c.desk.reply(s, ask, { choices: choices.map((title, i) => ({ id: 'c' + i, title })) });
  await until('the buttons', async () => (await page.$$('.choice')).length === 3);
  await sleep(300);
  return s;
}

export const cases = {
  'at every width, language and theme': {
    needs: 'mock',
    limit: 120000,
    async run(c) {
      for (const width of [360, 1440]) {
        for (const lang of ['en', 'ar']) {
          for (const dark of [false, true]) {
            c.mock.sessions.clear();
            const page = await open(c.browser, c.url, { width, height: width === 360 ? 740 : 900, dark, languages: lang });
            const name = `${width}-${lang}-${dark ? 'dark' : 'light'}`;
            await page.screenshot({ path: join(c.out, `${name}-first.png`), fullPage: true });
            await talk(c, page, lang);
            await page.screenshot({ path: join(c.out, `${name}-talk.png`) });
            await page.close();
          }
        }
      }
    },
  },
  'states': {
    needs: 'mock',
    limit: 120000,
    async run(c) {
      const page = await open(c.browser, c.url + '?lang=en', { width: 360, height: 740 });
      const s = await talk(c, page, 'en');
      c.mock.faults.down = true;
      c.mock.dropLinks();
      await write(page, 'Are you still there?');
      await sleep(3500);
      await page.screenshot({ path: join(c.out, 'state-offline.png') });
      c.mock.faults.down = false;
      await until('it', () => s.entries.some((e) => e.text === 'Are you still there?'), 40000);
      await write(page, 'refuse me');
      await sleep(300);
      await page.screenshot({ path: join(c.out, 'state-failed.png') });
      await page.click('#record');
      await sleep(1200);
      await page.screenshot({ path: join(c.out, 'state-recording.png') });
      await page.click('#voice-stop');
      await sleep(500);
      await page.screenshot({ path: join(c.out, 'state-recorded.png') });
      await page.click('#voice-drop');
      await page.click('#forget');
      await page.screenshot({ path: join(c.out, 'state-forget.png'), fullPage: true });
      const plain = await open(c.browser, c.url + '?lang=fa', { width: 360, height: 740, scripts: false });
      await plain.type('#text', 'سلام');
      await Promise.all([plain.waitForNavigation(), plain.click('.send')]);
      await plain.screenshot({ path: join(c.out, 'state-noscript.png'), fullPage: true });
      const zoomed = await open(c.browser, c.url + '?lang=en', { width: 320, height: 256 });
      await zoomed.screenshot({ path: join(c.out, 'state-zoom.png'), fullPage: true });
      const ur = await open(c.browser, c.url + '?lang=ur', { width: 360, height: 740 });
      await ur.screenshot({ path: join(c.out, 'state-ur.png'), fullPage: true });
      const site = await open(c.browser, c.origin + '/embed', { width: 1024, height: 760 });
      await site.mouse.click(100, 720);
      await sleep(1500);
      await site.screenshot({ path: join(c.out, 'state-widget.png') });
      const phone = await open(c.browser, c.origin + '/embed', { width: 360, height: 640 });
      await phone.screenshot({ path: join(c.out, 'state-widget-button.png') });
      await phone.mouse.click(60, 600);
      await sleep(1500);
      await phone.screenshot({ path: join(c.out, 'state-widget-phone.png') });
    },
  },
};
