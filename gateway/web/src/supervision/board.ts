// Pure: what waits in groups, whom to give a thread, what needs somebody first.
import type { Agent, Thread } from '../lib/types';

export interface Group {
  language: string | null;
  topic: string | null;
  waiting: number;
  oldest: number;
  /** Who is here and speaks it. */
  here: number;
}

const PRESENCE = { online: 0, away: 1, break: 2, offline: 3 } as const;

export function speaks(agent: Agent, tag: string | null): boolean {
  return !tag || Boolean(agent.languages?.[tag]);
}

/** By language and topic, longest wait first. */
export function groups(threads: readonly Thread[], agents: readonly Agent[]): Group[] {
  const found = new Map<string, Group>();
  for (const thread of threads) {
    const language = thread.language?.tag ?? null;
    const key = `${language ?? ''} ${thread.topic ?? ''}`;
    const since = Date.parse(thread.waiting_since ?? '');
    const group = found.get(key) ?? { language, topic: thread.topic, waiting: 0, oldest: since, here: agents.filter((each) => each.presence === 'online' && !each.disabled && speaks(each, language)).length };
    group.waiting += 1;
    group.oldest = Math.min(group.oldest, since);
    found.set(key, group);
  }
  return [...found.values()].sort((a, b) => a.oldest - b.oldest);
}

/** Whom it may be given: who is here, speaks the language and has room comes first. */
export function candidates(thread: Thread, agents: readonly Agent[]): Agent[] {
  const tag = thread.language?.tag ?? null;
  const rank = (agent: Agent): number => PRESENCE[agent.presence] * 100 + (speaks(agent, tag) ? 0 : 50) + Math.min(agent.load ?? 0, 40);
  return agents
    .filter((agent) => !agent.disabled && agent.clearance >= thread.clearance && agent.id !== thread.assignee && (agent.roles ?? []).some((role) => role !== 'administrator' && role !== 'auditor'))
    .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}

export function ranked(agents: readonly Agent[]): Agent[] {
  return agents.filter((agent) => !agent.disabled).sort((a, b) => PRESENCE[a.presence] - PRESENCE[b.presence] || (b.load ?? 0) - (a.load ?? 0) || a.name.localeCompare(b.name));
}

export function room(agent: Agent): number {
  return Object.values(agent.capacity ?? {}).reduce((sum, each) => sum + each, 0);
}

/** The share of the longest bar, 0 to 1. */
export function share(value: number | null, most: number): number {
  return value && most > 0 ? Math.min(1, value / most) : 0;
}
