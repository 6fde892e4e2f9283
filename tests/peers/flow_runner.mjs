// SPDX-License-Identifier: Apache-2.0
// Runs flows with the peer: [{"container","mode","language","inputs"}…] on stdin, what it says at each input on stdout. The peer is of an earlier
// version of the specification: choices are an object there, exits have tag and label, and a flow has its first block in front.
import { FlowRunner, createContextDataObjectFor, SupportedMode, ResourceResolver, Contact } from '@floip/flow-runner';

const cases = JSON.parse(await new Promise((done) => { let s = ''; process.stdin.on('data', (d) => (s += d)).on('end', () => done(s)); }));

function older(container) {
  const c = JSON.parse(JSON.stringify(container));
  for (const flow of c.flows) {
    flow.blocks.sort((a, b) => (b.uuid === flow.first_block_id) - (a.uuid === flow.first_block_id));
    for (const block of flow.blocks) {
      block.label = block.label ?? block.name;
      block.config = block.config ?? {};
      if (Array.isArray(block.config.choices)) block.config.choices = Object.fromEntries(block.config.choices.map((x) => [x.name, x.prompt]));
      for (const e of block.exits) Object.assign(e, { tag: e.name ?? 'x', label: e.name ?? 'x', config: {} });
    }
  }
  return c;
}

console.info = () => {};

async function walk(input) {
  const c = older(input.container);
  const contact = new Contact();
  contact.id = 'x';
  const context = await createContextDataObjectFor(contact, [], 'user', 'org', c.flows, input.language, SupportedMode[input.mode] ?? input.mode, c.resources);
  const runner = new FlowRunner(context);
  const text = (id) => new ResourceResolver(context).resolve(id).getText();

  // What it has said since the last time: a prompt for each interaction that has one, in order.
  let told = 0;
  function said() {
    const parts = [];
    for (; told < context.interactions.length; told++) {
      const it = context.interactions[told];
      const block = c.flows.flatMap((f) => f.blocks).find((b) => b.uuid === it.block_id);
      if (!block.config.prompt) continue;
      const choices = block.config.choices ? Object.entries(block.config.choices).map(([id, r]) => ({ id, title: text(r) })) : undefined;
      parts.push({ text: text(block.config.prompt), ...(choices ? { choices } : {}) });
    }
    return parts;
  }

  // A message of the peer asks to be acknowledged; here it is said and passed.
  async function run() {
    let cursor = await runner.run();
    const parts = said();
    while (cursor && cursor.prompt && cursor.prompt.config.kind === 'Message') {
      cursor.prompt.value = null;
      cursor = await runner.run();
      parts.push(...said());
    }
    return [cursor, parts];
  }

  const out = [];
  let [cursor, parts] = await run();
  out.push({ say: parts, ended: !cursor });
  for (const value of input.inputs) {
    if (!cursor) break;
    cursor.prompt.value = cursor.prompt.config.kind === 'Numeric' ? Number(value) : value;
    [cursor, parts] = await run();
    out.push({ say: parts, ended: !cursor });
  }
  return out;
}

const out = [];
for (const one of cases) out.push(await walk(one));
process.stdout.write(JSON.stringify(out));
