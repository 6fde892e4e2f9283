import { describe, expect, it } from 'vitest';
import { filled, holes, slashAt } from '../src/articles/slash';
import { telephone } from '../src/byhand/api';

describe('a slash in the composer', () => {
  it('asks at the beginning and after a blank, up to the caret', () => {
    expect(slashAt('/', 1)).toEqual({ from: 0, query: '' });
    expect(slashAt('Hello /than', 11)).toEqual({ from: 6, query: 'than' });
    expect(slashAt('Hello /thank you', 16)).toEqual({ from: 6, query: 'thank you' });
    expect(slashAt('/than and more', 5)).toEqual({ from: 0, query: 'than' });
    expect(slashAt('/شكرا', 5)).toEqual({ from: 0, query: 'شكرا' });
  });
  it('is otherwise a sign like any other', () => {
    for (const text of ['1/2', 'https://help', 'and/or', '/ 5', '/one\ntwo', `/${'x'.repeat(50)}`]) expect(slashAt(text, text.length)).toBeNull();
  });
});

describe('what is to be filled in', () => {
  it('is asked once, and stays to be seen when it is left empty', () => {
    expect(holes('Dear {name}, {agent} and {name} {Not} {}')).toEqual(['name', 'agent']);
    expect(filled('{name}: {agent}', { name: ' Leyla ', agent: '' })).toBe('Leyla: {agent}');
  });
});

describe('a number as people write it', () => {
  it('becomes an address, in any digits', () => {
    for (const text of ['+90 555 111 22 33', '00905551112233', '+٩٠٥٥٥١١١٢٢٣٣', '+۹۰ (555) 111-22-33']) expect(telephone(text)).toBe('tel:+905551112233');
    for (const text of ['', 'abc', '12', '+90 555 x', '1234567890123456']) expect(telephone(text)).toBeNull();
  });
});
