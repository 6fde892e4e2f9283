// Days and times of the week in the words of the page's language.
import { DAYS } from './week';

// Monday, 1 January 2024.
const MONDAY = Date.UTC(2024, 0, 1);

export function dayName(day: string, locale: string, style: 'long' | 'short' = 'long'): string {
  return new Intl.DateTimeFormat(locale, { weekday: style, timeZone: 'UTC' }).format(MONDAY + DAYS.indexOf(day as (typeof DAYS)[number]) * 86_400_000);
}

/** "Mon 23 Nov, 09:00" by the clock of another place. */
export function zoneMoment(at: number, zone: string, locale: string): string {
  const form = { en: 'en-GB', ar: 'ar-u-nu-arab' }[locale] ?? locale;
  return new Intl.DateTimeFormat(form, { timeZone: zone, weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(at);
}

/** "31 December 2026" */
export function dateName(date: string, locale: string): string {
  const form = { en: 'en-GB', ar: 'ar-u-nu-arab' }[locale] ?? locale;
  const at = Date.parse(`${date}T00:00:00Z`);
  return Number.isFinite(at) ? new Intl.DateTimeFormat(form, { timeZone: 'UTC', day: 'numeric', month: 'long', year: 'numeric' }).format(at) : date;
}
