import { describe, expect, test } from "vitest";
import { createCompression, type Compression } from "../../../src/cache/compression.ts";
import type { CacheTier } from "../../../src/cache/tier.ts";
import { TieredStore, type StoreInput } from "../../../src/cache/tiered-store.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { sleep } from "../../../src/core/abort.ts";
import { manualClock, type ManualClock } from "../../../src/core/clock.ts";
import type { StrataEvent } from "../../../src/core/events.ts";
import { digest } from "../../../src/core/key.ts";
import { scriptedTier } from "../../support/scripted-tier.ts";

const SCOPE = digest("a scope");

interface StoreBed {
  readonly clock: ManualClock;
  readonly store: TieredStore;
  readonly events: StrataEvent[];
}

function bed(tiers: readonly CacheTier[], compression: Compression = createCompression({ algorithm: "auto" })): StoreBed {
  const clock = manualClock();
  const events: StrataEvent[] = [];
  const emit = (event: StrataEvent): void => void events.push(event);
  return {
    clock,
    events,
    store: new TieredStore({ tiers, clock, random: () => 0, emit, maxQueuedBytes: 1_000_000, compression }),
  };
}

function input(name: string, value: string, more: Partial<StoreInput<string>> = {}): StoreInput<string> {
  const common = { scope: SCOPE, tags: [], expiresAt: undefined, cost: 5 };
  return { ...common, key: digest(name), payload: Buffer.from(value), value, ...more };
}

/** Counts how often a payload is read. */
function reader(): { decode: (payload: Buffer) => string; readonly reads: () => number } {
  let reads = 0;
  return {
    decode: (payload) => {
      reads++;
      return payload.toString("utf8");
    },
    reads: () => reads,
  };
}

