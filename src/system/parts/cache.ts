import { join } from "node:path";
import type { RunnableConfig } from "@langchain/core/runnables";
import { calibratedPolicy } from "../../cache/semantic/policies/calibrated.ts";
import { staticPolicy } from "../../cache/semantic/policies/static.ts";
import type { SemanticOptions } from "../../cache/semantic/semantic-options.ts";
import type { CacheTier } from "../../cache/tier.ts";
import type { TieredCacheOptions } from "../../cache/cache-options.ts";
import { TieredCache } from "../../cache/tiered-cache.ts";
import { archiveTier } from "../../cache/tiers/archive.ts";
import { diskTier } from "../../cache/tiers/disk.ts";
import { encryptTiers } from "../../cache/tiers/encrypted.ts";
import { memoryTier } from "../../cache/tiers/memory.ts";
import { redisTier } from "../../cache/tiers/redis.ts";
import type { SqlClient } from "../../clients/sql.ts";
import { guardObserver, type Observer } from "../../core/events.ts";
import type { EncryptionOptions } from "../../encryption/key-ring.ts";
import { StrataConfigError } from "../../core/errors.ts";
import type { Scope } from "../../core/scope.ts";
import { namedUnder } from "../config/named-under.ts";
import type { CheckedConfig } from "../config/read-config.ts";
import type { EmbeddingsPart } from "./embeddings.ts";

/** The cache of model answers that a config describes. */
export function cachePart(config: CheckedConfig, parts: CacheNeeds): CachePart {
  const { cache, clock, random } = config;
  const { ttl, stale, compression, quota, storePrompts, rollout, coalesce, maxValueBytes, admit, tuning } = cache;
  const semantic = cache.semantic === undefined || cache.semantic === false ? undefined : semanticOf(cache.semantic, parts);
  const { encryption, observer } = parts;
  const plain = cache.tiers ?? tiersOf(config, parts.sql);
  // Here already, so that backups and maintenance see them as the cache does.
  const tiers = encryption === undefined ? plain : encryptTiers(plain, encryption, guardObserver(observer));
  const options: TieredCacheOptions = {
    ...{ ttl, stale, compression, quota, storePrompts, rollout, coalesce, maxValueBytes, admit, tuning, clock, random },
    observer,
    tiers,
    encryption,
    scope: cache.scope === "owner" ? scopeOfOwner : (cache.scope ?? "global"),
    semantic,
  };
  const made = namedUnder("cache", () => new TieredCache(options));
  return { cache: made, tiers };
}

export interface CachePart {
  readonly cache: TieredCache;
  /** The cache closes them. */
  readonly tiers: readonly CacheTier[];
}

export interface CacheNeeds {
  readonly embeddings: EmbeddingsPart;
  readonly sql: SqlClient | undefined;
  readonly observer: Observer | undefined;
  readonly encryption: EncryptionOptions | undefined;
}

/** Nobody's call is nobody's answer: without an owner nothing is looked up and nothing kept. */
function scopeOfOwner({ config }: { readonly config?: RunnableConfig }): Scope | undefined {
  const user: unknown = config?.configurable?.["user_id"];
  return typeof user === "string" && user !== "" ? { user } : undefined;
}

/** Redis below the disk: what another process removes there, the log of Redis removes from the tiers above. */
function tiersOf({ cache, data, redis }: CheckedConfig, sql: SqlClient | undefined): CacheTier[] {
  const { memory = true, disk = true, redis: shared = true, archive = false } = cache;
  const tiers: CacheTier[] = [];
  if (memory !== false) tiers.push(memoryTier(memory === true ? {} : memory));
  if (disk !== false) tiers.push(diskTier({ ...(disk === true ? {} : disk), path: join(data, "cache") }));
  if (redis !== undefined && shared !== false) {
    const options = { ...(shared === true ? {} : shared), client: redis };
    tiers.push(namedUnder("cache.redis", () => redisTier(options), { redisTier: "" }));
  }
  if (archive !== false) {
    const place = sql === undefined ? { path: join(data, "archive") } : { sql };
    tiers.push(archiveTier({ ...(archive === true ? {} : archive), ...place }));
  }
  if (tiers.length === 0) throw new StrataConfigError("cache", config(cache), "at least one tier that is not `false`");
  return tiers;
}

function config(cache: object): unknown {
  return { ...cache };
}

function semanticOf(
  given: true | Exclude<CheckedConfig["cache"]["semantic"], boolean | undefined>,
  { embeddings }: CacheNeeds,
): SemanticOptions {
  const { policy = "calibrated", similarity, adaptFrom, maxWrongHits, mode, ...own } = given === true ? {} : given;
  return {
    ...own,
    embeddings: embeddings.embeddings,
    embeddingModel: embeddings.model,
    policy: policy === "static" ? staticPolicy({ similarity, adapt: adaptFrom }) : calibratedPolicy({ maxWrongHits }),
    ...(mode !== undefined && { rollout: { mode } }),
  };
}
