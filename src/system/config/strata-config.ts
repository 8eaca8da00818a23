/** One config for the whole system, as an object or as a file. */
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import type { Admit } from "../../cache/admission.ts";
import type { ScopeOption } from "../../cache/call-control.ts";
import type { CompressionAlgorithm } from "../../cache/compression.ts";
import type { EvictionName } from "../../cache/eviction.ts";
import type { RolloutOptions } from "../../cache/rollout.ts";
import type { SemanticOptions } from "../../cache/semantic/semantic-options.ts";
import type { CacheTier } from "../../cache/tier.ts";
import type { TuningMode, TuningOptions } from "../../cache/tuning/tuning-options.ts";
import type { PgPool } from "../../clients/pg.ts";
import type { RedisSource } from "../../clients/redis.ts";
import type { Clock } from "../../core/clock.ts";
import type { Observer } from "../../core/events.ts";
import type { ByteSize, Duration } from "../../core/options.ts";
import type { KeyStore } from "../../encryption/key-store.ts";
import type { KeySet } from "../../encryption/secret-key.ts";
import type { Durability } from "../../history/hybrid-log.ts";
import type { Strategy } from "../../memory/strategy.ts";
import type { AlertRule } from "../../observability/alert-rule.ts";
import type { AlertWebhook } from "../../observability/alert-webhook.ts";
import type { AlertsOptions } from "../../observability/alerts.ts";
import type { PriceTable } from "../../observability/prices.ts";
import type { SystemPlace } from "../../prompts/compile-prompt.ts";
import type { PromptSpec } from "../../prompts/prompt-spec.ts";
import type { AdaptivePolicyOptions } from "../../rerank/policies/adaptive.ts";
import type { Reranker } from "../../rerank/reranker.ts";
import type { MaintenanceConfig } from "./maintenance-config.ts";

export type PresetName = "development" | "production";

/**
 * What `createStrata` takes. Every part is optional; what is not given is the embedded default, which needs no server and no key.
 * Whatever holds a secret (`apiKey`, a URL with a password) is given by the caller: the library reads no environment.
 */
