// The page's texts put together: one file for each language, and parts that stand beside it (admin.en.json: texts alone), so that
// what belongs together can be read together.
import type { Text, Texts } from './i18n';

export type Part = Record<string, Text>;

/** A key that two files have is a mistake, which tests/i18n.test.ts tells. */
export function joined(whole: Texts, parts: Iterable<Part>): Texts {
  return { ...whole, texts: Object.assign({}, whole.texts, ...parts) as Record<string, Text> };
}
