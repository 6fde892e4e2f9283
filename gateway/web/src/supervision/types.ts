// What the supervisors' pages are told, beside threads and agents.
export interface Alert {
  code: string;
  state: string;
  drill: boolean;
  category: string;
  area: string | null;
  since: string;
  acknowledged_by: string | null;
}

export interface Referral {
  id: string;
  to: string;
  thread: string;
  due?: string;
}

export interface Certificate {
  certificate: string;
  erased: string;
  by: string;
  entries: number;
  key_backups_expire: string;
}

interface Kept {
  what: string;
  why: string;
  key: string;
  how_long: string;
}

export interface Processing {
  stored: (Kept & { server: string; name: string })[];
  records: (Kept & { kind: string })[];
}

export interface Times {
  mean_s: number;
  p50_s: number;
  p95_s: number;
  within: number;
}

export interface Row {
  key: Record<string, string>;
  /** null: hidden, since there are so few. */
  count: number | null;
  accept: Times | null;
  reply: Times | null;
}

export interface Report {
  from: string;
  to: string;
  timezone: string;
  unit: 'contacts' | 'matters';
  k: number;
  targets: { answer_s: number; alert_s: number };
  by: string[];
  total: { count: number | null; accept: Times | null; reply: Times | null };
  guessed_languages: number | null;
  sealed?: number | null;
  alerts: { raised: number; acknowledged: Times | null };
  rows: Row[];
}
