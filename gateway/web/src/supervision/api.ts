// What the supervisors' pages ask beyond the desk's own calls.
import { call, callBlob, inOp } from '../lib/api';
import type { Agent, Page, Thread } from '../lib/types';
import type { Alert, Certificate, Processing, Referral, Report } from './types';

export class SupervisionApi {
  constructor(private readonly op: string) {}

  private json = <T>(path: string, query: Record<string, string> = {}): Promise<T> => call(inOp(this.op, path), { query });

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
  subject = (contact: string): Promise<Blob> =>
    callBlob(inOp(this.op, `contacts/${encodeURIComponent(contact)}/export`), { method: 'POST', body: { format: 'html' } });

  /** The same as a file. */
  async csv(query: Record<string, string>): Promise<{ name: string; bytes: Blob }> {
    const bytes = await callBlob(inOp(this.op, 'reports'), { query: { ...query, format: 'csv', bom: '1' } });
    return { name: `report-${query.from}-${query.to}.csv`, bytes };
  }
}

function none(): { items: never[] } {
  return { items: [] };
}
