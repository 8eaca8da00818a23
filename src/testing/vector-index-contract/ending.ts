import { describe, expect, test } from "vitest";
import { at, idsNear, newPlace, record, type VectorIndexBed } from "./bed.ts";

export function endingContract(bed: VectorIndexBed): void {
  describe("ending", () => {
    test("can be closed twice, also before it was used, and refuses work afterwards", async () => {
      const index = await bed.open();
      await index.close();
      await index.close();
      await expect(index.add("p", [record(1)])).rejects.toMatchObject({ code: "CLOSED" });
      await expect(index.search("p", at(0), { k: 1 })).rejects.toMatchObject({ code: "CLOSED" });
      await expect(index.remove({ partition: "p" })).rejects.toMatchObject({ code: "CLOSED" });
    });

    test("has a name and counts what it holds", async () => {
      const index = await bed.open();
      expect(index.name).toMatch(/^[a-z][a-z0-9-]*$/);
      await index.add("p", [record(1), record(2)]);
      await index.add("q", [record(1)]);
      await index.remove({ partition: "p", ids: ["at-1"] });
      const { vectors } = await index.stats();
      expect(vectors).toBe(bed.capabilities.counts ? 2 : undefined);
    });

    test.runIf(bed.capabilities.persistent)("keeps everything over close and opening again", async () => {
      const place = newPlace();
      const before = await bed.open(place);
      const expiresAt = bed.clock.now() + 60_000;
      await before.add("p", [record(1, { tags: ["red"] }), record(2, { expiresAt }), record(3), record(4)]);
      await before.add("p", [record(80, { id: "at-4" })]);
      await before.remove({ partition: "p", ids: ["at-3"] });
      await before.close();
      const after = await bed.open(place);
      expect(await idsNear(after, "p", 0)).toEqual(["at-1", "at-2", "at-4"]);
      expect((await after.search("p", at(80), { k: 1 }))[0]).toEqual({ id: "at-4", similarity: expect.closeTo(1, 4) as number });
      expect(await idsNear(after, "p", 0, 5, "red")).toEqual(["at-1"]);
      await bed.clock.advance(60_000);
      expect(await idsNear(after, "p", 0)).toEqual(["at-1", "at-4"]);
      await expect(after.add("p", [{ id: "x", vector: Float32Array.of(1) }])).rejects.toMatchObject({ code: "CONFIG" });
    });

    test.runIf(bed.capabilities.shared)(
      "sees at once what another one adds, replaces and removes in the same place",
      async () => {
        const place = newPlace();
        const [one, other] = [await bed.open(place), await bed.open(place)];
        await one.add("p", [record(1), record(2)]);
        expect(await idsNear(other, "p", 0)).toEqual(["at-1", "at-2"]);
        await other.remove({ partition: "p", ids: ["at-1"] });
        await other.add("p", [record(90, { id: "at-2" }), record(3)]);
        expect(await idsNear(one, "p", 0)).toEqual(["at-3", "at-2"]);
        await Promise.all(Array.from({ length: 20 }, (_, each) => [one, other][each % 2]?.add("q", [record(each)])));
        expect(await idsNear(one, "q", 0)).toHaveLength(20);
        expect(await idsNear(other, "q", 0)).toHaveLength(20);
      },
    );
  });
}
