// SPDX-License-Identifier: Apache-2.0
// The page as the widget's frame. What passes to the embedding site is that something happened, never what.

import { $, show } from './dom';
import { Compose } from './compose';

const framed = parent !== window;
let unread = 0;

function tell(parley: string, more?: object): void {
  if (framed) parent.postMessage({ parley, ...more }, '*');
}

export const tellSite = {
  unread(): void {
    if (document.documentElement.classList.contains('away')) tell('unread', { n: ++unread });
  },
};

export function embed(compose: Compose): void {
  if (!framed) return;
  document.documentElement.classList.add('framed');
  const close = $<HTMLButtonElement>('close');
  show(close, true);
  close.onclick = () => tell('close');
  addEventListener('message', (e) => {
    if (e.source !== parent || !e.data) return;
    const away = e.data.parley === 'hidden';
    if (!away && e.data.parley !== 'shown') return;
    document.documentElement.classList.toggle('away', away);
    unread = 0;
    if (!away) {
      // Before the first word the page says who reads it: no keyboard over that.
      if (document.documentElement.classList.contains('begun')) compose.focus();
      dispatchEvent(new Event('scroll'));
    }
  });
  tell('ready');
}
