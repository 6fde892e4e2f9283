// REST: one place that fetches. Answers are typed, failures are ApiError with the words of the server.
import type { Agent, Contact, Entry, Me, Operation, Page, Place, Problem, Queues, Stored, Thread } from './types';

export class ApiError extends Error {
  /** `status` 0: the server was not reached. `places`: what is wrong where, of an operation file or a flow. */
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly retryAfter: number | null = null,
    readonly places: readonly Place[] = [],
  ) {
    super(detail || code);
  }
}

/** 192 random bits; crypto.randomUUID is missing on plain http. */
export function newRef(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replace(/\+/gu, '-').replace(/\//gu, '_');
}

const TIMEOUT_MS = 20_000;
let skew = 0;

/** The server's clock, as its answers tell it: countdowns are right on a computer whose clock is not. */
export function serverNow(): number {
  return Date.now() + skew;
}

function learnTime(header: string | null): void {
  const at = header ? Date.parse(header) : NaN;
  if (!Number.isFinite(at)) return;
  const off = at + 500 - Date.now();
  skew = Math.abs(off) > 2000 ? off : 0; // the header has whole seconds only
}

type Query = Record<string, string | number | null | undefined>;

interface Request {
  method?: string;
  query?: Query;
  body?: unknown;
  /** Idempotency-Key */
  key?: string;
  /** If-Match: the version that was read. */
  match?: string;
  timeoutMs?: number;
  signal?: AbortSignal;
}

function url(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') params.set(name, String(value));
  }
  const search = params.toString();
  return `/api/v1/${path}${search ? `?${search}` : ''}`;
}

/** Everything that the page fetches; a refusal is thrown. What is read of the answer is held to the same time. */
async function fetched<T>(path: string, request: Request, read: (answer: Response) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), request.timeoutMs ?? TIMEOUT_MS);
  request.signal?.addEventListener('abort', () => stop.abort());
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (request.body !== undefined) headers['Content-Type'] = 'application/json';
  if (request.key) headers['Idempotency-Key'] = request.key;
  if (request.match) headers['If-Match'] = `"${request.match}"`;
  try {
    const answer = await fetch(url(path, request.query), {
      method: request.method ?? 'GET',
      headers,
      body: request.body === undefined ? undefined : JSON.stringify(request.body),
      credentials: 'same-origin',
      cache: 'no-store',
      signal: stop.signal,
    });
    learnTime(answer.headers.get('Date'));
    if (!answer.ok) throw await problem(answer);
    return await read(answer);
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError(0, 'unreachable', '');
  } finally {
    clearTimeout(timer);
  }
}

export const call = <T>(path: string, request: Request = {}): Promise<T> =>
  fetched(path, request, async (answer) => (answer.status === 204 ? undefined : await answer.json()) as T);

/** A file: CSV, a page for a person. */
export const callBlob = (path: string, request: Request = {}): Promise<Blob> => fetched(path, request, (answer) => answer.blob());

export const inOp = (op: string, path: string): string => `ops/${encodeURIComponent(op)}/${path}`;

/** A call in an operation; a POST that is tried again does nothing twice. */
export const ask = <T>(op: string, path: string, method = 'GET', body?: unknown): Promise<T> =>
  call(inOp(op, path), { method, body, key: method === 'POST' ? newRef() : undefined });

const CODES: Record<number, string> = {
  400: 'invalid',
  401: 'signed_out',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  410: 'gone',
  413: 'too_large',
  415: 'unsupported',
  422: 'invalid',
  429: 'rate',
  503: 'unavailable',
};

export function codeOf(status: number): string {
  return CODES[status] ?? (status >= 500 ? 'unavailable' : 'invalid');
}

async function problem(answer: Response): Promise<ApiError> {
  let told: Partial<Problem> = {};
  try {
    told = (await answer.json()) as Problem;
  } catch {
    // A proxy's page: the status alone says enough.
  }
  const after = Number(answer.headers.get('Retry-After'));
  const seconds = Number.isFinite(after) && after > 0 ? after : null;
  return new ApiError(answer.status, told.code ?? codeOf(answer.status), told.detail ?? '', seconds, told.problems ?? []);
}

/** A ticket: a code is wanted as well. */
export const signIn = (login: string, password: string): Promise<Me | { ticket: string; trust_days: number }> =>
  call('sign-in', { method: 'POST', body: { login, password } });
export const signOut = (): Promise<void> => call('sign-out', { method: 'POST' });
export const me = (): Promise<Me> => call('me');
export const patchMe = (body: { locale?: string; password?: { old: string; new: string } }): Promise<Me> =>
  call('me', { method: 'PATCH', body });

export interface ThreadQuery extends Query {
  state?: string;
  language?: string;
  topic?: string;
  assignee?: string;
  contact?: string;
  channel?: string;
  q?: string;
  sort?: string;
  limit?: number;
  /** `next` of the page before. */
  before?: string;
}

/** The calls of one operation. */
export class Api {
  constructor(private readonly op: string) {}

  private at(path: string): string {
    return `ops/${encodeURIComponent(this.op)}/${path}`;
  }

  private get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    return call(this.at(path), { query, signal });
  }

  private write<T>(method: string, path: string, body: unknown): Promise<T> {
    return call(this.at(path), { method, body, key: newRef() });
  }

  operation = (): Promise<Operation> => this.get('operation');
  threads = (query: ThreadQuery, signal?: AbortSignal): Promise<Page<Thread>> => this.get('threads', query, signal);
  thread = (id: string): Promise<Thread> => this.get(`threads/${encodeURIComponent(id)}`);
  entries = (id: string, query: { before?: number; after?: number; limit?: number }): Promise<Page<Entry>> =>
    this.get(`threads/${encodeURIComponent(id)}/entries`, query);
  contact = (id: string): Promise<Contact> => this.get(`contacts/${encodeURIComponent(id)}`);
  queues = (): Promise<Queues> => this.get('queues');
  agents = (): Promise<Page<Agent>> => this.get('agents');
  patchThread = (id: string, body: { language?: string; topic?: string; priority?: number }): Promise<Thread> =>
    this.write('PATCH', `threads/${encodeURIComponent(id)}`, body);
  patchContact = (id: string, body: { name?: string; language?: string; notes?: string }): Promise<Contact> =>
    this.write('PATCH', `contacts/${encodeURIComponent(id)}`, body);

  /** Raw bytes with progress; resolves with what an entry names. */
  upload(file: File, progress: (part: number) => void, stop: AbortSignal): Promise<Stored> {
    return new Promise((done, fail) => {
      const request = new XMLHttpRequest();
      request.open('POST', url(this.at('attachments')));
      request.setRequestHeader('Content-Type', file.type || 'application/octet-stream');
      request.setRequestHeader('X-Parley-Name', encodeURIComponent(file.name));
      request.responseType = 'json';
      request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
      request.onload = () => {
        if (request.status === 201) done(request.response as Stored);
        else fail(uploadError(request));
      };
      request.onerror = () => fail(new ApiError(0, 'unreachable', ''));
      request.onabort = () => fail(new ApiError(0, 'aborted', ''));
      stop.addEventListener('abort', () => request.abort());
      request.send(file);
    });
  }
}

function uploadError(request: XMLHttpRequest): ApiError {
  const told = (request.response ?? {}) as Partial<Problem>;
  return new ApiError(request.status, told.code ?? codeOf(request.status), told.detail ?? '');
}
