/**
 * An existing LangChain cache as a tier, for the time of a migration: what it holds is found, and moves into the tiers above at
 * the first hit. It is only read, so that one can go back.
 *
 * Such a cache is asked with the prompt and LangChain's model key in clear, as it always was; and it knows no scopes, so it is
 * asked for the global scope alone.
 */
import type { BaseCache } from "@langchain/core/caches";
import { StrataConfigError } from "../../core/errors.ts";
import { seal } from "../../core/envelope.ts";
import type { Digest } from "../../core/key.ts";
import { GLOBAL_SCOPE } from "../../core/scope.ts";
import { encodeAnswer } from "../response-codec.ts";
import type { CacheTier, Question, TierEntry } from "../tier.ts";

/** @throws {@link StrataConfigError} for what is no LangChain cache */
export function baseCacheTier(existing: BaseCache): CacheTier {
  if (typeof (existing as Partial<BaseCache> | undefined)?.lookup !== "function") {
    throw new StrataConfigError("baseCacheTier", existing, "a LangChain cache, such as a RedisCache");
  }

  async function find(key: Digest, { prompt, llmKey, scope }: Question): Promise<TierEntry | undefined> {
    const generations = scope === GLOBAL_SCOPE ? await existing.lookup(prompt, llmKey) : null;
    if (generations === null) return undefined;
    const payload = Buffer.from(JSON.stringify(encodeAnswer(generations)));
    const rawLength = payload.byteLength;
    const value = seal({ key, scope, payload, rawLength, codec: 0, createdAt: 0, expiresAt: undefined, cost: 0, tags: [] });
    return { key, value, scope };
  }

  return {
    name: "base-cache",
    writes: "on-demotion",
    needsQuestion: true,
    get: (keys, options) => {
      const question = options?.question;
      if (question === undefined) return keys.map(() => undefined);
      return Promise.all(keys.map((key) => find(key, question)));
    },
    // Nothing is written to it, and nothing removed: LangChain's caches have no way to.
    set: () => undefined,
    delete: () => 0,
    clear: () => 0,
    async *entries() {},
    stats: () => ({ entries: undefined, bytes: undefined, evicted: 0 }),
    close: () => undefined,
  };
}
