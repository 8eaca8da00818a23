import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import { parseTiers } from "../cache/cache-options.ts";
import type { CacheTier } from "../cache/tier.ts";
import type { Clock } from "../core/clock.ts";
import type { EncryptionOptions } from "../encryption/key-ring.ts";
import { StrataConfigError } from "../core/errors.ts";
import type { Observer } from "../core/events.ts";
import { parseCount, parseNumber, refuseUnknown, type Duration } from "../core/options.ts";
import type { Scope } from "../core/scope.ts";

export interface CachedEmbeddingsOptions {
  /** What makes the vectors: any LangChain embeddings. */
  readonly embeddings: EmbeddingsInterface;
  /** Names what makes them, version included; part of every key. LangChain's interface does not tell it. */
  readonly model: string;
  /** Numbers a vector; part of every key when given. Default: learnt from the first vector. */
  readonly dimensions?: number | undefined;
  /** Read in this order; default `[memoryTier(), diskTier({ path: ".strata/embeddings" })]`. Closed by `close()`. */
  readonly tiers?: readonly CacheTier[] | undefined;
  /** Encrypts vectors in every tier but memory: a vector tells much of its text. Default: they are not. */
  readonly encryption?: EncryptionOptions | undefined;
  /** How long a vector lives after it was last used; default: for ever. */
  readonly ttl?: Duration | undefined;
  /** Whose vectors these are; default `"global"`. What was stored for one scope is not found from another. */
  readonly scope?: Scope | "global" | undefined;
  /** Lets a text take the vector of one that is nearly equal; default: off. `true` = 0.95 and 5,000. */
  readonly nearDuplicate?: boolean | NearDuplicateOptions | undefined;
  /** Each call to the provider, tries apart, ends after this; default 60 s. */
  readonly deadline?: Duration | undefined;
  /** Further tries of a call that failed, 0.5 to 8 s apart; default 2. A refusal (HTTP 4xx but 408, 409, 429) is not tried again. */
  readonly retries?: number | undefined;
  /** Sees every event. */
  readonly observer?: Observer | undefined;
  /** For tests; default the machine's. */
  readonly clock?: Clock | undefined;
  /** From 0 to 1; for tests; default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

export interface NearDuplicateOptions {
  /** Jaccard similarity of the three-letter pieces from which a text is nearly equal, 0.8 to 1; default 0.95. */
  readonly similarity?: number | undefined;
  /** Texts that are remembered, in this process and in clear; default 5,000. */
  readonly maxEntries?: number | undefined;
}

const OPTIONS: readonly string[] = [
  ...["embeddings", "model", "dimensions", "tiers", "ttl", "scope", "nearDuplicate", "deadline", "retries", "observer"],
  ...["encryption", "clock", "random"],
];

/** Checks what no parser of its own looks at. @throws {@link StrataConfigError} */
export function checkOptions(options: CachedEmbeddingsOptions): void {
  if (typeof options !== "object" || options === null) throw new StrataConfigError("options", options, "{ embeddings, model }");
  refuseUnknown("CachedEmbeddings", options, OPTIONS);
  const { embeddings, model, dimensions, tiers } = options;
  const provider = (embeddings ?? {}) as Partial<EmbeddingsInterface>;
  if (typeof provider.embedDocuments !== "function" || typeof provider.embedQuery !== "function") {
    throw new StrataConfigError("embeddings", embeddings, "LangChain embeddings, such as new OpenAIEmbeddings()");
  }
  if (typeof model !== "string" || model === "") throw new StrataConfigError("model", model, "a text that is not empty");
  if (dimensions !== undefined) parseCount("dimensions", dimensions);
  if (tiers !== undefined) parseTiers(tiers);
}

/** @returns `undefined` = off */
export function parseNearDuplicate(
  option: CachedEmbeddingsOptions["nearDuplicate"],
): { readonly similarity: number; readonly maxEntries: number } | undefined {
  if (option === undefined || option === false) return undefined;
  const given = option === true ? {} : option;
  if (typeof given !== "object" || given === null) {
    throw new StrataConfigError("nearDuplicate", option, "true, false, { similarity, maxEntries }");
  }
  refuseUnknown("nearDuplicate", given, ["similarity", "maxEntries"]);
  return {
    similarity: parseNumber("nearDuplicate.similarity", given.similarity ?? 0.95, 0.8, 1),
    maxEntries: parseCount("nearDuplicate.maxEntries", given.maxEntries ?? 5_000),
  };
}
