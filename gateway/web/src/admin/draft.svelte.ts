// The operation as it is edited: what the server has, what was changed here, and the way from one to the other. It outlives the page, so
// that whoever looks at a thread in between loses nothing.
import { untrack } from 'svelte';
import { ApiError } from '../lib/api';
import { app } from '../lib/app.svelte';
import { named, t } from '../lib/text.svelte';
import type { Names } from '../lib/types';
import { ui } from '../lib/ui.svelte';
import { AdminApi } from './api';
import { changedSections, problemsBelow, readLine, same, sayChange, textChanges } from './changes';
import type { Applied, OperationDocument, OperationFile, Place } from './types';

const JUDGE_MS = 500;

export class Draft {
  readonly api: AdminApi;
  state = $state<'loading' | 'ready' | 'away'>('loading');
  base = $state.raw<OperationFile>({ operation: '' });
  file = $state.raw<OperationFile>({ operation: '' });
  secrets = $state.raw<OperationDocument['secrets']>({});
  /** What the server said of the present draft: what is wrong, or what would change. */
  places = $state.raw<readonly Place[]>([]);
  lines = $state.raw<readonly string[]>([]);
  judged = $state(false);
  saving = $state(false);
  /** Sections that somebody else changed as well, while they were changed here. */
  clash = $state.raw<readonly string[]>([]);
  /** Told once. */
  passwords = $state.raw<Applied['passwords']>([]);
  /** What the last save changed, as it was before. */
  before = $state.raw<Record<string, unknown> | null>(null);
  private version = '';
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asked = 0;

  constructor(readonly op: string) {
    this.api = new AdminApi(op);
    void this.load();
  }

  async load(): Promise<void> {
    try {
      this.take(await this.api.document());
      this.state = 'ready';
    } catch {
      this.state = 'away';
    }
  }

  private take(document: OperationDocument): void {
    const mine = Object.fromEntries(this.changed.map((section) => [section, this.file[section]]));
    const theirs = this.version ? changedSections(this.base, { ...this.base, ...document.file }) : [];
    this.clash = theirs.filter((section) => section in mine && !same(mine[section], document.file[section]));
    this.version = document.version;
    this.base = document.file;
    this.secrets = document.secrets;
    this.file = { ...document.file, ...mine };
    this.judge();
  }

  /** Changes one section; undefined takes the change back. */
  set(section: string, value: unknown): void {
    const file = { ...this.file };
    if (value === undefined && this.base[section] === undefined) delete file[section];
    else file[section] = value === undefined ? this.base[section] : value;
    this.file = file;
    this.judge();
  }

  drop(): void {
    this.file = this.base;
    this.clash = [];
    this.judge();
  }

  /** Of a section that both changed: mine or theirs. */
  settle(mine: boolean): void {
    if (!mine) for (const section of this.clash) this.set(section, undefined);
    this.clash = [];
    this.judge();
  }

  /** Asks the server a moment later, without changing anything. */
  private judge(): void {
    clearTimeout(this.timer);
    this.judged = false;
    if (!this.changed.length) {
      [this.places, this.lines, this.judged] = [[], [], true];
      return;
    }
    this.timer = setTimeout(() => void this.ask(), JUDGE_MS);
  }

  private patch(): Record<string, unknown> {
    return Object.fromEntries(this.changed.map((section) => [section, this.file[section]]));
  }

  async ask(): Promise<void> {
    const number = (this.asked += 1);
    clearTimeout(this.timer);
    if (!this.changed.length) return;
    try {
      const { changes } = await this.api.patch(this.patch(), this.version, true);
      if (number === this.asked) [this.places, this.lines, this.judged] = [[], changes, true];
    } catch (error) {
      if (number !== this.asked || !(error instanceof ApiError)) return;
      if (error.status === 412) return this.load();
      if (error.status === 400 || error.status === 403) [this.places, this.lines, this.judged] = [refused(error), [], true];
    }
  }

  /** True when it is done everywhere. */
  async save(): Promise<boolean> {
    const before = Object.fromEntries(this.changed.map((section) => [section, this.base[section] ?? emptyOf(this.file[section])]));
    return this.send(this.patch(), before);
  }

