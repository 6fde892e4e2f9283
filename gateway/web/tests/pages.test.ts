import { describe, expect, it } from 'vitest';
import { beginsAt } from '../src/lib/pages';

describe('where somebody begins', () => {
  it('is the desk for whoever answers people, else what their role is for', () => {
    const where = (...roles: string[]) => beginsAt(roles)?.name;
    expect([where('agent'), where('agent', 'supervisor'), where('agent', 'administrator'), where('partner'), where('auditor')]).toEqual([undefined, undefined, undefined, undefined, undefined]);
    expect([where('administrator'), where('supervisor'), where('supervisor', 'administrator')]).toEqual(['admin', 'supervise', 'supervise']);
  });
});
