// SPDX-License-Identifier: Apache-2.0
// One entry as an element. What people wrote enters as text only, each with its own direction.

import { h, icon } from './dom';
import { clock, fileSize, number, t } from './texts';
import { Attachment, Choice, Entry, Status } from './frames';
import { Unsent } from './conversation';
import { runs } from './numbers';

/** Controls that could turn the reading direction of what stands around a text. */
function neutral(text: string): string {
  return text.replace(/[\u202a-\u202e\u2066-\u2069]/g, '');
}

const ARABIC = /[\u0600-\u08ff\ufb50-\ufefc]/;

/** Text with its numbers held together; a number that can be called is a link in answers only. */
function plain(e: HTMLElement, text: string, links: boolean): void {
  let done = 0;
  for (const { from, to, tel } of runs(text)) {
    const shown = text.slice(from, to);
    const run = h('bdi', { dir: 'ltr', class: shown.length > NOT_BROKEN ? '' : 'number' }, shown);
    e.append(text.slice(done, from), links && tel ? h('a', { href: 'tel:' + tel }, run) : run);
    done = to;
  }
  e.append(text.slice(done));
}

const NOT_BROKEN = 20; // characters that fit on one line of the narrowest page

function bubble(text: string, links: boolean): HTMLElement {
  const s = neutral(text);
  const e = h('div', { class: ARABIC.test(s) ? 'bubble ar' : 'bubble', dir: 'auto' });
  let from = 0;
  s.replace(/https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]»”،؛؟]/g, (url, at: number) => {
    plain(e, s.slice(from, at), links);
    e.append(links ? h('a', { href: url, target: '_blank', rel: 'noopener noreferrer', dir: 'ltr' }, url) : h('bdi', { dir: 'ltr' }, url));
    from = at + url.length;
    return url;
  });
  plain(e, s.slice(from), links);
  return e;
}

const seen = new Map<string, number>(); // signed link → when it came

/** Milliseconds since a link came; they are valid for an hour. */
export function linkAge(url: string): number {
  return performance.now() - (seen.get(url) || 0);
}

const SHOWN_AT_ONCE = 400000; // bytes of a picture that is shown without asking

/** A name and a size, each of its own direction and on a line of its own. */
export function fileName(name: string, size: number): HTMLElement {
  return h('span', {}, h('bdi', {}, name), h('small', {}, h('bdi', {}, fileSize(size))));
}

function attachment(a: Attachment): HTMLElement | null {
  if (!/^\/[^/\\]/.test(a.url)) return null;
  if (!seen.has(a.url)) seen.set(a.url, performance.now());
  const name = neutral(a.name) || a.type;
  const kind = a.type.split('/')[0];
  if (kind === 'audio') return h('audio', { controls: '', preload: 'none', src: a.url, 'aria-label': name });
  const link = h('a', { class: 'file', href: a.url, target: '_blank', rel: 'noopener', dir: 'auto' });
  if (kind === 'image' && a.size <= SHOWN_AT_ONCE) {
    link.append(h('img', { src: a.url, alt: name, loading: 'lazy' }));
  } else {
    link.append(icon('file'), fileName(name, a.size));
    if (kind !== 'image' && kind !== 'video') link.setAttribute('download', name);
  }
  return link;
}

const marks: Record<string, [symbol: string, text: string]> = {
  waiting: ['clock', 'st_waiting'],
  stored: ['tick', 'st_stored'],
  read: ['ticks', 'st_read'],
  failed: ['warn', 'st_failed'],
};

export function mark(status: Status | 'waiting'): HTMLElement {
  const m = marks[status] || (marks['stored'] as [string, string]);
  return h('span', { class: 'mark ' + status }, icon(m[0]), t(m[1]));
}

function choices(list: Choice[], press: (c: Choice) => void): HTMLElement {
  const box = h('div', { class: 'choices', role: 'group', 'aria-label': t('choose') });
  list.forEach((c, i) => {
    const b = h('button', { type: 'button', class: 'choice', dir: 'auto' }, h('span', {}, number(i + 1)));
    const title = h('b', {}); // no bdi: the button takes its direction from it
    plain(title, neutral(c.title), false);
    b.append(title);
    b.onclick = () => press(c);
    box.append(b);
  });
  return box;
}

export interface Acts {
  choose(c: Choice): void;
  again(m: Unsent): void;
  remove(m: Unsent): void;
}

export function entryItem(e: Entry, active: boolean, acts: Acts): HTMLLIElement {
  if (e.kind === 'event') {
    const line = h('span', { dir: 'auto' });
    plain(line, neutral(e.text), false);
    return h('li', { class: 'entry event', id: 'e-' + e.id }, line);
  }
  const out = e.direction === 'out';
  const item = h('li', { class: 'entry ' + e.direction, id: 'e-' + e.id });
  const who = out ? neutral(e.author || '') || t('answer') : t('you');
  item.append(h('span', { class: out && e.author ? 'author' : 'sr' }, h('bdi', {}, who), h('span', { class: 'sr' }, ': ')));
  if (e.deleted) item.append(h('div', { class: 'bubble deleted' }, t('deleted')));
  else if (e.text) item.append(bubble(e.text, out));
  for (const a of e.attachments || []) {
    const x = attachment(a);
    if (x) item.append(x);
  }
  if (active && e.choices && e.choices.length) item.append(choices(e.choices, acts.choose));
  const meta = h('div', { class: 'meta' }, h('time', { datetime: e.time }, clock(e.time)));
  if (e.edited) meta.append(' · ' + t('edited'));
  if (!out) meta.append(' ', mark(e.status || 'stored'));
  item.append(meta);
  return item;
}

export function unsentItem(m: Unsent, acts: Acts): HTMLLIElement {
  const item = h('li', { class: 'entry in unsent', id: 'r-' + m.ref }, h('span', { class: 'sr' }, t('you') + ': '));
  if (m.text) item.append(bubble(m.text, false));
  for (const f of m.files) {
    item.append(h('span', { class: 'file', dir: 'auto' }, icon('file'), fileName(neutral(f.name), f.blob.size)));
  }
  if (m.state === 'uploading') {
    item.append(h('progress', { max: '1', value: String(m.part), 'aria-label': t('uploading') }));
  }
  const failed = m.state === 'failed';
  const status = failed ? 'failed' : m.id ? 'stored' : 'waiting';
  item.append(h('div', { class: 'meta' }, h('time', { datetime: m.time }, clock(m.time)), ' ', mark(status)));
  if (failed) {
    if (m.error) item.append(h('p', { class: 'why' }, t(m.error)));
    const again = h('button', { type: 'button', class: 'small' }, t('again'));
    const remove = h('button', { type: 'button', class: 'small' }, t('remove'));
    again.onclick = () => acts.again(m);
    remove.onclick = () => acts.remove(m);
    item.append(h('div', { class: 'row' }, again, remove));
  }
  return item;
}
