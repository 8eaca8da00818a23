/** Checks a config completely before anything is made of it: a config that is refused has opened no folder and no connection. */
import { StrataConfigError } from "../../core/errors.ts";
import { parseTuning } from "../../cache/tuning/tuning-options.ts";
import { EVICTION_NAMES } from "../../cache/evictions/create-eviction.ts";
import { parseChoice, parseClock, parseDuration, parseFunction, parseNumber, requireMethods } from "../../core/options.ts";
import { STRATEGIES } from "../../memory/strategy.ts";
import { isTimeZone } from "../../memory/time/zoned-calendar.ts";
import { checkMaintenance } from "./maintenance-config.ts";
import { PRESETS } from "./presets.ts";
import { checkObservability } from "./check-observability.ts";
import { checkRerank } from "./check-rerank.ts";
import {
  at,
  checkUrl,
  hidden,
  openSection,
  readBoolean,
  readCount,
  readDuration,
  readSize,
  readText,
  section,
  switched,
  type Section,
} from "./section.ts";
import type { CacheConfig, ChatConfig, ModelDescription, StrataConfig } from "./strata-config.ts";

/** A config that was checked, with its preset under it. */
export interface CheckedConfig extends StrataConfig {
  readonly data: string;
  readonly cache: CacheConfig;
  readonly chat: ChatConfig;
}

const TOP = [
  ...["preset", "data", "model", "cache", "redis", "postgres", "embeddings", "encryption", "history", "memory", "documents"],
  ...["rerank", "chat", "prompts", "observability", "maintenance", "observer", "clock", "random"],
];
const CACHE = [
  ...["ttl", "stale", "scope", "compression", "memory", "disk", "redis", "archive", "tiers", "semantic", "quota"],
  ...["storePrompts", "rollout", "coalesce", "maxValueBytes", "admit", "tuning"],
];
const MODEL = ["provider", "model", "baseURL", "apiKey", "temperature", "maxTokens", "maxRetries", "timeout"];
const SEMANTIC = ["policy", "similarity", "adaptFrom", "maxWrongHits", "mode", "verifier", "adapt", "index", "sameAnswer"];

/** Options of the semantic step that are one policy's alone. */
const OF_POLICY = { similarity: "static", adaptFrom: "static", maxWrongHits: "calibrated" } as const;

