// Pure: a container of the FLOIP flow specification as what people will be asked: block by block, in the order in which it goes.
export interface Way {
  /** The answer or the condition; '' is everything else. */
  when: string;
  /** Where it goes: the block's id, or '' when the flow ends there. */
  to: string;
}

export type BlockKind = 'ask_one' | 'ask_number' | 'ask_text' | 'say' | 'language' | 'hand_over' | 'alarm' | 'article' | 'case' | 'keep' | 'flow' | 'other';

export interface Block {
  id: string;
  flow: string;
  name: string;
  kind: BlockKind;
  type: string;
  /** What is said, in the language asked for. */
  text: string;
  choices: { name: string; title: string; to: string }[];
  ways: Way[];
  topic: string;
  clearance: number;
  priority: number;
  /** Nothing leads there. */
  lost: boolean;
  /** Where it stands in the container. */
  at: string;
}

export interface Outline {
  blocks: Block[];
  languages: { id: string; label: string }[];
  names: Record<string, string>;
}

type Bag = Record<string, unknown>;
const bag = (value: unknown): Bag => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Bag) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const str = (value: unknown): string => (typeof value === 'string' ? value : '');
const num = (value: unknown): number => (typeof value === 'number' ? value : 0);

const KINDS: Record<string, BlockKind> = {
  'MobilePrimitives.SelectOneResponse': 'ask_one',
  'MobilePrimitives.NumericResponse': 'ask_number',
  'MobilePrimitives.OpenResponse': 'ask_text',
  'MobilePrimitives.Message': 'say',
  'Parley.Language': 'language',
  'Parley.HandOver': 'hand_over',
  'Parley.Alarm': 'alarm',
  'Parley.Article': 'article',
  'Core.Case': 'case',
  'Core.Output': 'keep',
  'Core.SetContactProperty': 'keep',
  'Core.RunFlow': 'flow',
};

/** A prompt is a resource's uuid, or the text itself. */
function wording(container: Bag, prompt: unknown, languages: readonly string[]): string {
  const wanted = str(prompt);
  const found = list(container.resources).map(bag).find((each) => each.uuid === wanted);
  if (!found) return wanted;
  const texts = list(found.values).map(bag).filter((each) => str(each.content_type) === 'TEXT' || !each.content_type);
  for (const tag of languages) {
    const text = texts.find((each) => each.language_id === tag);
    if (text) return str(text.value);
  }
  return str(texts[0]?.value);
}

/** "block.value = 'cash'" is an answer called cash; any other test is shown as it is. */
function testOf(exit: Bag): string {
  if (exit.default === true) return '';
  const test = str(exit.test);
  return /^block\.value = '([^']*)'$/u.exec(test)?.[1] ?? test;
}

function blockOf(container: Bag, flow: Bag, raw: Bag, at: string, languages: readonly string[]): Block {
  const config = bag(raw.config);
  const kind = KINDS[str(raw.type)] ?? 'other';
  const exits = list(raw.exits).map(bag).map((exit) => ({ when: testOf(exit), to: str(exit.destination_block) }));
  const otherwise = exits.find((each) => !each.when)?.to ?? '';
  const choices = list(config.choices).map(bag).map((each) => {
    const name = str(each.name);
    return { name, title: wording(container, each.prompt, languages) || name, to: exits.find((exit) => exit.when === name)?.to ?? otherwise };
  });
  return {
    id: str(raw.uuid),
    flow: str(flow.uuid),
    name: str(raw.label) || str(raw.name),
    kind,
    type: str(raw.type),
    text: wording(container, config.prompt ?? config.message, languages),
    choices,
    ways: exits.filter((each) => !choices.some((choice) => choice.name === each.when)),
    topic: str(config.topic) || str(config.article) || str(config.tag),
    clearance: num(config.clearance),
    priority: num(config.priority),
    lost: false,
    at,
  };
}

/** Every block once, as the flow comes to it; what nothing leads to stands at the end. */
function walk(blocks: readonly Block[], first: string): Block[] {
  const seen = new Set<string>();
  const order: Block[] = [];
  const queue = [first];
  while (queue.length) {
    const one = blocks.find((each) => each.id === queue[0]);
    queue.shift();
    if (!one || seen.has(one.id)) continue;
    seen.add(one.id);
    order.push(one);
    queue.push(...one.choices.map((each) => each.to), ...one.ways.map((each) => each.to));
  }
  return [...order, ...blocks.filter((each) => !seen.has(each.id)).map((each) => ({ ...each, lost: true }))];
}

export function outline(value: unknown, languages: readonly string[]): Outline {
  const container = bag(value);
  const flows = list(container.flows).map(bag);
  const blocks = flows.flatMap((flow, f) => {
    const own = list(flow.blocks).map((raw, n) => blockOf(container, flow, bag(raw), `/flows/${f}/blocks/${n}`, languages));
    return walk(own, str(flow.first_block_id));
  });
  const tongues = list(flows[0]?.languages).map(bag).map((each) => ({ id: str(each.id), label: str(each.label) || str(each.id) }));
  return { blocks, languages: tongues, names: Object.fromEntries(blocks.map((each) => [each.id, each.name])) };
}

/** The block that a problem is in. */
export function blockAt(blocks: readonly Block[], pointer: string): Block | undefined {
  return blocks.find((each) => pointer === each.at || pointer.startsWith(`${each.at}/`));
}

export function countBlocks(value: unknown): number {
  return list(bag(value).flows).reduce<number>((n, flow) => n + list(bag(flow).blocks).length, 0);
}
