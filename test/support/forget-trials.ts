/**
 * Somebody is forgotten while a process writes, drains and flushes, and that process is killed at a random moment. A new process does the
 * forgetting again, as the guide says. Then every store is read as raw bytes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { Pool } from "pg";
import { pgClient } from "../../src/clients/pg.ts";
import { systemClock } from "../../src/core/clock.ts";
import { rebuildTier } from "../../src/maintenance/rebuild.ts";
import { startHistoryWriter } from "../../src/history/redis/start-writer.ts";
import { backup } from "../../src/maintenance/backup/backup.ts";
import type { CacheTier } from "../../src/cache/tier.ts";
import { diskTier } from "../../src/cache/tiers/disk.ts";
import { redisTier } from "../../src/cache/tiers/redis.ts";
import { eraseDeletedRows } from "../../src/maintenance/tasks/tables-tasks.ts";
import type { AppWords } from "../fixtures/forget/app.ts";
import { openOwnerStores, type OwnerStoresSetup } from "./owner-stores.ts";
import { backupBytes, countIn, folderBytes, postgresBytes, redisBytes, rewriteRedis } from "./raw-bytes.ts";
import { seededRandom } from "./seeded-random.ts";
import { startPostgres, startRedis } from "./servers/routes.ts";
import { startTypeScript } from "./typescript-child.ts";

export interface ForgetTrialsOptions {
  readonly trials: number;
  readonly seed: number;
  /** Longest wait before a kill, ms; the forgetting takes some hundred. */
  readonly killWithinMs: number;
}

/** How often the texts of those who were forgotten, and of those who stay, are found, by place. */
export interface Found {
  readonly gone: Readonly<Record<string, number>>;
  readonly stays: Readonly<Record<string, number>>;
}

export interface ForgetTrialsReport {
  /** How often the process was killed before it had forgotten. */
  readonly killedBefore: number;
  /** What anybody can ask for: rows, keys, entries, and a backup made afterwards. */
  readonly logical: Found;
  /** The files as they are right after. */
  readonly filesBefore: Found;
  /** The files after what the runbook says. */
  readonly filesAfter: Found;
  /** Rounds of those who stay that were told to be kept, and of which a message is missing. */
  readonly lost: readonly string[];
}

const GONE = "canary-gone-8e31";
const STAYS = "canary-stays-8e31";
/** Messages that one round adds. */
const MESSAGES = 8;

export async function runForgetTrials({ trials, seed, killWithinMs }: ForgetTrialsOptions): Promise<ForgetTrialsReport> {
  const random = seededRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), "strata-forget-"));
  const [redis, postgres] = await Promise.all([startRedis({ aof: true }), startPostgres({ durability: "shipped" })]);
  const setup: OwnerStoresSetup = { databaseUrl: postgres.url, redisUrl: redis.url, name: "scan", folder };
  const kept = new Map<string, number[]>();
  let killedBefore = 0;
  let done = 0;
  const pool = new Pool({ connectionString: postgres.url, max: 1 });
  try {
    // One at least must be in the middle of it: on a busy machine this process may learn too late that it has begun.
    for (; done < trials || (killedBefore === 0 && done < 20 * trials); done++) {
      const trial = done;
      const words: AppWords = { ...setup, gone: [`gone-${trial}`, GONE], stays: [`stays-${trial}`, STAYS] };
      const app = startTypeScript(fileURLToPath(new URL("../fixtures/forget/app.ts", import.meta.url)), [JSON.stringify(words)]);
      while (!has(await app.next(), "forgetting"));
      await pause(killedBefore === 0 ? 0 : random() * killWithinMs);
      await app.kill();
      if (!app.messages.some((message) => has(message, "forgotten"))) killedBefore++;
      kept.set(
        words.stays[0],
        app.messages.flatMap((message) => (has(message, "kept") ? [message.kept] : [])),
      );
    }
    const stores = openOwnerStores(setup);
    for (let trial = 0; trial < done; trial++) await stores.forget(`gone-${trial}`);
    // What the killed writers had begun with is taken over; by default that takes half a minute.
    const writer = startHistoryWriter({
      sql: stores.sql,
      redis: redis.url,
      prefix: "scan:history",
      claimAfter: "500ms",
      once: true,
    });
    await writer.ended;
    await stores.settle();
    const lost = await lostOf(pool, kept);
    const file = join(folder, "later.backup");
    await backup({ to: file, parts: [...stores.parts], clock: systemClock });
    const logical = found({
      "rows of PostgreSQL": await rowsOf(pool),
      "keys of Redis": await keysOf(redis.url),
      "entries of the tiers": await entriesOf(stores.tiers),
      "a backup made afterwards": await backupBytes(file),
    });
    await stores.close();
    const files = async (): Promise<Found> =>
      found({
        "the folder of the cache": folderBytes(join(folder, "cache")),
        "the folder of embeddings": folderBytes(join(folder, "embeddings")),
        Redis: await redisBytes(redis.url),
        PostgreSQL: await postgresBytes(postgres.url),
      });
    const filesBefore = await files();
    await clearFiles(setup, pool);
    const filesAfter = await files();
    return { killedBefore, logical, filesBefore, filesAfter, lost };
  } finally {
    await pool.end();
    await Promise.all([redis.stop(), postgres.stop()]);
    rmSync(folder, { recursive: true });
  }
}

