import { describe, expect, test } from "vitest";
import type { VectorIndex } from "../../vectors/vector-index.ts";
import { idsNear, record, type VectorIndexBed } from "./bed.ts";

async function filled(bed: VectorIndexBed): Promise<VectorIndex> {
  const index = await bed.open();
  await index.add("p", [
    record(1, { tags: ["red"] }),
    record(2, { tags: ["blue"] }),
    record(3, { tags: ["red", "blue"] }),
    record(4),
  ]);
  await index.add("q", [record(1, { tags: ["red"] }), record(5)]);
  return index;
}

export function removalContract(bed: VectorIndexBed): void {
  describe("removal", () => {
    test("removes by id and gives how many that were, each once", async () => {
      const index = await filled(bed);
      expect(await index.remove({ partition: "p", ids: ["at-2", "absent", "at-2", "at-4"] })).toBe(2);
      expect(await idsNear(index, "p", 0)).toEqual(["at-1", "at-3"]);
      expect(await index.remove({ partition: "p", ids: ["at-2"] })).toBe(0);
      expect(await index.remove({ partition: "p", ids: [] })).toBe(0);
    });

    test("removes an id from every partition when none is named", async () => {
      const index = await filled(bed);
      expect(await index.remove({ ids: ["at-1"] })).toBe(2);
      expect(await idsNear(index, "p", 0)).toEqual(["at-2", "at-3", "at-4"]);
      expect(await idsNear(index, "q", 0)).toEqual(["at-5"]);
    });

    test("removes a partition, and no other", async () => {
      const index = await filled(bed);
      expect(await index.remove({ partition: "p" })).toBe(4);
      expect(await idsNear(index, "p", 0)).toEqual([]);
      expect(await idsNear(index, "q", 0)).toEqual(["at-1", "at-5"]);
      expect(await index.remove({ partition: "p" })).toBe(0);
    });

    test("removes by tag, in one partition or in all", async () => {
      const index = await filled(bed);
      expect(await index.remove({ partition: "p", tag: "blue" })).toBe(2);
      expect(await index.remove({ tag: "red" })).toBe(2);
      expect(await idsNear(index, "p", 0)).toEqual(["at-4"]);
      expect(await idsNear(index, "q", 0)).toEqual(["at-5"]);
      expect(await index.remove({ tag: "green" })).toBe(0);
    });

    test("removes only what matches every part", async () => {
      const index = await filled(bed);
      expect(await index.remove({ partition: "p", ids: ["at-1", "at-2"], tag: "red" })).toBe(1);
      expect(await idsNear(index, "p", 0)).toEqual(["at-2", "at-3", "at-4"]);
    });

    test("takes again what was removed", async () => {
      const index = await filled(bed);
      for (let round = 0; round < 3; round++) {
        expect(await index.remove({ partition: "q", ids: ["at-5"] })).toBe(1);
        await index.add("q", [record(5)]);
        expect(await idsNear(index, "q", 0)).toEqual(["at-1", "at-5"]);
      }
    });

    test("refuses a filter without any part, and removes nothing", async () => {
      const index = await filled(bed);
      await expect(index.remove({})).rejects.toMatchObject({ code: "CONFIG" });
      await expect(index.remove({ partition: undefined, tag: undefined })).rejects.toMatchObject({ code: "CONFIG" });
      expect(await idsNear(index, "q", 0)).toEqual(["at-1", "at-5"]);
    });
  });
}
