// Texts: one JSON file per language, plurals by Intl.PluralRules, people's words isolated inside ours.
import { isolate } from './bidi';
import { numbers } from './time';

export type Text = string | Partial<Record<Intl.LDMLPluralRule, string>>;

export interface Texts {
  locale: string;
  name: string;
  dir: 'ltr' | 'rtl';
  /** Whether a native speaker has read the file; `reviewed_texts` names single texts that one has read. */
  reviewed: boolean;
  reviewed_texts: string[];
  texts: Record<string, Text>;
}

export type Params = Record<string, string | number>;
export type Translate = (key: string, params?: Params) => string;

const HOLE = /\{(\w+)\}/gu;

/** `n` chooses the plural form and is written in the locale's digits. A missing text falls back, then shows its key. */
export function translator(texts: Texts, fallback?: Texts): Translate {
  return (key, params = {}) => {
    const own = texts.texts[key];
    const from = own === undefined && fallback ? fallback : texts;
    const text = form(own ?? fallback?.texts[key], params.n, from.locale);
    if (text === undefined) return key;
    return text.replace(HOLE, (hole, name: string) => fill(params[name], hole, from.locale));
  };
}

function form(text: Text | undefined, n: string | number | undefined, locale: string): string | undefined {
  if (text === undefined || typeof text === 'string') return text;
  const rule = new Intl.PluralRules(locale).select(Number(n ?? 0));
  return text[rule] ?? text.other;
}

function fill(value: string | number | undefined, hole: string, locale: string): string {
  if (value === undefined) return hole;
  return typeof value === 'number' ? numbers(locale).format(value) : isolate(value);
}

export const LOCALES = ['en', 'ar', 'tr'] as const;
export type Locale = (typeof LOCALES)[number];
export const LOCALE_NAMES: Record<Locale, string> = { en: 'English', ar: 'العربية', tr: 'Türkçe' };

/** The first of the wanted languages that we have. */
export function pickLocale(wanted: readonly (string | null | undefined)[]): Locale {
  for (const tag of wanted) {
    const base = tag?.toLowerCase().split('-')[0];
    const found = LOCALES.find((locale) => locale === base);
    if (found) return found;
  }
  return 'en';
}

/** A name that is given in several languages. */
export function pickName(name: string | Record<string, string> | undefined, locale: string, fallback = ''): string {
  if (typeof name === 'string') return name;
  if (!name) return fallback;
  return name[locale] ?? name.en ?? Object.values(name)[0] ?? fallback;
}

// ICU lacks or hides these names in some browsers.
const OWN: Record<string, Record<Locale, string>> = {
  prs: { en: 'Dari', ar: 'الدرية', tr: 'Derice' },
  kmr: { en: 'Kurmanji', ar: 'الكرمانجية', tr: 'Kurmançça' },
  ckb: { en: 'Sorani', ar: 'السورانية', tr: 'Soranice' },
};

/** "Arabic" for "ar", in the agent's locale. */
export function languageName(tag: string | null | undefined, locale: Locale): string {
  if (!tag) return '';
  const own = OWN[tag.split('-')[0] ?? '']?.[locale];
  if (own) return own;
  try {
    return new Intl.DisplayNames([locale], { type: 'language' }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}
