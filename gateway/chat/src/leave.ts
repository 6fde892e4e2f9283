// SPDX-License-Identifier: Apache-2.0
// Forgetting and leaving quickly. Leaving comes first, all the rest after: the page is empty before anything is asked of
// the network, and its place in the browser's history is taken by a neutral page.

import { $, clear, show } from './dom';
import { statusLine } from './notice';

export interface LeaveEnds {
  wipe(): void; // everything in memory and on the device; returns at once
  session(): string | null;
  forgotten(): void;
}

const TWICE_IN = 2000;

/** Tells the server to drop the session; nobody waits for the answer. */
function tellServer(base: string, session: string | null): void {
  if (!session) return;
  const body = 'to=none&session=' + encodeURIComponent(session);
  try {
    if (navigator.sendBeacon && navigator.sendBeacon(base + '/leave', body)) return;
  } catch (e) {
    // An old browser without beacons: below.
  }
  const x = new XMLHttpRequest();
  x.open('POST', base + '/leave');
  x.setRequestHeader('content-type', 'application/x-www-form-urlencoded');
  x.send(body);
}

export class Leave {
  private escapes = 0;

  constructor(
    private base: string,
    private exitTo: string,
    private ends: LeaveEnds,
  ) {
    ($('leave') as HTMLFormElement).addEventListener('submit', (e) => {
      e.preventDefault();
      this.exit();
    });
    addEventListener('keydown', (e) => e.key === 'Escape' && this.escape(), true);
    $('forget').onclick = () => this.ask(true);
    $('forget-no').onclick = () => this.ask(false);
    $('forget-yes').onclick = () => this.forget();
  }

  /** The page empties itself and goes; what is behind stays told to the server only. */
  exit(): void {
    const session = this.ends.session();
    document.documentElement.classList.add('gone');
    document.title = '\u200b';
    this.ends.wipe();
    clear(document.body);
    tellServer(this.base, session);
    if (parent !== window) {
      parent.postMessage({ parley: 'exit', to: this.exitTo }, '*');
      location.replace('about:blank');
    } else {
      location.replace(/^https?:/.test(this.exitTo) ? this.exitTo : 'about:blank');
    }
  }

  private escape(): void {
    const now = Date.now();
    if (now - this.escapes < TWICE_IN) return this.exit();
    this.escapes = now;
    statusLine.pass('esc_again', TWICE_IN);
  }

  private ask(open: boolean): void {
    show($('forget-ask'), open);
    show($('forget'), !open);
    $(open ? 'forget-no' : 'forget').focus();
  }

  private forget(): void {
    const session = this.ends.session();
    this.ends.wipe();
    tellServer(this.base, session);
    this.ask(false);
    this.ends.forgotten();
  }
}
