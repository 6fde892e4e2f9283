// Pure: where somebody asks for a canned answer while they write, and what is to be filled in it.

const QUERY_MOST = 40;

/** The words after a slash that stands alone, up to the caret; null: nobody asks. */
export function slashAt(text: string, caret: number): { from: number; query: string } | null {
  const found = /(?:^|\s)\/([^/\n]*)$/u.exec(text.slice(0, caret));
  const query = found?.[1] ?? '';
  if (!found || query.length > QUERY_MOST || query.startsWith(' ')) return null;
  return { from: caret - query.length - 1, query };
}

/** The names in braces, each once, in order. */
export function holes(text: string): string[] {
  return [...new Set([...text.matchAll(/\{([a-z][a-z0-9_]{0,29})\}/gu)].map((found) => found[1]!))];
}

/** A value that is empty leaves its hole, so that it is seen. */
export function filled(text: string, values: Record<string, string>): string {
  return text.replace(/\{([a-z][a-z0-9_]{0,29})\}/gu, (hole, name: string) => values[name]?.trim() || hole);
}
