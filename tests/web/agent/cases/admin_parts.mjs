// SPDX-License-Identifier: Apache-2.0
// Parts of the administration page: opening hours and the first notice, flows, the duty rota, coding.
import { readFileSync } from 'node:fs';
import { axe, press, shot, text } from '../browser.mjs';
import { atDesk, equal, eventually, pause, sees, until } from '../desk.mjs';

const FLOW = new URL('../../../../config/flows/demo.json', import.meta.url);
const PLACES = ['hours', 'hours/tr%2Fizmir', 'flows', 'flows/guide', 'duty', 'duty/selin', 'coding'];

/** The others with PARLEY_SCREENS=all. */
const DEFAULT = { en: ['hours', 'flows/guide', 'duty', 'coding'], ar: ['hours', 'flows/guide', 'duty/selin'] };

async function go(page, where) {
  await page.evaluate((wanted) => { location.hash = `#/admin/${wanted}`; }, where);
  await page.waitForSelector('.adm h2');
  await pause(200);
}

/** The field with a label. */
async function field(page, label) {
  const find = (wanted) => [...document.querySelectorAll('.adm input, .adm textarea, .adm select')].find((node) => node.checkVisibility()
    && [node.getAttribute('aria-label'), ...[...(node.labels ?? [])].map((each) => each.innerText.split('\n')[0])].some((name) => name?.replace(/[\u2066-\u2069]/gu, '').trim() === wanted)) ?? null;
  await until(page, `the field "${label}"`, find, label);
  return page.evaluateHandle(find, label);
}

async function set(page, label, value) {
  await (await field(page, label)).evaluate((node, wanted) => {
    node.value = wanted;
    node.dispatchEvent(new Event('input', { bubbles: true }));
    node.dispatchEvent(new Event('change', { bubbles: true }));
  }, value);
  await pause(60);
}

async function save(page) {
  await until(page, 'the difference', () => /change/u.test(document.querySelector('.savebar')?.innerText ?? ''));
  await press(page, 'Review and save', '.savebar');
  await until(page, 'Save to be possible', () => [...document.querySelectorAll('dialog[open] footer button')].some((node) => node.innerText === 'Save' && !node.disabled));
  await press(page, 'Save', 'dialog[open] footer');
  await until(page, 'no bar', () => !document.querySelector('.savebar'));
}

