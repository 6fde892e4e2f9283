// What the supervisors' pages ask beyond the desk's own calls.
import { ApiError, codeOf } from '../lib/api';
import type { Agent, Page, Thread } from '../lib/types';
import type { Alert, Certificate, Processing, Referral, Report } from './types';

const TIMEOUT_MS = 20_000;

async function get(path: string, query: Record<string, string>, body?: unknown): Promise<Response> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), TIMEOUT_MS);
  try {
    const answer = await fetch(`/api/v1/${path}?${new URLSearchParams(query).toString()}`, {
      credentials: 'same-origin',
      cache: 'no-store',
      signal: stop.signal,
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    });
    if (answer.ok) return answer;
    const told = (await answer.json().catch(() => ({}))) as { code?: string; detail?: string };
    throw new ApiError(answer.status, told.code ?? codeOf(answer.status), told.detail ?? '');
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError(0, 'unreachable', '');
  } finally {
    clearTimeout(timer);
  }
}

export class SupervisionApi {
  constructor(private readonly op: string) {}

  private async json<T>(path: string, query: Record<string, string> = {}): Promise<T> {
    return (await (await get(`ops/${encodeURIComponent(this.op)}/${path}`, query)).json()) as T;
  }

  waiting = async (): Promise<Thread[]> => (await this.json<Page<Thread>>('threads', { state: 'waiting', sort: 'waiting', limit: '200' })).items;
  held = async (agent: string): Promise<Thread[]> => (await this.json<Page<Thread>>('threads', { state: 'assigned,offered', assignee: agent, limit: '50' })).items;
  agents = async (): Promise<Agent[]> => (await this.json<Page<Agent>>('agents')).items;
  /** Parts that an operation may be without: nothing then. */
  alerts = async (): Promise<Alert[]> => (await this.json<Page<Alert>>('alerts', { state: 'open' }).catch(none)).items;
  overdue = async (now: number): Promise<Referral[]> =>
    (await this.json<Page<Referral>>('referrals', { state: 'made,accepted', limit: '50' }).catch(none)).items.filter((each) => Boolean(each.due) && Date.parse(each.due ?? '') < now);
  report = (query: Record<string, string>): Promise<Report> => this.json<Report>('reports', query);

  certificates = async (): Promise<Certificate[]> => (await this.json<Page<Certificate>>('erasures', { limit: '200' })).items;
  processing = (): Promise<Processing> => this.json<Processing>('processing');
  /** All that is kept about a person, as a page for them. */
  subject = async (contact: string): Promise<Blob> => (await get(`ops/${encodeURIComponent(this.op)}/contacts/${contact}/export`, {}, { format: 'html' })).blob();

  /** The same as a file. */
  async csv(query: Record<string, string>): Promise<{ name: string; bytes: Blob }> {
    const answer = await get(`ops/${encodeURIComponent(this.op)}/reports`, { ...query, format: 'csv', bom: '1' });
    return { name: `report-${query.from}-${query.to}.csv`, bytes: await answer.blob() };
  }
}

function none(): { items: never[] } {
  return { items: [] };
}
