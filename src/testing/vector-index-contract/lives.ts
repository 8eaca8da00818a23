import { describe, expect, test } from "vitest";
import { idsNear, record, type VectorIndexBed } from "./bed.ts";

const LIFE = 60_000;

export function lifeContract(bed: VectorIndexBed): void {
  describe("lives", () => {
    test("finds a vector before its time and not from it on", async () => {
      const index = await bed.open();
      await index.add("p", [record(1, { expiresAt: bed.clock.now() + LIFE }), record(2)]);
      await bed.clock.advance(LIFE - 1);
      expect(await idsNear(index, "p", 0)).toEqual(["at-1", "at-2"]);
      await bed.clock.advance(1);
      expect(await idsNear(index, "p", 0)).toEqual(["at-2"]);
    });

    test("does not let the dead take the places of the living", async () => {
      const index = await bed.open();
      const dying = Array.from({ length: 30 }, (_, each) => record(each / 10, { expiresAt: bed.clock.now() + LIFE }));
      await index.add("p", [...dying, record(60)]);
      await bed.clock.advance(LIFE);
      expect(await idsNear(index, "p", 0, 1)).toEqual(["at-60"]);
    });

    test("takes a vector whose time has passed, and never gives it", async () => {
      const index = await bed.open();
      await index.add("p", [record(1, { expiresAt: bed.clock.now() - 1 }), record(2, { expiresAt: bed.clock.now() })]);
      expect(await idsNear(index, "p", 0)).toEqual([]);
    });

    test("lets the newest record of an id say how long it lives", async () => {
      const index = await bed.open();
      await index.add("p", [record(1, { expiresAt: bed.clock.now() + LIFE }), record(2)]);
      await index.add("p", [record(1), record(2, { expiresAt: bed.clock.now() + LIFE })]);
      await bed.clock.advance(LIFE);
      expect(await idsNear(index, "p", 0)).toEqual(["at-1"]);
    });
  });
}
