import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TierEntry } from "../../../../src/cache/tier.ts";
import { memoryTier, type MemoryTierOptions } from "../../../../src/cache/tiers/memory.ts";
import type { CacheTier } from "../../../../src/cache/tier.ts";
import { manualClock, type ManualClock } from "../../../../src/core/clock.ts";
import { digest } from "../../../../src/core/key.ts";

const HOUR = 3_600_000;
const EVICTIONS = ["lru", "lfu", "s3-fifo", "adaptive", "hybrid"] as const;

function open(options: MemoryTierOptions = {}): { tier: CacheTier; clock: ManualClock; evicted: TierEntry[] } {
  const clock = manualClock();
  const evicted: TierEntry[] = [];
  const tier = memoryTier(options);
  tier.attach?.({
    clock,
    random: () => 0.5,
    evicted: (entries) => void evicted.push(...entries),
    fault: (_operation, error) => expect.unreachable(String(error)),
  });
  return { tier, clock, evicted };
}

function entryOf(name: string | number, rest: Partial<TierEntry> = {}): TierEntry {
  return { key: digest("memory", String(name)), value: Buffer.from(`value of ${name}`), ...rest };
}

/** The memory tier answers in the same turn; a test that awaited would not notice when it stopped. */
function get(tier: CacheTier, name: string | number): TierEntry | undefined {
  const answer = tier.get([digest("memory", String(name))]);
  if (!Array.isArray(answer)) throw new Error("It answered with a promise.");
  return answer[0] as TierEntry | undefined;
}

describe("answers", () => {
  test("come in the same turn", () => {
    const { tier } = open();
    expect(tier.set([entryOf("a")])).toBeUndefined();
    expect(get(tier, "a")).toBeDefined();
    expect(tier.delete([digest("memory", "a")])).toBe(1);
    expect(tier.clear()).toBe(0);
  });

  test("are the entry itself, with what the store has noted on it since", () => {
    const { tier } = open();
    const decoded = { answer: 42 };
    const entry = entryOf("a", { decoded, scope: digest("scope"), tags: ["red"], cost: 7 });
    void tier.set([entry]);
    expect(get(tier, "a")).toBe(entry);
    expect(get(tier, "a")?.decoded).toBe(decoded);
  });
});

