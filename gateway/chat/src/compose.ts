// SPDX-License-Identifier: Apache-2.0
// Where the person writes: text, files, answers by number.

import { $, clear, h, icon, show } from './dom';
import { fileName } from './bubble';
import { t, typedNumber } from './texts';
import { Choice } from './frames';
import { UnsentFile } from './conversation';
import { FILES_MAX, FILE_MAX, prepare } from './upload';
import { statusLine } from './notice';

export interface ComposeEnds {
  send(text: string, files: UnsentFile[], choice?: Choice): void;
  choices(): Choice[];
  typing(on: boolean): void;
  touched(): void; // the person begins: time to have a link
  draft(): void; // the text has changed
}

const TYPING_EVERY = 3000;

export class Compose {
  private form = $<HTMLFormElement>('write');
  private text = $<HTMLTextAreaElement>('text');
  private input = $<HTMLInputElement>('file');
  private list = $('files');
  private files: UnsentFile[] = [];
  private preparing = 0;
  private saidTyping = 0;

  constructor(private ends: ComposeEnds) {
    this.form.addEventListener('submit', (e) => {
      e.preventDefault();
      this.submit();
    });
    this.form.addEventListener('focusin', () => ends.touched());
    this.text.addEventListener('input', () => this.typed());
    this.text.addEventListener('keydown', (e) => this.key(e));
    this.input.addEventListener('change', () => {
      this.add(Array.from(this.input.files || []));
      this.input.value = '';
    });
    this.form.addEventListener('paste', (e) => this.add(Array.from((e.clipboardData && e.clipboardData.files) || [])));
    this.grow();
  }

  get value(): string {
    return this.text.value;
  }

  set value(s: string) {
    this.text.value = s;
    this.grow();
  }

  focus(): void {
    this.text.focus();
  }

  clear(): void {
    this.value = '';
    this.files = [];
    this.drawFiles();
    this.form.reset();
    this.text.value = '';
  }

  private submit(): void {
    const text = this.text.value.trim();
    if (this.preparing) {
      setTimeout(() => this.submit(), 100);
      return;
    }
    if (!text && !this.files.length) return this.focus();
    const n = typedNumber(text);
    const choice = n && !this.files.length ? this.ends.choices()[n - 1] : undefined;
    const files = this.files;
    this.files = [];
    this.value = '';
    this.drawFiles();
    this.stopTyping();
    this.ends.send(choice ? choice.title : text, files, choice);
    this.ends.draft();
    this.focus();
  }

  /** Enter sends where there is a real keyboard; on phones it makes a new line. */
  private key(e: KeyboardEvent): void {
    if (e.key !== 'Enter' || e.isComposing || e.keyCode === 229 || e.shiftKey) return;
    const touch = matchMedia('(pointer: coarse)').matches;
    if (touch && !e.ctrlKey) return;
    e.preventDefault();
    this.submit();
  }

  private typed(): void {
    this.grow();
    this.ends.draft();
    if (!this.text.value) return this.stopTyping();
    if (Date.now() - this.saidTyping < TYPING_EVERY) return;
    this.saidTyping = Date.now();
    this.ends.typing(true);
  }

  private stopTyping(): void {
    if (this.saidTyping) this.ends.typing(false);
    this.saidTyping = 0;
  }

  private grow(): void {
    this.text.dir = this.text.value ? 'auto' : ''; // an empty field has the page's direction
    this.text.style.height = 'auto';
    this.text.style.height = Math.min(this.text.scrollHeight + 2, Math.max(96, innerHeight / 4)) + 'px';
  }

  private add(files: File[]): void {
    for (const f of files) {
      if (f.size > FILE_MAX) {
        statusLine.pass('file_large', 8000);
        continue;
      }
      if (this.files.length + this.preparing >= FILES_MAX) {
        statusLine.pass('file_many', 8000);
        break;
      }
      this.preparing++;
      prepare(f, (ready) => {
        this.preparing--;
        this.files.push(ready);
        this.drawFiles();
      });
    }
  }

  redraw(): void {
    this.drawFiles();
  }

  private drawFiles(): void {
    clear(this.list);
    this.files.forEach((f) => {
      const remove = h('button', { type: 'button', class: 'round', 'aria-label': t('remove') + ' ' + f.name }, icon('close'));
      remove.onclick = () => {
        this.files.splice(this.files.indexOf(f), 1);
        this.drawFiles();
        this.focus();
      };
      this.list.append(h('li', {}, h('span', { class: 'file' }, icon('file'), fileName(f.name, f.blob.size)), remove));
    });
    show(this.list, this.files.length > 0);
    show($('photos'), this.files.some((f) => /^image/.test(f.type)));
  }
}
