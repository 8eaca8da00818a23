import { describe, expect, test } from "vitest";
import type { TierEntry } from "../../cache/tier.ts";
import { scopeDigest } from "../../core/scope.ts";
import { entryOf, keyOf, keysOf, listedKeys, textsOf, type TierBed } from "./tier-bed.ts";

const [ANNA, BEN] = [scopeDigest({ tenant: "anna" }), scopeDigest({ tenant: "ben" })];

/** Two scopes and two tags in every combination, and an entry with neither. */
const LABELLED: readonly TierEntry[] = [
  entryOf("anna red", { scope: ANNA, tags: ["red"] }),
  entryOf("anna blue", { scope: ANNA, tags: ["blue"] }),
  entryOf("ben red", { scope: BEN, tags: ["red"] }),
  entryOf("ben both", { scope: BEN, tags: ["blue", "red"] }),
  entryOf("bare"),
];

/** Texts that mean something to some engine, or look like another one of them. */
const HOSTILE_TAGS: readonly string[] = [
  ...["*", "?", "[a-z]", "a*", "ab", "a", "A", "a:b", "a:", ":", "{a}", "a b", " a", "a ", "\\", "/", "../a", "%", "_"],
  ...[
    '"',
    "'",
    "'; DROP TABLE entries; --",
    "a,b",
    '["a"]',
    "a\r\nDEL a",
    "a\n",
    "null",
    "undefined",
    "__proto__",
    "constructor",
  ],
  ...["é", "e\u0301", "🔥", "\u202egar", "tag".repeat(300)],
];

export function removalContract(bed: TierBed): void {
  describe("removal", () => {
    test("deletes what is there and gives how many that were", async () => {
      const { tier } = await bed.open();
      await tier.set([entryOf("a"), entryOf("b"), entryOf("c")]);
      expect(await tier.delete([keyOf("a"), keyOf("absent"), keyOf("c")])).toBe(2);
      expect(await textsOf(tier, ["a", "b", "c"])).toEqual([undefined, "value of b", undefined]);
      expect(await listedKeys(tier)).toEqual(keysOf("b"));
      expect(await tier.delete([keyOf("a")])).toBe(0);
    });

    test("counts a key once that a deletion names twice", async () => {
      const { tier } = await bed.open();
      await tier.set([entryOf("a")]);
      expect(await tier.delete([keyOf("a"), keyOf("a")])).toBe(1);
    });

    test("deletes the only entry, and takes it again", async () => {
      const { tier } = await bed.open();
      for (let round = 0; round < 3; round++) {
        await tier.set([entryOf("a")]);
        expect(await tier.delete([keyOf("a")])).toBe(1);
        expect(await textsOf(tier, ["a"])).toEqual([undefined]);
      }
    });

    test("clears everything and gives how many that were", async () => {
      const { tier } = await bed.open();
      await tier.set(LABELLED);
      expect(await tier.clear()).toBe(LABELLED.length);
      expect(await listedKeys(tier)).toEqual([]);
      expect(await tier.clear()).toBe(0);
      await tier.set([entryOf("a")]);
      expect(await tier.clear({})).toBe(1);
    });

    test("clears by scope", async () => {
      const { tier } = await bed.open();
      await tier.set(LABELLED);
      expect(await tier.clear({ scope: ANNA })).toBe(2);
      expect(await listedKeys(tier)).toEqual(keysOf("ben red", "ben both", "bare"));
      expect(await tier.clear({ scope: ANNA })).toBe(0);
    });

    test("clears by tag", async () => {
      const { tier } = await bed.open();
      await tier.set(LABELLED);
      expect(await tier.clear({ tag: "red" })).toBe(3);
      expect(await listedKeys(tier)).toEqual(keysOf("anna blue", "bare"));
    });

    test("clears by scope and tag only what has both", async () => {
      const { tier } = await bed.open();
      await tier.set(LABELLED);
      expect(await tier.clear({ scope: BEN, tag: "blue" })).toBe(1);
      expect(await listedKeys(tier)).toEqual(keysOf("anna red", "anna blue", "ben red", "bare"));
    });

    test("clears nothing when nothing matches", async () => {
      const { tier } = await bed.open();
      await tier.set(LABELLED);
      expect(await tier.clear({ tag: "green" })).toBe(0);
      expect(await tier.clear({ scope: scopeDigest({ tenant: "nobody" }) })).toBe(0);
      expect(await tier.clear({ scope: ANNA, tag: "green" })).toBe(0);
      expect(await listedKeys(tier)).toHaveLength(LABELLED.length);
    });

    test("forgets the scope and the tags of an entry that was replaced", async () => {
      const { tier } = await bed.open();
      await tier.set([entryOf("a", { scope: ANNA, tags: ["old", "both"] })]);
      await tier.set([entryOf("a", { scope: BEN, tags: ["both", "new"] })]);
      expect(await tier.clear({ tag: "old" })).toBe(0);
      expect(await tier.clear({ scope: ANNA })).toBe(0);
      expect(await textsOf(tier, ["a"])).toEqual(["value of a"]);
      expect(await tier.clear({ scope: BEN, tag: "new" })).toBe(1);
    });

    test("forgets the scope and the tags of an entry that was deleted", async () => {
      const { tier } = await bed.open();
      await tier.set([entryOf("a", { scope: ANNA, tags: ["red"] })]);
      await tier.delete([keyOf("a")]);
      await tier.set([entryOf("a")]);
      expect(await tier.clear({ tag: "red" })).toBe(0);
      expect(await tier.clear({ scope: ANNA })).toBe(0);
      expect(await textsOf(tier, ["a"])).toEqual(["value of a"]);
    });

    test("takes any text for a tag, and none for another", async () => {
      const { tier } = await bed.open();
      await tier.set(HOSTILE_TAGS.map((tag, index) => entryOf(index, { tags: [tag] })));
      for (const [index, tag] of HOSTILE_TAGS.entries()) {
        expect(await tier.clear({ tag }), `entries cleared by ${JSON.stringify(tag)}`).toBe(1);
        expect(await textsOf(tier, [index])).toEqual([undefined]);
      }
    });

    test("takes many tags on one entry", async () => {
      const { tier } = await bed.open();
      await tier.set([entryOf("a", { tags: [...HOSTILE_TAGS, "last"] })]);
      expect(await tier.clear({ tag: "last" })).toBe(1);
    });
  });
}
