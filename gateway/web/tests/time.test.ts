import { describe, expect, it } from 'vitest';
import { ago, clock, day, daysBetween, duration, fileSize, moment, parse, played, regional, seconds, snoozeTimes, writeAs } from '../src/lib/time';

const now = new Date(2026, 2, 18, 12, 0).getTime();
const at = (...parts: [number, number, number, number, number]): string => new Date(...parts).toISOString();

describe('time in words', () => {
  it('says how long somebody waits', () => {
    expect(duration(30_000, 'en')).toBe('1 minute');
    expect(duration(4 * 60_000, 'en')).toBe('4 minutes');
    expect(duration(3 * 3_600_000, 'en')).toBe('3 hours');
    expect(duration(49 * 3_600_000, 'tr')).toBe('2 gün');
    expect(duration(4 * 60_000, 'ar')).toMatch(/دقائق/u);
    expect(duration(-5000, 'en')).toBe('1 minute');
  });
  it('counts down in seconds and never below none', () => {
    expect(seconds(29_400, 'en')).toBe('30 sec');
    expect(seconds(-1, 'en')).toBe('0 sec');
  });
  it('names days by the calendar, not by 24 hours', () => {
    expect(day(at(2026, 2, 18, 0, 1), now, 'en')).toBe('Today');
    expect(day(at(2026, 2, 17, 23, 59), now, 'en')).toBe('Yesterday');
    expect(day(at(2026, 2, 14, 9, 0), now, 'en')).toBe('Saturday');
    expect(day(at(2025, 11, 31, 9, 0), now, 'en')).toBe('December 31, 2025');
    expect(day(at(2026, 2, 17, 23, 59), now, 'tr')).toBe('Dün');
    expect(daysBetween(new Date(2026, 2, 28, 12).getTime(), new Date(2026, 2, 30, 1).getTime())).toBe(2);
  });
  it('says past and future', () => {
    expect(ago(new Date(now - 3 * 3_600_000).toISOString(), now, 'en')).toBe('3 hours ago');
    expect(ago(new Date(now + 86_400_000).toISOString(), now, 'en')).toBe('tomorrow');
  });
  it('gives sizes, playing times, and bad times without falling', () => {
    expect(fileSize(1500, 'en')).toBe('1.5 kB');
    expect(fileSize(25_000_000, 'en')).toBe('25 MB');
    expect(played(67, 'en')).toBe('1:07');
    expect(played(NaN, 'en')).toBe('0:00');
    expect(parse('nonsense')).toBe(0);
    expect(parse(null)).toBe(0);
  });
  it('writes as the region of the browser does, English day first unless it names another, Arabic in its own digits', () => {
    expect(regional('en', ['en-US', 'tr'])).toBe('en-GB');
    expect(regional('en', ['tr', 'en-KE'])).toBe('en-KE');
    expect(regional('ar', ['en-GB'])).toBe('ar-u-nu-arab');
    expect(regional('ar', ['ar-MA'])).toBe('ar-MA');
    expect(regional('tr', [])).toBe('tr');
    const time = at(2026, 2, 18, 14, 5);
    writeAs('en', 'en-GB');
    expect([clock(time, 'en'), moment(time, 'en')]).toEqual(['14:05', '18 Mar 2026, 14:05']);
    writeAs('ar', 'ar-u-nu-arab');
    expect(clock(time, 'ar')).toMatch(/٠٢:٠٥/u);
    writeAs('en', 'en');
    writeAs('ar', 'ar');
  });
  it('offers snooze times in the future, Monday on a Monday too', () => {
    for (let shift = 0; shift < 7; shift += 1) {
      const from = now + shift * 86_400_000;
      for (const each of snoozeTimes(from)) expect(each.at.getTime()).toBeGreaterThan(from);
      expect(snoozeTimes(from)[3]?.at.getDay()).toBe(1);
    }
  });
});
