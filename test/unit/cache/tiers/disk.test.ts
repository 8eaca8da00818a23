import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open as openEnvironment, type Database, type RootDatabase } from "lmdb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { CacheTier, TierEntry } from "../../../../src/cache/tier.ts";
import { findDamage } from "../../../../src/cache/tiers/disk-check.ts";
import { diskTier, type DiskTierOptions } from "../../../../src/cache/tiers/disk.ts";
import { manualClock, type ManualClock } from "../../../../src/core/clock.ts";
import { digest, type Digest } from "../../../../src/core/key.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

const MEBIBYTE = 1024 * 1024;

let root = "";
const opened: CacheTier[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "strata-disk-"));
});
afterEach(async () => {
  for (const tier of opened.splice(0)) await tier.close();
  rmSync(root, { recursive: true });
});

interface Opened {
  readonly tier: CacheTier;
  readonly evicted: TierEntry[];
  readonly faults: string[];
}

function open(clock: ManualClock, options: Partial<DiskTierOptions> = {}): Opened {
  const tier = diskTier({ path: join(root, "cache"), ...options });
  const evicted: TierEntry[] = [];
  const faults: string[] = [];
  tier.attach?.({
    clock,
    random: seededRandom(1),
    evicted: (entries) => void evicted.push(...entries),
    fault: (operation, error) => void faults.push(`${operation}: ${String(error)}`),
  });
  opened.push(tier);
  return { tier, evicted, faults };
}

function keyOf(name: string | number): Digest {
  return digest("disk", String(name));
}

function entriesOf(count: number, bytes: number, from = 0): TierEntry[] {
  return Array.from({ length: count }, (_, index) => ({ key: keyOf(from + index), value: Buffer.alloc(bytes, from + index) }));
}

async function presence(tier: CacheTier, from: number, to: number): Promise<number> {
  const entries = await tier.get(Array.from({ length: to - from }, (_, index) => keyOf(from + index)));
  return entries.filter((entry) => entry !== undefined).length;
}

function fileBytes(): number {
  return statSync(join(root, "cache", "data.mdb")).size;
}

/** The table of records as LMDB has it; the tier must be closed. */
function openRecords(): { readonly environment: RootDatabase; readonly records: Database<Buffer, Buffer> } {
  const environment = openEnvironment({ path: join(root, "cache"), maxDbs: 4 });
  const records = environment.openDB<Buffer, Buffer>({ name: "uses-1", encoding: "binary", keyEncoding: "binary" });
  return { environment, records };
}

describe("the folder", () => {
  test("takes a folder with a dot in its name", async () => {
    const { tier } = open(manualClock(), { path: join(root, "cache.v1") });
    await tier.set(entriesOf(3, 100));
    expect(await presence(tier, 0, 3)).toBe(3);
    expect(existsSync(join(root, "cache.v1", "data.mdb"))).toBe(true);
  });

  test("is not touched before the first use", () => {
    const { tier } = open(manualClock());
    expect(existsSync(join(root, "cache"))).toBe(false);
    expect(tier.stats()).toMatchObject({ entries: undefined, bytes: undefined });
  });

  test("is made for its user alone, and ignored by git from the outermost folder that was made", async () => {
    const { tier } = open(manualClock(), { path: join(root, "outer", "inner", "cache") });
    await tier.get([keyOf("a")]);
    expect(readFileSync(join(root, "outer", ".gitignore"), "utf8")).toBe("*\n");
    expect(existsSync(join(root, "outer", "inner", ".gitignore"))).toBe(false);
    if (process.platform === "win32") return;
    for (const folder of ["outer", "outer/inner", "outer/inner/cache"]) {
      expect(statSync(join(root, folder)).mode & 0o777, folder).toBe(0o700);
    }
    for (const file of ["data.mdb", "lock.mdb"]) {
      expect(statSync(join(root, "outer", "inner", "cache", file)).mode & 0o777, file).toBe(0o600);
    }
  });

  test("keeps the mode and the content that it had when it was there, but its files are private", async () => {
    mkdirSync(join(root, "cache"), { mode: 0o755 });
    const { tier } = open(manualClock());
    await tier.set(entriesOf(1, 10));
    expect(existsSync(join(root, "cache", ".gitignore"))).toBe(false);
    if (process.platform === "win32") return;
    expect(statSync(join(root, "cache")).mode & 0o777).toBe(0o755);
    expect(statSync(join(root, "cache", "data.mdb")).mode & 0o777).toBe(0o600);
  });
});

