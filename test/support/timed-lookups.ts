/** A cache asked while what is under it fails: answers that tell whose they are, and how long each took. */
import { expect } from "vitest";
import type { TieredCache } from "../../src/cache/tiered-cache.ts";

const LLM_KEY = JSON.stringify({ _type: "openai", model_name: "m" });

export async function storeAnswer(cache: TieredCache, prompt: string): Promise<void> {
  await cache.update(prompt, LLM_KEY, [{ text: `answer to ${prompt}` }]);
}

/** Looks up, checks whose answer came, and gives the time it took, ms. */
export async function timedLookup(cache: TieredCache, prompt: string): Promise<{ readonly hit: boolean; readonly ms: number }> {
  const start = performance.now();
  const found = await cache.lookup(prompt, LLM_KEY);
  const ms = performance.now() - start;
  if (found !== null) expect(found[0]?.text).toBe(`answer to ${prompt}`);
  return { hit: found !== null, ms };
}

/** By nearest rank; `NaN` of nothing. */
export function quantile(values: readonly number[], q: number): number {
  return values.toSorted((one, other) => one - other)[Math.min(values.length - 1, Math.floor(q * values.length))] ?? Number.NaN;
}