describe("the byte bound", () => {
  const operations = fc.array(
    fc.oneof(
      fc.record({
        kind: fc.constant("set" as const),
        name: fc.nat(30),
        size: fc.nat(9_000),
        decodedBytes: fc.option(fc.nat(20_000)),
      }),
      fc.record({ kind: fc.constant("get" as const), name: fc.nat(30) }),
      fc.record({ kind: fc.constant("delete" as const), name: fc.nat(30) }),
      fc.record({ kind: fc.constant("limit" as const), maxBytes: fc.integer({ min: 1, max: 60_000 }) }),
      fc.record({ kind: fc.constant("pass" as const), ms: fc.nat(500) }),
    ),
    { minLength: 1, maxLength: 120 },
  );

  test.each(EVICTIONS)("holds after each call, with %s, and the bytes told are those of what is listed", async (eviction) => {
    await fc.assert(
      fc.asyncProperty(operations, async (script) => {
        let maxBytes = 40_000;
        const { tier, clock } = open({ maxBytes, eviction });
        for (const step of script) {
          if (step.kind === "set") {
            const { name, size, decodedBytes } = step;
            const expiresAt = name % 3 === 0 ? clock.now() + 300 : undefined;
            await tier.set([entryOf(name, { value: Buffer.alloc(size), decodedBytes: decodedBytes ?? undefined, expiresAt })]);
          }
          if (step.kind === "get") get(tier, step.name);
          if (step.kind === "delete") await tier.delete([digest("memory", String(step.name))]);
          if (step.kind === "pass") await clock.advance(step.ms);
          if (step.kind === "limit") tier.configure?.({ maxBytes: (maxBytes = step.maxBytes) });
          const { bytes = NaN, entries = NaN } = tier.stats();
          expect(bytes).toBeLessThanOrEqual(maxBytes);
          expect(bytes).toBeGreaterThanOrEqual(entries * 832);
        }
        let [listed, held] = [0, 0];
        for await (const { value, decodedBytes } of tier.entries()) {
          listed++;
          held += value.byteLength + (decodedBytes ?? value.byteLength) + 832;
        }
        // What has expired and was not looked at since is still there, and counted.
        expect(tier.stats().entries).toBeGreaterThanOrEqual(listed);
        expect(tier.stats().bytes).toBeGreaterThanOrEqual(held);
        await tier.clear();
        expect(tier.stats()).toMatchObject({ entries: 0, bytes: 0 });
      }),
      { numRuns: 40 },
    );
  });

  test("counts what an entry decodes to", () => {
    const { tier } = open({ maxBytes: 10_000 });
    void tier.set([entryOf("a", { decodedBytes: 6_000 })]);
    void tier.set([entryOf("b", { decodedBytes: 6_000 })]);
    expect(tier.stats().entries).toBe(1);
  });

  test("counts an entry once that is replaced again and again", () => {
    const { tier, evicted } = open({ maxBytes: 10_000 });
    for (let round = 0; round < 50; round++) void tier.set([entryOf("a", { value: Buffer.alloc(1_000 + round) })]);
    expect(tier.stats()).toMatchObject({ entries: 1, bytes: 2 * 1_049 + 832, evicted: 0 });
    expect(evicted).toEqual([]);
  });

  test("drops at once when it is lowered, and tells what", () => {
    const { tier, evicted } = open({ maxBytes: "1mb" });
    for (let name = 0; name < 20; name++) void tier.set([entryOf(name, { value: Buffer.alloc(10_000) })]);
    tier.configure?.({ maxBytes: 100_000 });
    expect(tier.stats().entries).toBe(4);
    expect(evicted).toHaveLength(16);
    expect(tier.stats().evicted).toBe(16);
  });

  test("may be an entry count", () => {
    const { tier, evicted } = open({ maxEntries: 5, eviction: "lru" });
    for (let name = 0; name < 12; name++) void tier.set([entryOf(name)]);
    expect(tier.stats().entries).toBe(5);
    expect(evicted.map(({ key }) => key)).toEqual([0, 1, 2, 3, 4, 5, 6].map((name) => digest("memory", String(name))));
  });

  test("tells with each dropped entry its bytes, its labels and how often it was asked for", () => {
    const { tier, evicted } = open({ maxEntries: 1, eviction: "lru" });
    const entry = entryOf("a", { scope: digest("scope"), tags: ["red"], cost: 7 });
    void tier.set([entry]);
    get(tier, "a");
    get(tier, "a");
    void tier.set([entryOf("b")]);
    expect(evicted).toEqual([{ ...entry, hits: 2 }]);
  });
});

describe("lives", () => {
  test("are bounded by the ttl of the tier, which lengthens none", async () => {
    const { tier, clock } = open({ ttl: "10s" });
    void tier.set([entryOf("long", { expiresAt: clock.now() + HOUR }), entryOf("endless")]);
    void tier.set([entryOf("short", { expiresAt: clock.now() + 5_000 })]);
    await clock.advance(5_000);
    expect(get(tier, "short")).toBeUndefined();
    await clock.advance(4_999);
    expect(get(tier, "long")).toBeDefined();
    await clock.advance(1);
    expect(get(tier, "long")).toBeUndefined();
    expect(get(tier, "endless")).toBeUndefined();
  });

  test.each([
    ["forward", HOUR],
    ["back", -HOUR],
  ])("neither end nor grow when the wall clock steps an hour %s", async (_direction, step) => {
    const { tier, clock } = open();
    void tier.set([entryOf("a", { expiresAt: clock.now() + 60_000 }), entryOf("endless")]);
    clock.jump(step);
    expect(get(tier, "a")).toBeDefined();
    await clock.advance(59_999);
    expect(get(tier, "a")).toBeDefined();
    await clock.advance(1);
    expect(get(tier, "a")).toBeUndefined();
    expect(get(tier, "endless")).toBeDefined();
  });

  test("are longer than the longest timer without trouble", async () => {
    const { tier, clock } = open();
    const year = 365 * 24 * HOUR;
    void tier.set([entryOf("a", { expiresAt: clock.now() + year })]);
    await clock.advance(year - 1);
    expect(get(tier, "a")).toBeDefined();
    await clock.advance(1);
    expect(get(tier, "a")).toBeUndefined();
  });
});

