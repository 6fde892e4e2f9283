// Rules that hold over all files: what the Content-Security-Policy and two directions of writing ask for.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = new URL('../src', import.meta.url).pathname;

function files(folder: string, ending: RegExp): [string, string][] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((file): [string, string][] => {
    const path = join(folder, file.name);
    if (file.isDirectory()) return files(path, ending);
    return ending.test(file.name) ? [[path.slice(root.length + 1), readFileSync(path, 'utf8')]] : [];
  });
}

const styles = files(root, /\.(svelte|css)$/u).map(([name, text]): [string, string] => [name, name.endsWith('.css') ? text : (/<style>([\s\S]*)<\/style>/u.exec(text)?.[1] ?? '')]);
const markup = files(root, /\.svelte$/u).map(([name, text]): [string, string] => [name, text.replace(/<style>[\s\S]*<\/style>/u, '')]);

describe('the rules', () => {
  it('sizes and sides are logical', () => {
    const physical = /(?:^|[\s;{])(?:(?:margin|padding|border|inset)-(?:left|right|top|bottom)|left|right|top|bottom|width|height|(?:min|max)-(?:width|height)|float|text-align:\s*(?:left|right))\s*:/gmu;
    for (const [name, text] of styles) expect([name, text.replace(/@media[^{]*/gu, '').match(physical) ?? []]).toEqual([name, []]);
  });
  it('colours stand in one file', () => {
    for (const [name, text] of styles) {
      if (!name.endsWith('tokens.css')) expect([name, text.match(/#[0-9a-f]{3,8}\b|\brgba?\(|\bhsl/giu) ?? []]).toEqual([name, []]);
    }
  });
  it('nothing needs inline styles, inline scripts or raw HTML', () => {
    for (const [name, text] of markup) expect([name, text.match(/\sstyle="|\{@html|javascript:/gu) ?? []]).toEqual([name, []]);
  });
  it('only keep.ts touches what stays in the browser', () => {
    for (const [name, text] of files(root, /\.(svelte|ts)$/u)) {
      if (name !== 'lib/keep.ts') expect([name, /localStorage|sessionStorage|indexedDB|document\.cookie/u.test(text)]).toEqual([name, false]);
    }
  });
  it('links that people wrote tell nobody where they were clicked', () => {
    for (const [name, text] of markup) {
      for (const link of text.match(/<a [^>]*target="_blank"[^>]*>/gu) ?? []) expect([name, link.includes('rel="noopener noreferrer"')]).toEqual([name, true]);
    }
  });
  it('files stay small', () => {
    for (const [name, text] of files(root, /\.(svelte|ts|css)$/u)) expect([name, text.split('\n').length <= 450]).toEqual([name, true]);
  });
});
