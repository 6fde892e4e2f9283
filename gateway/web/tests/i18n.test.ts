import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { languageName, pickLocale, pickName, translator, type Text, type Texts } from '../src/lib/i18n';
import { joined, type Part } from '../src/lib/texts';

const FOLDER = 'src/i18n';
const read = (name: string): unknown => JSON.parse(readFileSync(join(FOLDER, name), 'utf8'));
const partsOf = (locale: string): string[] => readdirSync(FOLDER).filter((name) => name.endsWith(`.${locale}.json`));
const whole = (locale: string): Texts => joined(read(`${locale}.json`) as Texts, partsOf(locale).map((name) => read(name) as Part));
const en = whole('en');
const files: Record<string, Texts> = { en, ar: whole('ar'), tr: whole('tr') };
const plain = (text: string): string => text.replace(/[\u2066-\u2069]/gu, '');
const forms = (text: Text | undefined): string[] => (typeof text === 'string' ? [text] : Object.values(text ?? {}));
const holes = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/gu)].map((match) => match[1] ?? '').sort();

function sources(folder: string): string {
  return readdirSync(folder, { withFileTypes: true })
    .map((file) => (file.isDirectory() ? sources(join(folder, file.name)) : /\.(svelte|ts)$/u.test(file.name) ? readFileSync(join(folder, file.name), 'utf8') : ''))
    .join('\n');
}

describe('the texts', () => {
  it('stand once each, whatever file they are in', () => {
    for (const locale of Object.keys(files)) {
      const keys = [...Object.keys((read(`${locale}.json`) as Texts).texts), ...partsOf(locale).flatMap((name) => Object.keys(read(name) as Part))];
      expect(keys.length).toBe(new Set(keys).size);
    }
  });
  for (const [locale, file] of Object.entries(files)) {
    it(`${locale} has every key, and no other`, () => {
      expect(Object.keys(file.texts).sort()).toEqual(Object.keys(en.texts).sort());
    });
    it(`${locale} has every plural form that its language has`, () => {
      const rules = new Intl.PluralRules(locale).resolvedOptions().pluralCategories;
      for (const [key, text] of Object.entries(file.texts)) {
        if (typeof text === 'object') expect([key, Object.keys(text).sort()]).toEqual([key, [...rules].sort()]);
      }
    });
    it(`${locale} fills the same holes as English`, () => {
      for (const [key, text] of Object.entries(file.texts)) {
        const wanted = new Set(forms(en.texts[key]).flatMap(holes));
        for (const form of forms(text)) for (const hole of holes(form)) expect([key, wanted.has(hole)]).toEqual([key, true]);
        expect([key, forms(text).some((form) => [...wanted].every((hole) => holes(form).includes(hole)))]).toEqual([key, true]);
      }
    });
    it(`${locale} says whether a native speaker has read it`, () => {
      expect(typeof file.reviewed).toBe('boolean');
      for (const key of file.reviewed_texts) expect(file.texts).toHaveProperty([key]);
    });
  }
  it('are not called reviewed in Arabic and Turkish', () => {
    expect([files.ar?.reviewed, files.tr?.reviewed]).toEqual([false, false]);
  });
  it('are all used, and all that is used is there', () => {
    const code = sources(new URL('../src', import.meta.url).pathname);
    const quoted = new Set([...code.matchAll(/['"`]([a-z_]+(?:\.[a-z_0-9]+)*)['"`]/gu)].map((match) => match[1]));
    const begun = [...code.matchAll(/`([a-z_.]+\.)\$\{/gu)].map((match) => match[1] ?? '');
    for (const key of Object.keys(en.texts)) expect([key, quoted.has(key) || begun.some((start) => key.startsWith(start))]).toEqual([key, true]);
    for (const match of code.matchAll(/\bt\(\s*'([^']+)'/gu)) expect(en.texts).toHaveProperty([match[1] ?? '']);
  });
});

describe('the translator', () => {
  const t = translator(files.ar!, files.en);
  it('chooses among the six Arabic forms and writes the number in them', () => {
    const said = [1, 2, 5, 11, 100].map((n) => plain(t('entry.new', { n })));
    expect(new Set(said).size).toBe(5);
    expect(translator(files.en!)('entry.new', { n: 1234 })).toBe('1,234 new');
  });
  it('isolates what people wrote and strips its controls', () => {
    expect(translator(files.en!)('thread.typing', { name: 'عمر\u202E' })).toBe('\u2068عمر\u2069 is writing…');
  });
  it('falls back to English, then to the key', () => {
    const bare = translator({ ...files.ar!, texts: {} }, files.en);
    expect(bare('act.resolve')).toBe('Resolve');
    expect(bare('no.such')).toBe('no.such');
  });
});

describe('choosing', () => {
  it('takes the first language that is there', () => {
    expect(pickLocale([null, 'de-DE', 'ar-SY', 'en'])).toBe('ar');
    expect(pickLocale(['fr'])).toBe('en');
  });
  it('takes a name in the language, else English, else any', () => {
    expect(pickName({ en: 'A', tr: 'B' }, 'tr')).toBe('B');
    expect(pickName({ fr: 'C' }, 'tr')).toBe('C');
    expect(pickName(undefined, 'tr', 'id')).toBe('id');
  });
  it('names languages that Intl may not', () => {
    expect(languageName('prs', 'en')).toBe('Dari');
    expect(languageName('so', 'tr')).toBe('Somalice');
    expect(languageName('not a tag', 'en')).toBe('not a tag');
  });
});
