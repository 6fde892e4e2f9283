// What the panel and the dialog that ends a thread share: the pack, and the matters of the open thread.
import type { Desk } from '../lib/desk.svelte';
import { matters } from './api';
import type { Matter, Pack, Reason } from './types';

class Coding {
  pack = $state.raw<Pack | null>(null);
  reasons = $state.raw<Reason[]>([]);
  list = $state.raw<Matter[]>([]);
  thread = $state('');
  failed = $state(false);
  loaded = $state(false);
  #op = '';

  async load(desk: Desk, thread: string): Promise<void> {
    const calls = matters(desk.op);
    try {
      if (this.#op !== desk.op) {
        const told = await calls.pack();
        this.pack = told.pack;
        this.reasons = told.reasons;
        this.#op = desk.op;
      }
      if (this.thread !== thread) {
        this.thread = thread;
        this.list = [];
        this.loaded = false;
      }
      const page = await calls.list(thread);
      if (this.thread !== thread) return;
      this.list = page.items;
      this.failed = false;
      this.loaded = true;
    } catch {
      this.failed = true;
    }
  }

  /** The pack is asked for anew: an administrator has changed the operation. */
  forget(): void {
    this.#op = '';
  }
}

export const coding = new Coding();
/** The panel, for the key that codes. */
export const panel: { start?: () => void } = {};
