// Pure: who is on duty at a moment, as router/alert.c reckons it, from the rota as it is edited.
import { DAYS, minutes } from '../hours/week';

export interface Way {
  channel: string;
  address: string;
}

export interface Shift {
  days?: string[];
  from: string;
  to: string;
}

export interface DutyDate {
  date: string;
  off?: boolean;
  from?: string;
  to?: string;
}

export interface Duty {
  login: string;
  level?: number;
  language?: string;
  ways?: Way[];
  shifts?: Shift[];
  dates?: DutyDate[];
}

export interface AlertsOf {
  duty?: Duty[];
  steps?: number[];
  [member: string]: unknown;
}

export const LEVELS_MOST = 9;
export const WAYS_MOST = 8;
export const STEPS: readonly number[] = [0, 45, 90];

export interface Local {
  /** "2026-11-22" */
  date: string;
  /** 0 is Monday. */
  day: number;
  minute: number;
}

/** The clock on the wall somewhere. */
export function localTime(at: number, zone: string): Local {
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat('en-GB', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
      .formatToParts(at)
      .map((part) => [part.type, part.value]),
  );
  const date = `${parts.year}-${parts.month}-${parts.day}`;
  return { date, day: weekday(date), minute: Number(parts.hour) * 60 + Number(parts.minute) };
}

const weekday = (date: string): number => (new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7;
const dayBefore = (date: string): string => new Date(Date.parse(`${date}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);

/** Of a shift that begins on the day asked for: now, or (tail) what of it is after midnight. */
function within(from: string, to: string, minute: number, tail: boolean): boolean {
  const [begin, end] = [minutes(from), minutes(to)];
  if (tail) return end <= begin && minute < end;
  return end > begin ? minute >= begin && minute < end : minute >= begin;
}

function daySays(one: Duty, date: string, minute: number, tail: boolean): boolean {
  const listed = (one.dates ?? []).filter((each) => each.date === date);
  if (listed.length) return listed.some((each) => !each.off && each.from && each.to && within(each.from, each.to, minute, tail));
  const shifts = one.shifts ?? [];
  if (!shifts.length) return !tail;
  const day = DAYS[weekday(date)] ?? '';
  return shifts.some((each) => (!each.days || each.days.includes(day)) && within(each.from, each.to, minute, tail));
}

export function onDuty(one: Duty, { date, minute }: Local): boolean {
  return daySays(one, date, minute, false) || daySays(one, dayBefore(date), minute, true);
}

/** Those who are told, level by level; nobody on duty: everybody of the rota is. */
export function whoNow(rota: readonly Duty[], now: Local): { level: number; logins: string[] }[] {
  const there = rota.filter((each) => onDuty(each, now));
  const levels = [...new Set(there.map((each) => each.level ?? 1))].sort((a, b) => a - b);
  return levels.map((level) => ({ level, logins: there.filter((each) => (each.level ?? 1) === level).map((each) => each.login) }));
}

/** Hours of the next seven days in which nobody of the rota is there: a hole is told, since then everybody is rung. */
export function holes(rota: readonly Duty[], now: Local): { date: string; hours: number }[] {
  const found: { date: string; hours: number }[] = [];
  let date = now.date;
  for (let n = 0; n < 7; n += 1) {
    const hours = Array.from({ length: 24 }, (_, hour) => hour).filter((hour) => !rota.some((each) => onDuty(each, { date, day: weekday(date), minute: hour * 60 }))).length;
    if (hours) found.push({ date, hours });
    date = new Date(Date.parse(`${date}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
  }
  return found;
}

/** What is empty is not said. */
export function tidyDuty(one: Duty): Duty {
  const next: Duty = { login: one.login };
  if (one.level && one.level > 1) next.level = one.level;
  if (one.language) next.language = one.language;
  if (one.ways?.length) next.ways = one.ways;
  if (one.shifts?.length) next.shifts = one.shifts.map(({ days, from, to }) => (days && days.length < DAYS.length ? { days, from, to } : { from, to }));
  if (one.dates?.length) next.dates = [...one.dates].sort((a, b) => a.date.localeCompare(b.date));
  return next;
}

/** "tel:+905551234567" as a look over a shoulder may see it. */
export function masked(address: string): string {
  const at = address.indexOf(':');
  const [scheme, rest] = [address.slice(0, at + 1), address.slice(at + 1)];
  return rest.length < 5 ? `${scheme}…` : `${scheme}…${rest.slice(-2)}`;
}
