// The calls of the administration page. An error brings its places in the operation's file.
import { ApiError, codeOf } from '../lib/api';
import type { Page } from '../lib/types';
import type { Applied, Connector, Dead, Fact, OperationDocument, OwnText, Place, Said, Tested } from './types';

export class AdminError extends ApiError {
  constructor(
    status: number,
    code: string,
    detail: string,
    readonly places: readonly Place[],
  ) {
    super(status, code, detail);
  }
}

const TIMEOUT_MS = 30_000; // an apply waits until every node has taken it

interface Ask {
  method?: string;
  body?: unknown;
  match?: string;
}

async function refusal(answer: Response): Promise<AdminError> {
  let told: { code?: string; detail?: string; problems?: Place[] } = {};
  try {
    told = (await answer.json()) as typeof told;
  } catch {
    // A proxy's page: the status says enough.
  }
  return new AdminError(answer.status, told.code ?? codeOf(answer.status), told.detail ?? '', told.problems ?? []);
}

export class AdminApi {
  constructor(private readonly op: string) {}

  private async ask<T>(path: string, { method = 'GET', body, match }: Ask = {}): Promise<T> {
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    if (match) headers['If-Match'] = `"${match}"`;
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), TIMEOUT_MS);
    try {
      const answer = await fetch(`/api/v1/ops/${encodeURIComponent(this.op)}/${path}`, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        credentials: 'same-origin',
        cache: 'no-store',
        signal: stop.signal,
      });
      if (!answer.ok) throw await refusal(answer);
      return (answer.status === 204 ? undefined : await answer.json()) as T;
    } catch (error) {
      throw error instanceof ApiError ? error : new AdminError(0, 'unreachable', '', []);
    } finally {
      clearTimeout(timer);
    }
  }

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
