// SPDX-License-Identifier: Apache-2.0
// The commands of the agents' socket, as the mock server answers them.

const fail = (socket, frame, code, detail = '') => socket.tell({ type: 'error', ref: frame.ref, code, detail });

function send(store, socket, frame, thread) {
  const known = store.refs.get(frame.ref);
  if (known) return socket.tell({ type: 'ok', ref: frame.ref, entry: known });
  if (store.refuse) {
    const code = store.refuse;
    if (code === 'failed') store.refuse = null;
    else return fail(socket, frame, code);
    const entry = write(store, frame, thread);
    store.deliver(thread, entry, ['failed']);
    return socket.tell({ type: 'ok', ref: frame.ref, entry });
  }
  const entry = write(store, frame, thread);
  if (frame.type === 'send') store.deliver(thread, entry);
  // Cut off between storing and answering: the client must not make a second one of it.
  if (store.cutAnswers > 0) {
    store.cutAnswers -= 1;
    return socket.terminate();
  }
  return socket.tell({ type: 'ok', ref: frame.ref, entry });
}

function write(store, frame, thread) {
  const attachments = (frame.attachments ?? []).map((id) => {
    const file = store.files.get(id);
    return { id, type: file.type, name: file.name, size: file.body.length, url: `/api/v1/ops/demo/attachments/${id}`, state: 'stored' };
  });
  const entry = store.say(thread, { kind: frame.type === 'note' ? 'note' : 'message', direction: 'out', text: frame.text ?? '', channel: frame.channel ?? thread.channel, attachments, choices: frame.choices, ref: frame.ref }, true);
  store.refs.set(frame.ref, entry);
  return entry;
}

function change(store, socket, frame, thread, fields, what, more) {
  Object.assign(thread, fields);
  store.happened(thread, what, more);
  store.emit({ type: what === 'assigned' || what === 'accepted' ? 'thread.assigned' : 'thread.changed', thread });
  socket.tell({ type: 'ok', ref: frame.ref, thread });
}

const table = {
  send,
  note: send,
  accept(store, socket, frame, thread) {
    if (!store.offers.has(thread.id)) return fail(socket, frame, 'gone', 'the offer has expired');
    clearTimeout(store.offers.get(thread.id));
    store.offers.delete(thread.id);
    return change(store, socket, frame, thread, { state: 'assigned', assignee: store.me, offer_expires: null }, 'accepted');
  },
  decline(store, socket, frame, thread) {
    if (!store.endOffer(thread, 'withdrawn')) return fail(socket, frame, 'gone');
    store.happened(thread, 'declined');
    return socket.tell({ type: 'ok', ref: frame.ref, thread });
  },
  assign(store, socket, frame, thread) {
    const agent = frame.agent === 'me' ? store.me : frame.agent;
    return change(store, socket, frame, thread, { state: 'assigned', assignee: agent }, 'assigned', { detail: agent });
  },
  transfer(store, socket, frame, thread) {
    if (frame.note) store.say(thread, { kind: 'note', direction: 'out', text: frame.note }, true);
    const fields = { state: frame.agent ? 'assigned' : 'waiting', assignee: frame.agent ?? null, waiting_since: new Date().toISOString() };
    if (frame.topic) fields.topic = frame.topic;
    if (frame.language) fields.language = { tag: frame.language, how: 'set' };
    return change(store, socket, frame, thread, fields, 'transferred', frame.agent ? { detail: frame.agent } : {});
  },
  resolve: (store, socket, frame, thread) => change(store, socket, frame, thread, { state: 'resolved', outcome: frame.outcome, waiting_since: null }, 'resolved', { detail: frame.outcome }),
  reopen: (store, socket, frame, thread) => change(store, socket, frame, thread, { state: 'assigned', assignee: store.me }, 'reopened'),
  snooze: (store, socket, frame, thread) => change(store, socket, frame, thread, { state: 'snoozed', snoozed_until: frame.until }, 'snoozed', { detail: frame.until }),
  tag(store, socket, frame, thread) {
    if ((frame.add ?? []).some((tag) => !/^[a-z0-9][a-z0-9._-]*$/iu.test(tag))) return fail(socket, frame, 'invalid');
    thread.tags = [...new Set([...thread.tags, ...(frame.add ?? [])])].filter((tag) => !(frame.remove ?? []).includes(tag));
    store.emit({ type: 'thread.changed', thread });
    return socket.tell({ type: 'ok', ref: frame.ref, thread });
  },
  retry(store, socket, frame, thread) {
    const entry = store.logs.get(thread.id)[frame.seq - 1];
    Object.assign(entry, { attempt: entry.attempt + 1, status: 'stored', error: null });
    if (thread.last?.seq === entry.seq) thread.last = { ...thread.last, status: 'stored' };
    store.emit({ type: 'entry.status', thread: thread.id, entry: entry.id, seq: entry.seq, status: 'stored', attempt: entry.attempt });
    store.deliver(thread, entry);
    socket.tell({ type: 'ok', ref: frame.ref, thread });
  },
  read(store, socket, frame, thread) {
    thread.readSeq = frame.seq;
    thread.unread = 0;
  },
  typing(store, socket, frame) {
    store.typed = frame;
  },
};

export function commands(store, socket, frame) {
  if (frame.type === 'presence') {
    const agent = store.agents.get(store.me);
    agent.presence = frame.presence;
    store.emit({ type: 'presence', agent });
    return socket.tell({ type: 'ok', ref: frame.ref, agent });
  }
  const thread = store.threads.get(frame.thread);
  if (!thread) return fail(socket, frame, 'not_found');
  if (!table[frame.type]) return fail(socket, frame, 'unsupported');
  return table[frame.type](store, socket, frame, thread);
}
