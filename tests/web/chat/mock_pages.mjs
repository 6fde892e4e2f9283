// SPDX-License-Identifier: Apache-2.0
// The pages of the mock: the built template, filled as gateway/chat/PROTOCOL.md section 1 says.
import { readFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';

const escape = (s) => String(s).replace(/[&<>"']/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[c]);

export class Pages {
  constructor(dist, o) {
    this.o = o;
    const read = (name) => readFileSync(new URL(name, dist));
    this.manifest = JSON.parse(read('manifest.json'));
    this.template = read('chat.html').toString();
    this.left = read('leave.html').toString();
    this.widget = read('widget.js');
    this.assets = new Map(Object.entries(this.manifest.assets).map(([name, type]) => [name, { type, body: read('assets/' + name) }]));
    this.texts = new Map(this.manifest.languages.map((l) => [l.id, JSON.parse(read(`texts/${l.id}.json`))]));
  }

  exit() {
    return this.o.exit || `${this.origin}/neutral`;
  }

  /** What does not depend on a session. */
  serve(rq, rs, path) {
    this.origin = `http://${rq.headers.host}`;
    const send = (type, body, cache) => {
      rs.writeHead(200, { 'content-type': type, 'cache-control': cache, 'x-content-type-options': 'nosniff' });
      rs.end(body);
      return true;
    };
    const asset = path.startsWith('/chat-assets/') && this.assets.get(path.slice(13));
    if (asset) return send(asset.type, asset.body, 'public, max-age=31536000, immutable');
    if (path === '/widget.js') return send('text/javascript; charset=utf-8', this.widget, 'public, max-age=3600');
    if (path === '/neutral') return send('text/html', '<!doctype html><title>Weather</title><p>Sunny', 'no-store');
    if (path === '/embed') return send('text/html; charset=utf-8', this.embed(), 'no-store');
    const texts = /\/texts\/(\w+)$/.exec(path);
    if (texts && this.texts.has(texts[1])) return send('application/json', this.json(texts[1]), 'no-store');
    return false;
  }

  embed() {
    const { operation, channel } = this.o;
    return `<!doctype html><html lang="en"><title>A help site</title><style>button{background:red!important}</style><h1>A help site</h1><p>Words.
<script src="/widget.js" data-operation="${operation}" data-channel="${channel}" data-lang="ar"></script>`;
  }

  /** What the office says while nobody is there. */
  closedNow(lang) {
    return (this.o.office && this.o.office[lang]) || '';
  }

  json(lang) {
    const t = this.texts.get(lang);
    return JSON.stringify({ lang: t.lang, dir: t.dir, texts: { ...t.texts, closed_now: this.closedNow(lang) } }).replace(/</g, '\\u003c');
  }

  language(rq, url) {
    const asked = url.searchParams.get('lang');
    if (asked && this.texts.has(asked)) return [asked, 'yes'];
    for (const part of (rq.headers['accept-language'] || '').split(',')) {
      const tag = part.split(';')[0].trim();
      const lang = /^fa-AF$/i.test(tag) ? 'prs' : tag.split('-')[0];
      if (this.texts.has(lang)) return [lang, 'guess'];
    }
    return ['en', 'no'];
  }

  page(rq, rs, url, { status, session, entries, notice, draft }) {
    const [lang, chosen] = this.language(rq, url);
    const t = this.texts.get(lang);
    const base = `/chat/${this.o.operation}/${this.o.channel}`;
    const values = {
      lang, chosen, session, base, dir: t.dir, socket: '/ws' + base, name: this.o.name, exit: this.exit(), privacy: this.o.privacy,
      emergency: this.o.emergency, ref: randomBytes(16).toString('hex'),
    };
    const blocks = {
      texts: () => this.json(lang),
      languages: () => this.manifest.languages.map((l) => `<li><a href="?lang=${l.id}" lang="${l.id}" dir="${l.dir}" hreflang="${l.id}"${l.id === lang ? ' aria-current="true"' : ''}>${escape(l.name)}</a></li>`).join(''),
      entries: () => entries.slice(-200).map((e, i, all) => this.entry(e, i === all.length - 1)).join(''),
      notice: () => (notice ? `<p class="notice" role="status">${escape(t.texts[notice])}</p>` : ''),
      draft: () => escape(draft),
    };
    const html = this.template.replace(/\{\{(t\.)?(\w+)\}\}|<!--parley:(\w+)-->/g, (all, text, name, block) => {
      const v = block ? blocks[block] && blocks[block]() : text ? (name === 'closed_now' ? this.closedNow(lang) : t.texts[name]) : values[name];
      if (v === undefined) throw new Error('the template names ' + all);
      return block ? v : escape(v);
    });
    const csp = this.manifest.csp
      .replace('{{socket_origins}}', `ws://${rq.headers.host} wss://${rq.headers.host}`)
      .replace('{{ancestors}}', (this.o.origins || []).join(' '));
    rs.writeHead(status, {
      'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'referrer-policy': 'same-origin', 'content-security-policy': csp,
      'permissions-policy': 'microphone=(self), camera=(), geolocation=()', 'x-content-type-options': 'nosniff',
    });
    rs.end(html);
  }

  leave(rs, cookie, values) {
    rs.writeHead(200, {
      'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'referrer-policy': 'same-origin', 'set-cookie': cookie,
      'content-security-policy': "default-src 'none'; img-src 'self'",
    });
    rs.end(this.left.replace(/\{\{(\w+)\}\}/g, (_, name) => escape(values[name])));
  }

  entry(e, last) {
    const text = e.text.replace(/[\u202a-\u202e\u2066-\u2069]/g, '');
    const files = (e.attachments || []).map((a) => `<a class="file" dir="auto" href="${escape(a.url)}">${escape(a.name)}</a>`).join('\n');
    const choices = ((last && e.choices) || [])
      .map((c, i) => `<button class="choice" form="write" name="choice" value="${escape(c.id)}" dir="auto"><span>${i + 1}</span> <b>${escape(c.title)}</b></button>`)
      .join('\n');
    const kind = e.kind === 'event' ? 'event' : e.direction;
    return `<li class="entry ${kind}" id="e-${escape(e.id)}">${text ? `<div class="bubble" dir="auto">${escape(text)}</div>` : ''}
${files}${choices}<time datetime="${e.time}">${e.time.slice(11, 16)}</time></li>`;
  }
}
