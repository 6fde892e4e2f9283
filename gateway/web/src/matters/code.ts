// Pure: what a typed word finds, which form and which referral a matter's codes lead to.
import type { Code, Form, Institution, Labels, Matter, Pack, Row } from './types';

const MARKS = /\p{M}/gu;
const ALIKE: Record<string, string> = { أ: 'ا', إ: 'ا', آ: 'ا', ة: 'ه', ى: 'ي', ی: 'ي', ک: 'ك', ı: 'i' };

/** As people type it: without accents, case and the letters that keyboards have twice. */
export function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(MARKS, '')
    .toLowerCase()
    .replace(/[أإآةىیکı]/gu, (letter) => ALIKE[letter] ?? letter);
}

/** The label in the page's language, else in English, else the code. */
export function label(names: Labels | undefined, locale: string, code = ''): string {
  const short = locale.split('-')[0]!;
  return names?.[locale] ?? names?.[short] ?? names?.en ?? Object.values(names ?? {})[0] ?? code;
}

/** What is typed finds the beginnings of words, in the page's language and in English, and codes; quick ones first, and alone
 * while nothing is typed. */
export function matching(codes: readonly Code[], typed: string, locale: string): Code[] {
  const wanted = fold(typed.trim());
  const some = codes.some((each) => each.quick);
  const rank = (each: Code): number => {
    const words = [label(each.name, locale), label(each.name, 'en'), each.code].map(fold);
    if (!wanted) return each.quick || !some ? 0 : 9;
    if (words.some((word) => word.startsWith(wanted))) return each.quick ? 0 : 1;
    return words.some((word) => word.split(/[^\p{L}\p{N}]+/u).some((part) => part.startsWith(wanted) || part.replace(/^ال/u, '').startsWith(wanted))) ? 2 : 9;
  };
  return codes
    .map((each, at) => ({ each, at, rank: rank(each) }))
    .filter(({ rank: found }) => found < 9)
    .sort((a, b) => a.rank - b.rank || a.at - b.at)
    .map(({ each }) => each);
}

const within = (outer: string | undefined, inner: string | undefined): boolean => !outer || inner === outer || !!inner?.startsWith(`${outer}/`);

/** That of the path first: who needs care is not asked what the subject would ask. */
export function formFor(pack: Pack, matter: Matter): Form | null {
  const forms = pack.forms ?? [];
  const path = forms.find((form) => form.path?.includes(matter.path ?? ''));
  return path ?? forms.find((form) => form.subject?.some((subject) => within(subject, matter.subject))) ?? null;
}

/** The institution, or who stands in for it. */
export function standing(pack: Pack, id: string): Institution | null {
  const list = pack.institutions ?? [];
  for (let found = list.find((each) => each.id === id), steps = 0; found && steps < 5; steps += 1) {
    if (!found.disabled) return found;
    found = list.find((each) => each.id === found!.backup);
  }
  return null;
}

export interface Hint {
  row: Row;
  to: Institution;
  due: number;
}

/** Of each kind the first row that fits and has somebody: institution and deadline, from when the person wrote. */
export function hints(pack: Pack, matter: Matter): Hint[] {
  const out: Hint[] = [];
  const from = Date.parse(matter.received ?? '') || Date.now();
  for (const row of pack.referrals ?? []) {
    const fits = (!row.risk || row.risk === matter.risk) && (!row.path || row.path === matter.path) && within(row.subject, matter.subject) && within(row.area, matter.area) && (!row.language || row.language === matter.language);
    const to = fits && !out.some((hint) => hint.row.kind === row.kind) ? standing(pack, row.to) : null;
    if (to) out.push({ row, to, due: from + row.hours * 3_600_000 });
  }
  // Who needs care is not sent to an ordinary service as well.
  return matter.path && matter.path !== 'none' ? out.filter((hint) => hint.row.kind !== 'service') : out;
}
