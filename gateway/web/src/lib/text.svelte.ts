// The texts of the page's language, as state: a change of language redraws what uses `t`.
import en from '../i18n/en.json';
import { regional, writeAs } from './time';
import { languageName, pickName, translator, type Locale, type Params, type Texts } from './i18n';
import { joined, type Part } from './texts';

const english = joined(en as Texts, Object.values(import.meta.glob<Part>('../i18n/*.en.json', { eager: true, import: 'default' })));
const whole: Record<Exclude<Locale, 'en'>, () => Promise<{ default: unknown }>> = {
  ar: () => import('../i18n/ar.json'),
  tr: () => import('../i18n/tr.json'),
};
const parts: Record<Exclude<Locale, 'en'>, Record<string, () => Promise<Part>>> = {
  ar: import.meta.glob<Part>('../i18n/*.ar.json', { import: 'default' }),
  tr: import.meta.glob<Part>('../i18n/*.tr.json', { import: 'default' }),
};

async function load(locale: Exclude<Locale, 'en'>): Promise<Texts> {
  const [file, ...rest] = await Promise.all([whole[locale](), ...Object.values(parts[locale]).map((part) => part())]);
  return joined(file.default as Texts, rest);
}

class Words {
  locale = $state<Locale>('en');
  dir = $state<'ltr' | 'rtl'>('ltr');
  translate = $state.raw(translator(english));
}

export const words = new Words();

export async function useLocale(locale: Locale): Promise<void> {
  const texts = locale === 'en' ? english : await load(locale);
  writeAs(locale, regional(locale, navigator.languages));
  words.translate = translator(texts, english);
  words.locale = locale;
  words.dir = texts.dir;
  document.documentElement.lang = locale;
  document.documentElement.dir = texts.dir;
}

export function t(key: string, params?: Params): string {
  return words.translate(key, params);
}

export function language(tag: string | null | undefined): string {
  return tag ? languageName(tag, words.locale) : t('language.unknown');
}

export function named(name: string | Record<string, string> | undefined, fallback = ''): string {
  return pickName(name, words.locale, fallback);
}

/** The words for an error's code; what the server said stays readable in the tooltip. */
export function reason(code: string): string {
  const key = `error.${code}`;
  const text = t(key);
  return text === key ? t('error.other') : text;
}
