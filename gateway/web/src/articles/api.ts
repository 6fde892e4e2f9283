// The calls of articles; `ask` is the way to the server for what stands beside the desk's own calls.
import { ApiError, codeOf, newRef } from '../lib/api';
import type { Page } from '../lib/types';
import type { Article, ArticleBody, Found, Note, Rating } from './types';

const TIMEOUT_MS = 20_000;

export async function ask<T>(op: string, path: string, method = 'GET', body?: unknown): Promise<T> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), TIMEOUT_MS);
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method === 'POST') headers['Idempotency-Key'] = newRef();
  try {
    const answer = await fetch(`/api/v1/ops/${encodeURIComponent(op)}/${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'same-origin',
      cache: 'no-store',
      signal: stop.signal,
    });
    if (!answer.ok) throw await refusal(answer);
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError(0, 'unreachable', '');
  } finally {
    clearTimeout(timer);
  }
}

async function refusal(answer: Response): Promise<ApiError> {
  let told: { code?: string; detail?: string } = {};
  try {
    told = (await answer.json()) as typeof told;
  } catch {
    // A proxy's page: the status says enough.
  }
  return new ApiError(answer.status, told.code ?? codeOf(answer.status), told.detail ?? '');
}

export interface ArticleQuery {
  q?: string;
  language?: string;
  area?: string;
  topic?: string;
  kind?: string;
  state?: string;
  limit?: number;
}

export function articles(op: string) {
  const at = (id: string, verb = ''): string => `articles/${encodeURIComponent(id)}${verb && `/${verb}`}`;
  return {
    find(query: ArticleQuery): Promise<Page<Found>> {
      const params = new URLSearchParams();
      for (const [name, value] of Object.entries(query)) if (value) params.set(name, String(value));
      return ask(op, `articles?${params}`);
    },
    get: (id: string): Promise<Article> => ask(op, at(id)),
    make: (body: ArticleBody): Promise<Article> => ask(op, 'articles', 'POST', body),
    change: (id: string, body: ArticleBody): Promise<Article> => ask(op, at(id), 'PUT', body),
    publish: (id: string): Promise<Article> => ask(op, at(id, 'publish'), 'POST'),
    retire: (id: string): Promise<Article> => ask(op, at(id, 'retire'), 'POST'),
    remove: (id: string): Promise<void> => ask(op, at(id), 'DELETE'),
    rate: (id: string, rating: Rating, comment: string): Promise<void> => ask(op, at(id, 'rate'), 'POST', { rating, comment }),
    used: (id: string): Promise<void> => ask(op, at(id, 'used'), 'POST'),
    notes: (id: string): Promise<Page<Note>> => ask(op, at(id, 'notes')),
  };
}
