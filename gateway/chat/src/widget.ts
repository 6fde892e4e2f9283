// SPDX-License-Identifier: Apache-2.0
// The chat on any site: a button, and on a press a panel with the chat page in a frame. The frame keeps what people write
// away from the site's own scripts; the shadow root keeps the site's styles away from the button.

type Words = Record<string, { dir: string; open: string; close: string }>;
declare const WORDS: Words; // filled in by the build
declare const WIDGET_CSS: string;

interface Options {
  origin: string;
  operation: string;
  channel: string;
  lang: string;
  label: string;
}

function options(script: HTMLScriptElement): Options | null {
  const d = script.dataset;
  const operation = d['operation'] || '';
  const channel = d['channel'] || '';
  if (!/^[\w.-]+$/.test(operation) || !/^[\w.-]+$/.test(channel)) return null;
  return { origin: new URL(script.src).origin, operation, channel, lang: d['lang'] || guess(), label: d['label'] || '' };
}

function guess(): string {
  const asked = [document.documentElement.lang].concat(navigator.languages ? Array.from(navigator.languages) : [navigator.language]);
  for (const a of asked) {
    const tag = /^fa-af/i.test(a || '') ? 'prs' : (a || '').split('-')[0];
    if (tag && WORDS[tag]) return tag;
  }
  return 'en';
}

class Widget {
  private host = document.createElement('div');
  private root = this.host.attachShadow({ mode: 'closed' });
  private button = document.createElement('button');
  private count = document.createElement('span');
  private panel = document.createElement('div');
  private frame: HTMLIFrameElement | null = null;
  private open = false;

  constructor(private o: Options) {
    const words = (WORDS[o.lang] || WORDS['en']) as Words[string];
    this.host.dir = words.dir;
    this.host.lang = o.lang;
    this.button.type = 'button';
    this.button.className = 'button';
    this.button.setAttribute('aria-expanded', 'false');
    this.button.textContent = o.label || words.open;
    this.button.onclick = () => this.set(!this.open);
    this.count.className = 'count';
    this.count.hidden = true;
    this.button.appendChild(this.count);
    this.panel.className = 'panel';
    this.panel.hidden = true;
    this.panel.setAttribute('role', 'dialog');
    this.panel.setAttribute('aria-label', o.label || words.open);
    this.style();
    this.root.appendChild(this.panel);
    this.root.appendChild(this.button);
    document.body.appendChild(this.host);
    addEventListener('message', (e) => this.message(e));
    this.panel.addEventListener('keydown', (e) => e.key === 'Escape' && this.set(false));
  }

  /** As a constructed sheet where there is one: the site's own policy may forbid style elements. */
  private style(): void {
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(WIDGET_CSS);
      this.root.adoptedStyleSheets = [sheet];
    } catch (e) {
      const style = document.createElement('style');
      style.textContent = WIDGET_CSS;
      this.root.appendChild(style);
    }
  }

  private set(open: boolean): void {
    this.open = open;
    if (open && !this.frame) this.load();
    this.panel.hidden = !open;
    this.host.className = open ? 'open' : '';
    this.button.setAttribute('aria-expanded', String(open));
    this.tell(open ? 'shown' : 'hidden');
    if (open) {
      this.count.hidden = true;
      if (this.frame) this.frame.focus();
    } else {
      this.button.focus();
    }
  }

  private load(): void {
    const f = document.createElement('iframe');
    f.src = this.o.origin + '/chat/' + this.o.operation + '/' + this.o.channel + '?lang=' + encodeURIComponent(this.o.lang);
    f.title = this.panel.getAttribute('aria-label') || '';
    f.allow = 'microphone';
    f.setAttribute('referrerpolicy', 'origin');
    this.panel.appendChild(f);
    this.frame = f;
  }

  private tell(parley: string): void {
    const w = this.frame && this.frame.contentWindow;
    if (w) w.postMessage({ parley }, this.o.origin);
  }

  private message(e: MessageEvent): void {
    const d = e.data as { parley?: string; n?: number; to?: string } | null;
    if (!this.frame || e.source !== this.frame.contentWindow || e.origin !== this.o.origin || !d) return;
    if (d.parley === 'close') this.set(false);
    if (d.parley === 'ready') this.tell(this.open ? 'shown' : 'hidden');
    if (d.parley === 'unread' && !this.open) {
      this.count.textContent = String(d.n || 1);
      this.count.hidden = false;
    }
    if (d.parley === 'exit' && /^https?:\/\//.test(d.to || '')) {
      this.host.remove();
      document.documentElement.textContent = '';
      location.replace(d.to as string);
    }
  }
}

function begin(script: HTMLScriptElement): void {
  const o = options(script);
  if (!o) return;
  const draw = (): Widget => new Widget(o);
  if (document.body) draw();
  else addEventListener('DOMContentLoaded', draw);
}

const here = document.currentScript as HTMLScriptElement | null;
if (here) begin(here);
