import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import type { BaseDocumentCompressor } from "@langchain/core/retrievers/document_compressors";
import { systemClock, type Clock } from "../core/clock.ts";
import { StrataConfigError } from "../core/errors.ts";
import type { Observer } from "../core/events.ts";
import {
  parseByteSize,
  parseChoice,
  parseCount,
  parseDuration,
  parseNumber,
  refuseUnknown,
  type ByteSize,
  type Duration,
  requireMethods,
} from "../core/options.ts";
import type { SqlClient } from "../clients/sql.ts";
import { isTimeZone } from "./time/zoned-calendar.ts";
import type { VectorIndex } from "../vectors/vector-index.ts";
import type { QueryRouter } from "./routers/linear-router.ts";
import type { CustomStrategy } from "./custom-strategy.ts";
import { STRATEGIES, type Strategy } from "./strategy.ts";
import type { TurnSource } from "./turns/turn-source.ts";

export interface QueryCacheOptions {
  /** Owners and settings kept; default 2,000. */
  readonly maxEntries?: number | undefined;
  /** Default `"5m"`. A new message hides older results at once, whatever this is. */
  readonly ttl?: Duration | undefined;
}

export interface AdaptiveMemoryRetrieverOptions {
  /** The history. */
  readonly store: TurnSource;
  /** Compares meanings; default those of the store. Without any, words alone rank. */
  readonly embeddings?: EmbeddingsInterface | undefined;
  /**
   * Tells vectors of different models apart where they are kept in an index. Default: the class of the embeddings with the name of
   * the model and the dimensions that they show. Embeddings that show no model need it with an `index`, and for owners with more than
   * `maxTurns` messages, who are else found by words alone.
   */
  readonly embeddingModel?: string | undefined;
  /** Where vectors are kept, in order: the next is asked when one fails. Default: in the process, compared exactly. */
  readonly index?: VectorIndex | readonly VectorIndex[] | undefined;
  /** Default `"auto"`. */
  readonly strategy?: "auto" | Strategy | undefined;
  /** Strategies of your own in place of built-in ones, by name; see `describeStrategy`. */
  readonly strategies?: Readonly<Partial<Record<Strategy, CustomStrategy | undefined>>> | undefined;
  /** Messages at most; default 10. */
  readonly k?: number | undefined;
  /** How far `recent_history` looks back; default `"7d"`. */
  readonly lookback?: Duration | undefined;
  /** Of the text of all documents; a token is taken as four characters. Default none. */
  readonly tokenBudget?: number | undefined;
  /** Whose memory, for a retriever that serves one owner; `""` is the history's owner without a name. */
  readonly ownerId?: string | undefined;
  readonly sessionId?: string | undefined;
  /** Orders what was found anew, such as a `RerankCompressor`. What it throws leaves the order as it was. */
  readonly rerank?: BaseDocumentCompressor | undefined;
  /** Candidates given to `rerank`; default 50. */
  readonly candidates?: number | undefined;
  /** In place of the trained router: the probability of each strategy for a query. */
  readonly router?: QueryRouter | undefined;
  /** Share of undecided choices that try another strategy, so that outcomes can be compared; default 0.02. */
  readonly exploration?: number | undefined;
  /** Default on. */
  readonly queryCache?: boolean | QueryCacheOptions | undefined;
  /** The pause that ends a sitting ("two sessions ago"); default `"6h"`. */
  readonly sittingGap?: Duration | undefined;
  /** IANA name; whose midnight "yesterday" begins at. Default `"UTC"`. */
  readonly timeZone?: string | undefined;
  /** Of embedding a query and searching the indexes, together, and of reranking; default `"2s"`. Past it words alone rank. */
  readonly deadline?: Duration | undefined;
  /** Memory for owners' indexes; default `"256mb"`. */
  readonly maxBytes?: ByteSize | undefined;
  /** An owner with more messages is searched in the database; default 20,000. */
  readonly maxTurns?: number | undefined;
  /** Keeps the log of strategies in a table, which survives a restart and is shared by processes; default in this process alone. */
  readonly logTo?: SqlClient | undefined;
  readonly observer?: Observer | undefined;
  readonly clock?: Clock | undefined;
  /** 0 to 1; default that of the system. */
  readonly random?: (() => number) | undefined;
}

