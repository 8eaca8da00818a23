import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, inject } from "vitest";
import { archiveTier } from "../../src/cache/tiers/archive.ts";
import { diskTier } from "../../src/cache/tiers/disk.ts";
import { encryptedTier } from "../../src/cache/tiers/encrypted.ts";
import { redisTier } from "../../src/cache/tiers/redis.ts";
import { pgClient } from "../../src/clients/pg.ts";
import type { SqlClient } from "../../src/clients/sql.ts";
import { digest } from "../../src/core/key.ts";
import { scopedKeys } from "../../src/encryption/rings/scoped-keys.ts";
import { staticKeys } from "../../src/encryption/rings/static-keys.ts";
import { redisKeyStore } from "../../src/encryption/stores/redis.ts";
import { describeTier } from "../../src/testing/describe-tier.ts";
import { freshDatabase, freshPrefix } from "../support/fresh.ts";

const root = mkdtempSync(join(tmpdir(), "strata-encrypted-"));
const ending: Array<() => unknown> = [() => rmSync(root, { recursive: true })];
afterAll(() => Promise.all(ending.map((end) => end())));

const keys = { current: "b", keys: { a: randomBytes(32), b: randomBytes(32) } };
const given = { keys: staticKeys(keys), required: true };
const KEPT = { persistent: true, shared: true } as const;

describeTier("encrypted diskTier", ({ place }) => encryptedTier(diskTier({ path: join(root, place) }), given), KEPT);

let sql: SqlClient | undefined;
async function database(): Promise<SqlClient> {
  if (sql !== undefined) return sql;
  const pool = new Pool({ connectionString: await freshDatabase() });
  ending.push(() => pool.end());
  sql = pgClient(pool);
  return sql;
}
const table = (place: string): string => `archive_${digest(place).slice(0, 20).replaceAll("-", "_").toLowerCase()}`;

describeTier(
  "encrypted archiveTier in PostgreSQL",
  async ({ place }) => encryptedTier(archiveTier({ sql: await database(), table: table(place) }), given),
  KEPT,
);

describeTier(
  "encrypted redisTier with keys of scopes in Redis",
  ({ place }) => {
    const prefix = `${freshPrefix().slice(0, -10)}${place}`;
    const store = redisKeyStore({ redis: inject("redisUrl"), prefix: `${prefix}:keys` });
    ending.push(() => store.close());
    const ring = scopedKeys({ master: keys, store });
    return encryptedTier(redisTier({ client: inject("redisUrl"), prefix }), { keys: ring, required: true });
  },
  { timing: "real", ...KEPT },
);
