/**
 * Two systems on the same real servers, one with encryption and one without, each full of its own canary: then all raw bytes are
 * read: folders, dump and append-only file of Redis, the whole folder of PostgreSQL with its write-ahead log, and a backup. The
 * canary of the plain one is found in each, which proves the reading; that of the encrypted one in none.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scopedKeys } from "../../src/encryption/rings/scoped-keys.ts";
import { fileKeyStore } from "../../src/encryption/stores/file.ts";
import { backup } from "../../src/maintenance/backup/backup.ts";
import { openOwnerStores, type OwnerStores } from "../support/owner-stores.ts";
import { backupBytes, countIn, folderBytes, postgresBytes, redisBytes } from "../support/raw-bytes.ts";
import { startPostgres, startRedis } from "../support/servers/routes.ts";
import type { TestServer } from "../support/servers/test-server.ts";

const PLAIN = "canary-in-clear-4b7d";
const SEALED = "canary-encrypted-4b7d";
const root = mkdtempSync(join(tmpdir(), "strata-at-rest-"));
let redis: TestServer;
let postgres: TestServer;

beforeAll(async () => {
  [redis, postgres] = await Promise.all([startRedis({ aof: true }), startPostgres()]);
});
afterAll(async () => {
  await Promise.all([redis.stop(), postgres.stop()]);
  rmSync(root, { recursive: true });
});

function open(name: string, encrypted: boolean): OwnerStores {
  const folder = join(root, name);
  const master = { current: "m", keys: { m: randomBytes(32) } };
  const keys = scopedKeys({ master, store: fileKeyStore({ path: join(root, `${name}-keys`) }) });
  const encryption = encrypted ? { keys, required: true } : undefined;
  return openOwnerStores({ databaseUrl: postgres.url, redisUrl: redis.url, name, folder, encryption });
}

test("with encryption no store holds a byte of text or vector; without, each does", { timeout: 240_000 }, async () => {
  const [plain, sealed] = [open("plain", false), open("sealed", true)];
  await plain.fill("ada", PLAIN, 0);
  await sealed.fill("ada", SEALED, 0);
  // With messages on their way: the streams of Redis are among what is read.
  const onTheWay = await redisBytes(redis.url);
  await Promise.all([plain.settle(), sealed.settle()]);
  const backups = { plain: join(root, "plain.backup"), sealed: join(root, "sealed.backup") };
  await backup({ to: backups.plain, parts: [...plain.parts] });
  await backup({ to: backups.sealed, parts: [...sealed.parts] });
  const [inRedis, inPostgres] = [await redisBytes(redis.url), await postgresBytes(postgres.url)];
  const [inPlainBackup, inSealedBackup] = [await backupBytes(backups.plain), await backupBytes(backups.sealed)];
  const found = (canary: string, own: "plain" | "sealed"): Record<string, number> => ({
    "the folder of the disk tier": countIn(folderBytes(join(root, own, "cache")), canary),
    "the folder of embeddings": countIn(folderBytes(join(root, own, "embeddings")), canary),
    "Redis, with messages on their way": countIn(onTheWay, canary),
    Redis: countIn(inRedis, canary),
    PostgreSQL: countIn(inPostgres, canary),
    "the backup": countIn(own === "plain" ? inPlainBackup : inSealedBackup, canary),
  });
  const [clear, ciphertext] = [found(PLAIN, "plain"), found(SEALED, "sealed")];
  for (const [place, count] of Object.entries(clear)) expect(count, place).toBeGreaterThan(0);
  expect(ciphertext).toEqual(Object.fromEntries(Object.keys(ciphertext).map((place) => [place, 0])));
  await Promise.all([plain.close(), sealed.close()]);
});
