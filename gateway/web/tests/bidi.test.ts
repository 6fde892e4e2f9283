import { describe, expect, it } from 'vitest';
import { hostDiffers, isolate, linkify, neutralise, neutraliseLine, tallScript } from '../src/lib/bidi';

describe('what people wrote, made safe to show', () => {
  it('drops overrides, embeddings and isolates, and keeps the plain marks and the words', () => {
    expect(neutralise('a\u202Egpj.exe\u202C b\u2066c\u2069')).toBe('agpj.exe bc');
    expect(neutralise('\u200F(سلام)\u200E')).toBe('\u200F(سلام)\u200E');
    expect(neutralise('می\u200Cخواهم 👩\u200D👧')).toBe('می\u200Cخواهم 👩\u200D👧');
  });
  it('drops control characters and tag characters, keeps tabs and line breaks', () => {
    expect(neutralise('a\u0000b\u0007\tc\nd\u{E0041}')).toBe('ab\tc\nd');
  });
  it('makes one line of names', () => {
    expect(neutraliseLine('  Omar \u202E\n gpj.exe\u200F ')).toBe('Omar gpj.exe');
  });
  it('isolates a name inside a sentence', () => {
    expect(isolate('عمر')).toBe('\u2068عمر\u2069');
  });
  it('knows the scripts that need room', () => {
    expect(tallScript('hello سلام')).toBe(true);
    expect(tallScript('ሰላም')).toBe(true);
    expect(tallScript('Merhaba')).toBe(false);
  });
});

describe('links', () => {
  const links = (text: string): string[] => linkify(text).flatMap((part) => ('href' in part ? part.href : []));
  it('finds http and https only', () => {
    expect(links('see https://a.org/x?y=1 or http://b.org. javascript:alert(1) ftp://c.org data:text/html,x')).toEqual(['https://a.org/x?y=1', 'http://b.org/']);
  });
  it('leaves punctuation outside, Arabic too, and balances brackets', () => {
    expect(linkify('(https://a.org/x)، https://b.org/(y)؟').filter((part) => 'href' in part).map((part) => part.text)).toEqual(['https://a.org/x', 'https://b.org/(y)']);
  });
  it('keeps every character of the text', () => {
    const text = 'x https://a.org, y https://b.org) z';
    expect(linkify(text).map((part) => part.text).join('')).toBe(text);
  });
  it('does not link an address with a user in it', () => {
    expect(links('https://help.org@evil.example/')).toEqual([]);
  });
  it('tells when the host is not what it looks like', () => {
    const [part] = linkify('https://unһcr.org/');
    expect(part && 'host' in part && hostDiffers(part)).toBe(true);
    const [plain] = linkify('https://UNHCR.org/');
    expect(plain && 'host' in plain && hostDiffers(plain)).toBe(false);
  });
});
