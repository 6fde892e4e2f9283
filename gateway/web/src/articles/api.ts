// The calls of articles.
import { ask } from '../lib/api';
import type { Page } from '../lib/types';
import type { Article, ArticleBody, Found, Note, Rating } from './types';

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
