/** Folders that cannot be used. The tier is off, with one event, and the chain works without it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createCompression } from "../../src/cache/compression.ts";
import { TieredStore } from "../../src/cache/tiered-store.ts";
import { diskTier } from "../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import { manualClock } from "../../src/core/clock.ts";
import { StrataError } from "../../src/core/errors.ts";
import type { StrataEvent } from "../../src/core/events.ts";
import { digest } from "../../src/core/key.ts";
import { GLOBAL_SCOPE } from "../../src/core/scope.ts";
import { seededRandom } from "../support/seeded-random.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "strata-unusable-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function openStore(path: string, clock = manualClock()) {
  const events: StrataEvent[] = [];
  const store = new TieredStore({
    tiers: [memoryTier(), diskTier({ path })],
    clock,
    random: seededRandom(3),
    emit: (event) => void events.push(event),
    maxQueuedBytes: 1024 ** 2,
    compression: createCompression({ algorithm: "none" }),
  });
  return {
    store,
    clock,
    set: async (name: string): Promise<void> => {
      const payload = Buffer.from(`answer ${name}`);
      const key = digest(name);
      await store.set({ key, scope: GLOBAL_SCOPE, payload, value: name, tags: [], expiresAt: undefined, cost: 1 });
      await store.flush();
    },
    get: async (name: string): Promise<string | undefined> => {
      const found = await store.get(digest(name), GLOBAL_SCOPE, (payload) => payload.toString("utf8"));
      return found && `${found.tier}: ${found.value}`;
    },
    /** What was told of the tier: events about single entries are left out. */
    told: () => events.filter(({ type }) => type === "tier.fault" || type === "tier.state"),
  };
}

/** Nobody can make a folder there, root included. */
const unusable: ReadonlyArray<readonly [string, () => string]> = [
  [
    "under a regular file",
    () => {
      writeFileSync(join(root, "file"), "a file");
      return join(root, "file", "cache");
    },
  ],
  [
    "a regular file itself",
    () => {
      writeFileSync(join(root, "file"), "a file");
      return join(root, "file");
    },
  ],
  ...(process.platform === "linux" ? [["in /proc", () => "/proc/strata-cache"] as const] : []),
];

test.each(unusable)("a folder that is %s is refused with the code UNAVAILABLE, by each call", async (_name, make) => {
  const tier = diskTier({ path: make() });
  const refused = expect.objectContaining({ code: "UNAVAILABLE" });
  expect(() => tier.get([digest("a")])).toThrow(refused);
  expect(() => tier.set([])).toThrow(refused);
  expect(() => tier.delete([digest("a")])).toThrow(refused);
  expect(() => tier.clear()).toThrow(refused);
  await expect(tier.entries()[Symbol.asyncIterator]().next()).rejects.toBeInstanceOf(StrataError);
  expect(tier.stats()).toMatchObject({ entries: undefined });
  await tier.close();
});

test.each(unusable)("a folder that is %s turns the tier off with one event, and the others go on", async (_name, make) => {
  const path = make();
  const { store, set, get, told, clock } = openStore(path);
  for (let call = 0; call < 40; call++) {
    await set(`name ${call}`);
    expect(await get(`name ${call}`)).toBe(`memory: name ${call}`);
    expect(await get(`absent ${call}`)).toBeUndefined();
    await clock.advance(300);
  }
  expect(told()).toHaveLength(1);
  expect(told()[0]).toMatchObject({ type: "tier.state", tier: "disk", state: "off", message: expect.stringContaining(path) });
  expect(store.stats().tiers[1]).toMatchObject({ name: "disk", state: "off" });
  await store.close();
  expect(told()).toHaveLength(1);
});

test("a folder that can be used again is used within five seconds", async () => {
  writeFileSync(join(root, "file"), "a file");
  const { store, set, get, told, clock } = openStore(join(root, "file", "cache"));
  // Long enough for the pauses between tries to have become as long as they get.
  for (let call = 0; call < 60; call++) {
    await get("absent");
    await clock.advance(500);
  }
  expect(told()).toHaveLength(1);
  rmSync(join(root, "file"));
  const healed = clock.monotonic();
  while (told().length === 1 && clock.monotonic() - healed < 60_000) {
    await get("absent");
    await clock.advance(100);
  }
  expect(clock.monotonic() - healed).toBeLessThanOrEqual(5_000);
  expect(told().at(-1)).toMatchObject({ type: "tier.state", tier: "disk", state: "on" });
  await set("after");
  expect(store.stats().tiers[1]).toMatchObject({ state: "on", entries: 1, queued: 0 });
  expect(readFileSync(join(root, "file", ".gitignore"), "utf8")).toBe("*\n");
  await store.clear({}, "memory");
  expect(await get("after")).toBe("disk: answer after");
  await store.close();
  expect(told()).toHaveLength(2);
});
