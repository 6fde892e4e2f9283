// Articles and canned answers, as gateway/api/articles.c tells them.
export interface ArticleBase {
  id: string;
  version: number;
  kind: 'answer' | 'article';
  state: 'draft' | 'published' | 'retired';
  clearance: number;
  shortcut: string | null;
  area: string | null;
  topic: string | null;
  owner: string | null;
  review: string | null;
  source: { name?: string; url?: string } | null;
  tags: string[];
  overdue: boolean;
  source_changed: boolean;
  editable: boolean;
  languages: string[];
  ratings: { useful: number; not_useful: number; outdated: number };
  used: number;
}

/** One that was found, in the language in which it is shown. */
export interface Found extends ArticleBase {
  language: string;
  title: string;
  text: string;
}

export type ArticleTexts = Record<string, { title: string; text: string }>;

export interface Article extends ArticleBase {
  texts: ArticleTexts;
  updated_by: string | null;
}

export type Rating = 'useful' | 'not_useful' | 'outdated';

export interface Note {
  by: string;
  rating: Rating;
  comment?: string;
  time?: string;
}

/** What is written. */
export interface ArticleBody {
  version?: number;
  kind: 'answer' | 'article';
  shortcut?: string;
  area?: string;
  topic?: string;
  owner?: string;
  review?: string;
  source?: { name?: string; url?: string };
  tags: string[];
  clearance: number;
  texts: ArticleTexts;
}
