import { describe, expect, it } from 'vitest';
import { hostDiffers, isolate, linkify, neutralise, neutraliseLine, steady, tallScript } from '../src/lib/bidi';

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

describe('numbers beside Arabic', () => {
  const numbers = (text: string): string[] => linkify(text).flatMap((part) => ('number' in part ? part.text : []));
  it('keeps telephone numbers and codes whole, in all three sets of digits', () => {
    expect(numbers('الملف 385-24C00917 والهاتف +90 555 111 00 01.')).toEqual(['385-24C00917', '+90 555 111 00 01']);
    expect(numbers('و0555 123 45 67 أو ٠٥٥٥ ١٢٣ ٤٥ ٦٧، ۰۹۱۲ ۳۴۵ ۶۷ ۸۹')).toEqual(['0555 123 45 67', '٠٥٥٥ ١٢٣ ٤٥ ٦٧', '۰۹۱۲ ۳۴۵ ۶۷ ۸۹']);
    expect(numbers('(0232) 441 12 34 مكتب، 555 111 00 01 بيت')).toEqual(['(0232) 441 12 34', '555 111 00 01']);
  });
  it('leaves dates, clocks, ranges, sums and Latin runs to the order they were written in', () => {
    for (const text of ['في 14/12/2026 الساعة 10:30', 'موعد 2026-12-14', 'من 10-12 إلى 3', '100 200 300 ليرة', 'COVID-19 انتهت', 'TR12 0006 4000 0011 حساب', 'هاتف 5551110001']) expect([text, numbers(text)]).toEqual([text, []]);
    expect(numbers('call +90 555 111 00 01')).toEqual([]);
  });
  it('keeps every character, and isolates in one line', () => {
    const text = 'رقم 385-24C00917 https://a.org/1 و+90 555 111 00 01';
    expect(linkify(text).map((part) => part.text).join('')).toBe(text);
    expect(steady('رقم 24C00917')).toBe('رقم \u206624C00917\u2069');
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