describe("the sweep", () => {
  test("frees what has expired though nobody asks for it, with the writes that follow", async () => {
    const { tier, clock } = open();
    for (let name = 0; name < 1_000; name++) void tier.set([entryOf(name, { expiresAt: clock.now() + 1_000 })]);
    await clock.advance(1_000);
    expect(tier.stats().entries).toBe(1_000);
    // The hand looks at four entries with each write: it is round after a quarter as many writes, and may have begun anywhere.
    for (let name = 0; name < 600; name++) void tier.set([entryOf(`later ${name}`)]);
    expect(tier.stats().entries).toBe(600);
  });

  test("frees as much when the writes come in one batch", async () => {
    const { tier, clock } = open();
    void tier.set(Array.from({ length: 1_000 }, (_, name) => entryOf(name, { expiresAt: clock.now() + 1_000 })));
    await clock.advance(1_000);
    void tier.set(Array.from({ length: 600 }, (_, name) => entryOf(`later ${name}`)));
    expect(tier.stats().entries).toBe(600);
  });

  test("tells nobody of what has expired: it was not evicted", async () => {
    const { tier, clock, evicted } = open({ maxEntries: 10, eviction: "lru" });
    for (let name = 0; name < 10; name++) void tier.set([entryOf(name, { expiresAt: clock.now() + 1_000 })]);
    await clock.advance(1_000);
    // One write sweeps four of them; the policy takes the others, for the room.
    tier.configure?.({ maxEntries: 1 });
    void tier.set([entryOf("later")]);
    expect(evicted).toEqual([]);
    expect(tier.stats()).toMatchObject({ entries: 1, evicted: 0 });
  });

  test("does not count what has expired among what clear and delete removed", async () => {
    const { tier, clock } = open();
    void tier.set([entryOf("a", { expiresAt: clock.now() + 1 }), entryOf("b", { expiresAt: clock.now() + 1 }), entryOf("c")]);
    await clock.advance(1);
    expect(tier.delete([digest("memory", "a")])).toBe(0);
    expect(tier.clear()).toBe(1);
  });
});

describe("options", () => {
  test.each([
    [{ maxBytes: 0 }, "memoryTier.maxBytes"],
    [{ maxBytes: "12 parsecs" }, "memoryTier.maxBytes"],
    [{ maxEntries: 1.5 }, "memoryTier.maxEntries"],
    [{ ttl: -1 }, "memoryTier.ttl"],
    [{ eviction: "random" }, "memoryTier.eviction"],
    [{ maxSize: 5 }, "memoryTier.maxSize"],
  ])("%j is refused by name", (options, option) => {
    expect(() => memoryTier(options as MemoryTierOptions)).toThrow(expect.objectContaining({ option, code: "CONFIG" }));
  });

  test("of each eviction policy can be changed while running", () => {
    for (const eviction of EVICTIONS) {
      const { tier } = open({ maxBytes: "1mb" });
      for (let name = 0; name < 20; name++) void tier.set([entryOf(name)]);
      tier.configure?.({ eviction });
      expect(tier.stats().entries).toBe(20);
      tier.configure?.({ maxEntries: 3 });
      expect(tier.stats().entries).toBe(3);
    }
  });
});
