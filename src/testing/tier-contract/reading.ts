import { describe, expect, test } from "vitest";
import { entryOf, keyOf, textsOf, type TierBed } from "./tier-bed.ts";

const MEBIBYTE = 1024 * 1024;

const PAYLOADS: ReadonlyArray<readonly [name: string, bytes: Uint8Array]> = [
  ["no bytes", new Uint8Array(0)],
  ["every value of a byte", Uint8Array.from({ length: 256 }, (_, index) => index)],
  ["bytes that are no UTF-8", Uint8Array.of(0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80)],
  ["a view into a larger buffer", Uint8Array.from({ length: 64 }, (_, index) => index).subarray(3, 40)],
  ["1 MiB", Uint8Array.from({ length: MEBIBYTE }, (_, index) => (index * 31 + (index >> 8)) & 0xff)],
];

export function readingContract(bed: TierBed): void {
  describe("reading and writing", () => {
    test("answers undefined for absent keys, in the order of the keys", async () => {
      const { tier } = await bed.open();
      expect(await tier.get([keyOf("a"), keyOf("b")])).toEqual([undefined, undefined]);
      await tier.set([entryOf("b")]);
      expect(await textsOf(tier, ["a", "b", "c"])).toEqual([undefined, "value of b", undefined]);
    });

    test("answers a batch in the order of its keys, with duplicates and gaps", async () => {
      const { tier } = await bed.open();
      await tier.set([entryOf("a"), entryOf("b"), entryOf("c"), entryOf("d")]);
      const expected = ["value of d", "value of b", undefined, "value of b", "value of a", undefined, "value of c"];
      expect(await textsOf(tier, ["d", "b", "absent", "b", "a", "absent", "c"])).toEqual(expected);
    });

    test("names the key of each entry that it gives", async () => {
      const { tier } = await bed.open();
      await tier.set([entryOf("a"), entryOf("b")]);
      const entries = await tier.get([keyOf("b"), keyOf("a")]);
      expect(entries.map((entry) => entry?.key)).toEqual([keyOf("b"), keyOf("a")]);
    });

    test("takes empty batches", async () => {
      const { tier } = await bed.open();
      expect(await tier.get([])).toEqual([]);
      await tier.set([]);
      expect(await tier.delete([])).toBe(0);
    });

    test.each(PAYLOADS)("gives back unchanged: %s", async (_name, bytes) => {
      const { tier } = await bed.open();
      const before = Buffer.from(bytes);
      await tier.set([entryOf("a", { value: bytes })]);
      const [entry] = await tier.get([keyOf("a")]);
      expect(Buffer.compare(entry?.value ?? Buffer.from("nothing"), before), "bytes given back").toBe(0);
      expect(Buffer.compare(bytes, before), "bytes handed in").toBe(0);
    });

    test("never changes bytes that it gave", async () => {
      const { tier } = await bed.open();
      await tier.set([entryOf("a"), entryOf("b")]);
      const [a] = await tier.get([keyOf("a")]);
      const [b] = await tier.get([keyOf("b")]);
      await tier.set([entryOf("a", { value: Buffer.from("newer than a") })]);
      await tier.delete([keyOf("b")]);
      await tier.get([keyOf("a")]);
      expect(Buffer.from(a?.value ?? []).toString()).toBe("value of a");
      expect(Buffer.from(b?.value ?? []).toString()).toBe("value of b");
    });

    test("replaces an entry that has the same key, by a longer and by a shorter value", async () => {
      const { tier } = await bed.open();
      const shorter = Buffer.from("x");
      const longer = Buffer.from("y".repeat(5_000));
      for (const value of [shorter, longer, shorter]) {
        await tier.set([entryOf("a", { value })]);
        expect(await textsOf(tier, ["a"])).toEqual([value.toString()]);
      }
    });

    test("keeps the last of the entries of a batch that have the same key", async () => {
      const { tier } = await bed.open();
      const [first, last] = [Buffer.from("first"), Buffer.from("last")];
      await tier.set([entryOf("a", { value: first }), entryOf("b"), entryOf("a", { value: last })]);
      expect(await textsOf(tier, ["a", "b"])).toEqual(["last", "value of b"]);
    });

    test("gives the note of what an entry decodes to as it was, or not at all", async () => {
      const { tier } = await bed.open();
      const decoded = { some: "object" };
      await tier.set([entryOf("a", { decoded, decodedBytes: 100 })]);
      const [entry] = await tier.get([keyOf("a")]);
      expect([undefined, decoded]).toContain(entry?.decoded);
    });
  });
}
