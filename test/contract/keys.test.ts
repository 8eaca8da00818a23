import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, inject } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import { pgliteClient } from "../../src/clients/pglite.ts";
import type { KeyStore } from "../../src/encryption/key-store.ts";
import { scopedKeys } from "../../src/encryption/rings/scoped-keys.ts";
import { staticKeys } from "../../src/encryption/rings/static-keys.ts";
import { fileKeyStore } from "../../src/encryption/stores/file.ts";
import { redisKeyStore } from "../../src/encryption/stores/redis.ts";
import { sqlKeyStore } from "../../src/encryption/stores/sql.ts";
import { describeKeyRing } from "../../src/testing/describe-key-ring.ts";
import { describeKeyStore } from "../../src/testing/describe-key-store.ts";
import { freshDatabase, freshPrefix } from "../support/fresh.ts";

const root = mkdtempSync(join(tmpdir(), "strata-keys-"));
const ending: Array<() => Promise<unknown>> = [async () => rmSync(root, { recursive: true })];
afterAll(() => Promise.all(ending.map((end) => end())));
const pglite = pgliteClient();
ending.push(() => pglite.close());
let places = 0;

function inFolder(): { one: KeyStore; other: KeyStore } {
  const path = join(root, `place-${places++}`);
  return { one: fileKeyStore({ path }), other: fileKeyStore({ path }) };
}

async function inPostgres(): Promise<{ one: KeyStore; other: KeyStore }> {
  const connectionString = await freshDatabase();
  const open = (): KeyStore => {
    const pool = new Pool({ connectionString, max: 4 });
    ending.push(() => pool.end());
    return sqlKeyStore({ sql: pgClient(pool) });
  };
  return { one: open(), other: open() };
}

function inRedis(): { one: KeyStore; other: KeyStore } {
  const prefix = freshPrefix();
  const open = (): KeyStore => {
    const store = redisKeyStore({ redis: inject("redisUrl"), prefix });
    ending.push(() => store.close());
    return store;
  };
  return { one: open(), other: open() };
}

describeKeyStore("fileKeyStore", inFolder);
describeKeyStore("sqlKeyStore in PostgreSQL", inPostgres);
describeKeyStore("sqlKeyStore in PGlite", () => {
  const table = `keys_${places++}`;
  return { one: sqlKeyStore({ sql: pglite, table }), other: sqlKeyStore({ sql: pglite, table }) };
});
describeKeyStore("redisKeyStore", inRedis);

const master = { current: "m1", keys: { m1: randomBytes(32) } };
describeKeyRing("scopedKeys in a folder", () => {
  const { one, other } = inFolder();
  return { one: scopedKeys({ master, store: one }), other: scopedKeys({ master, store: other }) };
});
describeKeyRing("scopedKeys in Redis", () => {
  const { one, other } = inRedis();
  return { one: scopedKeys({ master, store: one }), other: scopedKeys({ master, store: other }) };
});
const keys = { a: randomBytes(32), b: randomBytes(32) };
describeKeyRing("staticKeys", () => ({ one: staticKeys({ current: "a", keys }), other: staticKeys({ current: "a", keys }) }), {
  drops: false,
});
