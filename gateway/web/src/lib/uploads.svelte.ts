// Files on their way up, before the message that names them.
import { ApiError, newRef, type Api } from './api';
import type { Stored } from './types';

export interface Upload {
  key: string;
  name: string;
  size: number;
  part: number;
  state: 'busy' | 'done' | 'failed';
  error?: string;
}

export class Uploads {
  items = $state<Upload[]>([]);
  private files = new Map<string, File>();
  private stops = new Map<string, AbortController>();
  private stored = new Map<string, Stored>();

  constructor(private readonly api: Api) {}

  get busy(): boolean {
    return this.items.some((item) => item.state === 'busy');
  }

  get ready(): Stored[] {
    return this.items.flatMap((item) => (item.state === 'done' ? (this.stored.get(item.key) ?? []) : []));
  }

  add(file: File): void {
    const key = newRef();
    this.files.set(key, file);
    this.items.push({ key, name: file.name, size: file.size, part: 0, state: 'busy' });
    void this.run(key, file);
  }

  /** Files that are with the server already: of a refused message that is edited. */
  give(files: readonly Stored[]): void {
    for (const file of files) {
      const key = newRef();
      this.stored.set(key, file);
      this.items.push({ key, name: file.name, size: file.size, part: 1, state: 'done' });
    }
  }

  again(key: string): void {
    const file = this.files.get(key);
    this.patch(key, { state: 'busy', part: 0, error: undefined });
    if (file) void this.run(key, file);
  }

  remove(key: string): void {
    this.stops.get(key)?.abort();
    this.items = this.items.filter((item) => item.key !== key);
    this.files.delete(key);
    this.stored.delete(key);
  }

  clear(): void {
    for (const item of [...this.items]) this.remove(item.key);
  }

  private patch(key: string, patch: Partial<Upload>): void {
    const item = this.items.find((each) => each.key === key);
    if (item) Object.assign(item, patch);
  }

  private async run(key: string, file: File): Promise<void> {
    const stop = new AbortController();
    this.stops.set(key, stop);
    try {
      const stored = await this.api.upload(file, (part) => this.patch(key, { part }), stop.signal);
      this.stored.set(key, stored);
      this.patch(key, { state: 'done', part: 1 });
    } catch (error) {
      if (!stop.signal.aborted) this.patch(key, { state: 'failed', error: error instanceof ApiError ? error.code : 'other' });
    } finally {
      this.stops.delete(key);
    }
  }
}
