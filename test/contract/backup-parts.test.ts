/** Every part of a backup that this package has, under one contract. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, inject } from "vitest";
import type { CacheTier } from "../../src/cache/tier.ts";
import { archiveTier } from "../../src/cache/tiers/archive.ts";
import { diskTier } from "../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import { redisTier } from "../../src/cache/tiers/redis.ts";
import { pgClient } from "../../src/clients/pg.ts";
import { pgliteClient } from "../../src/clients/pglite.ts";
import type { SqlClient } from "../../src/clients/sql.ts";
import type { Json } from "../../src/core/plain.ts";
import { postgresLog } from "../../src/history/logs/postgres.ts";
import { HISTORY_KINDS } from "../../src/maintenance/backup/parts/history-kinds.ts";
import { historyPart } from "../../src/maintenance/backup/parts/history-part.ts";
import { recordsPart } from "../../src/maintenance/backup/parts/records-part.ts";
import { tierPart } from "../../src/maintenance/backup/parts/tier-part.ts";
import { describeBackupPart, type BackupPlace } from "../../src/testing/index.ts";
import { attached, contentsOf, sealedEntry } from "../support/filled-tier.ts";
import { freshDatabase, freshPrefix } from "../support/fresh.ts";

const root = mkdtempSync(join(tmpdir(), "strata-parts-"));
afterAll(() => rmSync(root, { recursive: true }));
let places = 0;
const freshPath = (): string => join(root, String(++places));

const TIERS: Readonly<Record<string, () => CacheTier>> = {
  memory: () => memoryTier(),
  disk: () => diskTier({ path: freshPath() }),
  archive: () => archiveTier({ path: freshPath() }),
  redis: () => redisTier({ client: inject("redisUrl"), prefix: freshPrefix(), deadline: "5s" }),
};

for (const [name, make] of Object.entries(TIERS)) {
  describeBackupPart(`tierPart of ${name}`, async () => {
    const [full, empty] = [attached(make()), attached(make())];
    const entries = [1, 2, 3].map((n) => sealedEntry({ name: n, scope: { user: `u${n}` }, tags: [`t${n}`] }));
    await full.set([...entries, sealedEntry({ name: 4, expiresAt: Date.now() + 3_600_000 })]);
    const placeOf = (tier: CacheTier): BackupPlace => ({
      part: tierPart(tier, { name: "tier" }),
      contents: async () => new Map([...(await contentsOf(tier))].toSorted()),
    });
    return {
      filled: placeOf(full),
      empty: placeOf(empty),
      close: async () => void (await Promise.all([full.close(), empty.close()])),
    };
  });
}

describeBackupPart("recordsPart", () => {
  const placeOf = (held: Map<string, Json>): BackupPlace => ({
    contents: () => [...held.entries()],
    part: recordsPart({
      name: "settings",
      list: () => [...held].map(([name, value]) => ({ value: [name, value] })),
      put(values) {
        const missing = (values as [string, Json][]).filter(([name]) => !held.has(name));
        for (const [name, value] of missing) held.set(name, value);
        return missing.length;
      },
    }),
  });
  const all: [string, Json][] = [
    ["colour", "blue"],
    ["size", { width: 1, height: [2, 3] }],
    ["name", "São \u0000 \ud83d\ude00"],
  ];
  return { filled: placeOf(new Map(all)), empty: placeOf(new Map()) };
});

const DATABASES: Readonly<Record<string, () => Promise<SqlClient>>> = {
  PostgreSQL: async () => {
    const pool = new Pool({ connectionString: await freshDatabase(), max: 4 });
    const client = pgClient(pool);
    return { ...client, query: client.query.bind(client), transaction: client.transaction.bind(client), close: () => pool.end() };
  },
  PGlite: emptied,
};

/** A PGlite takes seconds to start: those of the test before are emptied and given again. */
const started: SqlClient[] = [];
const free: SqlClient[] = [];
afterAll(() => Promise.all(started.map((sql) => sql.close())));

async function emptied(): Promise<SqlClient> {
  const again = free.pop();
  if (again !== undefined) {
    const tables = await again.query<{ name: string }>(
      "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'strata_migrations'",
    );
    if (tables.length > 0) await again.query(`TRUNCATE ${tables.map(({ name }) => name).join(", ")} RESTART IDENTITY CASCADE`);
  }
  const own = again ?? pgliteClient();
  if (again === undefined) started.push(own);
  return { ...own, query: own.query.bind(own), transaction: own.transaction.bind(own), close: async () => void free.push(own) };
}

for (const [name, make] of Object.entries(DATABASES)) {
  describeBackupPart(`historyPart of ${name}`, async () => {
    const [full, empty] = await Promise.all([make(), make()]);
    const log = postgresLog({ sql: full });
    for (const ownerId of ["ana", "ben"]) {
      const messages = [1, 2, 3].map((n) => ({
        ...{
          id: `m${n}`,
          role: "human" as const,
          createdAt: n * 1_000,
          text: `text ${n}`,
          payload: JSON.stringify(`payload ${n}`),
        },
      }));
      await log.append({ ownerId, sessionId: "s" }, messages);
    }
    await log.close();
    const placeOf = (sql: SqlClient): BackupPlace => ({
      part: historyPart({ sql }),
      contents: async () => {
        await historyPart({ sql }).forgotten?.({});
        const rows = HISTORY_KINDS.filter(({ letter }) => letter === "C" || letter === "M").map(({ read }) =>
          sql.query<{ line: string }>(read),
        );
        const lines = (await Promise.all(rows)).flat().map(({ line }) => line.replace(/"arrivals":\d+/, ""));
        return lines.toSorted();
      },
    });
    return {
      filled: placeOf(full),
      empty: placeOf(empty),
      close: async () => void (await Promise.all([full.close(), empty.close()])),
    };
  });
}