export interface StrataConfig {
  /** Values for what is not said otherwise; default `"development"`. `"production"`: room for what a
   * server sees, a bound on every wait, answers that live for a day. */
  readonly preset?: PresetName | undefined;
  /** The folder that everything is kept in, private to the user; default `".strata"`. */
  readonly data?: string | undefined;
  /** The chat model, or how to make it at its first use. `chat()` and `stream()` need one. */
  readonly model?: BaseChatModel | ModelDescription | undefined;
  readonly cache?: CacheConfig | undefined;
  /** A URL, or an ioredis client whose configuration is taken. Adds a tier that processes share, and hot windows of conversations. */
  readonly redis?: string | RedisSource | undefined;
  /** A URL, or a pool of `pg`, which stays the caller's. Conversations are kept there in place of PGlite. */
  readonly postgres?: string | PgPool | undefined;
  /** What makes vectors; default `"static"`: in this process, English and Portuguese, 18 MB, loaded at its first use. */
  readonly embeddings?: "static" | "minilm" | EmbeddingsInterface | undefined;
  /** Encrypts what is stored; default: nothing is. */
  readonly encryption?: EncryptionConfig | undefined;
  readonly history?: HistoryConfig | undefined;
  readonly memory?: MemoryConfig | undefined;
  readonly documents?: DocumentsConfig | undefined;
  /** Orders found documents anew; default `false`: the order of words and vectors together stays. `true`: by their words alone. */
  readonly rerank?: boolean | RerankConfig | undefined;
  readonly prompts?: PromptsConfig | undefined;
  readonly chat?: ChatConfig | undefined;
  readonly observability?: ObservabilityConfig | undefined;
  /** What keeps it in order, and when; default: nothing by itself. */
  readonly maintenance?: MaintenanceConfig | undefined;
  /** Sees every event of every part. */
  readonly observer?: Observer | undefined;
  /** For tests; default the machine's. */
  readonly clock?: Clock | undefined;
  /** From 0 to 1; for tests; default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** A chat model that is made at its first use, with the package of its provider. */
export interface ModelDescription {
  /** `"deepseek"` needs `@langchain/deepseek`, `"openai"` (and all that speak its protocol, by `baseURL`) `@langchain/openai`. */
  readonly provider: "deepseek" | "openai";
  /** As the provider names it, such as `"deepseek-reasoner"`. */
  readonly model: string;
  /** Default: the provider's own. */
  readonly baseURL?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly temperature?: number | undefined;
  /** Of one answer. */
  readonly maxTokens?: number | undefined;
  /** Tries after the first one, of LangChain's model; default: LangChain's. */
  readonly maxRetries?: number | undefined;
  /** Of one call of the model; default: LangChain's. */
  readonly timeout?: Duration | undefined;
}

export interface CacheConfig {
  /** How long an answer lives; default: by the preset. */
  readonly ttl?: Duration | undefined;
  /** Served for so long past the `ttl` while one caller refreshes. */
  readonly stale?: Duration | undefined;
  /**
   * Whose answers these are: `"global"` (default), a scope, `"owner"` (each owner's own; a call without `ownerId` is not cached), or a
   * function.
   */
  readonly scope?: "owner" | ScopeOption | undefined;
  readonly compression?: CompressionAlgorithm | undefined;
  readonly memory?: boolean | MemoryTierConfig | undefined;
  readonly disk?: boolean | DiskTierConfig | undefined;
  /** The tier in Redis, where `redis` is given; default `true`. */
  readonly redis?: boolean | RedisTierConfig | undefined;
  /** Keeps what other tiers evict, in `postgres` where it is given, else in a folder; default `false`. */
  readonly archive?: boolean | ArchiveTierConfig | undefined;
  /** In place of all of these: tiers of your own. The cache closes them. */
  readonly tiers?: readonly CacheTier[] | undefined;
  /** Answers to questions asked in other words; default: by the preset. */
  readonly semantic?: boolean | SemanticConfig | undefined;
  readonly quota?: { readonly bytesPerScope?: ByteSize | undefined } | undefined;
  readonly storePrompts?: boolean | undefined;
  /** Whether settings follow the traffic; default `"off"`. */
  readonly tuning?: TuningMode | TuningOptions | undefined;
  readonly rollout?: RolloutOptions | undefined;
  readonly coalesce?: boolean | { readonly maxWait?: Duration } | undefined;
  readonly maxValueBytes?: ByteSize | undefined;
  readonly admit?: Admit | undefined;
}

export interface MemoryTierConfig {
  readonly maxBytes?: ByteSize | undefined;
  readonly maxEntries?: number | undefined;
  readonly ttl?: Duration | undefined;
  readonly eviction?: EvictionName | undefined;
}

export interface DiskTierConfig {
  readonly maxBytes?: ByteSize | undefined;
  readonly ttl?: Duration | undefined;
}

export interface RedisTierConfig {
  readonly prefix?: string | undefined;
  readonly ttl?: Duration | undefined;
  readonly deadline?: Duration | undefined;
}

export interface ArchiveTierConfig {
  readonly ttl?: Duration | undefined;
  readonly deadline?: Duration | undefined;
}

export interface SemanticConfig extends Partial<Pick<SemanticOptions, "verifier" | "adapt" | "index" | "sameAnswer">> {
  /** `"calibrated"` (default) keeps a promise about wrong hits; `"static"` is one threshold on the cosine. */
  readonly policy?: "calibrated" | "static" | undefined;
  /** Of the policy `"static"`; 0 to 1, default 0.85. */
  readonly similarity?: number | undefined;
  /** Of the policy `"static"`, with `adapt`: from so much on an answer is adapted; 0 to 1, default 0.75. */
  readonly adaptFrom?: number | undefined;
  /** Of the policy `"calibrated"`; a share, default 0.02. */
  readonly maxWrongHits?: number | undefined;
  /** `"shadow"` decides and counts, and serves nothing. */
  readonly mode?: "shadow" | "serve" | undefined;
}

/**
 * Answers in every tier but memory, vectors of `embeddings`, messages and summaries are encrypted. Documents, and vectors of the
 * semantic step, are not. With it the database searches no messages.
 */
export interface EncryptionConfig {
  /** A JSON file that only its owner can read (0600): `{ "current": "a", "keys": { "a": "<32 bytes as base64>" } }`. */
  readonly keyFile?: string | undefined;
  /** In place of `keyFile`: the keys themselves. */
  readonly keys?: KeySet | undefined;
  /** Whether each scope and each owner has a key of its own, wrapped under these, which `forget` destroys; default `true`. */
  readonly perScope?: boolean | undefined;
  /**
   * Where wrapped keys lie: a folder, or `sqlKeyStore()`, `redisKeyStore()` for processes on several machines. Default: `keys` in the
   * data folder. Keep it out of what you back up with the data.
   */
  readonly keyStore?: string | KeyStore | undefined;
  /** Refuses what is not encrypted; default `false`: what was stored before stays readable. */
  readonly required?: boolean | undefined;
}

export interface HistoryConfig {
  /** Messages of a conversation that are sent with a question; default 20. */
  readonly window?: number | undefined;
  /** Tokens of the window, by estimate; default no bound. */
  readonly windowTokens?: number | undefined;
  /** What an accepted message has reached, with `redis`; default `"postgres"`. */
  readonly durability?: Durability | undefined;
  /** Begins every key in Redis; all processes of one database use the same. Default `"strata:history"`. */
  readonly prefix?: string | undefined;
  /** Keeps a summary of what has left the window, by the chat model, in the background; default `false`. */
  readonly summaries?: boolean | undefined;
}

export interface MemoryConfig {
  readonly strategy?: "auto" | Strategy | undefined;
  /** Messages at most; default 10. */
  readonly k?: number | undefined;
  readonly lookback?: Duration | undefined;
  readonly tokenBudget?: number | undefined;
  readonly timeZone?: string | undefined;
}

export interface DocumentsConfig {
  /** Characters of a chunk; default 1,000. */
  readonly chunkSize?: number | undefined;
  /** Characters that a chunk repeats of the one before, less than half of `chunkSize`; default 100. */
  readonly chunkOverlap?: number | undefined;
  /** Chunks that a search gives; default 5. */
  readonly k?: number | undefined;
  /** Of the documents in a prompt, by estimate; default 2,000. */
  readonly tokenBudget?: number | undefined;
}

export interface RerankConfig {
  /**
   * Default `"lexical"`: by words, in this process. `"late-interaction"`: by a local model, which needs `onnxruntime-node` and
   * `langchain-strata-minilm`. Several: the next is asked when one fails.
   */
  readonly reranker?: RerankerChoice | readonly RerankerChoice[] | undefined;
  readonly candidates?: number | undefined;
  readonly threshold?: number | undefined;
  /** Kept whatever the threshold says; default 3. */
  readonly minKept?: number | undefined;
  /** Shares by the tier of the user are `{ share: 0.5, tiers: { free: 0.3, enterprise: 1 } }`; a search says its `tier`. */
  readonly policy?: "always" | "adaptive" | AdaptivePolicyOptions | undefined;
  readonly deadline?: Duration | undefined;
}

/** By name, described, or made by the caller, who closes it no more. */
export type RerankerChoice = "lexical" | "late-interaction" | RerankerDescription | Reranker;

/** A reranker over HTTP: of a provider, or a server of your own. */
export interface RerankerDescription {
  readonly provider: "cohere" | "jina" | "voyage" | "mixedbread" | "tei" | "vllm" | "infinity";
  readonly model?: string | undefined;
  readonly apiKey?: string | undefined;
  /** Default: the provider's own; the last three need it. */
  readonly baseURL?: string | undefined;
}

export interface PromptsConfig {
  /** Sets of the package; default both, in English and Portuguese. */
  readonly sets?: readonly ("general" | "trading")[] | undefined;
  readonly templates?: readonly PromptSpec[] | undefined;
  /** Texts that every template may name. */
  readonly partials?: Readonly<Record<string, string>> | undefined;
  /** Where system texts of templates go; `"user"` for R1. Default `"system"`. */
  readonly system?: SystemPlace | undefined;
}

export interface ObservabilityConfig {
  /** Whether metrics are kept: 2 MB, and one timer that does not hold up the end of the process; default `true`. */
  readonly metrics?: boolean | undefined;
  /** What tokens cost, for what hits saved in money; default: list prices of some providers. */
  readonly prices?: PriceTable | undefined;
  /** How many of the last decisions, rerankings and incidents are kept one by one, for the dashboard; default 500. */
  readonly recentEvents?: number | undefined;
  /** Writes each event as a line of JSON, without texts of questions and answers; default nowhere. */
  readonly log?: false | "stdout" | "stderr" | LogConfig | undefined;
  /** A page for Prometheus to scrape, by the package `prom-client`; default none. `true`: `http://127.0.0.1:9464/metrics`. */
  readonly prometheus?: boolean | PrometheusConfig | undefined;
  /**
   * Lets `strata top` see this process; default `false`. With `redis` there, for all processes of one Redis (`strata top --redis URL`);
   * else in the data folder, for those of this machine. Numbers only: no prompt, no answer, no key.
   */
  readonly share?: boolean | ShareConfig | undefined;
  /** Watches the metrics; default `true`: the default rules, shown by the dashboard and told as events. */
  readonly alerts?: boolean | AlertsConfig | undefined;
}

export interface LogConfig {
  /** Where to: `"stdout"`, `"stderr"`, or the path of a file, which is added to. */
  readonly to: string;
  /** Types of events that are written, such as `"cache.lookup"`; default all. */
  readonly only?: readonly string[] | undefined;
  /** Whether to write what engines said when they failed, cut and without credentials; default `false`. */
  readonly messages?: boolean | undefined;
}

export interface PrometheusConfig {
  /** Default 9464; 0 takes a free one, which `strata.metricsUrl` names. */
  readonly port?: number | undefined;
  /** The address to bind; default 127.0.0.1. Any other needs a `token`. */
  readonly host?: string | undefined;
  /** Default `"/metrics"`. */
  readonly path?: string | undefined;
  /** Begins every name; default `"strata_"`. */
  readonly prefix?: string | undefined;
  /** That a scrape must bring: `Authorization: Bearer`. */
  readonly token?: string | undefined;
}

export interface ShareConfig {
  /** What this process is called on the screen; default `"strata"`. */
  readonly name?: string | undefined;
  /** How often it tells Redis; default `"2s"`. */
  readonly every?: Duration | undefined;
  /** Begins the keys in Redis; default `"strata:metrics"`. */
  readonly prefix?: string | undefined;
}

export interface AlertsConfig {
  /** Default `DEFAULT_ALERT_RULES`. */
  readonly rules?: readonly AlertRule[] | undefined;
  readonly webhook?: AlertWebhook | undefined;
  readonly onAlert?: AlertsOptions["onAlert"];
  /** How often the rules are looked at; default `"15s"`. */
  readonly every?: Duration | undefined;
}

export interface ChatConfig {
  /** Of one call of `chat()` or `stream()`, all of it; default: by the preset. */
  readonly deadline?: Duration | undefined;
  /** Said to the model before everything else; default nothing. DeepSeek advises against one for R1. */
  readonly system?: string | undefined;
}