  async undo(): Promise<boolean> {
    const { before } = this;
    if (!before) return false;
    const now = Object.fromEntries(Object.keys(before).map((section) => [section, this.base[section]]));
    this.before = null;
    return this.send(before, now);
  }

  private async send(sections: Record<string, unknown>, before: Record<string, unknown>): Promise<boolean> {
    this.saving = true;
    this.asked += 1;
    try {
      const done = await this.api.patch(sections, this.version, false);
      this.passwords = [...this.passwords, ...done.passwords];
      for (const section of Object.keys(sections)) this.file = { ...this.file, [section]: this.base[section] };
      this.version = '';
      await this.load();
      this.before = before;
      ui.tell('info', t('admin.saved', { n: done.changes.length }), { label: t('admin.undo'), run: () => void this.undo() });
      if (done.behind.length) ui.tell('error', t('admin.behind', { nodes: done.behind.join(', ') }));
      return true;
    } catch (error) {
      await this.failed(error);
      return false;
    } finally {
      this.saving = false;
    }
  }

  private async failed(error: unknown): Promise<void> {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 412) {
      await this.load();
      ui.tell('error', t('admin.changed_meanwhile'));
    } else {
      [this.places, this.judged] = [refused(error), true];
      if (!error.places.length) ui.tell('error', `${t('error.not_done')} ${error.detail}`);
    }
  }

  /** No $derived: that would end with the part of the page in which the draft began. */
  get changed(): string[] {
    return changedSections(this.base, this.file);
  }

  // --- what the parts of the page ask -------------------------------------------------------------------------

  /** What is wrong at a place or below it, in the server's words. */
  wrong(pointer: string): string {
    return problemsBelow(this.places, pointer).map((each) => each.text).join(' ');
  }

  things(section: string): readonly { id: string; name?: Names; disabled?: boolean }[] {
    const list = this.file[section];
    return Array.isArray(list) ? (list as { id: string }[]) : [];
  }

  /** Those that are in use, for choosing among them. */
  choices(section: 'areas' | 'teams' | 'topics'): { id: string; name: string }[] {
    return this.things(section).filter((each) => !each.disabled).map((each) => ({ id: each.id, name: named(each.name, each.id) }));
  }

  nameOf(section: string, id: string): string {
    if (section === 'agents') return this.file.agents?.find((each) => each.login === id)?.name ?? id;
    return named(this.things(section).find((each) => each.id === id)?.name, id);
  }

  /** The difference in words. */
  get words(): string[] {
    const ids = (section: string): string[] => (section === 'agents' ? (this.file.agents ?? []).map((each) => each.login) : this.things(section).map((each) => each.id));
    return this.lines.flatMap((line) => {
      const change = readLine(line, ids);
      if (!change) return [line];
      if (change.section === 'texts' && !change.id) {
        return textChanges(this.base.texts, this.file.texts).map(({ tag, key, gone }) => t(gone ? 'admin.change.text_gone' : 'admin.change.text', { what: key, language: tag }));
      }
      return [sayChange(change, t, (section, id) => this.nameOf(section, id))];
    });
  }
}

function refused(error: ApiError): Place[] {
  return error.places.length ? [...error.places] : [{ at: '', text: error.detail }];
}

/** A section that was not there before: emptied by an undo. */
function emptyOf(value: unknown): unknown {
  if (Array.isArray(value)) return [];
  if (typeof value === 'object' && value !== null) return {};
  return typeof value === 'string' ? '' : value;
}

const drafts = new Map<string, Draft>();

/** The draft of an operation; what was changed stays until it is saved, dropped, or the page is left. */
export function draftOf(op: string): Draft {
  const draft = drafts.get(op) ?? new Draft(op);
  drafts.set(op, draft);
  return draft;
}

/** Who signs out takes them along; a session that ended by itself finds them again, when the same person signs in. */
let [now, last] = ['', ''];
$effect.root(() => {
  $effect(() => {
    const me = app.me?.login ?? '';
    const left = now !== '' && me === '' && !untrack(() => app.lost);
    if (left || (me !== '' && last !== '' && me !== last)) drafts.clear();
    now = me;
    last = me || last;
  });
});
