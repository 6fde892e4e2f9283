// SPDX-License-Identifier: Apache-2.0
// The words of the page in the chosen language: in the page at first, fetched when the person chooses another.

import { request } from './http';

interface Texts {
  lang: string;
  dir: string;
  texts: Record<string, string>;
}

let now: Texts = { lang: 'en', dir: 'ltr', texts: {} };

export function t(key: string): string {
  const text = now.texts[key];
  return text === undefined ? key : text; // "closed_now" is empty while it is open
}

export function language(): string {
  return now.lang;
}

export function readTexts(): void {
  const e = document.getElementById('texts');
  if (e && e.textContent) now = JSON.parse(e.textContent) as Texts;
}

/** Fetches another language and rewrites what the template put down. `done` draws the rest anew. */
export function changeLanguage(base: string, lang: string, done: (ok: boolean) => void): void {
  request({ method: 'GET', url: base + '/texts/' + lang, timeout: 15000 }, (status, body) => {
    if (status !== 200) return done(false);
    now = JSON.parse(body) as Texts;
    rewrite();
    done(true);
  });
}

function rewrite(): void {
  const root = document.documentElement;
  root.lang = now.lang;
  root.dir = now.dir;
  document.title = t('title');
  document.querySelectorAll<HTMLElement>('[data-t]').forEach((e) => (e.textContent = t(e.dataset['t'] as string)));
  document.querySelectorAll<HTMLElement>('[data-t-label]').forEach((e) => {
    e.setAttribute('aria-label', t(e.dataset['tLabel'] as string));
  });
  nameLanguage();
  document.querySelectorAll<HTMLInputElement>('input[name=lang]').forEach((i) => (i.value = now.lang));
}

/** Marks the chosen language in the list, and tells its own name above it. */
export function nameLanguage(): void {
  document.querySelectorAll('#langs a').forEach((a) => {
    const current = a.getAttribute('hreflang') === now.lang;
    if (current) a.setAttribute('aria-current', 'true');
    else a.removeAttribute('aria-current');
    const name = document.getElementById('langs-now');
    if (current && name) name.textContent = a.textContent;
  });
}

// What the browser's own data calls these languages; where it has none it falls back by itself. English without a region
// is Britain's, for its 24 hours.
const locales: Record<string, string> = { ar: 'ar-u-nu-arab', en: 'en-GB', prs: 'fa-AF', ps: 'ps', fa: 'fa-u-ca-gregory' };

function locale(): string {
  return locales[now.lang] || now.lang;
}

/** A region of this language that the browser names: its owner's habit. Browsers say en-US of everybody, so that says nothing. */
function region(): string {
  const all = navigator.languages || [navigator.language];
  return now.lang === 'ar' ? '' : all.filter((l) => l.indexOf(now.lang + '-') === 0 && l !== 'en-US')[0] || '';
}

export function clock(time: string): string {
  const d = new Date(time);
  if (isNaN(d.getTime())) return '';
  const own = region();
  const hour: Intl.DateTimeFormatOptions & { hourCycle?: string } = { hour: '2-digit', minute: '2-digit' };
  if (!own && now.lang !== 'ar') hour.hourCycle = 'h23'; // no Latin "AM" in Urdu or Somali
  const today = d.toDateString() === new Date().toDateString();
  const form: Intl.DateTimeFormatOptions = today ? hour : { day: 'numeric', month: 'short', ...hour };
  try {
    return d.toLocaleString(own || locale(), form);
  } catch (e) {
    return d.toLocaleString(undefined, form);
  }
}

export function number(n: number): string {
  try {
    return n.toLocaleString(locale());
  } catch (e) {
    return String(n);
  }
}

export function fileSize(bytes: number): string {
  const kb = Math.max(1, Math.round(bytes / 1000));
  return kb < 1000 ? number(kb) + ' kB' : number(Math.round(kb / 100) / 10) + ' MB';
}

/** The number that a text of digits alone names, in Latin, Arabic or Persian digits; 0 when it is none. */
export function typedNumber(text: string): number {
  const s = text.trim().replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (d) => String(d.charCodeAt(0) & 15));
  return /^\d{1,2}$/.test(s) ? Number(s) : 0;
}
