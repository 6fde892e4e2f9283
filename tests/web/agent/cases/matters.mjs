// SPDX-License-Identifier: Apache-2.0
// Coding by the keyboard, guided questions, referrals with their deadlines, what is sealed, and ends that are guarded.
import { axe, press, shot } from '../browser.mjs';
import { atDesk, equal, eventually, sees, unfocus } from '../desk.mjs';

async function at(context, options = {}) {
  context.mock.store.coded = true;
  const desk = await atDesk(context, { thread: 'rich', ...options });
  await desk.page.waitForSelector('.matters');
  await unfocus(desk.page);
  return desk;
}

const only = (mock) => [...mock.store.matters.values()][0];
const typed = async (page, ...keys) => { for (const key of keys) { if (key.length > 1 && /^[A-Z]/u.test(key)) await page.keyboard.press(key); else await page.keyboard.type(key); } };
const focused = (page, id) => page.waitForFunction((want) => document.activeElement?.id === want, {}, id);

export const cases = {
  async 'what somebody came with is coded by a few keys'({ browser, mock }) {
    const { page, close } = await at({ browser, mock });
    await page.keyboard.press('m');
    await focused(page, 'matter-type');
    await typed(page, 'com', 'Enter');
    await focused(page, 'matter-subject');
    await typed(page, 'hea');
    await shot(page, 'matters-typing');
    await page.keyboard.press('Enter');
    await eventually('coded', () => only(mock).type === 'complaint' && only(mock).subject === 'health' && only(mock).risk === 'routine');
    await sees(page, 'Health partner', '.matters');
    await press(page, 'Refer', '.matters');
    await sees(page, 'They accepted', '.matters');
    equal(only(mock).referrals[0].to, 'health_partner');
    await shot(page, 'matters-coded');
    await close();
  },

  async 'one question at a time, and what is not to be asked'({ browser, mock }) {
    mock.store.matters = new Map([['m1', { id: 'm1', thread: 'rich', version: 1, clearance: 0, state: 'open', type: 'report', subject: 'other', path: 'self_harm', risk: 'high', area: 'tr', received: new Date().toISOString(), answers: {}, note: '', referrals: [] }]]);
    const { page, close } = await at({ browser, mock });
    await sees(page, 'Is the person safe right now?', '.matters');
    await sees(page, 'Crisis line', '.matters');
    await press(page, 'Yes', '.guided');
    await sees(page, 'Where is the person?', '.guided');
    await press(page, 'Skip', '.guided');
    await press(page, 'Offered and declined', '.guided');
    await sees(page, 'Do not promise an outcome.', '.guided');
    await shot(page, 'matters-form');
    equal(only(mock).support, 'declined');
    equal(only(mock).answers.safe_now, 'yes');
    await close();
  },

  async 'what is sealed is gone at once'({ browser, mock }) {
    const { page, close } = await at({ browser, mock });
    await page.keyboard.press('m');
    await focused(page, 'matter-type');
    await page.keyboard.press('Escape');
    await press(page, 'It needs special care…', '.matters');
    await sees(page, 'you will not see it any more', '.matters');
    await page.evaluate(() => [...document.querySelectorAll('[name=matter-path]')].find((each) => each.value === 'sea').click());
    await sees(page, 'It is with the focal points now', 'body');
    await sees(page, 'Nothing is coded yet', '.matters');
    equal(only(mock).clearance, 2);
    await close();
  },

  async 'an end says what it lacks, and offers the reasons there are'({ browser, mock }) {
    mock.store.answers = new Map([['rich', 'answer_none']]);
    const { page, close } = await at({ browser, mock });
    await page.keyboard.press('e');
    await sees(page, 'Their last message has no answer.', 'dialog');
    await sees(page, 'It is not coded.', 'dialog');
    equal(await page.$eval('dialog footer .primary', (button) => button.disabled), true);
    await shot(page, 'guard-lacks');
    await press(page, 'They cannot be reached', 'dialog');
    await sees(page, '0 of 3', 'dialog');
    await press(page, 'Note a call without an answer', 'dialog');
    await sees(page, '1 of 3', 'dialog');
    await press(page, 'Code it', 'dialog');
    await focused(page, 'matter-type');
    await typed(page, 'com', 'Enter');
    await focused(page, 'matter-subject');
    await typed(page, 'ca', 'Enter');
    await eventually('coded', () => only(mock).subject === 'cash');
    await unfocus(page);
    await page.keyboard.press('e');
    await press(page, 'They want no answer a focal point approves it first', 'dialog');
    await sees(page, 'Ask a focal point', 'dialog');
    await press(page, 'Ask a focal point', 'dialog');
    await sees(page, 'A focal point was asked', 'body');
    await close();
  },

  async 'an answered thread ends with e and Enter'({ browser, mock }) {
    mock.store.matters = new Map([['m1', { id: 'm1', thread: 'rich', version: 1, clearance: 0, state: 'open', type: 'report', subject: 'cash', path: 'none', risk: 'routine', area: 'tr', answers: {}, note: '', referrals: [] }]]);
    const { page, close } = await at({ browser, mock });
    await page.keyboard.press('e');
    await page.waitForSelector('dialog [name=outcome]:checked');
    await page.keyboard.press('Enter');
    await eventually('resolved', () => mock.store.threads.get('rich').state === 'resolved');
    equal(mock.store.threads.get('rich').outcome, 'answered');
    await close();
  },

  async 'on a phone, in Arabic and in the dark it is the same'({ browser, mock }) {
    mock.store.matters = new Map([['m1', { id: 'm1', thread: 'rich', version: 1, clearance: 0, state: 'open', type: 'complaint', subject: 'health/access', path: 'child', risk: 'red', area: 'tr', received: new Date().toISOString(), answers: { safe_now: 'no' }, note: '', referrals: [{ id: 'm1.1', state: 'made', kind: 'support', to: 'child_services', anonymous: false, due: new Date(Date.now() + 36e5).toISOString() }] }]]);
    const { page, close } = await at({ browser, mock }, { locale: 'ar', width: 360, height: 780, settings: { theme: 'dark' } });
    await page.keyboard.press('i');
    await sees(page, 'خدمات حماية الطفل', '.matters');
    await shot(page, 'matters-ar-360-dark');
    equal(await axe(page), [], 'axe');
    await close();
  },
};
