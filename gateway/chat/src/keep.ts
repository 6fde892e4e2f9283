// SPDX-License-Identifier: Apache-2.0
// What stays on the device, and only when the person said "this phone is mine": one record per channel. Everything
// else lives in memory and dies with the page.

import { Choice } from './frames';

export interface KeptMessage {
  ref: string;
  text: string;
  time: string;
  choice?: Choice['id'];
}

export interface Kept {
  v: 1;
  session: string | null;
  lang: string;
  chosen?: boolean; // by the person, not guessed
  draft: string;
  queue: KeptMessage[];
}

export class Keep {
  private key: string;
  private timer = 0;
  on = false;

  /** `record` tells what is to be kept now; `goneElsewhere` is called when another tab forgot. */
  constructor(
    base: string,
    private record: () => Kept,
    goneElsewhere: () => void,
  ) {
    this.key = 'parley:' + base;
    addEventListener('storage', (e) => {
      if (this.on && (e.key === this.key || e.key === null) && e.newValue === null) {
        this.on = false;
        goneElsewhere();
      }
    });
  }

  read(): Kept | null {
    try {
      const k = JSON.parse(localStorage.getItem(this.key) || 'null') as Kept | null;
      if (!k || k.v !== 1 || !Array.isArray(k.queue)) return null;
      this.on = true;
      return k;
    } catch (e) {
      return null;
    }
  }

  /** False when the browser keeps nothing (private mode, blocked storage). */
  turn(on: boolean): boolean {
    clearTimeout(this.timer);
    this.on = on;
    if (on) return this.write();
    try {
      localStorage.removeItem(this.key);
    } catch (e) {
      return false;
    }
    return true;
  }

  /** At once for messages and the session; the draft follows within half a second. */
  save(soon?: boolean): void {
    if (!this.on) return;
    clearTimeout(this.timer);
    if (soon) this.timer = window.setTimeout(() => this.write(), 500);
    else this.write();
  }

  private write(): boolean {
    if (!this.on) return false;
    try {
      localStorage.setItem(this.key, JSON.stringify(this.record()));
      return true;
    } catch (e) {
      this.on = false;
      return false;
    }
  }
}