/** @throws {@link StrataConfigError} naming the key from the top (`cache.disk.maxBytes`), the value and what is accepted */
export function readConfig(given: unknown): CheckedConfig {
  const config = openSection("", given, TOP) as StrataConfig & Section;
  const preset = parseChoice("preset", config.preset ?? "development", ["development", "production"]);
  readText("", config, "data");
  checkModel(config.model);
  checkCache(config.cache);
  checkServer(
    "redis",
    config.redis,
    /^rediss?:\/\//,
    ["duplicate"],
    "a URL that begins with redis:// or rediss://, or an ioredis client",
  );
  const pool = "a URL that begins with postgres:// or postgresql://, or a Pool of the package pg";
  checkServer("postgres", config.postgres, /^postgres(?:ql)?:\/\//, ["connect", "query"], pool);
  if (typeof config.embeddings === "string") parseChoice("embeddings", config.embeddings, ["static", "minilm"]);
  else if (config.embeddings !== undefined) {
    requireMethods(
      "embeddings",
      config.embeddings,
      ["embedQuery", "embedDocuments"],
      '"static", "minilm", or LangChain embeddings',
    );
  }
  checkEncryption(config.encryption);
  checkHistory(config.history, config.redis !== undefined);
  checkMemory(config.memory);
  checkDocuments(config.documents);
  checkRerank(config.rerank);
  const chat = section("chat", config.chat, ["deadline", "system"]);
  if (chat !== undefined) {
    readDuration("chat", chat, "deadline");
    readText("chat", chat, "system");
  }
  checkPrompts(config.prompts);
  checkObservability(config.observability);
  checkMaintenance(config.maintenance, { redis: config.redis !== undefined, postgres: config.postgres !== undefined });
  parseFunction("observer", config.observer);
  parseFunction("random", config.random);
  parseClock(config.clock);
  const merged = withPreset(config, preset);
  const { tuning, ttl } = merged.cache;
  parseTuning(tuning, ttl === undefined ? undefined : parseDuration("cache.ttl", ttl), "cache.tuning");
  return { ...config, data: config.data ?? ".strata", ...merged };
}

/** Section by section; within `cache`, tier by tier. What the config says, `false` too, stands over the preset. */
function withPreset(config: StrataConfig, name: keyof typeof PRESETS): { cache: CacheConfig; chat: ChatConfig } {
  const preset = PRESETS[name];
  const cache: Record<string, unknown> = { ...preset.cache };
  for (const [key, value] of Object.entries(config.cache ?? {})) {
    const under: unknown = cache[key];
    const isMerged = typeof under === "object" && typeof value === "object" && value !== null;
    if (value !== undefined && value !== true) cache[key] = isMerged ? { ...under, ...value } : (value as unknown);
    else if (value === true && under === undefined) cache[key] = true;
  }
  // A preset's grace is nothing without a life that ends.
  if (cache["ttl"] === undefined) delete cache["stale"];
  return { cache, chat: { ...preset.chat, ...config.chat } };
}

function hasInvoke(value: unknown): boolean {
  return typeof (value as { readonly invoke?: unknown } | null)?.invoke === "function";
}

function checkModel(model: unknown): void {
  if (model === undefined) return;
  if (hasInvoke(model)) {
    requireMethods("model", model, ["_generate", "_llmType"], "a chat model, or { provider, model }");
    return;
  }
  if (typeof model !== "object" || model === null) {
    // What `createAgent` of LangChain takes as a text, "deepseek:deepseek-reasoner", is the likeliest of these.
    const accepted = 'a chat model, or { provider: "deepseek", model: "deepseek-reasoner" }';
    throw new StrataConfigError("model", hidden(model), accepted);
  }
  const described = openSection("model", model, MODEL) as Partial<ModelDescription> & Section;
  parseChoice("model.provider", described.provider, ["deepseek", "openai"]);
  if (readText("model", described, "model") === undefined) {
    throw new StrataConfigError("model.model", undefined, 'the name of the model, such as "deepseek-reasoner"');
  }
  const baseURL = readText("model", described, "baseURL");
  checkUrl("model.baseURL", baseURL);
  readText("model", described, "apiKey");
  if (described.temperature !== undefined) parseNumber("model.temperature", described.temperature, 0, 2);
  readCount("model", described, "maxTokens");
  readCount("model", described, "maxRetries", 0);
  readDuration("model", described, "timeout");
}

function checkCache(value: unknown): void {
  const cache = section("cache", value, CACHE);
  if (cache === undefined) return;
  for (const name of ["ttl", "stale"]) readDuration("cache", cache, name);
  for (const name of ["storePrompts"]) readBoolean("cache", cache, name);
  readSize("cache", cache, "maxValueBytes");
  if (typeof cache["scope"] === "string") parseChoice("cache.scope", cache["scope"], ["global", "owner"]);
  const tiers: readonly (readonly [string, readonly string[]])[] = [
    ["memory", ["maxBytes", "maxEntries", "ttl", "eviction"]],
    ["disk", ["maxBytes", "ttl"]],
    ["redis", ["prefix", "ttl", "deadline"]],
    ["archive", ["ttl", "deadline"]],
  ];
  for (const [name, known] of tiers) {
    const path = at("cache", name);
    const tier = switched(path, cache[name], known);
    if (cache["tiers"] !== undefined && cache[name] !== undefined) {
      throw new StrataConfigError(path, cache[name], "nothing beside `cache.tiers`");
    }
    if (tier === undefined) continue;
    readSize(path, tier, "maxBytes");
    readCount(path, tier, "maxEntries");
    readDuration(path, tier, "ttl");
    readDuration(path, tier, "deadline");
    readText(path, tier, "prefix");
    if (tier["eviction"] !== undefined) {
      parseChoice(at(path, "eviction"), tier["eviction"], EVICTION_NAMES);
    }
  }
  const semantic = switched("cache.semantic", cache["semantic"], SEMANTIC);
  if (semantic === undefined) return;
  const policy = parseChoice("cache.semantic.policy", semantic["policy"] ?? "calibrated", ["calibrated", "static"]);
  for (const [name, of] of Object.entries(OF_POLICY)) {
    if (semantic[name] !== undefined && policy !== of)
      throw new StrataConfigError(at("cache.semantic", name), semantic[name], `nothing, unless \`policy\` is "${of}"`);
  }
  if (semantic["similarity"] !== undefined) parseNumber("cache.semantic.similarity", semantic["similarity"], 0, 1);
  if (semantic["adaptFrom"] !== undefined) parseNumber("cache.semantic.adaptFrom", semantic["adaptFrom"], 0, 1);
  const { similarity = 0.85, adaptFrom = 0 } = semantic as { readonly similarity?: number; readonly adaptFrom?: number };
  if (adaptFrom > similarity)
    throw new StrataConfigError("cache.semantic.adaptFrom", adaptFrom, `at most \`similarity\`, ${similarity}`);
  if (semantic["maxWrongHits"] !== undefined) parseNumber("cache.semantic.maxWrongHits", semantic["maxWrongHits"], 0.001, 0.5);
  if (semantic["mode"] !== undefined) parseChoice("cache.semantic.mode", semantic["mode"], ["shadow", "serve"]);
}

/** A URL is never shown: it may hold a password. */
function checkServer(name: string, value: unknown, url: RegExp, methods: readonly string[], accepted: string): void {
  if (value === undefined) return;
  if (typeof value !== "string") return requireMethods(name, value, methods, accepted);
  // The scheme alone, and only where there is one: what begins otherwise may begin with a password.
  if (!url.test(value)) throw new StrataConfigError(name, `${/^[a-z]{1,12}:(?=\/\/)/i.exec(value)?.[0] ?? ""}...`, accepted);
  if (!URL.canParse(value)) throw new StrataConfigError(name, `${value.split(":", 1)[0] ?? ""}:...`, "a URL that can be read");
}

function checkEncryption(value: unknown): void {
  const encryption = section("encryption", value, ["keyFile", "keys", "perScope", "keyStore", "required"]);
  if (encryption === undefined) return;
  const keyFile = readText("encryption", encryption, "keyFile");
  readBoolean("encryption", encryption, "required");
  const { keys, keyStore } = encryption;
  if ((keyFile === undefined) === (keys === undefined)) {
    throw new StrataConfigError("encryption", "…", "either `keyFile` or `keys`");
  }
  if (keys !== undefined) openSection("encryption.keys", keys, ["current", "keys"]);
  if (readBoolean("encryption", encryption, "perScope") === false && keyStore !== undefined) {
    throw new StrataConfigError("encryption.keyStore", hidden(keyStore), "nothing, where `perScope` is `false`");
  }
  if (keyStore === undefined || typeof keyStore === "string") return void readText("encryption", encryption, "keyStore");
  const methods = ["find", "add", "rewrap", "drop", "list"];
  requireMethods("encryption.keyStore", keyStore, methods, "the path of a folder, or a key store such as sqlKeyStore()");
}

function checkHistory(value: unknown, hasRedis: boolean): void {
  const history = section("history", value, ["window", "windowTokens", "durability", "prefix", "summaries"]);
  if (history === undefined) return;
  readCount("history", history, "window");
  readCount("history", history, "windowTokens");
  readBoolean("history", history, "summaries");
  const prefix = readText("history", history, "prefix");
  if (prefix !== undefined && !hasRedis)
    throw new StrataConfigError("history.prefix", prefix, "nothing, unless `redis` is given");
  const { durability } = history;
  if (durability === undefined) return;
  parseChoice("history.durability", durability, ["redis", "postgres", "both"]);
  if (!hasRedis && durability !== "postgres") {
    throw new StrataConfigError("history.durability", durability, '"postgres", unless `redis` is given');
  }
}

function checkMemory(value: unknown): void {
  const memory = section("memory", value, ["strategy", "k", "lookback", "tokenBudget", "timeZone"]);
  if (memory === undefined) return;
  if (memory["strategy"] !== undefined) parseChoice("memory.strategy", memory["strategy"], ["auto", ...STRATEGIES]);
  readCount("memory", memory, "k");
  readCount("memory", memory, "tokenBudget");
  readDuration("memory", memory, "lookback");
  const timeZone = readText("memory", memory, "timeZone");
  if (timeZone !== undefined && !isTimeZone(timeZone))
    throw new StrataConfigError("memory.timeZone", timeZone, 'the IANA name of a time zone, such as "America/Sao_Paulo"');
}

function checkDocuments(value: unknown): void {
  const documents = section("documents", value, ["chunkSize", "chunkOverlap", "k", "tokenBudget"]);
  if (documents === undefined) return;
  const size = readCount("documents", documents, "chunkSize", 50) ?? 1_000;
  const overlap = readCount("documents", documents, "chunkOverlap", 0) ?? 0;
  if (overlap >= size / 2)
    throw new StrataConfigError("documents.chunkOverlap", overlap, `less than half of \`documents.chunkSize\`, which is ${size}`);
  readCount("documents", documents, "k");
  readCount("documents", documents, "tokenBudget");
}

function checkPrompts(value: unknown): void {
  const prompts = section("prompts", value, ["sets", "templates", "partials", "system"]);
  if (prompts === undefined) return;
  const { sets = [], templates = [], partials = {}, system } = prompts;
  if (!Array.isArray(sets)) throw new StrataConfigError("prompts.sets", sets, 'a list of "general", "trading"');
  for (const set of sets as unknown[]) parseChoice("prompts.sets", set, ["general", "trading"]);
  if (!Array.isArray(templates)) throw new StrataConfigError("prompts.templates", templates, "a list of { name, user }");
  if (typeof partials !== "object" || partials === null)
    throw new StrataConfigError("prompts.partials", hidden(partials), "texts by name");
  if (system !== undefined) parseChoice("prompts.system", system, ["system", "user"]);
}
