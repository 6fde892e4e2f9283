import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { OperationFile } from '../src/admin/types';
import { holes, localTime, masked, onDuty, tidyDuty, whoNow, type Duty } from '../src/duty/now';
import { blockAt, countBlocks, outline } from '../src/flows/outline';
import { above, byDate, chooseKind, copyDay, exceptionsAbove, inherited, kindOf, nextSpan, noticeText, overlaps, overnight, putDay, readSpan, spansOf, tidyException, zoneAbove } from '../src/hours/week';

const spans = (...texts: string[]) => texts.flatMap((text) => readSpan(text) ?? []);

describe('a week', () => {
  it('has spans, also over midnight and to the end of the day', () => {
    expect(readSpan('09:00-24:00')).toEqual({ from: '09:00', to: '00:00' });
    expect(readSpan('9-17')).toBeNull();
    expect([overnight({ from: '20:00', to: '02:00' }), overnight({ from: '09:00', to: '09:00' }), overnight({ from: '09:00', to: '17:00' })]).toEqual([true, true, false]);
  });
  it('tells spans that overlap, as the server does', () => {
    expect(overlaps(spans('09:00-12:00', '12:00-13:00'))).toBe(false);
    expect(overlaps(spans('09:00-12:00', '11:59-13:00'))).toBe(true);
    expect(overlaps(spans('20:00-02:00', '23:00-23:30'))).toBe(true);
    expect(overlaps(spans('20:00-02:00', '00:00-01:00'))).toBe(false);
  });
  it('offers the next span after the last', () => {
    expect(nextSpan([])).toEqual({ from: '09:00', to: '17:00' });
    expect(nextSpan(spans('09:00-12:30'))).toEqual({ from: '13:30', to: '17:30' });
    for (const from of ['18:00-20:00', '18:00-21:59', '18:00-22:30']) expect(overlaps([...spans(from), nextSpan(spans(from))])).toBe(false);
  });
  it('copies a day to others and closes what is empty', () => {
    const week = copyDay({ mon: ['09:00-17:00'], sun: ['10:00-11:00'] }, 'mon', ['tue', 'sun']);
    expect(week).toEqual({ mon: ['09:00-17:00'], tue: ['09:00-17:00'], sun: ['09:00-17:00'] });
    expect(copyDay(week, 'fri', ['sun'])).toEqual({ mon: ['09:00-17:00'], tue: ['09:00-17:00'] });
    expect(putDay(week, 'mon', [])).not.toHaveProperty('mon');
    expect(spansOf(week, 'tue')).toEqual([{ from: '09:00', to: '17:00' }]);
  });
  it('begins with that of the place above and keeps its own days', () => {
    expect(chooseKind({ exceptions: [{ date: '2026-01-01' }] }, 'week', { week: { sat: ['10:00-12:00'] } })).toEqual({ week: { sat: ['10:00-12:00'] }, exceptions: [{ date: '2026-01-01' }] });
    expect(chooseKind({ week: {}, exceptions: [{ date: '2026-01-01' }] }, 'none', undefined)).toEqual({ exceptions: [{ date: '2026-01-01' }] });
    expect(chooseKind({ week: {} }, 'none', undefined)).toBeUndefined();
    expect(chooseKind({ week: {} }, 'always', undefined)).toEqual({ always: true });
    expect([kindOf(undefined), kindOf({ always: true }), kindOf({ week: {} })]).toEqual(['none', 'always', 'week']);
  });
  it('has other days, in order, without what is empty', () => {
    expect(tidyException({ date: '2026-01-01', to: '2026-01-01', open: [], name: { en: '' } })).toEqual({ date: '2026-01-01' });
    expect(byDate([{ date: '2026-02-01' }, { date: '2026-01-01' }]).map((each) => each.date)).toEqual(['2026-01-01', '2026-02-01']);
  });
});

const file: OperationFile = {
  operation: 'o', timezone: 'Europe/Istanbul', name: { en: 'Office', ar: 'المكتب' }, emergency: { en: '112' }, fallback: { prs: ['fa', 'en'] },
  hours: { week: { mon: ['09:00-17:00'] }, exceptions: [{ date: '2026-05-01' }] },
  areas: [{ id: 'tr' }, { id: 'tr/izmir', hours: { exceptions: [{ date: '2026-09-09' }] }, timezone: 'Asia/Nicosia', texts: { en: { 'notice.first': 'Izmir of {name}' } } }, { id: 'tr/izmir/east' }] as OperationFile['areas'],
  channels: [{ id: 'app', connector: 'http', area: 'tr/izmir/east' }, { id: 'own', connector: 'http', texts: { en: { 'notice.first': 'Ours' } } }] as OperationFile['channels'],
};

describe('an area', () => {
  it('has the week, the zone and the days of those above it', () => {
    expect(above('tr/izmir/east')).toEqual(['tr/izmir', 'tr', '']);
    expect(above('')).toEqual([]);
    expect(inherited(file, 'tr/izmir').where).toBe('');
    expect(inherited({ operation: 'o' }, 'tr').where).toBeNull();
    expect([zoneAbove(file, 'tr/izmir/east'), zoneAbove(file, 'tr/izmir')]).toEqual(['Asia/Nicosia', 'Europe/Istanbul']);
    expect(exceptionsAbove(file, 'tr/izmir/east').map((each) => [each.where, each.exception.date])).toEqual([['tr/izmir', '2026-09-09'], ['', '2026-05-01']]);
  });
  it('has the first notice in the most particular wording, without what lacks a value', () => {
    const shipped = (key: string): string => ({ 'notice.first': 'This is {name}.', 'notice.emergency': 'Call {emergency}.', 'notice.privacy': 'See {privacy}.' })[key] ?? '';
    expect(noticeText({ file, language: 'en', channel: '', shipped })).toEqual(['This is Office.', 'Call 112.']);
    expect(noticeText({ file, language: 'en', channel: 'app', shipped })[0]).toBe('Izmir of Office');
    expect(noticeText({ file, language: 'en', channel: 'own', shipped })[0]).toBe('Ours');
    expect(noticeText({ file, language: 'prs', channel: '', shipped: (key) => (key === 'notice.first' ? '{name}' : '') })).toEqual(['Office']);
  });
});

