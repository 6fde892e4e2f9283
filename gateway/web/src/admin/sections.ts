// What the administration page has, in the order of its list. A part that is built elsewhere is one row: its component gets the draft of
// the operation's file and the rest of the address.
import type { Component } from 'svelte';
import type { IconName } from '../lib/icons';
import type { Draft } from './draft.svelte';

export interface SectionProps {
  draft: Draft;
  /** What follows the section in the address: an id. */
  path: readonly string[];
}

export type Group = 'office' | 'people' | 'reach' | 'safety' | 'rest';

export interface Section {
  id: string;
  group: Group;
  /** Keys of its name, and of one line that says what it is for. */
  label: string;
  what: string;
  icon: IconName;
  /** Members of the operation's file that it changes: for the search and for marking what is not saved. */
  members: readonly string[];
  load(): Promise<{ default: Component<SectionProps> }>;
}

export const GROUPS: readonly Group[] = ['office', 'people', 'reach', 'safety', 'rest'];

export const sections: readonly Section[] = [
  { id: 'office', group: 'office', label: 'admin.office', what: 'admin.office_what', icon: 'globe', members: ['name', 'languages', 'fallback', 'timezone', 'emergency', 'privacy'], load: () => import('./Office.svelte') },
  { id: 'areas', group: 'office', label: 'admin.section.areas', what: 'admin.areas_what', icon: 'map-pin', members: ['areas'], load: () => import('./Areas.svelte') },
  { id: 'topics', group: 'office', label: 'admin.section.topics', what: 'admin.topics_what', icon: 'tag', members: ['topics'], load: () => import('./Topics.svelte') },
  { id: 'hours', group: 'office', label: 'admin.section.hours', what: 'admin.hours_what', icon: 'clock', members: ['hours', 'notice'], load: () => import('../hours/Hours.svelte') },
  { id: 'people', group: 'people', label: 'admin.section.agents', what: 'admin.people_what', icon: 'user', members: ['agents'], load: () => import('./People.svelte') },
  { id: 'teams', group: 'people', label: 'admin.section.teams', what: 'admin.teams_what', icon: 'contact-round', members: ['teams'], load: () => import('./Teams.svelte') },
  { id: 'channels', group: 'reach', label: 'admin.section.channels', what: 'admin.channels_what', icon: 'plug', members: ['channels'], load: () => import('./Channels.svelte') },
  { id: 'flows', group: 'reach', label: 'admin.section.flows', what: 'admin.flows_what', icon: 'bot', members: ['flows'], load: () => import('../flows/Flows.svelte') },
  { id: 'texts', group: 'reach', label: 'admin.section.texts', what: 'admin.texts_what', icon: 'message-circle', members: ['texts', 'reviewed'], load: () => import('./Texts.svelte') },
  { id: 'trouble', group: 'reach', label: 'admin.trouble', what: 'admin.trouble_what', icon: 'triangle-alert', members: [], load: () => import('./Trouble.svelte') },
  { id: 'duty', group: 'safety', label: 'duty.title', what: 'duty.what', icon: 'siren', members: ['alerts'], load: () => import('../duty/Rota.svelte') },
  { id: 'coding', group: 'safety', label: 'codes.title', what: 'codes.what', icon: 'flag', members: ['pack', 'guard'], load: () => import('../coding/Coding.svelte') },
  { id: 'keeping', group: 'safety', label: 'admin.keeping', what: 'admin.keeping_what', icon: 'clock', members: ['channels'], load: () => import('./Keeping.svelte') },
  { id: 'networks', group: 'safety', label: 'security.networks', what: 'security.networks_what', icon: 'lock', members: ['networks'], load: () => import('../security/Networks.svelte') },
  { id: 'webhooks', group: 'reach', label: 'security.webhooks', what: 'security.webhooks_what', icon: 'plug', members: ['webhooks'], load: () => import('../security/Webhooks.svelte') },
  { id: 'tokens', group: 'safety', label: 'security.tokens', what: 'security.tokens_what', icon: 'lock', members: [], load: () => import('../security/Tokens.svelte') },
  { id: 'rights', group: 'safety', label: 'rights.title', what: 'rights.what', icon: 'contact-round', members: [], load: () => import('../supervision/Rights.svelte') },
  { id: 'file', group: 'rest', label: 'admin.file', what: 'admin.file_what', icon: 'file-text', members: [], load: () => import('./File.svelte') },
];
