// Red alerts of one operation: loaded once, kept current by the socket, heard until somebody has acknowledged.
import { call } from '../lib/api';
import { app } from '../lib/app.svelte';
import type { Desk } from '../lib/desk.svelte';
import { attempt } from '../lib/keys';
import { named, t } from '../lib/text.svelte';
import type { Page } from '../lib/types';
import { ui } from '../lib/ui.svelte';
import { ringing } from './order';
import type { AlertDetail, AlertSettings, AlertVerb, RedAlert } from './types';

const AGAIN_MS = 4000;
const RING_MS = 2500;

export class RedAlerts {
  all = $state.raw<ReadonlyMap<string, RedAlert>>(new Map());
  settings = $state.raw<AlertSettings | null>(null);
  private bell: ReturnType<typeof setInterval> | null = null;
  private stopped = false;

  constructor(private readonly desk: Desk) {
    desk.hears.set('alert', (frame) => this.put((frame as unknown as { alert: RedAlert }).alert));
    desk.hears.set('alert.gone', (frame) => this.drop((frame as unknown as { code: string }).code));
    desk.hears.set('welcome', () => void this.load());
    void this.load();
  }

  stop(): void {
    this.stopped = true;
    if (this.bell) clearInterval(this.bell);
  }

  private at(path = ''): string {
    return `ops/${encodeURIComponent(this.desk.op)}/alerts${path}`;
  }

  async load(): Promise<void> {
    try {
      this.settings ??= await call<AlertSettings>(this.at('/settings'));
      const page = await call<Page<RedAlert>>(this.at(), { query: { state: 'open', limit: 100 } });
      this.set(new Map(page.items.map((each) => [each.code, each])));
    } catch (error) {
      const status = (error as { status?: number }).status ?? 0;
      if (!this.stopped && (status === 0 || status >= 500)) setTimeout(() => void this.load(), AGAIN_MS);
    }
  }

  older(before: string | null): Promise<Page<RedAlert>> {
    return call(this.at(), { query: { before, limit: 50 } });
  }

  one(code: string): Promise<AlertDetail> {
    return call(this.at(`/${encodeURIComponent(code)}`));
  }

  /** Says so when it failed; the alert as it is then, or null. */
  async act(code: string, verb: AlertVerb, body: Record<string, string> = {}): Promise<AlertDetail | null> {
    let after: AlertDetail | null = null;
    await attempt(async () => {
      after = await call<AlertDetail>(this.at(`/${encodeURIComponent(code)}/${verb}`), { method: 'POST', body });
      this.put(after);
    });
    return after;
  }

  async raise(thread: string, category: string): Promise<boolean> {
    return attempt(async () => {
      this.put(await call<AlertDetail>(this.at(), { method: 'POST', body: { thread, category } }));
    }, t('alerts.raised_said'));
  }

  async drill(category: string, area: string | null): Promise<boolean> {
    return attempt(async () => {
      const body = { category, drill: true, ...(area ? { area } : {}) };
      this.put(await call<AlertDetail>(this.at(), { method: 'POST', body }));
    }, t('alerts.drill_said'));
  }

  category(id: string): string {
    return named(this.settings?.categories.find((each) => each.id === id)?.name, id);
  }

  of(thread: string): RedAlert | undefined {
    return [...this.all.values()].find((each) => each.thread === thread && each.state !== 'closed' && each.state !== 'dismissed');
  }

  private put(alert: RedAlert): void {
    const fresh = alert.ring && !this.all.get(alert.code)?.ring;
    this.set(new Map(this.all).set(alert.code, alert));
    if (fresh) ui.say(t('alerts.said', { category: this.category(alert.category) }));
  }

  private drop(code: string): void {
    const rest = new Map(this.all);
    rest.delete(code);
    this.set(rest);
  }

  private set(all: Map<string, RedAlert>): void {
    this.all = all;
    const rings = ringing(all.values()).length > 0;
    if (rings && !this.bell) {
      app.alerts.ring();
      this.bell = setInterval(() => app.alerts.ring(), RING_MS);
    } else if (!rings && this.bell) {
      clearInterval(this.bell);
      this.bell = null;
    }
  }
}

const known = new WeakMap<Desk, RedAlerts>();

export function alertsOf(desk: Desk): RedAlerts {
  let found = known.get(desk);
  if (!found) known.set(desk, (found = new RedAlerts(desk)));
  return found;
}
