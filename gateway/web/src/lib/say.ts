// Ids and codes put into words, the same everywhere.
import { app } from './app.svelte';
import { neutraliseLine } from './bidi';
import { language, named, t, words } from './text.svelte';
import { clock, duration, moment, parse, daysBetween } from './time';
import type { Agent, Channel, Entry, Language, Named, Thread } from './types';

const CONNECTORS = new Set([
  'webchat', 'telegram', 'http', 'whatsapp', 'messenger', 'instagram', 'sms', 'email', 'viber', 'line', 'signal', 'form', 'phone',
]);

export function channelOf(id: string): Channel | undefined {
  return app.desk?.operation?.channels.find((channel) => channel.id === id);
}

export function channelName(id: string): string {
  const channel = channelOf(id);
  const name = neutraliseLine(named(channel?.name));
  if (name) return name;
  const connector = channel?.connector ?? id;
  return CONNECTORS.has(connector) ? t(`channel.${connector}`) : id;
}

export type ChannelIcon = 'globe' | 'send' | 'phone' | 'mail' | 'smartphone' | 'message-circle' | 'file-text' | 'plug';

const ICONS: Record<string, ChannelIcon> = {
  webchat: 'globe',
  telegram: 'send',
  http: 'plug',
  sms: 'smartphone',
  email: 'mail',
  phone: 'phone',
  form: 'file-text',
};

export function channelIcon(id: string): ChannelIcon {
  return ICONS[channelOf(id)?.connector ?? id] ?? 'message-circle';
}

function find(list: readonly Named[] | undefined, id: string): string {
  return neutraliseLine(named(list?.find((each) => each.id === id)?.name, id));
}

export function topicName(id: string | null): string {
  return id ? find(app.desk?.operation?.topics, id) : t('topic.none');
}

export function areaName(id: string | null): string {
  return id ? find(app.desk?.operation?.areas, id) : t('area.none');
}

export function teamName(id: string): string {
  return find(app.desk?.operation?.teams, id);
}

export function agentName(id: string | null | undefined): string {
  if (!id) return '';
  if (id === app.myId) return t('agent.me');
  return neutraliseLine(app.desk?.state.agents.get(id)?.name ?? '') || t('agent.other');
}

export function contactName(thread: Thread): string {
  return neutraliseLine(thread.contact.name) || t('contact.nameless');
}

export function countryName(code: string): string {
  try {
    return new Intl.DisplayNames([words.locale], { type: 'region' }).of(code) ?? code;
  } catch {
    return code;
  }
}

export function languageHow(of: Language | null): string {
  if (!of?.tag) return t('language.unknown');
  return of.how && of.how !== 'unknown' ? t('language.how', { language: language(of.tag), how: t(`language.${of.how}`) }) : language(of.tag);
}

/** An address as people write it: the scheme goes, the rest is one left-to-right run. Empty for a session of the web chat. */
export function addressText(uri: string): string {
  const at = uri.indexOf(':');
  const scheme = uri.slice(0, at);
  const rest = neutraliseLine(uri.slice(at + 1));
  if (scheme === 'web') return '';
  if (scheme === 'case' || scheme === 'portal') return t('address.account');
  return rest;
}

export function waitText(since: number, now: number): string {
  return now - since < 60_000 ? t('wait.under') : duration(now - since, words.locale);
}

/** When something is to come back: the clock today, else the whole date. */
export function untilText(time: string, now: number): string {
  return daysBetween(now, parse(time)) === 0 ? clock(time, words.locale) : moment(time, words.locale);
}

export function authorName(entry: Entry, thread?: Thread): string {
  const { kind, id, name } = entry.author;
  if (kind === 'agent') return id === app.myId ? t('agent.me') : neutraliseLine(name ?? '') || agentName(id);
  if (kind === 'bot') return neutraliseLine(name ?? '') || t('author.bot');
  if (kind === 'system') return t('author.system');
  return neutraliseLine(name) || (thread ? contactName(thread) : t('contact.nameless'));
}

const EVENTS = new Set([
  'opened', 'offered', 'accepted', 'declined', 'expired', 'assigned', 'transferred', 'resolved', 'reopened', 'snoozed', 'sealed',
  'language', 'topic', 'nobody', 'end_asked', 'end_refused', 'tried',
]);

