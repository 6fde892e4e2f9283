// Pure: weekly hours and days that are otherwise, as the operation's file says them (gateway/daemon/README.md, "Hours").
import type { HoursOf, OperationFile, ThingOf } from '../admin/types';
import type { Names } from '../lib/types';

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Day = (typeof DAYS)[number];
export const WORKDAYS: readonly Day[] = ['mon', 'tue', 'wed', 'thu', 'fri'];
export const SPANS_MOST = 12;

export interface Span {
  from: string;
  to: string;
}

export type Exception = NonNullable<HoursOf['exceptions']>[number];
export type AreaOf = ThingOf & { timezone?: string; texts?: Wordings };
export type Wordings = Record<string, Record<string, string>>;
export type Kind = 'none' | 'always' | 'week';

const SPAN = /^(\d\d:\d\d)-(\d\d:\d\d)$/u;
const WHOLE = 24 * 60;

export function readSpan(text: string): Span | null {
  const found = SPAN.exec(text);
  if (!found) return null;
  return { from: found[1] ?? '', to: found[2] === '24:00' ? '00:00' : (found[2] ?? '') };
}

export const writeSpan = ({ from, to }: Span): string => `${from}-${to}`;

export function minutes(clock: string): number {
  const [hours = 0, rest = 0] = clock.split(':').map(Number);
  return hours * 60 + rest;
}

const clock = (minute: number): string => `${String(Math.floor(minute / 60) % 24).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

/** It ends on the day after the one on which it begins. */
export const overnight = ({ from, to }: Span): boolean => minutes(to) <= minutes(from);

const ends = (span: Span): number => minutes(span.to) + (overnight(span) ? WHOLE : 0);

/** Two of a day that share time: one of them is a slip of the pen. */
export function overlaps(spans: readonly Span[]): boolean {
  return spans.some((a, n) => spans.slice(n + 1).some((b) => minutes(a.from) < ends(b) && minutes(b.from) < ends(a)));
}

/** What to offer as the next span of a day: an hour after the last, else the usual day. */
export function nextSpan(spans: readonly Span[]): Span {
  const last = spans.length ? Math.max(...spans.map(ends)) : 0;
  if (!last || last >= 22 * 60) return { from: '09:00', to: '17:00' };
  const from = last + 60;
  return { from: clock(from), to: clock(Math.min(from + 240, WHOLE - 60)) };
}

export const spansOf = (week: HoursOf['week'], day: string): Span[] => (week?.[day] ?? []).flatMap((text) => readSpan(text) ?? []);

/** A week with other spans on one day; a day without any is closed and not named. */
export function putDay(week: HoursOf['week'], day: string, spans: readonly Span[]): Record<string, string[]> {
  const next = { ...week };
  if (spans.length) next[day] = spans.map(writeSpan);
  else delete next[day];
  return next;
}

export function copyDay(week: HoursOf['week'], from: string, to: readonly string[]): Record<string, string[]> {
  return to.reduce((next, day) => putDay(next, day, spansOf(week, from)), { ...week });
}

export const kindOf = (hours: HoursOf | undefined): Kind => (hours?.always ? 'always' : hours?.week ? 'week' : 'none');

/** Hours with another week, always open, or those above; days that are otherwise stay where they can hold. */
export function chooseKind(hours: HoursOf | undefined, kind: Kind, above: HoursOf | undefined): HoursOf | undefined {
  if (kind === 'always') return { always: true };
  const exceptions = hours?.exceptions?.length ? { exceptions: hours.exceptions } : {};
  if (kind === 'none') return hours?.exceptions?.length ? exceptions : undefined;
  const week = above?.week ?? Object.fromEntries(WORKDAYS.map((day) => [day, ['09:00-17:00']]));
  return { week: { ...week }, ...exceptions };
}

/** What is empty is not said. */
export function tidyException(each: Exception): Exception {
  const next: Exception = { date: each.date };
  if (each.to && each.to !== each.date) next.to = each.to;
  if (each.name && Object.values(each.name).some(Boolean)) next.name = each.name;
  if (each.open?.length) next.open = each.open;
  return next;
}

export const byDate = (list: readonly Exception[]): Exception[] => [...list].sort((a, b) => a.date.localeCompare(b.date));

/** The places above an area, the nearest first; '' is the operation. */
export function above(area: string): string[] {
  if (!area) return [];
  const parts = area.split('/');
  return [...parts.slice(1).map((_, n) => parts.slice(0, parts.length - 1 - n).join('/')), ''];
}

const place = (file: OperationFile, id: string): AreaOf | undefined => file.areas?.find((each) => each.id === id);

export const hoursAt = (file: OperationFile, area: string): HoursOf | undefined => (area ? place(file, area)?.hours : (file.hours as HoursOf | undefined));

/** Whose week holds for an area that has none of its own; where is null: nobody says, so always open. */
export function inherited(file: OperationFile, area: string): { where: string | null; hours: HoursOf | undefined } {
  for (const where of above(area)) {
    const hours = hoursAt(file, where);
    if (hours?.always || hours?.week) return { where, hours };
  }
  return { where: null, hours: undefined };
}

export function zoneAbove(file: OperationFile, area: string): string {
  for (const where of above(area)) {
    const zone = where ? place(file, where)?.timezone : file.timezone;
    if (zone) return zone;
  }
  return 'UTC';
}

/** Days that places above name, which hold here as well. */
export function exceptionsAbove(file: OperationFile, area: string): { where: string; exception: Exception }[] {
  if (hoursAt(file, area)?.always) return [];
  const found: { where: string; exception: Exception }[] = [];
  for (const where of above(area)) {
    const hours = hoursAt(file, where);
    if (hours?.always) break;
    found.push(...(hours?.exceptions ?? []).map((exception) => ({ where, exception })));
  }
  return found;
}

// --- the first notice ---------------------------------------------------------------------------------------------

export const NOTICE = ['notice.first', 'notice.emergency', 'notice.privacy'] as const;

export interface NoticeParts {
  file: OperationFile;
  language: string;
  channel: string;
  /** What is shipped, by key. */
  shipped: (key: string) => string;
}

const inLanguage = (names: Names | undefined, tag: string, fallback: readonly string[]): string => [tag, ...fallback, 'en'].map((each) => names?.[each]).find(Boolean) ?? '';

/** The first notice as somebody reads it: the channel's wording, its area's, those above, the operation's, the shipped one. */
export function noticeText({ file, language, channel, shipped }: NoticeParts): string[] {
  const fallback = file.fallback?.[language] ?? [];
  const on = file.channels?.find((each) => each.id === channel) as { area?: string; texts?: Wordings } | undefined;
  const places = on?.area ? [on.area, ...above(on.area)] : [''];
  const wordings = [on?.texts, ...places.map((id) => (id ? place(file, id)?.texts : file.texts))];
  const holes: Record<string, string> = { name: inLanguage(file.name, language, fallback), emergency: inLanguage(file.emergency, language, fallback), privacy: file.privacy ?? '' };
  return NOTICE.flatMap((key) => {
    const text = wordings.map((each) => each?.[language]?.[key]).find((each) => each !== undefined) ?? shipped(key);
    const lacks = [...text.matchAll(/\{(\w+)\}/gu)].some((hole) => !holes[hole[1] ?? '']);
    return text && !lacks ? [text.replace(/\{(\w+)\}/gu, (_, hole: string) => holes[hole] ?? '')] : [];
  });
}