/** As `docs/operations/runbook.md` says: "Somebody must be gone from the files too". */
async function clearFiles({ redisUrl, folder, name }: OwnerStoresSetup, pool: Pool): Promise<void> {
  await pool.query("SELECT pg_stat_force_next_flush()");
  await eraseDeletedRows({ sql: pgClient(pool) }).run();
  await pool.query("ALTER SYSTEM SET wal_recycle = off");
  await pool.query("SELECT pg_reload_conf()");
  // Every process of the server is told at the same time.
  while ((await pool.query<{ wal_recycle: string }>("SHOW wal_recycle")).rows[0]?.wal_recycle !== "off") await pause(20);
  await pool.query("CHECKPOINT");
  await pool.query("SELECT pg_switch_wal()");
  await pool.query("CHECKPOINT");
  await pool.query("ALTER SYSTEM RESET wal_recycle");
  await pool.query("SELECT pg_reload_conf()");
  await rewriteRedis(redisUrl);
  for (const place of ["cache", "embeddings"]) rmSync(join(folder, place), { recursive: true });
  const [tier, shared] = [
    diskTier({ path: join(folder, "cache") }),
    redisTier({ client: redisUrl, prefix: `${name}:cache`, deadline: "5s" }),
  ];
  for (const one of [tier, shared]) {
    one.attach?.({ clock: systemClock, random: Math.random, evicted: () => undefined, fault: () => undefined });
  }
  await rebuildTier({ tier, from: [shared] });
  await Promise.all([tier.close(), shared.close()]);
}

async function lostOf(pool: Pool, kept: ReadonlyMap<string, readonly number[]>): Promise<string[]> {
  const lost: string[] = [];
  for (const [owner, rounds] of kept) {
    for (const round of rounds) {
      const { rows } = await pool.query<{ n: string }>(
        `SELECT count(*) AS n FROM strata_messages m JOIN strata_conversations c ON c.id = m.conversation_id
         WHERE c.owner_id = $1 AND starts_with(m.text, $2)`,
        [owner, `${STAYS} ${round} `],
      );
      if (Number(rows[0]?.n) !== MESSAGES) lost.push(`${owner}, round ${round}: ${rows[0]?.n} of ${MESSAGES} messages`);
    }
  }
  return lost;
}

async function rowsOf(pool: Pool): Promise<Buffer> {
  const { rows: tables } = await pool.query<{ name: string }>(
    "SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' AND oid >= 16384",
  );
  const read = await Promise.all(tables.map(({ name }) => pool.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)));
  // Values of the archive and dead letters are bytes, which PostgreSQL shows as hexadecimal.
  const texts = read.flatMap(({ rows }) => rows.map(({ row }) => row));
  const bytes = texts.flatMap((text) =>
    [...text.matchAll(/\\x([0-9a-f]+)/g)].map(([, hex]) => Buffer.from(hex as string, "hex")),
  );
  return Buffer.concat([Buffer.from(texts.join("\n")), ...bytes]);
}

async function keysOf(url: string): Promise<Buffer> {
  const redis = new Redis(url);
  try {
    const dumped: Buffer[] = [];
    for (const key of await redis.keys("*")) dumped.push(Buffer.from(key), (await redis.dumpBuffer(key)) ?? Buffer.alloc(0));
    return Buffer.concat(dumped);
  } finally {
    redis.disconnect();
  }
}

async function entriesOf(tiers: readonly CacheTier[]): Promise<Buffer> {
  const values: Buffer[] = [];
  for (const tier of tiers) for await (const { value } of tier.entries()) values.push(Buffer.from(value));
  return Buffer.concat(values);
}

function found(places: Readonly<Record<string, Buffer>>): Found {
  const count = (text: string): Record<string, number> =>
    Object.fromEntries(Object.entries(places).map(([place, bytes]) => [place, countIn(bytes, text)]));
  return { gone: count(GONE), stays: count(STAYS) };
}

function has<K extends string>(message: unknown, key: K): message is Record<K, number> {
  return typeof message === "object" && message !== null && key in message;
}
