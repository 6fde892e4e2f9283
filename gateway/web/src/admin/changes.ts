// Pure: what changed between two operation files, where a problem of the server's belongs, and lines of the server's difference as words.
import type { Translate } from '../lib/i18n';
import type { OperationFile, Place } from './types';

/** The same JSON, whatever the order of members. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((each, at) => same(each, b[at]));
  if (typeof a !== 'object' || typeof b !== 'object' || !a || !b) return false;
  const [one, other] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => key in other && same(one[key], other[key]));
}

/** The sections that differ; a section that was not there counts when it holds something. */
export function changedSections(base: OperationFile, now: OperationFile): string[] {
  return Object.keys(now).filter((section) => section !== 'operation' && !same(base[section], now[section]));
}

export interface Change {
  verb: 'added' | 'changed' | 'set' | 'removed' | 'disabled' | 'enabled' | 'reordered';
  section: string;
  id: string;
  member: string;
}

const VERBS = ['added', 'changed', 'set', 'removed', 'disabled', 'enabled', 'reordered'] as const;
/** Sections whose things have a name of their own in a line: "changed topics/health.name". */
const LINE = /^(\w+) ([^/ ]+)(?:\/(.*))?$/u;

/** A line of the server's difference. An area has slashes and may have no dot, a login may have dots: ids that are known decide. */
export function readLine(line: string, ids: (section: string) => readonly string[]): Change | null {
  const found = LINE.exec(line);
  const verb = VERBS.find((each) => each === found?.[1]);
  if (!found || !verb) return null;
  const [section, rest] = [found[2] ?? '', found[3] ?? ''];
  const known = ids(section)
    .filter((id) => rest === id || rest.startsWith(`${id}.`))
    .sort((a, b) => b.length - a.length)[0];
  if (known !== undefined) return { verb, section, id: known, member: rest.slice(known.length + 1) };
  const dot = rest.indexOf('.');
  return { verb, section, id: dot < 0 ? rest : rest.slice(0, dot), member: dot < 0 ? '' : rest.slice(dot + 1) };
}

/** "Health: name changed"; what has no text stays as the file says it. */
export function sayChange(change: Change, t: Translate, nameOf: (section: string, id: string) => string): string {
  const known = (key: string, otherwise: string): string => {
    const text = t(key);
    return text === key ? otherwise : text;
  };
  const section = known(`admin.section.${change.section}`, change.section);
  const what = change.id ? nameOf(change.section, change.id) : section;
  if (!change.member) return t(`admin.change.${change.verb}`, { what: change.id ? `${section}: ${what}` : what });
  const member = change.member.startsWith('settings.') ? change.member.slice('settings.'.length) : known(`admin.member.${change.member}`, change.member);
  return t('admin.change.member', { what, member });
}

/** Own texts, one by one: the server says "changed texts" for all of them. */
export function textChanges(base: OperationFile['texts'], now: OperationFile['texts']): { tag: string; key: string; gone: boolean }[] {
  const tags = new Set([...Object.keys(base ?? {}), ...Object.keys(now ?? {})]);
  return [...tags].flatMap((tag) => {
    const keys = new Set([...Object.keys(base?.[tag] ?? {}), ...Object.keys(now?.[tag] ?? {})]);
    return [...keys].filter((key) => base?.[tag]?.[key] !== now?.[tag]?.[key]).map((key) => ({ tag, key, gone: now?.[tag]?.[key] === undefined }));
  });
}

/** The problems at a place of the file or below it. */
export function problemsBelow(places: readonly Place[], pointer: string): Place[] {
  return places.filter((each) => each.at === pointer || each.at.startsWith(`${pointer}/`));
}

/** One part of a JSON pointer. */
export function part(name: string | number): string {
  return String(name).replace(/~/gu, '~0').replace(/\//gu, '~1');
}

const TEXT_LINE = /line (\d+)/u;

/** Where JSON.parse stopped: the line, as far as the browser tells it. */
export function jsonPlace(text: string, message: string): number | null {
  const line = TEXT_LINE.exec(message)?.[1];
  if (line) return Number(line);
  const at = /position (\d+)/u.exec(message)?.[1];
  return at === undefined ? null : text.slice(0, Number(at)).split('\n').length;
}

/** The line of a pointer in JSON.stringify(value, null, 2); null: not there. */
export function lineOf(value: unknown, pointer: string): number | null {
  const parts = pointer.split('/').slice(1).map((each) => each.replace(/~1/gu, '/').replace(/~0/gu, '~'));
  const MARK = '\u0000here';
  const copy = structuredClone({ root: value }) as Record<string, unknown>;
  let holder: Record<string, unknown> = copy;
  let key = 'root';
  for (const name of parts) {
    const next = holder[key];
    if (typeof next !== 'object' || next === null || !(name in next)) break;
    [holder, key] = [next as Record<string, unknown>, name];
  }
  const was = holder[key];
  if (holder === copy) return 1;
  holder[key] = typeof was === 'object' && was !== null ? (Array.isArray(was) ? [MARK, ...(was as unknown[])] : { [MARK]: 0, ...was }) : MARK;
  const lines = JSON.stringify(copy.root, null, 2).split('\n');
  const found = lines.findIndex((line) => line.includes('\\u0000here'));
  if (found < 0) return null;
  return typeof was === 'object' && was !== null ? found : found + 1;
}

/** What a search finds in a list of names: every word, anywhere, without regard to case. */
export function fits(wanted: string, ...texts: readonly (string | undefined)[]): boolean {
  const all = texts.join('\n').toLocaleLowerCase();
  return wanted.toLocaleLowerCase().split(/\s+/u).every((word) => all.includes(word));
}

/** Placeholders that a wording fills: "{name}". */
export function holesOf(text: string): string[] {
  return [...new Set([...text.matchAll(/\{([a-z_]+)\}/gu)].map((found) => found[1] ?? ''))];
}

/** An id for something new, from its name: latin letters, digits and dashes, not yet taken. */
export function freshId(name: string, taken: readonly string[], otherwise: string): string {
  const base = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/ı/gu, 'i').replace(/[^a-z0-9]+/gu, '-').replace(/^-+|-+$/gu, '').slice(0, 40) || otherwise;
  for (let n = 1; ; n += 1) {
    const id = n === 1 ? base : `${base}-${n}`;
    if (!taken.includes(id)) return id;
  }
}
