// What the desk's records say of people by hand, as gateway/api/byhand.c and links.c tell it.
export type What = 'call' | 'visit' | 'paper';

export interface Happened {
  what: What;
  direction: 'in' | 'out';
  time: string;
  seconds?: number;
  with?: string;
}

/** Is who writes the one of that number? null: nobody has asked. */
export interface SamePerson {
  why: 'channel' | 'silence' | 'name' | 'language';
  answer: 'yes' | 'no' | null;
}

export const HOWS = ['receipt', 'pin', 'questions', 'document', 'in_person'] as const;

export interface Identity {
  how: string;
  by: string;
  time: string | null;
}
