/**
 * Streams of questions with the class of their answer: a hit is right when the stored answer is of the class of the request. Read
 * from `$STRATA_BENCH_DATA/semantic`; each distinct prompt arrives once, so the exact cache before the semantic one contributes nothing.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Stream {
  readonly name: string;
  readonly prompts: readonly string[];
  /** Class of the answer, by prompt. */
  readonly classes: Int32Array;
}

interface Row {
  readonly prompt: string;
  readonly class: string;
}

interface Pair {
  readonly a: string;
  readonly b: string;
  readonly label: number;
}

const FILES = ["clinc150_stream", "pararel_stream", "qqp_dense_a", "ha_intents_pt", "ha_intents_es", "excite_queries"] as const;

/** The streams there are; `undefined` when the folder is not set or holds none. `most` bounds the prompts of each. */
export function readStreams(data: string | undefined, most: number): Stream[] | undefined {
  if (data === undefined) return undefined;
  const folder = join(data, "semantic");
  const streams: Stream[] = [];
  for (const name of FILES) {
    const file = join(folder, `${name}.jsonl`);
    if (existsSync(file)) streams.push(fromRows(name, rows<Row>(file), most));
  }
  const pairs = join(folder, "assin2_pairs.jsonl");
  if (existsSync(pairs)) streams.push(fromPairs("assin2", rows<Pair>(pairs), most));
  return streams.length === 0 ? undefined : streams;
}

function rows<T>(file: string): T[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}

function fromRows(name: string, all: readonly Row[], most: number): Stream {
  const distinct = new Map<string, string>();
  for (const row of all) if (!distinct.has(row.prompt)) distinct.set(row.prompt, row.class);
  // A part of a stream is spread over all of it: the sets are sorted by class or split.
  const kept = spread([...distinct], most);
  const numbers = new Map<string, number>();
  const classes = Int32Array.from(kept, ([, name]) => {
    const known = numbers.get(name) ?? numbers.size;
    numbers.set(name, known);
    return known;
  });
  return { name, prompts: kept.map(([prompt]) => prompt), classes };
}

function spread<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  return Array.from({ length: most }, (_, index) => items[Math.floor((index * items.length) / most)]!);
}

/** Sentences of pairs; paraphrases are one class, and all that they are paraphrases of. */
function fromPairs(name: string, pairs: readonly Pair[], most: number): Stream {
  const parent = new Map<string, string>();
  const find = (text: string): string => {
    let root = text;
    while (parent.get(root) !== root) root = parent.get(root)!;
    return root;
  };
  for (const { a, b, label } of pairs.slice(0, most)) {
    for (const text of [a, b]) if (!parent.has(text)) parent.set(text, text);
    if (label === 1) parent.set(find(a), find(b));
  }
  return fromRows(
    name,
    [...parent.keys()].map((prompt) => ({ prompt, class: find(prompt) })),
    most,
  );
}
