// SPDX-License-Identifier: Apache-2.0
// Numbers in what people wrote. Beside Arabic script the groups of a telephone number or of a case code change places
// ("+90 555 01" reads "01 555 90+"), so that somebody calls the wrong one: such runs are set from left to right as a whole.
// The agents' page finds the same runs (lib/bidi.ts); here without what Chrome 60 does not know (lookbehind).

export interface Run {
  from: number;
  to: number;
  tel: string; // what a press dials: only for numbers with + and country code, which no case code looks like
}

const D = '[0-9\u0660-\u0669\u06f0-\u06f9]';
const RUN = new RegExp(`[+(]{0,2}${D}(?:[ \u00a0()./-]{0,2}${D}|[-/_.]?[A-Za-z])*`, 'g');
// Behind a Latin word numbers keep their order; behind @ or a digit it is the middle of something else.
const MIDDLE = new RegExp(`(?:[A-Za-z][0-9 ().,:/-]{0,40}|[@+]|${D}[./-]?)$`);
const PART = /[\w\u0660-\u0669\u06f0-\u06f9@+/=&.-]$/; // what stands behind these is no telephone number
const DATE = new RegExp(`^${D}{1,4}([./-])${D}{1,2}\\1${D}{1,4}(?!${D})`);
const RTL = /[\u0590-\u065f\u066a-\u06ef\u06fa-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** Any of the three digit sets as Latin digits, all else left out. */
function digits(s: string): string {
  return s.replace(new RegExp('[^0-9\u0660-\u0669\u06f0-\u06f9]', 'g'), '').replace(/[^0-9]/g, (d) => String(d.charCodeAt(0) & 15));
}

/** Would it read differently beside Arabic? Ranges, sums and dates do, but as those who wrote them expect. */
function turns(run: string): boolean {
  if (/[A-Za-z]/.test(run)) return true;
  if (!/[ \u00a0()./+-]/.test(run) || DATE.test(run)) return false;
  const n = digits(run).length;
  if (/^[+(0\u0660\u06f0]/.test(run)) return n >= 6;
  return n >= (/[()./-]/.test(run) ? 7 : 10);
}

function dialled(run: string): string {
  const n = digits(run);
  return /^\(?\+/.test(run) && !/[A-Za-z]/.test(run) && n.length >= 8 && n.length <= 15 ? '+' + n : '';
}

/** The runs that must keep their order, and the telephone numbers in any text. */
export function runs(text: string): Run[] {
  const found: Run[] = [];
  const rtl = RTL.test(text);
  text.replace(RUN, (run, from: number) => {
    const before = text.slice(Math.max(0, from - 42), from);
    const to = from + run.length;
    const tel = PART.test(before) || text.charAt(to) === '@' ? '' : dialled(run);
    if (tel || (rtl && turns(run) && !MIDDLE.test(before))) found.push({ from, to, tel });
    return run;
  });
  return found;
}