const NAMES = [
  ..."store embeddings embeddingModel index strategy strategies k lookback tokenBudget ownerId sessionId rerank candidates router".split(
    " ",
  ),
  ..."exploration queryCache sittingGap timeZone deadline maxBytes maxTurns logTo observer clock random".split(" "),
];

/** The settings that a call may override. */
export interface RecallDefaults {
  readonly strategy: "auto" | Strategy;
  readonly k: number;
  readonly lookbackMs: number;
  readonly tokenBudget: number | undefined;
  readonly timeZone: string;
}

export interface ParsedOptions extends RecallDefaults {
  readonly ownerId: string | undefined;
  readonly sessionId: string | undefined;
  readonly embeddings: EmbeddingsInterface | undefined;
  readonly indexes: readonly VectorIndex[];
  /** `undefined` for embeddings that show none: their vectors are kept nowhere but in this process. */
  readonly embeddingModel: string | undefined;
  readonly candidates: number;
  readonly exploration: number;
  readonly queryCache: { readonly maxEntries: number; readonly ttlMs: number } | undefined;
  readonly sittingGapMs: number;
  readonly deadlineMs: number;
  readonly maxBytes: number;
  readonly maxTurns: number;
  readonly clock: Clock;
  readonly random: () => number;
}

/** @throws {@link StrataConfigError} naming the option, the value and what is accepted */
export function parseRetrieverOptions(given: AdaptiveMemoryRetrieverOptions): ParsedOptions {
  if (typeof given !== "object" || given === null) throw new StrataConfigError("options", given, "an object with `store`");
  refuseUnknown("AdaptiveMemoryRetriever", given, NAMES);
  const { store, rerank, index, clock } = given;
  requireMethods("store", store, ["position", "sessions", "turns"], "a ConversationStore");
  const embeddings = given.embeddings ?? store.embeddings;
  if (embeddings !== undefined)
    requireMethods("embeddings", embeddings, ["embedQuery", "embedDocuments"], "LangChain embeddings");
  if (given.logTo !== undefined) requireMethods("logTo", given.logTo, ["query", "transaction"], "an SqlClient");
  if (given.strategies !== undefined) {
    refuseUnknown("strategies", given.strategies, STRATEGIES);
    for (const [name, one] of Object.entries(given.strategies)) {
      if (one !== undefined) requireMethods(`strategies.${name}`, one, ["find"], "a CustomStrategy");
    }
  }
  if (rerank !== undefined) requireMethods("rerank", rerank, ["compressDocuments"], "a document compressor of LangChain");
  if (clock !== undefined) requireMethods("clock", clock, ["now", "monotonic", "setTimer"], "a clock, such as manualClock()");
  const indexes = index === undefined ? [] : Array.isArray(index) ? (index as readonly VectorIndex[]) : [index as VectorIndex];
  for (const one of indexes) requireMethods("index", one, ["add", "search", "remove"], "a VectorIndex, or a list of them");
  if (indexes.length > 0 && embeddings === undefined) {
    throw new StrataConfigError("index", index, "an index together with `embeddings`, which make its vectors");
  }
  for (const name of ["random", "router", "observer"] as const) {
    if (given[name] !== undefined && typeof given[name] !== "function")
      throw new StrataConfigError(name, given[name], "a function");
  }
  const defaults = { strategy: "auto", k: 10, lookbackMs: 7 * 86_400_000, tokenBudget: undefined, timeZone: "UTC" } as const;
  return {
    embeddings,
    ...parseRecallDefaults(given, defaults),
    ownerId: given.ownerId === undefined ? undefined : parseId("ownerId", given.ownerId, 0),
    sessionId: given.sessionId === undefined ? undefined : parseId("sessionId", given.sessionId, 1),
    indexes,
    embeddingModel: parseEmbeddingModel(given.embeddingModel, embeddings, indexes.length > 0),
    candidates: parseCount("candidates", given.candidates ?? 50),
    exploration: parseNumber("exploration", given.exploration ?? 0.02, 0, 1),
    queryCache: parseQueryCache(given.queryCache),
    sittingGapMs: parseDuration("sittingGap", given.sittingGap ?? "6h"),
    deadlineMs: parseDuration("deadline", given.deadline ?? "2s"),
    maxBytes: parseByteSize("maxBytes", given.maxBytes ?? "256mb"),
    maxTurns: parseCount("maxTurns", given.maxTurns ?? 20_000),
    clock: clock ?? systemClock,
    random: given.random ?? Math.random,
  };
}

