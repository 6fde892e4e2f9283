// SPDX-License-Identifier: Apache-2.0
// Flows of the mock: checked by the types of their blocks, tried by walking from block to block as the bot does.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const FLOW = JSON.parse(readFileSync(fileURLToPath(new URL('../../../config/flows/demo.json', import.meta.url)), 'utf8'));
const LANGUAGES = [{ id: 'en', title: 'English' }, { id: 'ar', title: 'العربية' }, { id: 'tr', title: 'Türkçe' }];
const TAKEN = { en: 'A person will answer you here.', ar: 'سيجيبك شخص هنا.', tr: 'Burada size bir görevli yanıt verecek.' };

function check(flow) {
  if (!flow.flows) return [{ at: '', text: '"flows" is missing' }];
  return flow.flows.flatMap((one, f) => one.blocks.flatMap((block, n) => (/^(Core|MobilePrimitives|Parley)\./u.test(block.type) ? [] : [{ at: `/flows/${f}/blocks/${n}/type`, text: `"${block.type}" is no block that is known here` }])));
}

function say(container, prompt, tag) {
  const found = container.resources.find((each) => each.uuid === prompt);
  return found ? (found.values.find((each) => each.language_id === tag) ?? found.values[0]).value : prompt;
}

function step({ flow, run, choice, text, language = 'en' }) {
  const blocks = flow.flows[0].blocks;
  let tag = run?.language ?? language;
  let at = blocks.find((each) => each.uuid === (run?.at ?? flow.flows[0].first_block_id));
  const more = {};
  if (run && text === '0') return { say: [{ text: TAKEN[tag] }], run: { at: '', language: tag }, hand_over: { why: 'asked' } };
  if (run) {
    if (at.type === 'Parley.Language') more.language = tag = choice ?? 'en';
    const exit = at.exits.find((each) => each.test === `block.value = '${choice}'`) ?? at.exits.find((each) => each.default);
    at = blocks.find((each) => each.uuid === exit?.destination_block);
  }
  const next = { at: at?.uuid ?? '', language: tag };
  if (at?.type === 'Parley.Language') return { say: [{ text: say(flow, at.config.prompt, tag), choices: LANGUAGES }], run: next };
  if (at?.config.choices) return { ...more, say: [{ text: say(flow, at.config.prompt, tag), choices: at.config.choices.map((each) => ({ id: each.name, title: say(flow, each.prompt, tag) })) }], run: next };
  const alarm = at?.type === 'Parley.Alarm';
  const { topic, clearance, priority } = at?.config ?? {};
  return { say: [{ text: at?.config.prompt ? say(flow, at.config.prompt, tag) : (TAKEN[tag] ?? TAKEN.en) }], run: next, ...(alarm ? { alarm } : {}), hand_over: { why: alarm ? 'alarm' : at ? 'flow' : 'end', ...(topic ? { topic } : {}), ...(clearance ? { clearance } : {}), ...(alarm ? { priority: 3 } : priority ? { priority } : {}) } };
}

export function flowsCall(what, asked) {
  if (what === 'check') return { ok: !check(asked.flow).length, problems: check(asked.flow) };
  return step(asked);
}

/** What the server would say is wrong with the rota. */
export function rotaProblems(alerts) {
  return (alerts?.duty ?? []).flatMap((one, n) => (one.ways ?? []).flatMap((way, k) => (way.address.includes(':') ? [] : [{ at: `/alerts/duty/${n}/ways/${k}/address`, text: 'address: one such as "tel:+905551234567" is wanted' }])));
}
