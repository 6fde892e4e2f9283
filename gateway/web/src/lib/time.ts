// Times in words and numbers, in the agent's locale, by Intl.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const cache = new Map<string, Intl.DateTimeFormat | Intl.NumberFormat | Intl.RelativeTimeFormat>();

/** The regional form that dates and numbers of a language are written in here. */
const forms = new Map<string, string>();

export function writeAs(locale: string, form: string): void {
  forms.set(locale, form);
  cache.clear();
}

/**
 * "ar-EG" of an Arabic page in a browser that names Egypt. Where no region is named: English as most operations write it,
 * day first and 24 hours (browsers say en-US of everybody), and Arabic in the digits of the Arabic script.
 */
export function regional(locale: string, wanted: readonly string[]): string {
  const own = wanted.find((tag) => tag.toLowerCase().startsWith(`${locale}-`) && tag !== 'en-US');
  return own ?? ({ en: 'en-GB', ar: 'ar-u-nu-arab' } as Record<string, string>)[locale] ?? locale;
}

function dates(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `d${locale}${JSON.stringify(options)}`;
  let made = cache.get(key) as Intl.DateTimeFormat | undefined;
  if (!made) cache.set(key, (made = new Intl.DateTimeFormat(forms.get(locale) ?? locale, options)));
  return made;
}

export function numbers(locale: string, options: Intl.NumberFormatOptions = {}): Intl.NumberFormat {
  const key = `n${locale}${JSON.stringify(options)}`;
  let made = cache.get(key) as Intl.NumberFormat | undefined;
  if (!made) cache.set(key, (made = new Intl.NumberFormat(forms.get(locale) ?? locale, options)));
  return made;
}

function relative(locale: string): Intl.RelativeTimeFormat {
  const key = `r${locale}`;
  let made = cache.get(key) as Intl.RelativeTimeFormat | undefined;
  if (!made) cache.set(key, (made = new Intl.RelativeTimeFormat(forms.get(locale) ?? locale, { numeric: 'auto' })));
  return made;
}

export function parse(time: string | null | undefined): number {
  const at = time ? Date.parse(time) : NaN;
  return Number.isFinite(at) ? at : 0;
}

/** "14:05" */
export function clock(time: string, locale: string): string {
  return dates(locale, { hour: '2-digit', minute: '2-digit' }).format(parse(time));
}

/** "12 Mar 2026, 14:05" */
export function moment(time: string | null, locale: string): string {
  return dates(locale, { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' }).format(parse(time));
}

function midnight(at: number): number {
  const day = new Date(at);
  day.setHours(0, 0, 0, 0);
  return day.getTime();
}

/** Whole days between two moments on the calendar here, so that yesterday at 23:59 is "yesterday". */
export function daysBetween(from: number, to: number): number {
  return Math.round((midnight(to) - midnight(from)) / DAY);
}

/** "Today", "Yesterday", "Monday", "12 March", "12 March 2025" */
export function day(time: string, now: number, locale: string): string {
  const at = parse(time);
  const ago = daysBetween(at, now);
  if (ago === 0 || ago === 1) return capital(relative(locale).format(-ago, 'day'), locale);
  if (ago > 1 && ago < 7) return capital(dates(locale, { weekday: 'long' }).format(at), locale);
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return dates(locale, { day: 'numeric', month: 'long', ...(sameYear ? {} : { year: 'numeric' }) }).format(at);
}

function capital(text: string, locale: string): string {
  return text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);
}

/** In a list: the clock today, else the day in short. */
export function short(time: string, now: number, locale: string): string {
  const at = parse(time);
  const ago = daysBetween(at, now);
  if (ago === 0) return clock(time, locale);
  if (ago > 0 && ago < 7) return dates(locale, { weekday: 'short' }).format(at);
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return dates(locale, { day: 'numeric', month: 'short', ...(sameYear ? {} : { year: 'numeric' }) }).format(at);
}

type Span = 'second' | 'minute' | 'hour' | 'day';

function span(ms: number): [number, Span] {
  if (ms < MINUTE) return [Math.max(0, Math.floor(ms / 1000)), 'second'];
  if (ms < HOUR) return [Math.floor(ms / MINUTE), 'minute'];
  if (ms < DAY) return [Math.floor(ms / HOUR), 'hour'];
  return [Math.floor(ms / DAY), 'day'];
}

/** How long, in words: "4 minutes". Below a minute it says one; `waitText` has other words for that. */
export function duration(ms: number, locale: string): string {
  const [value, unit] = span(Math.max(ms, MINUTE));
  return numbers(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(value);
}

/** A countdown that is looked at: seconds too. */
export function seconds(ms: number, locale: string): string {
  const value = Math.max(0, Math.ceil(ms / 1000));
  return numbers(locale, { style: 'unit', unit: 'second', unitDisplay: 'short' }).format(value);
}

/** "0:07", "12:30" for voice notes. */
export function played(secs: number, locale: string): string {
  const whole = Number.isFinite(secs) ? Math.max(0, Math.floor(secs)) : 0;
  const two = numbers(locale, { minimumIntegerDigits: 2, useGrouping: false });
  return `${numbers(locale, { useGrouping: false }).format(Math.floor(whole / 60))}:${two.format(whole % 60)}`;
}

/** "3 hours ago", "in 2 days" */
export function ago(time: string, now: number, locale: string): string {
  const diff = parse(time) - now;
  if (Math.abs(diff) < MINUTE) return relative(locale).format(0, 'second');
  const [value, unit] = span(Math.abs(diff));
  return relative(locale).format(diff < 0 ? -value : value, unit);
}

export function fileSize(bytes: number, locale: string): string {
  const steps = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;
  let value = bytes;
  let step = 0;
  while (value >= 1000 && step < steps.length - 1) {
    value /= 1000;
    step += 1;
  }
  const unit = steps[step] ?? 'byte';
  return numbers(locale, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: value < 10 && step > 0 ? 1 : 0 }).format(value);
}

/** The moments that the snooze dialog offers. */
export function snoozeTimes(now: number): { key: 'hour' | 'three_hours' | 'tomorrow' | 'monday'; at: Date }[] {
  const tomorrow = new Date(now);
  tomorrow.setDate(tomorrow.getDate() + 1);
  tomorrow.setHours(9, 0, 0, 0);
  const monday = new Date(now);
  monday.setDate(monday.getDate() + (((8 - monday.getDay()) % 7) || 7));
  monday.setHours(9, 0, 0, 0);
  return [
    { key: 'hour', at: new Date(now + HOUR) },
    { key: 'three_hours', at: new Date(now + 3 * HOUR) },
    { key: 'tomorrow', at: tomorrow },
    { key: 'monday', at: monday },
  ];
}