/** @throws {@link StrataConfigError} */
export function parseRecallDefaults(
  given: Pick<AdaptiveMemoryRetrieverOptions, "strategy" | "k" | "lookback" | "tokenBudget" | "timeZone">,
  defaults: RecallDefaults,
): RecallDefaults {
  const { strategy, k, lookback, tokenBudget, timeZone } = given;
  return {
    strategy: strategy === undefined ? defaults.strategy : parseChoice("strategy", strategy, ["auto", ...STRATEGIES]),
    k: k === undefined ? defaults.k : atMost("k", parseCount("k", k), 1_000),
    lookbackMs: lookback === undefined ? defaults.lookbackMs : parseDuration("lookback", lookback),
    tokenBudget: tokenBudget === undefined ? defaults.tokenBudget : parseCount("tokenBudget", tokenBudget),
    timeZone: timeZone === undefined ? defaults.timeZone : parseTimeZone(timeZone),
  };
}

/** @throws {@link StrataConfigError} */
export function parseId(option: string, value: unknown, least: 0 | 1): string {
  if (typeof value !== "string" || value.length < least || value.length > 1_024) {
    throw new StrataConfigError(option, value, `a text of ${least === 1 ? "1" : "up"} to 1,024 characters`);
  }
  return value;
}

/** Two models of one class must not share vectors: a cosine across models means nothing. */
function parseEmbeddingModel(given: unknown, embeddings: EmbeddingsInterface | undefined, isKept: boolean): string | undefined {
  if (given !== undefined) return parseId("embeddingModel", given, 1);
  if (embeddings === undefined) return undefined;
  const { info, model, modelName, dimensions } = embeddings as Partial<
    Record<"info" | "model" | "modelName" | "dimensions", unknown>
  >;
  const told = typeof info === "object" && info !== null ? (info as { model?: unknown }).model : undefined;
  const name = [told, model, modelName].find((one) => typeof one === "string" && one !== "");
  if (name === undefined && isKept) {
    throw new StrataConfigError("embeddingModel", undefined, "a name of the model, since these embeddings show none");
  }
  if (name === undefined) return undefined;
  const parts = [embeddings.constructor.name, name, typeof dimensions === "number" ? String(dimensions) : undefined];
  return parts.filter((part) => typeof part === "string").join(":");
}

function parseTimeZone(value: unknown): string {
  if (typeof value === "string" && isTimeZone(value)) return value;
  throw new StrataConfigError("timeZone", value, 'the IANA name of a time zone, such as "America/Sao_Paulo"');
}

function parseQueryCache(given: AdaptiveMemoryRetrieverOptions["queryCache"]): ParsedOptions["queryCache"] {
  if (given === false) return undefined;
  const options = given === undefined || given === true ? {} : given;
  if (typeof options !== "object" || options === null) {
    throw new StrataConfigError("queryCache", given, "true, false, or { maxEntries, ttl }");
  }
  refuseUnknown("queryCache", options, ["maxEntries", "ttl"]);
  return {
    maxEntries: parseCount("queryCache.maxEntries", options.maxEntries ?? 2_000),
    ttlMs: parseDuration("queryCache.ttl", options.ttl ?? "5m"),
  };
}

function atMost(option: string, value: number, most: number): number {
  if (value > most) throw new StrataConfigError(option, value, `at most ${most}`);
  return value;
}
