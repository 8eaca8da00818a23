import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import { pgliteClient } from "../../src/clients/pglite.ts";
import type { SqlClient } from "../../src/clients/sql.ts";
import { archiveTier, type ArchiveTierOptions } from "../../src/cache/tiers/archive.ts";
import type { CacheTier, TierEntry } from "../../src/cache/tier.ts";
import { manualClock, type ManualClock } from "../../src/core/clock.ts";
import { digest } from "../../src/core/key.ts";
import { describeTier } from "../../src/testing/describe-tier.ts";
import { freshDatabase } from "../support/fresh.ts";

const HOUR = 3_600_000;
const CAPABILITIES = { persistent: true, shared: true } as const;
const root = mkdtempSync(join(tmpdir(), "strata-archive-"));
let pool: Pool;
let sql: SqlClient;
const pglite = pgliteClient();

beforeAll(async () => {
  pool = new Pool({ connectionString: await freshDatabase() });
  sql = pgClient(pool);
});
afterAll(async () => {
  await pglite.close();
  await pool.end();
  rmSync(root, { recursive: true });
});

/** Places of the contract are too long for a table's name, and have hyphens. */
function table(place: string): string {
  return `archive_${digest(place).slice(0, 20).replaceAll("-", "_").toLowerCase()}`;
}

describeTier("archiveTier in PostgreSQL", ({ place }) => archiveTier({ sql, table: table(place) }), CAPABILITIES);
describeTier("archiveTier in PGlite", ({ place }) => archiveTier({ sql: pglite, table: table(place) }), CAPABILITIES);
describeTier("archiveTier in a folder", ({ place }) => archiveTier({ path: join(root, place) }), CAPABILITIES);

let clock: ManualClock;

function open(options: ArchiveTierOptions, faults: unknown[] = []): CacheTier {
  clock = manualClock();
  const tier = archiveTier(options);
  tier.attach?.({ clock, random: Math.random, evicted: () => undefined, fault: (_operation, error) => void faults.push(error) });
  return tier;
}

function entry(name: string | number, rest: Partial<TierEntry> = {}): TierEntry {
  return { key: digest(String(name)), value: Buffer.from(`value of ${name}`), ...rest };
}

describe("in a table", () => {
  test("what has expired is removed, a bounded number at a time", async () => {
    const tier = open({ sql, table: "sweeping" });
    const soon = clock.now() + 1_000;
    await tier.set(Array.from({ length: 1_200 }, (_, name) => entry(name, { expiresAt: soon })));
    const left: number[] = [];
    for (let minute = 0; minute < 4; minute++) {
      await clock.advance(61_000);
      await tier.set([entry("new")]);
      left.push(Number((await sql.query("SELECT count(*) AS n FROM sweeping"))[0]?.["n"]));
    }
    expect(left).toEqual([701, 201, 1, 1]);
    await tier.close();
  });

  test("uses are noted", async () => {
    const tier = open({ sql, table: "uses" });
    await tier.set([entry("a"), entry("b")]);
    await clock.advance(HOUR);
    await tier.get([entry("a").key]);
    await tier.close();
    const rows = await sql.query("SELECT used_at - created_at > interval '59 minutes' AS used FROM uses ORDER BY used");
    expect(rows).toEqual([{ used: false }, { used: true }]);
  });

  test("large batches are cut, and values of every size come back", async () => {
    const tier = open({ sql, table: "large" });
    const entries = [
      ...Array.from({ length: 1_100 }, (_, name) => entry(name)),
      entry("giant", { value: Buffer.alloc(9_000_000, 3) }),
    ];
    await tier.set(entries);
    const found = await tier.get(entries.map(({ key }) => key));
    expect(
      found.every((one, index) => one !== undefined && Buffer.compare(one.value, entries[index]?.value ?? Buffer.alloc(0)) === 0),
    ).toBe(true);
    await tier.close();
  });

  test("writers that touch the same entries in another order do not lock each other out", async () => {
    const tiers = Array.from({ length: 4 }, () => open({ sql, table: "locks" }));
    const entries = Array.from({ length: 200 }, (_, name) => entry(name, { tags: ["red"] }));
    await tiers[0]?.set([entry("first")]);
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        tiers.map(async (tier, index) => {
          await tier.set(index % 2 === 0 ? entries : entries.toReversed());
          if (index === 3) await tier.clear({ tag: "red" });
          if (index === 2) await tier.delete(entries.map(({ key }) => key).toReversed());
        }),
      );
    }
    await Promise.all(tiers.map((tier) => tier.close()));
  });

  test("no statement holds a text of the caller", async () => {
    const seen: string[] = [];
    const spied: SqlClient = {
      query: (text, parameters, options) => {
        seen.push(text);
        return sql.query(text, parameters, options);
      },
      transaction: (work, options) => sql.transaction(work, options),
      close: () => sql.close(),
    };
    const tier = open({ sql: spied, table: "texts" });
    const hostile = `x'; DROP TABLE texts; -- \\ % _ " $1`;
    await tier.set([entry(hostile, { tags: [hostile] })]);
    await tier.clear({ tag: hostile });
    await tier.close();
    expect(seen.length).toBeGreaterThan(2);
    expect(seen.filter((text) => text.includes("DROP") || text.includes("x'"))).toEqual([]);
    expect(await sql.query("SELECT tags FROM texts")).toEqual([]);
  });

  test("the client stays open, its owner's to close", async () => {
    await open({ sql, table: "left_open" }).close();
    expect(await sql.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });
});

