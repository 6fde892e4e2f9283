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

// Beside Arabic script the groups of a telephone number or a case code change places: "+90 555 01" is shown as "01 555 90+".
// Such runs are set from left to right as a whole. Dates stay as they are: they were written as they are read.
const D = '[0-9\u0660-\u0669\u06F0-\u06F9]';
const RUNS = new RegExp(`(?<![A-Za-z][0-9 ().,:/-]{0,40}|[@+]|${D}|${D}[./-])[+(]{0,2}${D}(?:[ \\u00A0()./-]{0,2}${D}|[-/_.]?[A-Za-z])*`, 'gu');
const DATE = new RegExp(`^${D}{1,4}([./-])${D}{1,2}\\1${D}{1,4}(?!${D})`, 'u');
const DIGITS = new RegExp(D, 'gu');
const RTL = /[\u0590-\u065F\u066A-\u06EF\u06FA-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC]/u;

/** Would it read differently beside Arabic? Ranges, sums and dates do, but as those who wrote them expect. */
function turns(run: string): boolean {
  if (/[A-Za-z]/u.test(run)) return true;
  if (!/[ \u00A0()./+-]/u.test(run) || DATE.test(run)) return false;
  const digits = run.match(DIGITS)?.length ?? 0;
  if (/^[+(0\u0660\u06F0]/u.test(run)) return digits >= 6;
  return digits >= (/[()./-]/u.test(run) ? 7 : 10);
}

function runs(text: string): { from: number; to: number }[] {
  if (!RTL.test(text)) return [];
  return [...text.matchAll(RUNS)].flatMap(({ 0: run, index }) => (turns(run) ? { from: index, to: index + run.length } : []));
}

/** One line with its numbers and codes isolated: for previews, where elements would be too many. */
export function steady(line: string): string {
  let out = '';
  let done = 0;
  for (const { from, to } of runs(line)) {
    out += `${line.slice(done, from)}\u2066${line.slice(from, to)}\u2069`;
    done = to;
  }
  return out + line.slice(done);
}

export type Part = { text: string; number?: true } | { text: string; href: string; host: string };

const URL_START = /https?:\/\/[^\s<>"'\u00AB\u00BB\u2018-\u201F]+/giu;
const TRAILING = /[.,;:!?\u060C\u061B\u061F\u06D4\u1362-\u1366…*_~]+$/u;

function pushPlain(parts: Part[], text: string): void {
  let done = 0;
  for (const { from, to } of runs(text)) {
    if (from > done) parts.push({ text: text.slice(done, from) });
    parts.push({ text: text.slice(from, to), number: true });
    done = to;
  }
  if (done < text.length) parts.push({ text: text.slice(done) });
}

/** Splits text into plain parts, numbers and codes, and http(s) links. `host` is what the browser would really ask, in ASCII. */
export function linkify(text: string): Part[] {
  const parts: Part[] = [];
  let done = 0;
  for (const match of text.matchAll(URL_START)) {
    const shown = trimUrl(match[0]);
    const url = parseUrl(shown);
    if (!url) continue;
    if (match.index > done) pushPlain(parts, text.slice(done, match.index));
    parts.push({ text: shown, href: url.href, host: url.host });
    done = match.index + shown.length;
  }
  if (done < text.length) pushPlain(parts, text.slice(done));
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