describe("values", () => {
  test("of 16 MB come back, and leave with the memory that they took", async () => {
    const { tier } = open(manualClock());
    const value = Buffer.alloc(16 * MEBIBYTE, "0123456789");
    await tier.set([{ key: keyOf("large"), value }, ...entriesOf(3, 100)]);
    const [entry] = await tier.get([keyOf("large")]);
    expect(Buffer.compare(entry?.value ?? Buffer.alloc(0), value)).toBe(0);
    expect(await presence(tier, 0, 3)).toBe(3);
    expect(await tier.delete([keyOf("large")])).toBe(1);
    expect(tier.stats().bytes).toBeLessThan(MEBIBYTE);
  });

  test("are there in tens of thousands, after a restart too", async () => {
    const clock = manualClock();
    const first = open(clock);
    for (let from = 0; from < 10_000; from += 1_000) await first.tier.set(entriesOf(1_000, 300, from));
    expect(await presence(first.tier, 0, 10_000)).toBe(10_000);
    await first.tier.close();
    const { tier } = open(clock);
    expect(await presence(tier, 0, 10_000)).toBe(10_000);
    expect(tier.stats().entries).toBe(10_000);
    expect(await tier.clear()).toBe(10_000);
  });

  test("keep their labels where they are listed", async () => {
    const { tier } = open(manualClock());
    const labels = { scope: digest("scope"), tags: ["red", "é"], cost: 1_234 };
    await tier.set([{ key: keyOf("a"), value: Buffer.from("a"), ...labels }]);
    for await (const entry of tier.entries()) expect(entry).toMatchObject(labels);
  });

  test("live as long as the ttl of the tier at most", async () => {
    const clock = manualClock();
    const { tier } = open(clock, { ttl: "10s" });
    const [endless, short] = [keyOf("endless"), keyOf("short")];
    await tier.set([
      { key: endless, value: Buffer.from("endless") },
      { key: short, value: Buffer.from("short"), expiresAt: clock.now() + 5_000 },
    ]);
    await clock.advance(5_000);
    expect((await tier.get([endless, short])).map((entry) => entry?.key)).toEqual([endless, undefined]);
    await clock.advance(5_000);
    expect(await tier.get([endless])).toEqual([undefined]);
  });
});

describe("the byte bound", () => {
  test("holds under churn, and the file stays within half as much again", async () => {
    const maxBytes = 6 * MEBIBYTE;
    const random = seededRandom(7);
    const { tier, evicted, faults } = open(manualClock(), { maxBytes });
    for (let round = 0; round < 120; round++) {
      const batch = Array.from({ length: 50 }, () => ({
        key: keyOf(Math.floor(random() * 20_000)),
        value: Buffer.alloc(Math.floor(100 + random() ** 3 * 30_000), round),
      }));
      await tier.set(batch);
      expect(tier.stats().bytes).toBeLessThanOrEqual(maxBytes);
    }
    expect(tier.stats().bytes).toBeGreaterThan(0.85 * maxBytes);
    expect(evicted.length).toBe(tier.stats().evicted);
    expect(evicted.length).toBeGreaterThan(3_000);
    expect(fileBytes()).toBeLessThan(1.5 * maxBytes + 2 * MEBIBYTE);
    expect(faults).toEqual([]);
    await tier.close();
    expect(findDamage(join(root, "cache", "data.mdb"))).toBeUndefined();
  });

  test("lets go what was not used, and keeps what was, across a restart", async () => {
    const clock = manualClock();
    const first = open(clock);
    for (let from = 0; from < 1_000; from += 100) await first.tier.set(entriesOf(100, 6_000, from));
    await clock.advance(60_000);
    // Uses are noted behind the reading; close waits for the note.
    expect(await presence(first.tier, 0, 500)).toBe(500);
    await first.tier.close();
    await clock.advance(60_000);

    const { tier, evicted } = open(clock);
    await tier.set(entriesOf(300, 6_000, 5_000));
    tier.configure?.({ maxBytes: 9 * MEBIBYTE });
    // Eviction goes on to 95 % of the limit.
    await vi.waitFor(() => expect(tier.stats().bytes).toBeLessThanOrEqual(0.95 * 9 * MEBIBYTE), 20_000);
    const gone = new Set(evicted.map(({ key }) => key));
    const count = (from: number, to: number): number =>
      Array.from({ length: to - from }, (_, index) => keyOf(from + index)).filter((key) => gone.has(key)).length;
    const [used, unused, newest] = [count(0, 500), count(500, 1_000), count(5_000, 5_300)];
    expect(used + unused + newest).toBe(evicted.length);
    expect(unused).toBeGreaterThan(180);
    expect(used).toBeLessThan(0.03 * unused);
    expect(newest).toBe(0);
  });

  test("notes uses within a second, and how many they were", async () => {
    const clock = manualClock();
    const { tier, evicted } = open(clock);
    await tier.set(entriesOf(200, 6_000));
    for (let use = 0; use < 3; use++) {
      expect(await presence(tier, 0, 20)).toBe(20);
      await clock.advance(1_000);
      await vi.waitFor(() => expect(clock.pending).toBe(1), 20_000); // The check of readers alone.
    }
    await tier.set(entriesOf(300, 6_000, 1_000));
    tier.configure?.({ maxBytes: MEBIBYTE / 8 });
    await vi.waitFor(() => expect(tier.stats().bytes).toBeLessThan(MEBIBYTE / 8), 20_000);
    await tier.clear();
    const used = new Set(Array.from({ length: 20 }, (_, name) => keyOf(name)));
    const hits = evicted.filter(({ key }) => used.has(key)).map((entry) => entry.hits);
    expect(hits.length).toBeGreaterThan(0);
    expect(new Set(hits)).toEqual(new Set([3]));
  });

  test("takes what has expired first, and does not tell of it", async () => {
    const clock = manualClock();
    const { tier, evicted } = open(clock);
    const mortal = entriesOf(500, 6_000).map((entry) => ({ ...entry, expiresAt: clock.now() + 60_000 }));
    await tier.set([...mortal, ...entriesOf(200, 6_000, 1_000)]);
    await clock.advance(60_000);
    tier.configure?.({ maxBytes: 4 * MEBIBYTE });
    await vi.waitFor(() => expect(tier.stats().bytes).toBeLessThan(4 * MEBIBYTE), 20_000);
    expect(evicted).toEqual([]);
    expect(await presence(tier, 1_000, 1_200)).toBe(200);
  });

  test("smaller than any entry stores nothing and ends", async () => {
    const { tier, evicted } = open(manualClock(), { maxBytes: 100 });
    await tier.set(entriesOf(10, 500));
    expect(await presence(tier, 0, 10)).toBe(0);
    expect(evicted).toHaveLength(10);
  });
});

