// The pack that an operation codes with, as far as the administration page shows it.
import { ask } from '../lib/api';
import type { Names } from '../lib/types';

interface Label {
  code: string;
  name?: Names;
}

export interface PackOf {
  pack: string;
  name?: Names;
  subjects: Label[];
  forms: unknown[];
  institutions: unknown[];
  referrals: unknown[];
}

export async function loadPack(op: string): Promise<PackOf | null> {
  const { pack } = await ask<{ pack: Partial<PackOf> | null }>(op, 'packs');
  return pack && { subjects: [], forms: [], institutions: [], referrals: [], pack: '', ...pack };
}
