import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, expect, test } from "vitest";
import type { CacheTier, TierEntry } from "../../src/cache/tier.ts";
import { diskTier } from "../../src/cache/tiers/disk.ts";
import { encryptedTier, tierAtRest } from "../../src/cache/tiers/encrypted.ts";
import { pgClient } from "../../src/clients/pg.ts";
import { systemClock } from "../../src/core/clock.ts";
import { digest } from "../../src/core/key.ts";
import { readSealedHeader } from "../../src/encryption/sealed.ts";
import { scopedKeys } from "../../src/encryption/rings/scoped-keys.ts";
import { staticKeys } from "../../src/encryption/rings/static-keys.ts";
import { encryptedLog } from "../../src/history/logs/encrypted.ts";
import { postgresLog } from "../../src/history/logs/postgres.ts";
import { MessageSealer } from "../../src/history/message-sealer.ts";
import { reencryptMessages } from "../../src/maintenance/tasks/reencrypt-messages.ts";
import { reencryptValues } from "../../src/maintenance/tasks/reencrypt-values.ts";
import { rewrapKeys } from "../../src/maintenance/tasks/rewrap-keys.ts";
import { describeMaintenanceTask } from "../../src/testing/describe-maintenance-task.ts";
import type { WrappedKey } from "../../src/encryption/key-store.ts";
import { mapStore } from "../fixtures/broken-keys/broken-keys.ts";
import { attached, sealedEntry } from "../support/filled-tier.ts";
import { freshDatabase } from "../support/fresh.ts";
import { onePlaceAtATime } from "../support/history-bed.ts";

const root = mkdtempSync(join(tmpdir(), "strata-rotation-"));
const ending: Array<() => unknown> = [() => rmSync(root, { recursive: true })];
afterAll(() => Promise.all(ending.map((end) => end())));
let places = 0;

const keys = { a: randomBytes(32), b: randomBytes(32) };
const [before, after] = [staticKeys({ current: "a", keys }), staticKeys({ current: "b", keys })];

async function listed(tier: CacheTier): Promise<TierEntry[]> {
  const all: TierEntry[] = [];
  for await (const entry of tier.entries()) all.push({ ...entry, value: Buffer.from(entry.value) });
  return all.toSorted((one, other) => (one.key < other.key ? -1 : 1));
}

/** Some plain, some under the older key, some as they should be. */
async function mixed(): Promise<{ tier: CacheTier; plain: CacheTier }> {
  const plain = attached(diskTier({ path: join(root, String(places++)) }));
  const entries = (from: number): TierEntry[] =>
    Array.from({ length: 20 }, (_, index) => sealedEntry({ name: from + index, text: `answer ${from + index}` }));
  await plain.set(entries(0));
  await encryptedTier(plain, { keys: before }).set(entries(20));
  await encryptedTier(plain, { keys: after }).set(entries(40));
  return { plain, tier: encryptedTier(plain, { keys: after }) };
}

describeMaintenanceTask("reencryptValues", async () => {
  const { tier, plain } = await mixed();
  return {
    ...{ task: reencryptValues({ tiers: [tier] }), items: 40, close: () => tier.close() },
    snapshot: async () => (await listed(plain)).map(({ key, value }) => [key, digest(Buffer.from(value).toString("hex"))]),
  };
});

test("after it every value is as it was, under the current key", async () => {
  const { tier, plain } = await mixed();
  const was = await listed(tier);
  expect(await reencryptValues({ tiers: [tier] }).run()).toMatchObject({ items: 40, complete: true });
  expect((await listed(plain)).map(({ value }) => readSealedHeader(value)?.keyId)).toEqual(Array(60).fill("b"));
  const only = encryptedTier(tierAtRest(tier), { keys: staticKeys({ current: "b", keys: { b: keys.b } }), required: true });
  const strip = (entries: TierEntry[]): unknown => entries.map(({ key, value, scope, tags }) => ({ key, value, scope, tags }));
  expect(strip(await listed(only))).toEqual(strip(was));
  expect(() => reencryptValues({ tiers: [plain] })).toThrow(/encrypted tiers/);
  await tier.close();
});

const database = onePlaceAtATime(async () => {
  const pool = new Pool({ connectionString: await freshDatabase(), max: 4 });
  ending.push(() => pool.end());
  return pgClient(pool);
});

async function history(): Promise<{ sql: Awaited<ReturnType<typeof database>>; log: ReturnType<typeof postgresLog> }> {
  const sql = await database(String(places++));
  const log = postgresLog({ sql });
  const talk = { ownerId: "ada", sessionId: "s" };
  const message = (id: string): { id: string; role: string; name: string; createdAt: number; text: string; payload: string } => {
    return {
      id,
      role: "human",
      name: "Ada",
      createdAt: systemClock.now(),
      text: `said ${id}`,
      payload: JSON.stringify({ said: id }),
    };
  };
  await log.append(talk, ["1", "2", "3"].map(message));
  await encryptedLog(log, new MessageSealer({ keys: before }, undefined)).append(talk, ["4", "5"].map(message));
  await encryptedLog(log, new MessageSealer({ keys: after }, undefined)).append(talk, ["6"].map(message));
  await log.drain();
  await sql.query("INSERT INTO strata_summaries SELECT id, 2, 'they said much', now() FROM strata_conversations");
  return { sql, log };
}

describeMaintenanceTask("reencryptMessages", async () => {
  const { sql, log } = await history();
  return {
    ...{ task: reencryptMessages({ sql, encryption: { keys: after } }), items: 6, close: () => log.close() },
    snapshot: () => sql.query("SELECT seq, id, name, text, payload FROM strata_messages ORDER BY seq"),
  };
});

test("after it every message reads as it was, and no word of it lies in the tables", async () => {
  const { sql, log } = await history();
  expect(await reencryptMessages({ sql, encryption: { keys: after } }).run()).toMatchObject({ items: 6, complete: true });
  const only = staticKeys({ current: "b", keys: { b: keys.b } });
  const sealer = new MessageSealer({ keys: only, required: true }, undefined);
  const read = await encryptedLog(log, sealer).read({ ownerId: "ada", sessionId: "s" });
  expect(read.map(({ id, name, text, payload }) => [id, name, text, payload])).toEqual(
    ["1", "2", "3", "4", "5", "6"].map((id) => [id, "Ada", `said ${id}`, JSON.stringify({ said: id })]),
  );
  const rows = await Promise.all(
    ["messages", "message_words", "summaries"].map((table) => sql.query(`SELECT t::text AS row FROM strata_${table} t`)),
  );
  expect(JSON.stringify(rows)).not.toMatch(/said|Ada"/);
  await log.close();
});

describeMaintenanceTask("rewrapKeys", async () => {
  const stored = new Map<string, WrappedKey>();
  const store = mapStore(stored);
  const old = scopedKeys({ master: { current: "a", keys: { a: keys.a } }, store });
  for (let made = 0; made < 12; made++) await old.current({ scope: digest("scope", String(made)) });
  const task = rewrapKeys({ keys: scopedKeys({ master: { current: "b", keys }, store }) });
  return { task, items: 12, snapshot: () => [...stored.values()].map(({ id, master }) => [id, master]) };
});
