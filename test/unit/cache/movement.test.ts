import { expect, test } from "vitest";
import { manualClock, memoryTier, TieredCache, type CacheTier, type StrataEvent } from "../../../src/index.ts";

const MODEL = 'model:"m"';

/** A tier below: unbounded, told of what it gets. */
function lowerTier(name: string, properties: Partial<CacheTier> = {}): CacheTier & { readonly got: string[] } {
  const inner = memoryTier({ maxBytes: "1gb" });
  const got: string[] = [];
  return {
    ...inner,
    name,
    reportsEvictions: false,
    writes: "behind",
    ...properties,
    got,
    set(entries) {
      got.push(...entries.map(({ key }) => key));
      return inner.set(entries);
    },
  };
}

/** Answers that took the model `ms`, each of about 1.1 KB stored. */
async function ask(cache: TieredCache, clock: ReturnType<typeof manualClock>, prompt: string, ms: number): Promise<void> {
  await cache.lookup(prompt, MODEL);
  await clock.advance(ms);
  await cache.update(prompt, MODEL, [{ text: prompt.padEnd(1000, ".") }]);
}

async function where(cache: TieredCache, prompt: string): Promise<unknown> {
  const [found] = (await cache.lookup(prompt, MODEL)) ?? [];
  return (found?.generationInfo?.["strata"] as { tier: string } | undefined)?.tier;
}

test("what memory evicts goes to a tier that lives on demotions, and comes back at a hit", async () => {
  const clock = manualClock();
  const archive = lowerTier("archive", { writes: "on-demotion" });
  const cache = new TieredCache({ tiers: [memoryTier({ maxEntries: 2, eviction: "lru" }), archive], clock });
  for (const prompt of ["a", "b", "c"]) await ask(cache, clock, prompt, 2000);
  await cache.flush();
  expect(archive.got).toHaveLength(1);
  expect(await where(cache, "a")).toBe("archive");
  expect(await where(cache, "a")).toBe("memory");
});

test("what is not worth its bytes is not demoted; hits and cost make it so", async () => {
  const clock = manualClock();
  const archive = lowerTier("archive", { writes: "on-demotion" });
  const cache = new TieredCache({ tiers: [memoryTier({ maxEntries: 2, eviction: "lru" }), archive], clock });
  await ask(cache, clock, "quick", 2);
  await ask(cache, clock, "quick but loved", 2);
  for (let hit = 0; hit < 10; hit++) await cache.lookup("quick but loved", MODEL);
  for (const prompt of ["x", "y", "z"]) await ask(cache, clock, prompt, 2000);
  await cache.flush();
  expect(archive.got).toHaveLength(2);
  expect(await where(cache, "quick")).toBeUndefined();
  expect(await where(cache, "quick but loved")).toBe("archive");
});

test("a tier between that has the entry and reports its own evictions keeps it from going further down", async () => {
  const clock = manualClock();
  const disk = lowerTier("disk", { reportsEvictions: true });
  const archive = lowerTier("archive", { writes: "on-demotion" });
  const cache = new TieredCache({ tiers: [memoryTier({ maxEntries: 1, eviction: "lru" }), disk, archive], clock });
  for (const prompt of ["a", "b", "c"]) await ask(cache, clock, prompt, 2000);
  await cache.flush();
  expect(disk.got).toHaveLength(3);
  expect(archive.got).toHaveLength(0);
});

test("a shared tier between that cannot tell does not", async () => {
  const clock = manualClock();
  const redis = lowerTier("redis");
  const archive = lowerTier("archive", { writes: "on-demotion" });
  const cache = new TieredCache({ tiers: [memoryTier({ maxEntries: 1, eviction: "lru" }), redis, archive], clock });
  for (const prompt of ["a", "b", "c"]) await ask(cache, clock, prompt, 2000);
  await cache.flush();
  expect(archive.got).toHaveLength(2);
});

test("no move makes a life longer", async () => {
  const clock = manualClock();
  const archive = lowerTier("archive", { writes: "on-demotion" });
  const tiers = [memoryTier({ maxEntries: 1, eviction: "lru" }), lowerTier("disk"), archive];
  const cache = new TieredCache({ tiers, clock, ttl: 10_000, random: () => 0 });
  await ask(cache, clock, "a", 2000);
  await ask(cache, clock, "b", 2000);
  await cache.flush();
  await clock.advance(5000);
  expect(await where(cache, "a")).toBe("disk");
  expect(await where(cache, "a")).toBe("memory");
  await clock.advance(2999);
  expect(await where(cache, "a")).toBe("memory");
  await clock.advance(2);
  expect(await where(cache, "a")).toBeUndefined();
});

test("moves are told, without content", async () => {
  const clock = manualClock();
  const events: StrataEvent[] = [];
  const archive = lowerTier("archive", { writes: "on-demotion" });
  const tiers = [memoryTier({ maxEntries: 1, eviction: "lru" }), archive];
  const cache = new TieredCache({ tiers, clock, observer: (event) => events.push(event) });
  await ask(cache, clock, "a secret", 2000);
  await ask(cache, clock, "b", 2000);
  await cache.flush();
  await where(cache, "a secret");
  const moves = events.filter((event) => event.type === "entry.moved");
  expect(moves.map(({ direction, from, to }) => `${direction} ${from} ${to}`)).toEqual([
    "demoted memory archive",
    "promoted archive memory",
    "demoted memory archive",
  ]);
  expect(JSON.stringify(events)).not.toContain("secret");
});
