// The pack that an operation codes with, as far as the administration page shows it.
import { ApiError, codeOf } from '../lib/api';
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

const TIMEOUT_MS = 20_000;

export async function loadPack(op: string): Promise<PackOf | null> {
  const answer = await fetch(`/api/v1/ops/${encodeURIComponent(op)}/packs`, { headers: { Accept: 'application/json' }, credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!answer.ok) throw new ApiError(answer.status, codeOf(answer.status), '');
  const { pack } = (await answer.json()) as { pack: Partial<PackOf> | null };
  return pack && { subjects: [], forms: [], institutions: [], referrals: [], pack: '', ...pack };
}