describe("damaged records", () => {
  async function withDamage(damage: (record: Buffer) => Buffer, count = 50): Promise<Opened> {
    const clock = manualClock();
    const first = open(clock);
    const labels = { scope: digest("scope"), tags: ["red"] };
    await first.tier.set(entriesOf(count, 6_000).map((entry) => ({ ...entry, ...labels })));
    await first.tier.close();
    const { environment, records } = openRecords();
    for (let name = 0; name < 5; name++) {
      const key = Buffer.from(keyOf(name), "latin1");
      records.putSync(key, damage(Buffer.from(records.getBinary(key) ?? [])));
    }
    await environment.close();
    return open(clock);
  }

  const damages: ReadonlyArray<readonly [string, (record: Buffer) => Buffer]> = [
    ["cut short", (record) => record.subarray(0, 10)],
    ["without their tags' end", (record) => record.subarray(0, -2)],
    ["with tags that are none", (record) => Buffer.concat([record.subarray(0, -7), Buffer.from("{}")])],
    ["whose scope is longer than they are", (record) => record.fill(255, 28, 29)],
  ];

  test.each(damages)("%s do not stop reading, clearing by tag or eviction", async (_name, damage) => {
    const { tier, faults } = await withDamage(damage);
    expect(await presence(tier, 0, 50)).toBe(50);
    // Nobody knows whose the five are: they go with every filter.
    expect(await tier.clear({ tag: "green" })).toBe(5);
    expect(await tier.clear({ tag: "red" })).toBe(45);
    expect(faults).toEqual([]);
  });

  test.each(damages)("%s are evicted before anything else", async (_name, damage) => {
    // As few as one sample takes in.
    const { tier, faults } = await withDamage(damage, 20);
    expect(await presence(tier, 0, 20)).toBe(20);
    tier.configure?.({ maxBytes: 160_000 });
    await vi.waitFor(() => expect(tier.stats().bytes).toBeLessThanOrEqual(160_000), 20_000);
    expect(await presence(tier, 0, 5)).toBeLessThan(3);
    expect(await presence(tier, 5, 20)).toBe(15);
    expect(faults).toEqual([]);
  });
});

describe("options", () => {
  test.each([
    [{ path: "" }, "diskTier.path"],
    [{}, "diskTier.path"],
    [{ path: 7 }, "diskTier.path"],
    [{ path: "x", maxBytes: -1 }, "diskTier.maxBytes"],
    [{ path: "x", ttl: "soon" }, "diskTier.ttl"],
    [{ path: "x", maxSize: 1 }, "diskTier.maxSize"],
  ])("%j is refused by name", (options, option) => {
    expect(() => diskTier(options as unknown as DiskTierOptions)).toThrow(expect.objectContaining({ option, code: "CONFIG" }));
  });
});
