import { describe, expect, test } from "vitest";
import { entryOf, keyOf, keysOf, listed, listedKeys, textsOf, type TierBed } from "./tier-bed.ts";

const MANY = 5_000;
const CHUNK = 500;
/** Few enough to wait for a commit of each. */
const SOME = 120;

export function listingContract(bed: TierBed): void {
  const names = Array.from({ length: MANY }, (_, index) => index);

  describe("listing and size", () => {
    test("lists nothing when it is empty", async () => {
      const { tier } = await bed.open();
      expect(await listed(tier)).toEqual([]);
    });

    test("lists every live entry once, with its key and its bytes", async () => {
      const { tier } = await bed.open();
      const expiresAt = bed.clock.now() + 100 * bed.life;
      await tier.set([entryOf("a"), entryOf("b", { expiresAt }), entryOf("c"), entryOf("d")]);
      await tier.set([entryOf("a", { value: Buffer.from("newer") })]);
      await tier.delete([keyOf("c")]);
      const seen = (await listed(tier)).map(({ key, value }) => `${key} ${Buffer.from(value).toString()}`);
      const expected = [`${keyOf("a")} newer`, `${keyOf("b")} value of b`, `${keyOf("d")} value of d`];
      expect(seen.toSorted()).toEqual(expected.toSorted());
    });

    test(`keeps, lists and clears ${MANY} entries`, async () => {
      const { tier } = await bed.open();
      for (let from = 0; from < MANY; from += CHUNK) {
        await tier.set(names.slice(from, from + CHUNK).map((name) => entryOf(name, { tags: [name % 2 === 0 ? "even" : "odd"] })));
      }
      for (let from = 0; from < MANY; from += CHUNK) {
        const some = names.slice(from, from + CHUNK);
        expect(await textsOf(tier, some)).toEqual(some.map((name) => `value of ${name}`));
      }
      expect(await listedKeys(tier)).toEqual(keysOf(...names));
      expect(await tier.clear({ tag: "odd" })).toBe(MANY / 2);
      expect(await listed(tier)).toHaveLength(MANY / 2);
      expect(await tier.clear()).toBe(MANY / 2);
    });

    test("can be left in the middle of a list", async () => {
      const { tier } = await bed.open();
      await tier.set(names.slice(0, CHUNK).map((name) => entryOf(name)));
      for await (const entry of tier.entries()) {
        expect(entry.value.byteLength).toBeGreaterThan(0);
        break;
      }
      await tier.set([entryOf("after")]);
      expect(await tier.clear()).toBe(CHUNK + 1);
    });

    test("ends a list during which every entry is written again", async () => {
      const { tier } = await bed.open();
      await tier.set(names.slice(0, SOME).map((name) => entryOf(name)));
      let seen = 0;
      for await (const entry of tier.entries()) {
        await tier.set([{ ...entry, value: Buffer.from("rewritten") }]);
        if (++seen > 10 * SOME) break;
      }
      expect(seen).toBeLessThanOrEqual(2 * SOME);
      expect(await textsOf(tier, [0, SOME - 1])).toEqual(["rewritten", "rewritten"]);
    });

    test("ends a list during which every entry is deleted, having seen each that was there", async () => {
      const { tier } = await bed.open();
      await tier.set(names.slice(0, SOME).map((name) => entryOf(name)));
      let deleted = 0;
      for await (const { key } of tier.entries()) deleted += await tier.delete([key]);
      expect(deleted).toBe(SOME);
      expect(await listed(tier)).toEqual([]);
    });

    test("tells how many entries and bytes it has, or that it cannot tell", async () => {
      const { tier } = await bed.open();
      await tier.set(names.slice(0, 10).map((name) => entryOf(name, { value: Buffer.alloc(1_000, name) })));
      const full = tier.stats();
      expect([10, undefined]).toContain(full.entries);
      expect(full.bytes ?? 10_000).toBeGreaterThanOrEqual(10_000);
      expect(full.evicted).toBe(0);
      await tier.set([entryOf(0, { value: Buffer.alloc(1_000, 1) })]);
      expect([10, undefined], "after a replacement").toContain(tier.stats().entries);
      await tier.delete(keysOf(0, 1));
      expect([8, undefined], "after a deletion").toContain(tier.stats().entries);
      await tier.clear();
      const empty = tier.stats();
      expect([0, undefined]).toContain(empty.entries);
      expect(empty.bytes ?? 0).toBeLessThanOrEqual(full.bytes ?? 0);
    });
  });
}
