// The calls of the administration page. An error brings its places in the operation's file (ApiError.places).
import { call, inOp } from '../lib/api';
import type { Page } from '../lib/types';
import type { Applied, Connector, Dead, Fact, OperationDocument, OwnText, Place, Said, Tested } from './types';

const TIMEOUT_MS = 30_000; // an apply waits until every node has taken it

interface Ask {
  method?: string;
  body?: unknown;
  match?: string;
}

export class AdminApi {
  constructor(private readonly op: string) {}

  private ask = <T>(path: string, request: Ask = {}): Promise<T> => call(inOp(this.op, path), { timeoutMs: TIMEOUT_MS, ...request });

  document = (): Promise<OperationDocument> => this.ask('operation/document');
  patch = (sections: Record<string, unknown>, match: string, dry: boolean): Promise<Applied> =>
    this.ask(`operation/document${dry ? '?dry_run=true' : ''}`, { method: 'PATCH', body: sections, match });
  checklist = (): Promise<Page<Fact>> => this.ask('operation/checklist');
  texts = (): Promise<Page<OwnText>> => this.ask('operation/texts');
  connectors = (): Promise<Page<Connector>> => this.ask('operation/connectors');
  password = (login: string, password?: string): Promise<{ login: string; password: string | null }> =>
    this.ask(`operation/users/${encodeURIComponent(login)}/password`, { method: 'POST', body: password ? { password } : {} });
  secondReset = (login: string): Promise<void> => this.ask(`agents/${encodeURIComponent(login)}/second-factor/reset`, { method: 'POST', body: {} });
  test = (channel: string, to: string, language: string): Promise<Tested> =>
    this.ask(`operation/channels/${encodeURIComponent(channel)}/test`, { method: 'POST', body: { to, language } });
  checkFlow = (flow: unknown): Promise<{ ok: boolean; problems: Place[] }> => this.ask('flows/check', { method: 'POST', body: { flow } });
  tryFlow = (what: Record<string, unknown>): Promise<Said> => this.ask('flows/try', { method: 'POST', body: what });
  dead = (channel: string, before = ''): Promise<Page<Dead>> =>
    this.ask(`channels/${encodeURIComponent(channel)}/dead?limit=50${before ? `&before=${encodeURIComponent(before)}` : ''}`);
  replay = (channel: string, item: string): Promise<unknown> =>
    this.ask(`channels/${encodeURIComponent(channel)}/dead/${encodeURIComponent(item)}/replay`, { method: 'POST' });
  quarantine = (): Promise<Page<Record<string, unknown>>> => this.ask('quarantine?limit=50');
}
