// Pages beside the desk, each in files of its own that load when it is opened: `#/<name>/…`. Another one is another row.
import type { Component } from 'svelte';
import type { Desk } from './desk.svelte';
import type { IconName } from './icons';
import type { Role } from './types';

export interface Beside {
  name: string;
  /** Whoever has one of these roles; none: everybody. */
  roles: readonly Role[];
  /** Key of its name; in the menu at the top. */
  label: string;
  icon: IconName;
  /** Not in the menu: something leads there. */
  quiet?: true;
  /** What its roles come for: at the top where there is room, and where those begin who don't answer people. */
  main?: true;
  load(): Promise<{ default: Component<{ desk: Desk; path: readonly string[] }> }>;
}

export const pages: readonly Beside[] = [
  { name: 'supervise', roles: ['supervisor', 'focal'], label: 'supervise.title', icon: 'eye', main: true, load: () => import('../supervision/Supervise.svelte') },
  { name: 'reports', roles: ['supervisor', 'focal', 'administrator'], label: 'reports.title', icon: 'file-text', load: () => import('../supervision/Reports.svelte') },
  { name: 'alerts', roles: [], label: 'alerts.title', icon: 'siren', load: () => import('../alerts/AlertsPage.svelte') },
  { name: 'alert', roles: [], label: 'alerts.title', icon: 'siren', quiet: true, load: () => import('../alerts/AlertsPage.svelte') },
  { name: 'articles', roles: ['agent', 'supervisor', 'focal', 'partner', 'administrator'], label: 'articles.title', icon: 'file-text', load: () => import('../articles/Articles.svelte') },
  { name: 'callbacks', roles: [], label: 'callback.page', icon: 'phone', load: () => import('../callbacks/Callbacks.svelte') },
  { name: 'admin', roles: ['administrator'], label: 'admin.title', icon: 'settings', main: true, load: () => import('../admin/Admin.svelte') },
];

export function mayOpen(page: Beside, roles: readonly string[]): boolean {
  return !page.roles.length || page.roles.some((role) => roles.includes(role));
}

/** The page where somebody begins: nothing for agents, whose place is the desk. */
export function beginsAt(roles: readonly string[]): Beside | undefined {
  return roles.includes('agent') || roles.includes('partner') ? undefined : pages.find((page) => page.main && mayOpen(page, roles));
}
