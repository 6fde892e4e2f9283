// SPDX-License-Identifier: Apache-2.0
// The main job: sign in, take what is offered, read, answer, and see what became of it.
import { openPage, press, text } from '../browser.mjs';
import { atDesk, bubbles, equal, eventually, first, openThread, sees, signIn, status, unfocus, until, write } from '../desk.mjs';

export const cases = {
  async 'a wrong password is told in words, and what was typed stays'({ browser, mock }) {
    const { page, wrong, close } = await openPage(browser);
    await page.goto(mock.url);
    await page.waitForSelector('input[name=login]');
    await page.type('input[name=login]', 'amal');
    await page.type('input[name=password]', 'nonsense');
    await page.keyboard.press('Enter');
    await sees(page, 'Login or password is wrong', '[role=alert]');
    equal(await page.$eval('input[name=login]', (node) => node.value), 'amal', 'the login');
    await page.$eval('input[name=login]', (node) => { node.value = ''; });
    await page.type('input[name=login]', 'busy');
    await press(page, 'Sign in');
    await sees(page, 'Wait 30 seconds', '[role=alert]');
    equal(wrong, [], 'errors');
    await close();
  },

  async 'signs in, and shows what waits, for how long, in which languages'({ browser, mock }) {
    const { page, wrong, close } = await atDesk({ browser, mock });
    await sees(page, 'in your languages', '.next');
    await sees(page, 'longest 43 minutes', '.next');
    await sees(page, 'Waits', '[data-row]');
    await press(page, 'Waiting 14');
    await sees(page, 'Emergency', '[data-row]');
    await page.waitForSelector('.queues .chip');
    equal(wrong, [], 'errors');
    await close();
  },

  async 'an offer is counted down, accepted, answered, and marked stored to read'({ browser, mock }) {
    const { page, wrong, close } = await atDesk({ browser, mock });
    const thread = await first(mock, (each) => each.state === 'waiting' && each.language.tag === 'ar');
    mock.store.offer(thread);
    await sees(page, 'left', '.offer');
    await until(page, 'the title counts', () => /^\(\d+\)/.test(document.title));
    const before = Number.parseInt(await text(page, '.left'), 10);
    await eventually('the countdown', async () => Number.parseInt(await text(page, '.left'), 10) < before);
    await press(page, 'Accept', '.offer');
    await page.waitForSelector('.composer textarea');
    equal(thread.state, 'assigned', 'the state at the server');
    await sees(page, 'بطاقة التسجيل', '.bubble');
    await write(page, 'وعليكم السلام، سأساعدك.');
    await status(page, 'سأساعدك', 'Read');
    equal(mock.store.logs.get(thread.id).filter((entry) => entry.text === 'وعليكم السلام، سأساعدك.').length, 1, 'entries at the server');
    equal(await page.$$('.offer').then((all) => all.length), 0, 'offers left');
    equal(wrong, [], 'errors');
    await close();
  },

  async 'an offer that is over says so; a declined one goes back'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock });
    const [one, two] = [...mock.store.threads.values()].filter((each) => each.state === 'waiting');
    mock.store.offer(one);
    await page.waitForSelector('.offer');
    // The answer and the expiry cross each other.
    clearTimeout(mock.store.offers.get(one.id));
    mock.store.offers.delete(one.id);
    await press(page, 'Accept', '.offer');
    await sees(page, 'The offer has ended. The thread is back in its queue.', '.notice');
    mock.store.emit({ type: 'offer.ended', thread: one.id, why: 'expired' });
    await until(page, 'no offer', () => !document.querySelector('.offer'));
    mock.store.offer(two);
    await page.waitForSelector('.offer');
    await unfocus(page);
    await page.keyboard.press('d');
    await page.waitForSelector('dialog[open] input');
    await page.keyboard.press('Space');
    await page.keyboard.press('Enter');
    await eventually('the thread waits again', () => two.state === 'waiting');
    equal(mock.store.frames.find((frame) => frame.type === 'decline').reason, 'busy', 'the reason');
    await close();
  },

  async 'a failed message says why, and is sent again'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock, }, { thread: 'rich' });
    mock.store.refuse = 'failed';
    await write(page, 'will fail once');
    await status(page, 'will fail once', 'Not sent: WhatsApp refused it');
    const all = await page.$$('article');
    for (const article of all) {
      if ((await article.evaluate((node) => node.innerText)).includes('will fail once')) await (await article.$('button')).click();
    }
    await status(page, 'will fail once', 'Read (attempt 2)');
    await sees(page, 'May or may not have arrived');
    await close();
  },

  async 'a refused message keeps its words: edit brings them back, drop drops them'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    mock.store.refuse = 'forbidden';
    await write(page, 'not allowed');
    await status(page, 'not allowed', 'Not sent: You may not do this.');
    await press(page, 'Edit');
    equal(await page.$eval('.composer textarea', (node) => node.value), 'not allowed', 'the composer');
    mock.store.refuse = null;
    await page.keyboard.press('Enter');
    await status(page, 'not allowed', 'Read');
    equal((await bubbles(page)).filter((each) => each === 'not allowed').length, 1, 'bubbles');
    await close();
  },

  async 'a message that the store cannot take now is tried again by itself, with the same ref'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    mock.store.refuse = 'unavailable';
    await write(page, 'patience');
    await eventually('a first try', () => mock.store.frames.some((frame) => frame.text === 'patience'));
    mock.store.refuse = null;
    await status(page, 'patience', 'Read');
    const refs = new Set(mock.store.frames.filter((frame) => frame.text === 'patience').map((frame) => frame.ref));
    equal(refs.size, 1, 'refs');
    await close();
  },

  async 'notes, channel choice, typing both ways, tags, snooze, transfer, resolve, reopen'({ browser, mock }) {
    const { page, wrong, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    const thread = mock.store.threads.get('rich');
    await page.select('.channel select', 'tg telegram:4471120');
    await write(page, 'by telegram');
    await status(page, 'by telegram', 'Read');
    equal(mock.store.frames.find((frame) => frame.text === 'by telegram').address, 'telegram:4471120', 'the address');
    equal(mock.store.typed?.thread, 'rich', 'typing was told');
    mock.store.passing({ type: 'typing', thread: 'rich', who: 'person', on: true });
    await sees(page, 'is writing…', '.typing');
    await unfocus(page);
    await page.keyboard.press('n');
    await page.keyboard.type('ask for the number');
    await page.keyboard.press('Enter');
    await sees(page, 'ask for the number', 'article.note');
    await eventually('the note at the server', () => mock.store.logs.get('rich').some((entry) => entry.kind === 'note' && entry.text === 'ask for the number'));
    for (const [key, fill, done] of [
      ['l', async () => { await page.keyboard.type('عاجل'); await page.keyboard.press('Enter'); await sees(page, 'A tag has Latin letters', 'dialog'); await page.evaluate(() => document.querySelector('dialog input').select()); await page.keyboard.type('urgent matter'); await page.keyboard.press('Enter'); await sees(page, 'urgent-matter', 'dialog'); await page.keyboard.press('Escape'); }, () => thread.tags.includes('urgent-matter')],
      ['s', async () => { await press(page, 'Snooze', 'dialog'); await sees(page, 'Snoozed until', '.notice'); }, () => thread.state === 'snoozed'],
      ['e', async () => { await press(page, 'Referred', 'dialog'); await press(page, 'Resolve', 'dialog'); await sees(page, 'This thread is resolved', '.foot'); }, () => thread.state === 'resolved' && thread.outcome === 'referred'],
      ['o', async () => { await page.waitForSelector('.composer textarea'); }, () => thread.state === 'assigned'],
      ['t', async () => { await page.keyboard.press('ArrowRight'); await page.waitForSelector('dialog select[required]'); await page.select('dialog select[required]', 'a-yusuf'); await press(page, 'Transfer', 'dialog'); }, () => thread.assignee === 'a-yusuf'],
    ]) {
      await until(page, 'no dialog', () => !document.querySelector('dialog[open]'));
      await unfocus(page);
      await page.keyboard.press(key);
      if (key !== 'o') await page.waitForSelector('dialog[open]');
      await fill();
      await eventually(`what ${key} does`, done);
    }
    await sees(page, 'You transferred the thread', '.event');
    equal(wrong, [], 'errors');
    await close();
  },

  async 'search finds by words, the palette finds everything'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock });
    await unfocus(page);
    await page.keyboard.press('/');
    await page.keyboard.type('kaarkayguna');
    await page.keyboard.press('Enter');
    await sees(page, '3 threads found', '.found');
    await page.keyboard.down('Control');
    await page.keyboard.press('k');
    await page.keyboard.up('Control');
    await page.waitForSelector('dialog[open] input');
    await page.keyboard.type('traor');
    await sees(page, 'Aïcha Traoré', '#palette-list');
    await page.keyboard.press('Enter');
    await sees(page, 'Aïcha Traoré', '.thread header');
    await openThread(page, 'rich');
    await close();
  },

  async 'the contact panel: addresses, notes that are kept, earlier threads that open'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    await sees(page, '+905551234567', '.contact');
    await sees(page, 'omar.k@example.org', '.contact');
    await page.type('.contact textarea', ' Prefers WhatsApp.');
    await press(page, 'Save', '.contact');
    await sees(page, 'Saved.', '.notice');
    equal([...mock.store.contacts.values()].some((contact) => contact.notes.endsWith('Prefers WhatsApp.')), true, 'the notes at the server');
    await page.select('#c-topic', 'cash');
    await eventually('the topic at the server', () => mock.store.threads.get('rich').topic === 'cash');
    await page.click('.earlier a');
    await sees(page, 'متى يصل المبلغ', '.bubble');
    await sees(page, 'This thread is resolved.', '.foot');
    await close();
  },

  async 'signing out leaves nothing in the tab'({ browser, mock }) {
    const { page, close } = await atDesk({ browser, mock }, { thread: 'rich' });
    await page.type('.composer textarea', 'CANARY-DRAFT');
    await until(page, 'the draft', () => JSON.stringify(sessionStorage).includes('CANARY-DRAFT'));
    equal(await page.evaluate(() => JSON.stringify(localStorage).includes('CANARY-DRAFT')), false, 'the draft in localStorage');
    await press(page, 'Amal');
    await press(page, 'Sign out');
    await page.waitForSelector('input[name=login]');
    equal(await page.evaluate(() => [sessionStorage.length, Object.keys(localStorage), location.hash]), [0, ['parley.settings'], ''], 'what is kept');
    await signIn(page, mock.url);
    await close();
  },
};
