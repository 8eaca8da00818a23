/** The places that commands of maintenance work on: the folder of a system, Redis, PostgreSQL. Opened by name, closed at the end. */
import { existsSync, readFileSync } from "node:fs";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { join } from "node:path";
import type { CacheTier } from "../cache/tier.ts";
import { archiveTier } from "../cache/tiers/archive.ts";
import { diskTier } from "../cache/tiers/disk.ts";
import { redisTier } from "../cache/tiers/redis.ts";
import { pgClient } from "../clients/pg.ts";
import { pgliteClient } from "../clients/pglite.ts";
import type { SqlClient } from "../clients/sql.ts";
import { systemClock } from "../core/clock.ts";
import type { BackupKey } from "../maintenance/backup/backup-key.ts";
import type { BackupPart } from "../maintenance/backup/backup-part.ts";
import { forgettingLog, joinLogs, systemForgettingLog, type ForgettingLog } from "../maintenance/backup/forgetting-log.ts";
import { historyPart } from "../maintenance/backup/parts/history-part.ts";
import { tierPart } from "../maintenance/backup/parts/tier-part.ts";
import { UsageError, type Terminal } from "./command.ts";
import { readSystem } from "./open-strata.ts";

/** What every command on places understands; for `parseArgs`. */
export const PLACE_OPTIONS = {
  config: { type: "string" },
  data: { type: "string" },
  redis: { type: "string" },
  prefix: { type: "string" },
  database: { type: "string" },
} as const;

export const PLACE_USAGE = `  --data      folder of a system: its cache, embeddings, archive, and history in PGlite; default: .strata, if it is there
  --redis     URL of Redis; default: REDIS_URL
  --prefix    of the cache's keys in Redis; default: as redisTier has it
  --database  URL of PostgreSQL; default: DATABASE_URL
  --config    the system's config: its places, in place of these defaults`;

export interface PlaceValues {
  readonly config?: string | undefined;
  readonly data?: string | undefined;
  readonly redis?: string | undefined;
  readonly prefix?: string | undefined;
  readonly database?: string | undefined;
}

export interface Places {
  /** The folder, when there is one. */
  readonly data: string | undefined;
  /** `cache`, `embeddings`, `archive`, `redis`: those that there are. */
  readonly tiers: readonly { readonly name: string; readonly tier: CacheTier }[];
  readonly sql: SqlClient | undefined;
  close(): Promise<void>;
}

/** A tier is made smaller by the program that owns it, not by a command that looks at it. */
const NO_BOUND = "1024gb";
const FOLDER = ".strata";

/** What was named, then what the config says; without a config, what the environment says and the usual folder. */
async function placesIn(values: PlaceValues, terminal: Terminal): Promise<PlaceValues> {
  if (values.config === undefined) {
    const { REDIS_URL, DATABASE_URL } = terminal.environment;
    return { data: existsSync(FOLDER) ? FOLDER : undefined, redis: REDIS_URL, database: DATABASE_URL, ...given(values) };
  }
  const { data, redis, postgres, cache } = await readSystem(values, terminal);
  const prefix = typeof cache.redis === "object" ? cache.redis.prefix : undefined;
  return { data, redis: urlIn(redis), database: urlIn(postgres), prefix, ...given(values) };
}

function given(values: PlaceValues): PlaceValues {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** A client that was handed in has no URL. */
export function urlIn(place: unknown): string | undefined {
  return typeof place === "string" ? place : undefined;
}

/** @param makes whether folders that are not there are made, as a restore does */
export async function openPlaces(values: PlaceValues, terminal: Terminal, makes = false): Promise<Places> {
  const { data, redis, database, prefix } = await placesIn(values, terminal);
  if (data === undefined && redis === undefined && database === undefined) {
    throw new UsageError("Which places? Give --data, --redis, --database or --config.");
  }
  const ending: Array<() => Promise<unknown> | void> = [];
  const tiers: { name: string; tier: CacheTier }[] = [];
  const add = (name: string, tier: CacheTier): void => {
    const fault = (operation: string, error: unknown): void => terminal.note(`${name}, ${operation}: ${String(error)}`);
    tier.attach?.({ clock: systemClock, random: Math.random, evicted: () => undefined, fault });
    tiers.push({ name, tier });
    ending.push(async () => tier.close());
  };
  if (data !== undefined) {
    for (const name of ["cache", "embeddings"]) {
      if (makes || existsSync(join(data, name, "data.mdb"))) add(name, diskTier({ path: join(data, name), maxBytes: NO_BOUND }));
    }
    if (existsSync(join(data, "archive"))) add("archive", archiveTier({ path: join(data, "archive") }));
  }
  if (redis !== undefined) {
    add("redis", redisTier({ client: redis, deadline: "10s", ...(prefix !== undefined && { prefix }) }));
  }
  const sql = await openHistory(data, database, makes, ending);
  return {
    ...{ data, tiers, sql },
    async close() {
      for (const end of ending.toReversed()) await end();
    },
  };
}

async function openHistory(
  data: string | undefined,
  database: string | undefined,
  makes: boolean,
  ending: Array<() => Promise<unknown> | void>,
): Promise<SqlClient | undefined> {
  if (database !== undefined) {
    const { default: pg } = await import("pg");
    const pool = new pg.Pool({ connectionString: database, max: 3, connectionTimeoutMillis: 5_000, keepAlive: true });
    ending.push(() => pool.end());
    return pgClient(pool);
  }
  if (data === undefined || !(makes || existsSync(join(data, "history")))) return undefined;
  const sql = pgliteClient({ path: join(data, "history") });
  ending.push(() => sql.close());
  return sql;
}

/** Who was forgotten: as the folder's own log says, and the one that is named. */
export function forgottenOf({ data }: Pick<Places, "data">, log: string | undefined): ForgettingLog {
  const logs = [systemForgettingLog(data ?? FOLDER)];
  return joinLogs(log === undefined ? logs : [...logs, forgettingLog({ path: log })]);
}

/** The places as parts of a backup. */
export function partsOf({ tiers, sql }: Places): BackupPart[] {
  const parts = tiers.map(({ name, tier }) => tierPart(tier, { name }));
  return sql === undefined ? parts : [...parts, historyPart({ sql })];
}

/** A file with a secret of at least 32 bytes, or with an Ed25519 key in PEM. */
export function readKey(path: string | undefined): BackupKey | undefined {
  if (path === undefined) return undefined;
  const bytes = readFileSync(path);
  const text = bytes.toString("latin1");
  if (!text.startsWith("-----BEGIN")) return bytes;
  return text.includes("PRIVATE KEY") ? createPrivateKey(text) : createPublicKey(text);
}