describe("reading", () => {
  test("answers at once while the tiers do, and decodes what memory keeps by reference only once", async () => {
    const { store } = bed([memoryTier()]);
    await store.set(input("key", "value"));
    const { decode, reads } = reader();
    expect(store.get(digest("key"), SCOPE, decode)).toEqual({ value: "value", tier: "memory", expiresAt: undefined, cost: 5 });
    expect(reads()).toBe(0);
    expect(store.get(digest("unknown"), SCOPE, decode)).toBeUndefined();
  });

  test("verifies and decodes once what comes up from below, and gives its cost, tags and life along", async () => {
    const disk = scriptedTier({ name: "disk" });
    const { store, clock } = bed([memoryTier(), disk]);
    const expiresAt = clock.now() + 60_000;
    await store.set(input("key", "value", { tags: ["a"], expiresAt }));
    await store.flush();
    await store.clear({}, "memory");
    const { decode, reads } = reader();
    expect(await store.get(digest("key"), SCOPE, decode)).toEqual({ value: "value", tier: "disk", expiresAt, cost: 5 });
    expect(await store.get(digest("key"), SCOPE, decode)).toEqual({ value: "value", tier: "memory", expiresAt, cost: 5 });
    expect(reads()).toBe(1);
    expect(await store.clear({ tag: "a" }, "memory")).toBe(1);
  });

  test("asks the tiers in order, and those above get what is found below", async () => {
    const tiers = ["first", "second", "third"].map((name) => scriptedTier({ name, writes: "through" }));
    const { store } = bed(tiers);
    await store.set(input("key", "value"));
    tiers[0]?.held.clear();
    tiers[1]?.held.clear();
    expect(await store.get(digest("key"), SCOPE, reader().decode)).toMatchObject({ tier: "third" });
    await store.flush();
    expect(tiers.map(({ held }) => held.size)).toEqual([1, 1, 1]);
    expect(await store.get(digest("key"), SCOPE, reader().decode)).toMatchObject({ tier: "first" });
  });

  test("counts in memory what a compressed entry decodes to", async () => {
    const tight = scriptedTier({ name: "tight", compression: "best" });
    const memory = memoryTier();
    const { store } = bed([memory, tight]);
    await store.set(input("key", "x".repeat(100_000)));
    const before = memory.stats().bytes ?? 0;
    await store.flush();
    await store.clear({}, "memory");
    expect([...tight.held.values()][0]?.value.byteLength).toBeLessThan(2_000);
    await store.get(digest("key"), SCOPE, reader().decode);
    expect(before).toBeGreaterThan(200_000);
    expect(memory.stats().bytes).toBeGreaterThan(100_000);
  });

  test("drops what cannot be decoded, and says so without showing any of it", async () => {
    const tier = scriptedTier({ name: "tier", writes: "through" });
    const { store, events } = bed([tier]);
    await store.set(input("key", "a secret answer"));
    const decode = (payload: Buffer): unknown => JSON.parse(payload.toString("utf8")) as unknown;
    expect(await store.get(digest("key"), SCOPE, decode)).toBeUndefined();
    await store.flush();
    expect(tier.held.size).toBe(0);
    expect(store.stats().rejected).toBe(1);
    expect(JSON.stringify(events)).not.toContain("secret");
    expect(events.map(({ type }) => type)).toEqual(["entry.rejected"]);
  });

  test("counts one damaged entry once, and finds it gone the next time", async () => {
    const tier = scriptedTier({ name: "tier", writes: "through" });
    const { store } = bed([tier]);
    await store.set(input("key", "value"));
    for (const entry of tier.held.values()) entry.value.set([0], 0);
    expect(await store.get(digest("key"), SCOPE, reader().decode)).toBeUndefined();
    expect(await store.get(digest("key"), SCOPE, reader().decode)).toBeUndefined();
    expect(store.stats().rejected).toBe(1);
    expect(store.stats().tiers[0]).toMatchObject({ hits: 0, misses: 2 });
  });

  test.each([
    ["another key", input("other", "value").key, SCOPE],
    ["another scope", input("key", "value").key, digest("another scope")],
  ])("refuses what belongs to %s, also when the tier kept what it decodes to", async (reason, key, scope) => {
    for (const held of ["bytes", "reference"]) {
      const memory = memoryTier();
      const [own] = [input("key", "value")];
      let found: Awaited<ReturnType<CacheTier["get"]>> = [];
      const lying: CacheTier = { ...memory, get: () => found };
      const { store, events } = bed([lying]);
      await store.set(own);
      found = (await memory.get([own.key])).map((entry) =>
        entry === undefined || held === "reference" ? entry : { key, value: entry.value },
      );
      expect(await store.get(key, scope, reader().decode)).toBeUndefined();
      expect(events).toEqual([expect.objectContaining({ type: "entry.rejected", reason: expect.stringContaining(reason) })]);
    }
  });
});

