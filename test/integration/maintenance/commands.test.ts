import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, expect, inject, test } from "vitest";
import { diskTier } from "../../../src/cache/tiers/disk.ts";
import { redisTier } from "../../../src/cache/tiers/redis.ts";
import { backup } from "../../../src/cli/commands/backup.ts";
import { cleanup } from "../../../src/cli/commands/cleanup.ts";
import { optimize } from "../../../src/cli/commands/optimize.ts";
import { rebuild } from "../../../src/cli/commands/rebuild.ts";
import { restore } from "../../../src/cli/commands/restore.ts";
import type { Command, Terminal } from "../../../src/cli/command.ts";
import { pgClient } from "../../../src/clients/pg.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { postgresLog } from "../../../src/history/logs/postgres.ts";
import { attached, contentsOf, sealedEntry } from "../../support/filled-tier.ts";
import { freshDatabase, freshPrefix } from "../../support/fresh.ts";

const root = mkdtempSync(join(tmpdir(), "strata-commands-"));
afterAll(() => rmSync(root, { recursive: true }));

async function strata(command: Command, ...args: string[]): Promise<{ code: number; out: string }> {
  const lines: string[] = [];
  const terminal: Terminal = {
    out: (line) => void lines.push(line),
    note: (line) => void lines.push(line),
    status: () => undefined,
    environment: {},
  };
  const code = await command.run(args, terminal);
  return { code, out: lines.join("\n") };
}
const json = async (command: Command, ...args: string[]): Promise<Record<string, unknown>> =>
  JSON.parse((await strata(command, ...args, "--json")).out) as Record<string, unknown>;

test("a system is backed up, verified, cleaned, lost, restored elsewhere, and rebuilt", async () => {
  const [data, other] = [join(root, "data"), join(root, "other")];
  const [file, key] = [join(root, "all.backup"), join(root, "key")];
  writeFileSync(key, randomBytes(32));
  const [database, second] = [await freshDatabase(), await freshDatabase()];
  const now = systemClock.now();

  const disk = attached(diskTier({ path: join(data, "cache") }));
  await disk.set([1, 2, 3].map((name) => sealedEntry({ name })));
  const contents = await contentsOf(disk);
  await disk.set([sealedEntry({ name: "short", createdAt: now, expiresAt: now + 2_000 })]);
  await disk.close();
  const pool = new Pool({ connectionString: database, max: 2 });
  const log = postgresLog({ sql: pgClient(pool) });
  await log.append({ ownerId: "ana", sessionId: "s" }, [
    { id: "1", role: "human", createdAt: now, text: "hello", payload: '"hello"' },
  ]);
  await log.close();

  await new Promise<void>((go) => void systemClock.setTimer(Math.max(0, now + 2_001 - systemClock.now()), go));
  const places = ["--data", data, "--database", database];
  const plan = await json(cleanup, ...places, "--plan");
  expect(plan).toMatchObject({
    plan: true,
    tasks: [{ task: "expired-entries", items: 1 }, { items: 0 }, { items: 0 }, { items: 0 }],
  });
  expect((await strata(cleanup, ...places)).out).toContain("expired-entries");
  expect(await json(cleanup, ...places)).toMatchObject({ tasks: [{ items: 0 }, { items: 0 }, { items: 0 }, { items: 0 }] });

  const report = await json(backup, file, ...places, "--key-file", key, "--system", "shop");
  expect(report).toMatchObject({
    signature: "hmac-sha256",
    parts: [
      { name: "cache", records: 3 },
      { name: "history", records: 2 },
    ],
  });
  expect((await strata(restore, file, "--verify", "--key-file", key)).out).toContain("the signature is right");
  expect((await strata(restore, file, "--verify")).out).toContain("NOT checked");
  expect(await json(restore, file, "--verify", "--key-file", key)).toMatchObject({ authentic: true, system: "shop" });

  // Elsewhere: the disk's entries into Redis, the history into another database.
  const prefix = freshPrefix().replace(/:$/, "");
  const elsewhere = ["--redis", inject("redisUrl"), "--prefix", prefix, "--database", second, "--key-file", key];
  await expect(strata(restore, file, ...elsewhere, "--system", "shop")).rejects.toThrow("Where do these parts go: cache?");
  await expect(strata(restore, file, ...elsewhere, "--into", "cache=redis")).rejects.toThrow("give its name");
  expect(await json(restore, file, ...elsewhere, "--into", "cache=redis", "--system", "shop")).toMatchObject({
    parts: [
      { name: "cache", restored: 3 },
      { name: "history", restored: 2 },
    ],
  });
  const redis = attached(redisTier({ client: inject("redisUrl"), prefix, deadline: "5s" }));
  expect(await contentsOf(redis)).toEqual(contents);
  await redis.close();
  const secondPool = new Pool({ connectionString: second, max: 2 });
  expect((await secondPool.query("SELECT text FROM strata_messages")).rows).toEqual([{ text: "hello" }]);

  // The disk of the second machine was lost: it is made of Redis.
  expect(await json(rebuild, "cache", "--data", other, "--redis", inject("redisUrl"), "--prefix", prefix)).toMatchObject({
    restored: 3,
    lost: [expect.stringContaining("in disk alone") as string],
  });
  const again = attached(diskTier({ path: join(other, "cache") }));
  expect(await contentsOf(again)).toEqual(contents);
  await again.close();

  await secondPool.query("DELETE FROM strata_message_words");
  await secondPool.query("DELETE FROM strata_unread_messages");
  expect(await json(rebuild, "search", "--database", second)).toEqual({ restored: 1, lost: [] });
  expect((await secondPool.query("SELECT count(*)::int AS n FROM strata_message_words")).rows).toEqual([{ n: 1 }]);
  expect((await strata(optimize, "--database", second)).out).toContain("optimize-tables");
  await Promise.all([pool.end(), secondPool.end()]);
  expect(readFileSync(file).includes("hello")).toBe(false);
});

test("a call that cannot be right says how it is done", async () => {
  await expect(strata(backup)).rejects.toThrow("Where to?");
  await expect(strata(backup, join(root, "x"))).rejects.toThrow("Which places?");
  await expect(strata(restore)).rejects.toThrow("Which backup?");
  await expect(strata(restore, join(root, "nowhere"), "--verify")).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await expect(strata(rebuild)).rejects.toThrow("What?");
  await expect(strata(optimize, "--data", root)).rejects.toThrow("Which database?");
});
