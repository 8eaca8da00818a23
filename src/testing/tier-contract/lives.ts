import { describe, expect, test } from "vitest";
import { entryOf, keyOf, keysOf, listedKeys, textsOf, type TierBed } from "./tier-bed.ts";

export function lifeContract(bed: TierBed): void {
  const { clock, life } = bed;

  // What is to be there is judged only while it is: on a machine that stood still meanwhile, an engine with a clock of its own is right
  // to have dropped it.
  describe("lives", () => {
    test("takes an entry whose time has passed, and never gives it", async () => {
      const { tier } = await bed.open();
      await tier.set([entryOf("past", { expiresAt: clock.now() - 1 }), entryOf("alive")]);
      await tier.set([entryOf("long past", { expiresAt: 1 })]);
      expect(await textsOf(tier, ["past", "long past", "alive"])).toEqual([undefined, undefined, "value of alive"]);
      expect(await listedKeys(tier)).toEqual(keysOf("alive"));
    });

    test("gives neither the old nor the new entry when one is replaced by an entry whose time has passed", async () => {
      const { tier } = await bed.open();
      await tier.set([entryOf("a")]);
      await tier.set([entryOf("a", { value: Buffer.from("newer"), expiresAt: clock.now() - 1 })]);
      expect(await textsOf(tier, ["a"])).toEqual([undefined]);
      expect(await listedKeys(tier)).toEqual([]);
    });

    test("gives an entry before its time and not from it on", async () => {
      const { tier } = await bed.open();
      const expiresAt = clock.now() + life;
      await tier.set([entryOf("a", { expiresAt }), entryOf("for ever")]);
      const before = await textsOf(tier, ["a"]);
      if (clock.now() < expiresAt) expect(before).toEqual(["value of a"]);
      if (bed.capabilities.timing === "manual") {
        await bed.pass(life - 1);
        expect(await textsOf(tier, ["a"])).toEqual(["value of a"]);
        await bed.pass(1);
      } else {
        await bed.pass(life);
      }
      expect(await textsOf(tier, ["a", "for ever"])).toEqual([undefined, "value of for ever"]);
    });

    test("lists an entry before its time and not from it on", async () => {
      const { tier } = await bed.open();
      const expiresAt = clock.now() + life;
      await tier.set([entryOf("a", { expiresAt }), entryOf("for ever")]);
      const before = await listedKeys(tier);
      if (clock.now() < expiresAt) expect(before).toEqual(keysOf("a", "for ever"));
      await bed.pass(life);
      expect(await listedKeys(tier)).toEqual(keysOf("for ever"));
    });

    test("lets the newest entry of a key say how long it lives", async () => {
      const { tier } = await bed.open();
      const [short, long] = [{ expiresAt: clock.now() + life }, { expiresAt: clock.now() + 100 * life }];
      await tier.set([entryOf("longer", short), entryOf("endless", short), entryOf("shorter", long), entryOf("ending")]);
      await tier.set([entryOf("longer", long), entryOf("endless"), entryOf("shorter", short), entryOf("ending", short)]);
      await bed.pass(life);
      const expected = ["value of longer", "value of endless", undefined, undefined];
      expect(await textsOf(tier, ["longer", "endless", "shorter", "ending"])).toEqual(expected);
    });

    test("does not let reading or listing extend a life", async () => {
      const { tier } = await bed.open();
      const expiresAt = clock.now() + life;
      await tier.set([entryOf("a", { expiresAt })]);
      for (let part = 0; part < 4; part++) {
        const [texts, listed] = [await textsOf(tier, ["a"]), await listedKeys(tier)];
        if (clock.now() < expiresAt) expect([texts, listed]).toEqual([["value of a"], keysOf("a")]);
        await bed.pass(bed.capabilities.timing === "manual" ? life / 4 : life / 8);
      }
      if (bed.capabilities.timing === "real") await bed.pass(life / 2);
      expect(await textsOf(tier, ["a"])).toEqual([undefined]);
    });

    test("never says that an entry lives longer than it was set to", async () => {
      const { tier } = await bed.open();
      const expiresAt = clock.now() + life;
      await tier.set([entryOf("a", { expiresAt })]);
      const [entry] = await tier.get([keyOf("a")]);
      expect(entry?.expiresAt ?? expiresAt).toBeLessThanOrEqual(expiresAt);
    });

    test("takes an entry again after its time has passed", async () => {
      const { tier } = await bed.open();
      await tier.set([entryOf("a", { expiresAt: clock.now() + life })]);
      await bed.pass(life);
      await tier.set([entryOf("a", { value: Buffer.from("again") })]);
      expect(await textsOf(tier, ["a"])).toEqual(["again"]);
      expect(await listedKeys(tier)).toEqual(keysOf("a"));
    });
  });
}
