/**
 * How much less is returned, and found, where the router drops what is not worth its tokens: with the constants that are shipped, and
 * with those that the other conversations choose. A setting is chosen as the one that returns least among those that lose at most
 * `MOST_LOST` of recall, over all sets together.
 */
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import { SHIPPED_WORTH, worthTheirTokens, type Worth } from "../../../src/memory/turns/worth-its-tokens.ts";
import type { FoundTurn } from "../../../src/memory/strategy.ts";
import type { BenchConversation } from "./conversations.ts";
import { mean, recallAt } from "./metrics.ts";
import { foundBy } from "./recall-runs.ts";

const MOST_LOST = 0.02;
const GRID: readonly Worth[] = [1, 1.5, 2, 3, 4].flatMap((temperature) =>
  [0.5, 0.75, 1].flatMap((damping) =>
    [0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5].map((leastYield) => ({ temperature, damping, leastYield })),
  ),
);

interface Asked {
  readonly set: string;
  readonly lists: readonly { readonly found: readonly FoundTurn[]; readonly relevant: ReadonlySet<string> }[];
}

interface Outcome {
  readonly set: string;
  readonly recall: number;
  readonly tokens: number;
}

function outcomes({ set, lists }: Asked, worth: Worth | undefined): Outcome[] {
  return lists.map(({ found, relevant }) => {
    const kept = worth === undefined ? found : worthTheirTokens(found, worth);
    const ids = kept.map(({ turn }) => turn.id);
    return {
      set,
      recall: recallAt(ids, relevant).recall,
      tokens: kept.reduce((sum, { turn }) => sum + Math.ceil(turn.text.length / 4), 0),
    };
  });
}

function row(name: string, list: readonly Outcome[], whole: readonly Outcome[], settings: string): void {
  for (const set of [...new Set(whole.map((one) => one.set)), "all"]) {
    const of = (from: readonly Outcome[], pick: (one: Outcome) => number): number =>
      mean(from.filter((one) => set === "all" || one.set === set).map(pick));
    const [recall, full] = [of(list, (one) => one.recall), of(whole, (one) => one.recall)];
    const fewer = 100 - (100 * of(list, (one) => one.tokens)) / of(whole, (one) => one.tokens);
    console.log(
      `| ${name} | ${set} | ${full.toFixed(3)} | ${recall.toFixed(3)} | ${fewer.toFixed(1)} % | ${set === "all" ? settings : ""} |`,
    );
  }
}

const named = ({ temperature, damping, leastYield }: Worth): string => `${temperature}/${damping}/${leastYield}`;

/** Prints, for words alone and with the embeddings, what is shipped and what leaving one conversation out chooses. */
export async function trimming(
  sets: Readonly<Record<string, readonly BenchConversation[]>>,
  embeddings: EmbeddingsInterface,
): Promise<void> {
  console.log(
    "| what is worth its tokens | set | R@10 of all | R@10 | tokens fewer | settings |\n| --- | --- | --- | --- | --- | --- |",
  );
  for (const [label, model] of [
    ["words alone", undefined],
    ["words and a model", embeddings],
  ] as const) {
    const asked: Asked[] = [];
    for (const [set, conversations] of Object.entries(sets)) {
      for (const one of conversations) asked.push({ set, lists: await foundBy(one, model) });
    }
    const whole = asked.map((one) => outcomes(one, undefined));
    const results = GRID.map((worth) => asked.map((one) => outcomes(one, worth)));
    const chosen = asked.map((_, left) => choose(results, whole, left));
    row(
      `${label}, as shipped`,
      asked.flatMap((one) => outcomes(one, SHIPPED_WORTH)),
      whole.flat(),
      named(SHIPPED_WORTH),
    );
    const counts = new Map<string, number>();
    for (const setting of chosen) {
      const name = named(GRID[setting] as Worth);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    const left = chosen.flatMap((setting, at) => results[setting]?.[at] ?? []);
    row(`${label}, one left out`, left, whole.flat(), [...counts].map(([name, times]) => `${name} (${times}x)`).join(", "));
  }
}

/** The place in the grid of the setting that returns least on all conversations but one, and loses little enough there. */
function choose(
  results: readonly (readonly (readonly Outcome[])[])[],
  whole: readonly (readonly Outcome[])[],
  left: number,
): number {
  const others = (list: readonly (readonly Outcome[])[]): Outcome[] => list.filter((_, at) => at !== left).flat();
  const full = mean(others(whole).map(({ recall }) => recall));
  let best = -1;
  let fewest = Infinity;
  for (const [at, list] of results.entries()) {
    const own = others(list);
    const tokens = mean(own.map((one) => one.tokens));
    if (full - mean(own.map(({ recall }) => recall)) > MOST_LOST || tokens >= fewest) continue;
    best = at;
    fewest = tokens;
  }
  return best;
}