describe('the rota', () => {
  const at = (date: string, clock: string) => ({ date, day: 0, minute: Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3)) });
  const night: Duty = { login: 'n', shifts: [{ days: ['mon'], from: '20:00', to: '08:00' }] };
  it('knows the clock on the wall, also when it is changed', () => {
    expect(localTime(Date.UTC(2026, 10, 23, 21, 30), 'Europe/Istanbul')).toEqual({ date: '2026-11-24', day: 1, minute: 30 });
    expect(localTime(Date.UTC(2026, 6, 1, 12, 0), 'Europe/Paris').minute - localTime(Date.UTC(2026, 0, 1, 12, 0), 'Europe/Paris').minute).toBe(60);
  });
  it('lets a night shift end in the morning after', () => {
    expect([onDuty(night, at('2026-11-23', '19:59')), onDuty(night, at('2026-11-23', '20:00')), onDuty(night, at('2026-11-24', '07:59')), onDuty(night, at('2026-11-24', '08:00'))]).toEqual([false, true, true, false]);
  });
  it('puts days that are otherwise in the place of shifts', () => {
    const away: Duty = { ...night, dates: [{ date: '2026-11-23', off: true }, { date: '2026-11-25', from: '10:00', to: '11:00' }] };
    expect([onDuty(away, at('2026-11-23', '21:00')), onDuty(away, at('2026-11-24', '07:00')), onDuty(away, at('2026-11-25', '10:30'))]).toEqual([false, false, true]);
  });
  it('has those without shifts there at all times, and nobody in a shift without days', () => {
    expect(onDuty({ login: 'a' }, at('2026-11-23', '03:00'))).toBe(true);
    expect(onDuty({ login: 'a', shifts: [{ days: [], from: '00:00', to: '00:00' }] }, at('2026-11-23', '03:00'))).toBe(false);
    expect(onDuty({ login: 'a', shifts: [{ from: '00:00', to: '00:00' }] }, at('2026-11-23', '03:00'))).toBe(true);
  });
  it('tells who is there, level by level, and where there is a hole', () => {
    expect(whoNow([{ login: 'b', level: 2 }, { login: 'a' }, night], at('2026-11-24', '12:00'))).toEqual([{ level: 1, logins: ['a'] }, { level: 2, logins: ['b'] }]);
    expect(holes([{ login: 'a' }], at('2026-11-24', '12:00'))).toEqual([]);
    expect(holes([night], at('2026-11-23', '12:00')).slice(0, 2)).toEqual([{ date: '2026-11-23', hours: 20 }, { date: '2026-11-24', hours: 16 }]);
  });
  it('says nothing that is empty, and hides addresses', () => {
    expect(tidyDuty({ login: 'a', level: 1, language: '', ways: [], shifts: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '08:00', to: '09:00' }], dates: [] })).toEqual({ login: 'a', shifts: [{ from: '08:00', to: '09:00' }] });
    expect([masked('tel:+905551234567'), masked('tel:112')]).toEqual(['tel:…67', 'tel:…']);
  });
});

describe('a flow', () => {
  const demo = JSON.parse(readFileSync('../../config/flows/demo.json', 'utf8')) as unknown;
  it('is read as what people are asked, in their language', () => {
    const { blocks, languages } = outline(demo, ['tr', 'en']);
    expect(blocks.slice(0, 2).map((each) => [each.name, each.kind])).toEqual([['language', 'language'], ['matter', 'ask_one']]);
    const matter = blocks[1]!;
    const report = matter.choices.find((each) => each.name === 'report')!;
    expect(report.title).not.toBe('report');
    expect(blocks.find((each) => each.id === report.to)).toMatchObject({ kind: 'hand_over', clearance: 2, topic: 'report' });
    expect(blocks.find((each) => each.name === 'danger')?.kind).toBe('alarm');
    expect(blocks.some((each) => each.lost)).toBe(false);
    expect([languages.length, countBlocks(demo)]).toEqual([9, blocks.length]);
  });
  it('shows what nothing leads to, and circles once', () => {
    const circle = { flows: [{ uuid: 'f', first_block_id: 'a', blocks: [{ uuid: 'a', name: 'a', type: 'Core.Case', config: {}, exits: [{ test: 'contact.x = 1', destination_block: 'a' }, { default: true }] }, { uuid: 'b', name: 'b', type: 'X.Y' }] }] };
    const { blocks } = outline(circle, ['en']);
    expect(blocks.map((each) => [each.id, each.kind, each.lost])).toEqual([['a', 'case', false], ['b', 'other', true]]);
    expect(blocks[0]!.ways).toEqual([{ when: 'contact.x = 1', to: 'a' }, { when: '', to: '' }]);
    expect(blockAt(blocks, '/flows/0/blocks/1/type')?.id).toBe('b');
  });
  it('may be anything that is JSON', () => {
    for (const odd of [null, 1, 'x', [], {}, { flows: 3 }, { flows: [null, { blocks: [null, 5, { exits: [3], config: { choices: [null] } }] }], resources: [null] }]) expect(() => outline(odd, ['en'])).not.toThrow();
  });
});
