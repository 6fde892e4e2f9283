import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fold, formFor, hints, label, matching, standing } from '../src/matters/code';
import type { Matter, Pack } from '../src/matters/types';

const pack = JSON.parse(readFileSync(new URL('../../../config/packs/protection.json', import.meta.url), 'utf8')) as Pack;
const matter = (more: Partial<Matter>): Matter => ({ id: 'm', thread: 't', version: 1, clearance: 0, state: 'open', answers: {}, note: '', referrals: [], received: '2026-01-01T00:00:00Z', ...more });

describe('what is typed', () => {
  it('finds the beginnings of words, folded, in the page’s language and in English', () => {
    expect(fold('Émilie İzmir')).toBe('emilie izmir');
    expect(matching(pack.subjects, 'hea', 'en')[0]?.code).toBe('health');
    expect(matching(pack.subjects, 'sagl', 'tr')[0]?.code).toBe('health');
    expect(matching(pack.subjects, 'صحه', 'ar')[0]?.code).toBe('health'); // without the article, and another last letter
    expect(matching(pack.subjects, 'hea', 'ar')[0]?.code).toBe('health');
    expect(matching(pack.subjects, 'zzz', 'en')).toEqual([]);
    expect(matching(pack.types, 'com', 'en').map((each) => each.code)).toEqual(['complaint']);
  });
  it('offers the frequent ones while nothing is typed', () => {
    expect(matching(pack.subjects, '', 'en').every((each) => each.quick)).toBe(true);
    expect(matching(pack.types, '', 'en')).toHaveLength(5);
  });
  it('falls back to English', () => {
    expect(label({ en: 'Health' }, 'so')).toBe('Health');
    expect(label(undefined, 'so', 'code')).toBe('code');
  });
});

describe('where it goes', () => {
  it('takes the first row that fits, from when the person wrote', () => {
    const [hint] = hints(pack, matter({ subject: 'health/access', risk: 'high' }));
    expect(hint?.to.id).toBe('health_partner');
    expect(hint?.due).toBe(Date.parse('2026-01-02T00:00:00Z'));
    expect(hints(pack, matter({ subject: 'health', risk: 'routine' }))[0]?.row.hours).toBe(168);
    expect(hints(pack, matter({ subject: 'food', risk: 'routine' }))).toEqual([]);
  });
  it('sends who needs care to support and accountability, not to a service', () => {
    expect(hints(pack, matter({ subject: 'cash', path: 'sea', risk: 'high' })).map((hint) => hint.row.kind).sort()).toEqual(['accountability', 'support']);
  });
  it('passes on to who stands in, and never in a circle', () => {
    const circle: Pack = { ...pack, institutions: [{ id: 'a', name: {}, disabled: true, backup: 'b' }, { id: 'b', name: {}, disabled: true, backup: 'a' }, { id: 'c', name: {}, disabled: true, backup: 'd' }, { id: 'd', name: {} }] };
    expect(standing(circle, 'a')).toBeNull();
    expect(standing(circle, 'c')?.id).toBe('d');
    expect(standing(circle, 'x')).toBeNull();
  });
  it('asks what the path asks, before the subject', () => {
    expect(formFor(pack, matter({ subject: 'health', path: 'gbv' }))?.code).toBe('survivor');
    expect(formFor(pack, matter({ subject: 'health/access', path: 'none' }))?.code).toBe('health');
    expect(formFor(pack, matter({ subject: 'food' }))).toBeNull();
  });
});