describe("writing", () => {
  test("resolves when the tiers that are written through have it, before the others do", async () => {
    const through = scriptedTier({ name: "through", writes: "through" });
    const behind = scriptedTier({ name: "behind" });
    const { clock, store } = bed([through, behind]);
    through.script.set = async (pass) => {
      await sleep(clock, 20);
      pass();
    };
    let isDone = false;
    const written = store.set(input("key", "value")).then(() => (isDone = true));
    await clock.advance(19);
    expect(isDone).toBe(false);
    expect(behind.held.size).toBe(1);
    await clock.advance(1);
    await written;
    expect(through.held.size).toBe(1);
  });

  test("through a tier takes no longer than the tier's deadline", async () => {
    const stuck = scriptedTier({ name: "stuck", writes: "through", deadline: "30ms" });
    const { clock, store, events } = bed([stuck]);
    stuck.script.set = () => new Promise(() => undefined);
    let isDone = false;
    const written = store.set(input("key", "value")).then(() => (isDone = true));
    await clock.advance(30);
    expect(isDone).toBe(true);
    await written;
    expect(events).toEqual([expect.objectContaining({ type: "tier.fault", operation: "set", code: "TIMEOUT" })]);
    expect(clock.pending).toBe(0);
  });

  test("behind a tier may take ten seconds", async () => {
    const busy = scriptedTier({ name: "busy" });
    const { clock, store } = bed([busy]);
    busy.script.set = async (pass) => {
      await sleep(clock, 9_999);
      pass();
    };
    await store.set(input("key", "value"));
    await clock.advance(9_999);
    expect(busy.held.size).toBe(1);
    expect(store.stats().tiers[0]).toMatchObject({ faults: 0, dropped: 0 });
  });

  test("gathers what comes while a batch is written into the next one", async () => {
    const busy = scriptedTier({ name: "busy" });
    const { clock, store } = bed([busy]);
    busy.script.set = async (pass) => {
      await sleep(clock, 100);
      pass();
    };
    await store.set(input("first", "value"));
    await clock.advance(1);
    for (let index = 0; index < 50; index++) await store.set(input(`later ${index}`, "value"));
    await clock.advance(200);
    expect(busy.calls).toEqual(["set", "set"]);
    expect(busy.held.size).toBe(51);
  });

  test("gives up what is beyond the bound of the queue, counts it, and goes on", async () => {
    const stuck = scriptedTier({ name: "stuck" });
    const { clock, store, events } = bed([stuck]);
    stuck.script.set = () => new Promise(() => undefined);
    for (let index = 0; index < 20; index++) await store.set(input(`key ${index}`, "x".repeat(100_000)));
    expect(store.stats().tiers[0]).toMatchObject({ queued: 9, dropped: 11 });
    expect(events.filter((event) => event.type === "tier.fault").every(({ code }) => code === "QUEUE_FULL")).toBe(true);
    stuck.script = {};
    await clock.advance(10_000);
    await store.set(input("after", "value"));
    await store.flush();
    expect(stuck.held.size).toBeGreaterThan(0);
  });

  test("that cannot be compressed is stored as it is, with its whole batch", async () => {
    const tier = scriptedTier({ name: "tier", compression: "fast" });
    const broken: Compression = {
      ...createCompression({ algorithm: "auto" }),
      compress: (payload) => {
        if (Buffer.from(payload).includes("poison")) throw new Error("no memory");
        return { codec: 0, bytes: payload };
      },
    };
    const { store, events } = bed([tier], broken);
    for (const value of ["one", "poison", "three"]) await store.set(input(value, value));
    await store.flush();
    expect(tier.held.size).toBe(3);
    expect(await store.get(digest("poison"), SCOPE, reader().decode)).toMatchObject({ value: "poison" });
    expect(events).toEqual([expect.objectContaining({ type: "tier.fault", operation: "set", message: "no memory" })]);
  });

  test("to a tier that takes only what others drop does not happen", async () => {
    const archive = scriptedTier({ name: "archive", writes: "on-demotion" });
    const { store } = bed([memoryTier(), archive]);
    await store.set(input("key", "value"));
    await store.flush();
    expect(archive.calls).toEqual([]);
  });
});

describe("removal", () => {
  test("of keys takes them out of every tier and every queue", async () => {
    const disk = scriptedTier({ name: "disk" });
    const { store } = bed([memoryTier(), disk]);
    await store.set(input("written", "value"));
    await store.flush();
    await store.set(input("waiting", "value"));
    await store.set(input("other", "value"));
    expect(await store.delete([digest("written"), digest("waiting")])).toBe(2);
    await store.flush();
    expect([...disk.held.keys()]).toEqual([digest("other")]);
  });

  test("waits for a batch that is being written, so that nothing is back afterwards", async () => {
    const disk = scriptedTier({ name: "disk" });
    const { clock, store } = bed([disk]);
    disk.script.set = async (pass) => {
      await sleep(clock, 500);
      pass();
    };
    await store.set(input("key", "value"));
    await clock.advance(10);
    const removed = store.delete([digest("key")]);
    await clock.advance(1_000);
    await removed;
    expect(disk.held.size).toBe(0);
  });
});
