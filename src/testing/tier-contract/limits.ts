import { describe, expect, test, vi } from "vitest";
import type { CacheTier, TierLimits } from "../../cache/tier.ts";
import { entryOf, keyOf, listedKeys, textsOf, type Subject, type TierBed } from "./tier-bed.ts";

const KIBIBYTE = 1024;
const VALUE_BYTES = 8 * KIBIBYTE;

export function limitContract(bed: TierBed): void {
  describe("limits", () => {
    test("stays within maxBytes, and tells its host of every entry that had to go", async ({ skip }) => {
      const subject = await bed.open();
      skip(!can(subject.tier, "maxBytes"), "it has no such limit");
      const maxBytes = 1024 * KIBIBYTE;
      subject.tier.configure?.({ maxBytes });
      await fill(subject, 400);
      const { bytes, evicted } = subject.tier.stats();
      expect(bytes).toBeLessThanOrEqual(maxBytes);
      expect(bytes, "bytes kept of those allowed").toBeGreaterThan(maxBytes / 2);
      await expectEachHereOrTold(subject, 400);
      expect(evicted).toBe(subject.evicted.length);
    });

    test("shrinks when maxBytes is lowered", async ({ skip }) => {
      const subject = await bed.open();
      skip(!can(subject.tier, "maxBytes"), "it has no such limit");
      await fill(subject, 100);
      expect(subject.evicted).toEqual([]);
      const maxBytes = 200 * KIBIBYTE;
      subject.tier.configure?.({ maxBytes });
      await vi.waitFor(() => expect(subject.tier.stats().bytes).toBeLessThanOrEqual(maxBytes));
      await expectEachHereOrTold(subject, 100);
    });

    test("stays within maxBytes when many writes come at once, and keeps most of what fits", async ({ skip }) => {
      const subject = await bed.open();
      skip(!can(subject.tier, "maxBytes"), "it has no such limit");
      const maxBytes = 2 * 1024 * KIBIBYTE;
      subject.tier.configure?.({ maxBytes });
      const value = Buffer.alloc(VALUE_BYTES, 1);
      await Promise.all(Array.from({ length: 500 }, async (_, name) => subject.tier.set([entryOf(name, { value })])));
      expect(subject.tier.stats().bytes).toBeLessThanOrEqual(maxBytes);
      expect(subject.tier.stats().bytes).toBeGreaterThan(maxBytes / 2);
      await expectEachHereOrTold(subject, 500);
    });

    test("does not drop the others for an entry that is larger than maxBytes", async ({ skip }) => {
      const subject = await bed.open();
      skip(!can(subject.tier, "maxBytes"), "it has no such limit");
      subject.tier.configure?.({ maxBytes: 1024 * KIBIBYTE });
      await fill(subject, 20);
      await subject.tier.set([entryOf("giant", { value: Buffer.alloc(1100 * KIBIBYTE) })]);
      expect(await listedKeys(subject.tier)).toHaveLength(20);
      expect(subject.evicted.map(({ key }) => key)).toEqual([keyOf("giant")]);
    });

    test("drops the old value when the new one is larger than maxBytes", async ({ skip }) => {
      const { tier } = await bed.open();
      skip(!can(tier, "maxBytes"), "it has no such limit");
      tier.configure?.({ maxBytes: 1024 * KIBIBYTE });
      await tier.set([entryOf("a")]);
      await tier.set([entryOf("a", { value: Buffer.alloc(1100 * KIBIBYTE) })]);
      expect(await textsOf(tier, ["a"])).toEqual([undefined]);
    });

    test("stays within maxEntries, and tells its host of every entry that had to go", async ({ skip }) => {
      const subject = await bed.open();
      skip(!can(subject.tier, "maxEntries"), "it has no such limit");
      subject.tier.configure?.({ maxEntries: 30 });
      await fill(subject, 100);
      expect(await listedKeys(subject.tier)).toHaveLength(30);
      expect(subject.tier.stats().entries).toBe(30);
      await expectEachHereOrTold(subject, 100);
    });
  });
}

function can(tier: CacheTier, limit: keyof TierLimits): boolean {
  return tier.configurable?.includes(limit) ?? false;
}

async function fill({ tier }: Subject, count: number): Promise<void> {
  const entries = Array.from({ length: count }, (_, name) => entryOf(name, { value: Buffer.alloc(VALUE_BYTES, name) }));
  for (let from = 0; from < count; from += 10) await tier.set(entries.slice(from, from + 10));
}

/** No entry is lost in silence, and none is both kept and told to be gone; those told come with their bytes. */
async function expectEachHereOrTold({ tier, evicted }: Subject, count: number): Promise<void> {
  const told = new Set(evicted.map(({ key }) => key));
  expect(told.size, "an entry is told of once").toBe(evicted.length);
  for (const { value } of evicted) expect(value.byteLength).toBe(VALUE_BYTES);
  const entries = await tier.get(Array.from({ length: count }, (_, name) => keyOf(name)));
  const missing: number[] = [];
  const both: number[] = [];
  for (const [name, entry] of entries.entries()) {
    if (entry === undefined && !told.has(keyOf(name))) missing.push(name);
    if (entry !== undefined && told.has(keyOf(name))) both.push(name);
  }
  expect({ missing, both }).toEqual({ missing: [], both: [] });
}
