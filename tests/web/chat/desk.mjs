// SPDX-License-Identifier: Apache-2.0
// The agent's side of a test: finds the conversation in which a text was written, answers, reads. Once on the mock's
// memory, once by the daemon's REST API.

export class MockDesk {
  constructor(mock) {
    this.mock = mock;
  }

  async find(text) {
    return this.mock.stored.concat(this.mock.forgotten || []).find((s) => s.entries.some((e) => e.text === text));
  }

  /** Texts of the person, in the order of the store. */
  async received(s) {
    return s.entries.filter((e) => e.direction === 'in').map((e) => e.text);
  }

  async reply(s, text, more) {
    return this.mock.reply(s, text, more);
  }

  async read(s) {
    this.mock.read(s);
  }
}

export class RestDesk {
  constructor(url, token) {
    const u = new URL(url);
    this.api = `${u.origin}/api/v1/ops/${u.pathname.split('/')[2]}/`;
    this.token = token;
  }

  async call(path, body) {
    const r = await fetch(this.api + path, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${this.token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    if (!r.ok) throw new Error(`${path}: ${r.status} ${await r.text()}`);
    return r.json();
  }

  async entries(id) {
    return (await this.call(`threads/${id}/entries?limit=200`)).items;
  }

  async find(text) {
    for (const t of (await this.call('threads?limit=50')).items) {
      if ((await this.entries(t.id)).some((e) => e.text === text)) return t.id;
    }
    return undefined;
  }

  async received(id) {
    return (await this.entries(id)).filter((e) => e.direction === 'in' && e.kind === 'message').map((e) => e.text);
  }

  async reply(id, text, more = {}) {
    return this.call(`threads/${id}/entries`, { kind: 'message', text, ...(more.choices ? { choices: more.choices } : {}) });
  }
}