export const cases = {
  async 'parts: a week of hours, copied, with a holiday; an area of its own; the first notice'({ browser, mock }) {
    mock.store.hours = [{ area: null, open: false, always: false, timezone: 'Europe/Istanbul', offset: 10800, since: null, next: '2026-11-23T06:00:00Z', exception: null }];
    const { page, wrong, close } = await atDesk({ browser, mock });
    const file = () => mock.store.admin.file;
    await go(page, 'hours');
    await sees(page, 'Closed now. Opens Mon 23 Nov', '.adm');
    await set(page, 'Open', 'week');
    await set(page, 'Friday, to (1)', '12:00');
    await press(page, 'Friday: More', '.adm');
    await set(page, 'Friday, from (2)', '11:30');
    await sees(page, 'These hours overlap.', '.adm');
    await set(page, 'Friday, from (2)', '14:00');
    await set(page, 'Friday, to (2)', '02:00');
    await sees(page, 'next day', '.adm');
    await press(page, 'Copy Friday to other days', '.adm');
    await press(page, 'Saturday', 'dialog[open]');
    await press(page, 'Copy', 'dialog[open] footer');
    await set(page, 'A day that is otherwise', '2026-12-31');
    await press(page, 'Add day', '.adm');
    await set(page, 'What it is, for people to read (English)', "New Year's Eve");
    await set(page, 'When it is sent', 'opening');
    await sees(page, 'This is Demo operation.', '.adm blockquote');
    await set(page, 'Read it in', 'tr');
    await sees(page, 'Burası Deneme operasyonu.', '.adm blockquote');
    await save(page);
    await eventually('the hours are saved', () => file().hours?.week.fri?.length === 2);
    equal([file().hours.week.fri, file().hours.week.sat, file().hours.week.sun], [['09:00-12:00', '14:00-02:00'], ['09:00-12:00', '14:00-02:00'], undefined], 'the week');
    equal([file().hours.exceptions, file().notice], [[{ date: '2026-12-31', name: { en: "New Year's Eve" } }], { send: 'opening' }], 'the holiday and the notice');
    await set(page, 'Hours of', 'tr/izmir');
    await sees(page, 'The week that holds here', '.adm');
    await sees(page, "New Year's Eve", '.adm');
    await set(page, 'Time zone', 'Asia/Nicosia');
    await set(page, 'Open', 'week');
    await press(page, 'Saturday: remove these hours (2)', '.adm');
    await save(page);
    await eventually('the area is saved', () => file().areas[1].hours);
    equal([file().areas[1].timezone, file().areas[1].hours.week.sat, file().areas[0].hours], ['Asia/Nicosia', ['09:00-12:00'], undefined], 'the area');
    await set(page, 'Open', 'none');
    await sees(page, 'The week that holds here', '.adm');
    equal(wrong, [], 'errors');
    await close();
  },

  async 'parts: a flow is checked, read, tried by keyboard, given to a channel'({ browser, mock }) {
    const { page, wrong, close } = await atDesk({ browser, mock });
    await go(page, 'flows');
    await set(page, 'Name', 'Night');
    await set(page, 'Or its text', '{"flows":[\n  {"blocks": }\n]}');
    await sees(page, 'not JSON', '.adm').catch(() => sees(page, 'Not JSON yet', '.adm'));
    const broken = JSON.parse(readFileSync(FLOW, 'utf8'));
    broken.flows[0].blocks[1].type = 'MobilePrimitives';
    await set(page, 'Or its text', JSON.stringify(broken));
    await sees(page, 'is no block that is known here', '.adm');
    await sees(page, 'matter', '.adm-rows');
    await page.evaluate(() => [...document.querySelectorAll('.adm button.adm-row')].at(-1).click());
    await until(page, 'the line', () => { const area = document.querySelector('.adm textarea'); return area.value.slice(area.selectionStart, area.selectionEnd).includes('"MobilePrimitives"'); });
    broken.flows[0].blocks[1].type = 'MobilePrimitives.SelectOneResponse';
    await set(page, 'Or its text', JSON.stringify(broken));
    await sees(page, 'In order: 9 blocks.', '.adm');
    await press(page, 'Take it as a new flow', '.adm');
    await until(page, 'its page', () => location.hash === '#/admin/flows/night');
    await sees(page, 'What people are asked', '.adm');
    await sees(page, 'Sealed: focal points alone', '.adm ol');
    await press(page, 'Begin', '.adm');
    await sees(page, 'Dil', '.talk');
    await press(page, 'العربية', '.adm');
    await until(page, 'its language', () => /Arabic/u.test(document.querySelector('.told')?.innerText));
    const input = await field(page, 'What you would write');
    await input.focus();
    await page.keyboard.type('0');
    await page.keyboard.press('Enter');
    await sees(page, 'Here a person takes over. They asked for one.', '.adm');
    await press(page, 'From the beginning', '.adm');
    await press(page, 'English', '.adm');
    await until(page, 'the choices', () => [...document.querySelectorAll('.adm-tools button')].length > 5);
    await page.evaluate(() => [...document.querySelectorAll('.adm-tools button')].filter((node) => node.closest('.adm-card'))[5].click());
    await sees(page, 'Red alert', '.told');
    await sees(page, 'Those on duty would be told at once.', '.adm');
    await press(page, 'Web chat', '.adm');
    await save(page);
    await eventually('it is saved', () => mock.store.admin.file.channels[0].flow === 'night');
    equal(mock.store.admin.file.flows.map((each) => each.id), ['guide', 'night'], 'the flows');
    equal(wrong, [], 'errors');
    await close();
  },

  async 'parts: somebody on the rota, with a way, a night shift and a day away; coding'({ browser, mock }) {
    const { page, wrong, close } = await atDesk({ browser, mock });
    await go(page, 'duty');
    await sees(page, 'There is no rota yet', '.adm');
    await set(page, 'Add somebody', 'selin');
    await press(page, 'Add', '.adm');
    await until(page, 'her page', () => document.querySelector('.adm h2')?.innerText.includes('Selin'));
    await sees(page, 'On duty now.', '.adm');
    await press(page, 'Add a way', '.adm');
    await set(page, 'Address (1)', '5551234567');
    await sees(page, 'address: one such as', '.adm');
    await set(page, 'Address (1)', 'tel:+905324441298');
    await press(page, 'Show addresses', '.adm');
    await sees(page, 'tel:…98', '.adm');
    equal((await text(page, '.adm')).includes('5324441298'), false, 'the address for a look over the shoulder');
    await press(page, 'Add a shift', '.adm');
    await set(page, 'Shift 1, from', '20:00');
    await set(page, 'Shift 1, to', '08:00');
    await press(page, 'Fri', '.adm');
    await set(page, 'A day that is otherwise', '2026-12-31');
    await press(page, 'Add day', '.adm');
    await save(page);
    await eventually('it is saved', () => mock.store.admin.file.alerts?.duty?.length === 1);
    equal(mock.store.admin.file.alerts.duty[0], { login: 'selin', ways: [{ channel: 'app', address: 'tel:+905324441298' }], shifts: [{ days: ['mon', 'tue', 'wed', 'thu'], from: '20:00', to: '08:00' }], dates: [{ date: '2026-12-31', off: true }] }, 'the rota');
    await go(page, 'duty');
    await sees(page, 'hours of the next seven days have nobody on duty', '.adm');
    await set(page, 'Level 2 after (s)', '60');
    await go(page, 'coding');
    await sees(page, 'Registration and documents', '.adm');
    await set(page, 'Matters are coded with', 'consular');
    await set(page, 'Unreachable: tries at least', '5');
    await save(page);
    await eventually('all is saved', () => mock.store.admin.file.pack === 'consular');
    equal([mock.store.admin.file.alerts.steps, mock.store.admin.file.guard], [[0, 60, 90], { tries: 5 }], 'steps and the guard');
    equal(wrong, [], 'errors');
    await close();
  },

  async 'parts: in three languages, two widths, light and dark without a violation'({ browser, mock }) {
    mock.store.hours = [{ area: null, open: true, always: false, timezone: 'Europe/Istanbul', offset: 10800, since: null, next: '2026-11-23T14:00:00Z', exception: null }];
    const bad = [];
    const looks = [[1440, 1000, 'en', 'light'], [360, 740, 'ar', 'dark'], ...(process.env.PARLEY_SCREENS === 'all' ? [[1440, 1000, 'tr', 'dark'], [360, 740, 'en', 'light']] : [])];
    for (const [width, height, locale, theme] of looks) {
      const { page, wrong, close } = await atDesk({ browser, mock }, { width, height, locale, settings: { theme } });
      await go(page, 'hours');
      const admin = mock.store.admin.file;
      admin.hours = { week: { mon: ['09:00-12:30', '13:30-17:00'], tue: ['09:00-17:00'], thu: ['20:00-02:00'] }, exceptions: [{ date: '2026-12-24', to: '2027-01-02', name: { en: 'Holidays', ar: 'عطلة', tr: 'Tatil' } }, { date: '2026-12-31', open: ['09:00-12:00'] }] };
      admin.alerts = { duty: [{ login: 'selin', ways: [{ channel: 'app', address: 'tel:+905551234567' }], shifts: [{ days: ['mon', 'tue'], from: '20:00', to: '08:00' }], dates: [{ date: '2026-12-31', off: true }] }, { login: 'nadia', level: 2 }] };
      admin.channels[0].flow = 'guide';
      mock.store.admin.version += 1;
      await page.reload();
      await page.waitForSelector('.adm h2');
      for (const where of PLACES) {
        if (process.env.PARLEY_SCREENS !== 'all' && !DEFAULT[locale]?.includes(where)) continue;
        await go(page, where);
        const label = `parts-${where.replace(/\W/gu, '-')}-${width}-${locale}-${theme}`;
        if (where === 'flows/guide') {
          await page.evaluate(() => document.querySelector('.adm-card .button.primary').click());
          await page.waitForSelector('.talk li');
        }
        await shot(page, label);
        for (const each of await axe(page)) bad.push(`${label}: ${each}`);
        if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth || document.querySelector('.adm .main').scrollWidth > document.querySelector('.adm .main').clientWidth)) bad.push(`${label}: wider than the window`);
      }
      bad.push(...wrong);
      await close();
    }
    equal(bad, [], 'what is wrong');
  },
};
