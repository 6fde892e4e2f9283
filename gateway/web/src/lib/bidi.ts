// Text that people wrote, made safe to show: direction controls neutralised, links found, scripts told apart.

// Embeddings, overrides and isolates can make "exe.gpj" read "jpg.exe" or turn a number around. The element that shows
// the text isolates it and finds its direction; so these only deceive. The plain marks LRM, RLM and ALM stay: they are
// how people mend a sentence, and they cannot reorder letters.
const CONTROLS = /[\u202A-\u202E\u2066-\u2069]/gu;
const MARKS = /[\u200E\u200F\u061C]/gu;
// eslint-disable-next-line no-control-regex
const INVISIBLE = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\uFFF9-\uFFFB\u{E0000}-\u{E007F}]/gu;

/** A person's text, line breaks kept. */
export function neutralise(text: string): string {
  return text.replace(CONTROLS, '').replace(INVISIBLE, '');
}

/** One line: names, file names, addresses, previews. The marks go too, and every run of space becomes one. */
export function neutraliseLine(text: string | null | undefined): string {
  return neutralise(text ?? '').replace(MARKS, '').replace(/\s+/gu, ' ').trim();
}

/** For a string inside a sentence of ours, where no element can isolate it. */
export function isolate(text: string): string {
  return `\u2068${neutraliseLine(text)}\u2069`;
}

/** A number or address where no element can isolate it: in an option. */
export function leftToRight(text: string): string {
  return `\u2066${neutraliseLine(text)}\u2069`;
}

const TALL = /[\u0600-\u06FF\u0750-\u077F\u08A0-\u08FF\uFB50-\uFDFF\uFE70-\uFEFC\u1200-\u139F\u2D80-\u2DDF]/u;

/** Arabic and Ethiopic need more room between lines. */
export function tallScript(text: string): boolean {
  return TALL.test(text);
}

export type Part = { text: string } | { text: string; href: string; host: string };

const URL_START = /https?:\/\/[^\s<>"'\u00AB\u00BB\u2018-\u201F]+/giu;
const TRAILING = /[.,;:!?\u060C\u061B\u061F\u06D4\u1362-\u1366…*_~]+$/u;

/** Splits text into plain parts and http(s) links. `host` is what the browser would really ask, in ASCII. */
export function linkify(text: string): Part[] {
  const parts: Part[] = [];
  let done = 0;
  for (const match of text.matchAll(URL_START)) {
    const shown = trimUrl(match[0]);
    const url = parseUrl(shown);
    if (!url) continue;
    if (match.index > done) parts.push({ text: text.slice(done, match.index) });
    parts.push({ text: shown, href: url.href, host: url.host });
    done = match.index + shown.length;
  }
  if (done < text.length) parts.push({ text: text.slice(done) });
  return parts;
}

function trimUrl(raw: string): string {
  let url = raw.replace(TRAILING, '');
  for (const [open, close] of [['(', ')'], ['[', ']'], ['{', '}']] as const) {
    while (url.endsWith(close) && count(url, close) > count(url, open)) {
      url = url.slice(0, -1).replace(TRAILING, '');
    }
  }
  return url;
}

function count(text: string, sign: string): number {
  return text.split(sign).length - 1;
}

function parseUrl(text: string): URL | null {
  try {
    const url = new URL(text);
    const web = url.protocol === 'http:' || url.protocol === 'https:';
    return web && url.hostname && !url.username && !url.password ? url : null;
  } catch {
    return null;
  }
}

/** True when the host that is shown is not the host that is asked (another script looks alike). */
export function hostDiffers(part: { text: string; host: string }): boolean {
  return !part.text.toLowerCase().includes(part.host.toLowerCase());
}
