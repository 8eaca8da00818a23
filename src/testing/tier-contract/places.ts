import { describe, expect, test } from "vitest";
import { entryOf, keyOf, keysOf, listedKeys, textsOf, type TierBed } from "./tier-bed.ts";

export function placeContract(bed: TierBed): void {
  const { persistent, shared } = bed.capabilities;

  describe("places", () => {
    test("keeps two places apart", async () => {
      const here = await bed.open();
      // One name begins with the other: a prefix of a key is no place.
      const there = await bed.open(`${here.place}-more`);
      await here.tier.set([entryOf("a", { tags: ["red"] }), entryOf("here")]);
      await there.tier.set([entryOf("a", { value: Buffer.from("of there"), tags: ["red"] })]);
      expect(await textsOf(here.tier, ["a", "here"])).toEqual(["value of a", "value of here"]);
      expect(await textsOf(there.tier, ["a", "here"])).toEqual(["of there", undefined]);
      expect(await listedKeys(there.tier)).toEqual(keysOf("a"));
      expect(await here.tier.clear({ tag: "red" })).toBe(1);
      expect(await here.tier.clear()).toBe(1);
      expect(await textsOf(there.tier, ["a"])).toEqual(["of there"]);
      expect(await listedKeys(here.tier)).toEqual([]);
    });

    test.runIf(persistent)("has its entries again when it is opened anew", async () => {
      const { life, clock } = bed;
      const before = await bed.open();
      const bytes = Buffer.alloc(100_000, 7);
      await before.tier.set([entryOf("a", { tags: ["red"] }), entryOf("b"), entryOf("large", { value: bytes })]);
      await before.tier.set([entryOf("short", { expiresAt: clock.now() + life })]);
      await before.tier.delete([keyOf("b")]);
      await before.tier.close();
      await bed.pass(life);

      const { tier } = await bed.open(before.place);
      expect(await textsOf(tier, ["a", "b", "short"])).toEqual(["value of a", undefined, undefined]);
      const [large] = await tier.get([keyOf("large")]);
      expect(Buffer.compare(large?.value ?? Buffer.alloc(0), bytes)).toBe(0);
      expect(await listedKeys(tier)).toEqual(keysOf("a", "large"));
      expect(await tier.clear({ tag: "red" })).toBe(1);
    });

    test.runIf(persistent)("has written everything when close resolves, also what nobody awaited", async () => {
      const before = await bed.open();
      const names = Array.from({ length: 200 }, (_, index) => index);
      const writes = names.map(async (name) => before.tier.set([entryOf(name)]));
      await before.tier.close();
      await Promise.all(writes);
      const { tier } = await bed.open(before.place);
      expect(await listedKeys(tier)).toEqual(keysOf(...names));
    });

    test.runIf(shared)("shows what one opening of a place writes and removes to the other", async () => {
      const one = await bed.open();
      const other = await bed.open(one.place);
      await one.tier.set([entryOf("a"), entryOf("b")]);
      expect(await textsOf(other.tier, ["a", "b"])).toEqual(["value of a", "value of b"]);
      await other.tier.delete([keyOf("a")]);
      await other.tier.set([entryOf("b", { value: Buffer.from("newer") })]);
      expect(await textsOf(one.tier, ["a", "b"])).toEqual([undefined, "newer"]);
      await one.tier.close();
      expect(await textsOf(other.tier, ["b"])).toEqual(["newer"]);
    });
  });
}
