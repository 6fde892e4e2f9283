// SPDX-License-Identifier: Apache-2.0
// One line above the composer that says how things stand: no link, busy, somebody types, who has the conversation.

import { $ } from './dom';
import { t } from './texts';

let key = '';
let typing = '';
let passing = '';
let passingTimer = 0;
let offlineTimer = 0;

function draw(): void {
  const line = $('status');
  const text = passing || (key && key !== 'assigned' ? t(key) : typing || (key ? t(key) : ''));
  const other = line.textContent !== text;
  if (other) line.textContent = text;
  line.className = key === 'offline' || key === 'busy' || key === 'closed' || passing ? 'strong' : '';
  if (other) statusLine.changed();
}

export const statusLine = {
  changed(): void {}, // the line came, went or grew
  /** A text key, or '' for none. A short break of the link is not worth a word. */
  set(next: string): void {
    if (next === 'offline') {
      // Each vain try tells this again: the first one counts.
      offlineTimer = offlineTimer || window.setTimeout(() => {
        key = 'offline';
        draw();
      }, 2500);
      return;
    }
    clearTimeout(offlineTimer);
    offlineTimer = 0;
    key = next;
    draw();
  },
  typing(text: string): void {
    typing = text;
    draw();
  },
  /** For a few seconds: something that was done or refused. */
  pass(textKey: string, ms: number): void {
    passing = t(textKey);
    clearTimeout(passingTimer);
    passingTimer = window.setTimeout(() => {
      passing = '';
      draw();
    }, ms);
    draw();
  },
  redraw: draw,
};
