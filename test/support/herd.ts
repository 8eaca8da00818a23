import type { Generation } from "@langchain/core/outputs";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import { cacheBed, type CacheBed, type CacheBedOptions } from "./cache-bed.ts";
import { llmKey, textOf } from "./model-answers.ts";

const KEY = llmKey();

/** Many callers of one cache, who wait for each other. */
export interface Herd extends CacheBed {
  /** Looks up; the answer's text comes when it does. */
  readonly ask: (prompt?: string) => { answer: string | null | undefined; generations?: Generation[] | null };
  /** Callers who were answered, `null` for those who must ask the model. */
  readonly answered: (string | null)[];
}

/** A herd over memory, unless told otherwise. */
export function herd(options: Partial<CacheBedOptions> = {}): Herd {
  const bed = cacheBed({ tiers: [memoryTier()], coalesce: true, ...options });
  const answered: (string | null)[] = [];
  return {
    ...bed,
    answered,
    ask(prompt = "prompt") {
      const state: { answer: string | null | undefined; generations?: Generation[] | null } = { answer: undefined };
      void bed.cache.lookup(prompt, KEY).then((generations) => {
        Object.assign(state, { answer: textOf(generations) ?? null, generations });
        answered.push(state.answer as string | null);
      });
      return state;
    },
  };
}
