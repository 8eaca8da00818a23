import { describe, expect, test } from "vitest";
import { at, idsNear, record, type VectorIndexBed } from "./bed.ts";

export function searchingContract(bed: VectorIndexBed): void {
  describe("searching", () => {
    test("gives the nearest, nearest first, with their cosines", async () => {
      const index = await bed.open();
      await index.add("p", [record(90), record(10), record(180), record(30)]);
      const matches = await index.search("p", at(0), { k: 3 });
      expect(matches.map(({ id }) => id)).toEqual(["at-10", "at-30", "at-90"]);
      for (const [each, degrees] of [10, 30, 90].entries()) {
        expect(matches[each]?.similarity).toBeCloseTo(Math.cos((degrees / 180) * Math.PI), 4);
      }
    });

    test("gives cosines from -1 to 1, also for vectors that point the same way or the other", async () => {
      const index = await bed.open();
      await index.add("p", [record(0), record(180)]);
      const matches = await index.search("p", at(0), { k: 2 });
      expect(matches.map(({ similarity }) => similarity)).toEqual([expect.closeTo(1, 5), expect.closeTo(-1, 5)]);
      for (const { similarity } of matches) expect(Math.abs(similarity)).toBeLessThanOrEqual(1);
    });

    test("does not mind the length of vectors, huge or tiny", async () => {
      const index = await bed.open();
      const [huge, tiny] = [at(10).map((x) => x * 1e30), at(20).map((x) => x * 1e-30)];
      await index.add("p", [record(10, { vector: huge }), record(20, { vector: tiny })]);
      const matches = await index.search(
        "p",
        at(0).map((x) => x * 1e20),
        { k: 2 },
      );
      expect(matches.map(({ id }) => id)).toEqual(["at-10", "at-20"]);
      expect(matches[1]?.similarity).toBeCloseTo(Math.cos(Math.PI / 9), 4);
    });

    test("gives no more than there are, and nothing of an unknown partition", async () => {
      const index = await bed.open();
      await index.add("p", [record(1), record(2)]);
      expect(await idsNear(index, "p", 0, 1_000)).toEqual(["at-1", "at-2"]);
      expect(await idsNear(index, "p", 0, 1)).toEqual(["at-1"]);
      expect(await idsNear(index, "unknown", 0)).toEqual([]);
    });

    test("replaces what has the same id, vector and tags", async () => {
      const index = await bed.open();
      await index.add("p", [record(10, { id: "a", tags: ["old", "both"] })]);
      await index.add("p", [record(90, { id: "a", tags: ["both", "new"] })]);
      const [match, ...others] = await index.search("p", at(90), { k: 5 });
      expect([match?.id, others]).toEqual(["a", []]);
      expect(match?.similarity).toBeCloseTo(1, 4);
      expect(await idsNear(index, "p", 0, 5, "old")).toEqual([]);
      expect(await index.remove({ tag: "old" })).toBe(0);
      expect(await idsNear(index, "p", 0, 5, "new")).toEqual(["a"]);
    });

    test("takes the last of a batch that names an id twice", async () => {
      const index = await bed.open();
      await index.add("p", [record(10, { id: "a" }), record(90, { id: "a" })]);
      const matches = await index.search("p", at(90), { k: 5 });
      expect(matches).toEqual([{ id: "a", similarity: expect.closeTo(1, 4) as number }]);
    });

    test("does not keep the caller's array", async () => {
      const index = await bed.open();
      const vector = at(10);
      await index.add("p", [{ id: "a", vector }]);
      vector.fill(0);
      expect((await index.search("p", at(10), { k: 1 }))[0]?.similarity).toBeCloseTo(1, 4);
    });

    test("gives only what has the tag", async () => {
      const index = await bed.open();
      const near = Array.from({ length: 40 }, (_, each) => record(each / 10, { tags: ["near"] }));
      await index.add("p", [...near, record(50, { tags: ["far", "x"] }), record(60, { tags: ["x"] }), record(70)]);
      expect(await idsNear(index, "p", 0, 2, "x")).toEqual(["at-50", "at-60"]);
      expect(await idsNear(index, "p", 0, 2, "far")).toEqual(["at-50"]);
      expect(await idsNear(index, "p", 0, 2, "none")).toEqual([]);
    });

    test("finds what was added before another batch was, and takes an empty one", async () => {
      const index = await bed.open();
      await index.add("p", []);
      await Promise.all([1, 2, 3, 4].map((degrees) => index.add("p", [record(degrees)])));
      expect(await idsNear(index, "p", 0)).toEqual(["at-1", "at-2", "at-3", "at-4"]);
      if (bed.capabilities.counts) expect((await index.stats()).vectors).toBe(4);
    });
  });
}