describe("in a folder", () => {
  const files = (path: string): string[] =>
    readdirSync(path, { recursive: true, encoding: "utf8" }).filter(
      (name) => statSync(join(path, name)).isFile() && !name.endsWith(".gitignore"),
    );

  test("names tell nothing, and nobody else may read", async () => {
    const path = join(root, "private");
    const tier = open({ path });
    await tier.set([entry("../../escape", { tags: ["../tag"], scope: "../scope" })]);
    expect(files(path)).toEqual([expect.stringMatching(/^[0-9a-f]{2}\/[0-9a-f]{64}$/)]);
    expect(statSync(join(path, files(path)[0] ?? "")).mode & 0o077).toBe(0);
    expect(statSync(path).mode & 0o077).toBe(0);
    await tier.close();
  });

  test("a damaged file is told of, removed, and then a miss", async () => {
    const path = join(root, "damaged");
    const tier = open({ path });
    await tier.set([entry("a"), entry("b")]);
    const whole = files(path).map((name) => join(path, name));
    for (const file of whole) {
      const bytes = readFileSync(file);
      for (const damaged of [
        Buffer.alloc(0),
        bytes.subarray(0, 3),
        bytes.subarray(0, 10),
        Buffer.alloc(50, 0xff),
        Buffer.from("\x02\0\0\0{}"),
      ]) {
        writeFileSync(file, damaged);
        const name = readFileSync(file).equals(damaged) && bytes.includes(entry("a").key) ? "a" : "b";
        await expect(tier.get([entry(name).key])).rejects.toMatchObject({ code: "CORRUPT" });
        expect(await tier.get([entry(name).key])).toEqual([undefined]);
      }
      writeFileSync(file, bytes);
    }
    for (const file of whole) writeFileSync(file, "");
    expect(await tier.clear()).toBe(0);
    expect(files(path)).toEqual([]);
    await tier.close();
  });

  test("expired files, and what killed processes left, go in time", async () => {
    const path = join(root, "sweeping");
    const tier = open({ path });
    await tier.set([entry("a", { expiresAt: clock.now() + 1_000 }), entry("b")]);
    const shelf = join(path, files(path)[0]?.slice(0, 2) ?? "");
    writeFileSync(join(shelf, "half-written"), "half");
    clock.jump(Date.now() - clock.now() + 2 * HOUR);
    for (let minute = 0; minute < 257; minute++) {
      await clock.advance(61_000);
      await tier.set([entry("b")]);
    }
    expect(files(path)).toHaveLength(1);
    await tier.close();
  });

  test("one that cannot be written is unavailable", async () => {
    const path = join(root, "a-file");
    writeFileSync(path, "in the way");
    const tier = open({ path: join(path, "below") });
    await expect(tier.set([entry("a")])).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await tier.close();
  });
});

test.each([
  [{}, /archiveTier\.path/],
  [{ path: "" }, /archiveTier\.path/],
  [{ sql: {} }, /archiveTier\.sql.*SqlClient/],
  [{ sql: pglite, path: "x" }, /archiveTier\.path/],
  [{ sql: pglite, table: "Bad-Name" }, /archiveTier\.table/],
  [{ path: "x", table: "t" }, /archiveTier\.table/],
  [{ path: "x", ttl: "long" }, /archiveTier\.ttl/],
  [{ path: "x", deadline: -1 }, /archiveTier\.deadline/],
  [{ path: "x", writes: "through" }, /archiveTier\.writes/],
  [{ path: "x", pth: "y" }, /archiveTier\.pth/],
])("says what is accepted in place of %o", (options, message) => {
  expect(() => archiveTier(options as never)).toThrow(message);
});
