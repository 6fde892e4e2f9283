import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { changedSections, fits, freshId, holesOf, jsonPlace, lineOf, part, problemsBelow, readLine, same, sayChange, textChanges } from '../src/admin/changes';
import { translator, type Texts } from '../src/lib/i18n';

const t = translator({ locale: 'en', name: 'English', dir: 'ltr', reviewed: true, reviewed_texts: [], texts: JSON.parse(readFileSync('src/i18n/admin.en.json', 'utf8')) } as Texts);
const plain = (text: string): string => text.replace(/[\u2066-\u2069]/gu, '');

describe('what changed', () => {
  it('is compared whatever the order of members', () => {
    expect(same({ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 })).toBe(true);
    expect(same([1, 2], [2, 1])).toBe(false);
    expect(same({ a: 1 }, { a: 1, b: undefined })).toBe(false);
    expect(same([], {})).toBe(false);
    expect(same(null, {})).toBe(false);
  });
  it('is told section by section', () => {
    const base = { operation: 'demo', privacy: 'x', topics: [{ id: 'a' }] };
    expect(changedSections(base, base)).toEqual([]);
    expect(changedSections(base, { ...base, topics: [{ id: 'a', priority: 2 }], hours: {} })).toEqual(['topics', 'hours']);
  });
  it('is told text by text', () => {
    expect(textChanges({ ar: { a: 'x', b: 'y' } }, { ar: { a: 'z' }, tr: { c: 'n' } })).toEqual([{ tag: 'ar', key: 'a', gone: false }, { tag: 'ar', key: 'b', gone: true }, { tag: 'tr', key: 'c', gone: false }]);
  });
});

describe('a line of the server', () => {
  const ids = (section: string): string[] => (section === 'areas' ? ['tr', 'tr/izmir'] : section === 'agents' ? ['a.b', 'a'] : ['health']);
  it('is read with ids that hold dots and slashes', () => {
    expect(readLine('changed areas/tr/izmir.name', ids)).toEqual({ verb: 'changed', section: 'areas', id: 'tr/izmir', member: 'name' });
    expect(readLine('disabled agents/a.b', ids)).toEqual({ verb: 'disabled', section: 'agents', id: 'a.b', member: '' });
    expect(readLine('changed channels/new.settings.imap.url', ids)).toEqual({ verb: 'changed', section: 'channels', id: 'new', member: 'settings.imap.url' });
    expect(readLine('set privacy', ids)).toEqual({ verb: 'set', section: 'privacy', id: '', member: '' });
    expect(readLine('something else', ids)).toBe(null);
  });
  it('is put into words', () => {
    const say = (line: string): string => plain(sayChange(readLine(line, ids)!, t, (_, id) => (id === 'health' ? 'Health' : id)));
    expect(say('changed topics/health.priority')).toBe('Health: urgency');
    expect(say('added topics/health')).toBe('Topics: Health: new');
    expect(say('set privacy')).toBe('Privacy page: set');
    expect(say('changed channels/x.settings.secret')).toBe('x: secret');
    expect(say('changed unheard.of')).toContain('of');
  });
});

describe('places', () => {
  it('of problems belong to what holds them', () => {
    const places = [{ at: '/channels/1/settings/url', text: 'u' }, { at: '/channels/10', text: 'v' }];
    expect(problemsBelow(places, '/channels/1').map((each) => each.text)).toEqual(['u']);
    expect(problemsBelow(places, '/channels/10')).toHaveLength(1);
    expect(part('tr/izmir~x')).toBe('tr~1izmir~0x');
  });
  it('are found in written JSON', () => {
    const value = { week: { mon: ['09:00-17:00'], tue: [] }, exceptions: [{ date: 'x' }] };
    const lines = JSON.stringify(value, null, 2).split('\n');
    expect(lines[lineOf(value, '/week/mon/0')! - 1]).toContain('09:00');
    expect(lines[lineOf(value, '/exceptions/0/date')! - 1]).toContain('date');
    expect(lines[lineOf(value, '/week')! - 1]).toContain('week');
    expect(lineOf(value, '')).toBe(1);
    expect(lineOf(value, '/week/sunday')).toBe(2);
  });
  it('of broken JSON are told as a line', () => {
    expect(jsonPlace('{\n"a":\n}', 'Unexpected token } in JSON at position 7')).toBe(3);
    expect(jsonPlace('', 'JSON.parse: end of data at line 4 column 1')).toBe(4);
    expect(jsonPlace('', 'no idea')).toBe(null);
  });
});

describe('small things', () => {
  it('finds every word, whatever its case', () => {
    expect(fits('AMAL arab', 'Amal', 'Arabic')).toBe(true);
    expect(fits('amal turk', 'Amal', 'Arabic')).toBe(false);
  });
  it('makes ids that are free', () => {
    expect(freshId('Sağlık & Şifa', [], 'topic')).toBe('saglik-sifa');
    expect(freshId('Health', ['health', 'health-2'], 'topic')).toBe('health-3');
    expect(freshId('صحة', [], 'topic')).toBe('topic');
  });
  it('knows what a wording fills', () => {
    expect(holesOf('This is {name}. {name} {emergency} {Not}')).toEqual(['name', 'emergency']);
  });
});