/** Who is writing now, by name where there is one. */
export function typingText(thread: Thread, sign: { who: 'person' | 'agent'; name?: string }): string {
  const name = neutraliseLine(sign.name) || (sign.who === 'agent' ? t('agent.other') : neutraliseLine(thread.contact.name));
  return name ? t('thread.typing', { name }) : t('thread.typing_person');
}

/** An actor may be an id or "agent:id"; what is no agent needs no name. */
function actorName(by: string): string {
  const at = by.indexOf(':');
  if (at >= 0 && by.slice(0, at) !== 'agent') return '';
  const id = by.slice(at + 1);
  return ['', '-', 'system', 'router', 'person', 'bot'].includes(id) ? '' : agentName(id);
}

function eventBy(entry: Entry): string {
  const by = entry.event?.by;
  if (typeof by === 'string') return actorName(by);
  if (by?.id) return agentName(by.id) === t('agent.other') && by.name ? neutraliseLine(by.name) : agentName(by.id);
  return by?.name ? neutraliseLine(by.name) : entry.author.kind === 'agent' ? authorName(entry) : '';
}

/** "Amal accepted the thread": what happened, by whom, and the detail as a name where it is one. */
export function eventText(entry: Entry): string {
  const what = entry.event?.what ?? '';
  if (what === 'callback') return t(`event.callback.${String(entry.event?.detail ?? '')}`);
  if (what === 'same') return t(`event.same.${String(entry.event?.detail ?? '')}`, { by: eventBy(entry) });
  if (what === 'identity') return t('event.identity', { by: eventBy(entry) });
  if (what === 'alert') return t('alerts.event', { state: t(`alerts.state.${String(entry.event?.detail ?? '')}`) });
  if (!EVENTS.has(what)) return t('event.other', { what: what || '?' });
  const to = eventDetail(what, entry.event?.detail);
  if ((what === 'offered' || what === 'expired') && to && to === t('agent.me')) return t(`event.${what}_me`);
  if ((what === 'offered' || what === 'expired') && to) return t(`event.${what}_by`, { by: to });
  const by = eventBy(entry);
  const text = by ? t(`event.${what}_by`, { by }) : t(`event.${what}`);
  return to ? t('event.with', { event: text, detail: to }) : text;
}

function eventDetail(what: string, detail: unknown): string {
  if (detail === null || detail === undefined || detail === '') return '';
  const value = typeof detail === 'object' ? (Object.values(detail)[0] as unknown) : detail;
  if (typeof value !== 'string' && typeof value !== 'number') return '';
  const text = neutraliseLine(String(value));
  if (what === 'language') return language(text);
  if (what === 'topic') return topicName(text);
  if (what === 'resolved') return outcomeName(text);
  if (what === 'end_asked' || what === 'end_refused') return t(`reason.${text}`);
  if (what === 'tried') return channelName(text);
  if (what === 'snoozed') {
    const until = /^\d{12,14}$/u.test(text) ? new Date(Number(text)).toISOString() : text;
    return parse(until) ? moment(until, words.locale) : '';
  }
  if (what === 'assigned' || what === 'transferred' || what === 'offered' || what === 'expired') return app.desk?.state.agents.has(text) ? agentName(text) : '';
  return '';
}

export const OUTCOMES = ['answered', 'referred', 'unreachable', 'no_answer_wanted', 'mistaken', 'other'] as const;

export function outcomeName(id: string | null | undefined): string {
  if (!id) return '';
  if ((OUTCOMES as readonly string[]).includes(id)) return t(`outcome.${id}`);
  const why = t(`reason.${id}`);
  return why === `reason.${id}` ? neutraliseLine(id) : why;
}

export function queueTopic(id: string | null): string {
  return id === null ? t('topic.none') : topicName(id);
}

/** Agents who can be given a thread: those who are here first, and of them those who speak its language best. */
export function colleagues(tag: string | null | undefined): Agent[] {
  const level = (agent: Agent): number => (tag && agent.languages?.[tag]) || 0;
  const rank = { online: 0, away: 1, break: 2, offline: 3 };
  return [...(app.desk?.state.agents.values() ?? [])]
    .filter((agent) => agent.id !== app.myId && !agent.disabled)
    .sort((a, b) => rank[a.presence] - rank[b.presence] || level(b) - level(a) || a.name.localeCompare(b.name, words.locale));
}
