// What went wrong with a code, in words.
import { ApiError } from '../lib/api';
import { reason, t } from '../lib/text.svelte';

export function sayCode(error: unknown): string {
  if (!(error instanceof ApiError)) return t('error.other');
  if (error.status === 429) return error.retryAfter ? t('signin.rate', { n: error.retryAfter }) : t('signin.rate_unknown');
  if (error.code === 'password') return t('signin.wrong');
  if (error.code === 'code') return t('security.code_wrong');
  if (error.code === 'ticket' || error.code === 'begin') return t('security.again');
  if (error.code === 'network') return t('security.network');
  return error.status === 0 ? t('signin.unreachable') : reason(error.code);
}

/** A new signing secret: 32 random bytes, as Standard Webhooks writes them. */
export function newSecret(): string {
  return `whsec_${btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))}`;
}
