import { describe, expect, test } from "vitest";
import type { VectorRecord } from "../../vectors/vector-index.ts";
import { at, idsNear, record, type VectorIndexBed } from "./bed.ts";

/** Texts that mean something to some engine. */
const HOSTILE: readonly string[] = [
  ...["", " ", "a b", "*", "?", "[a]", "{a}", "a:b", "a/b", "../a", "a.b", "%", "'", '"', "\\", "\0", "\r\nDEL a", "é", "🔥"],
  ...["'; DROP TABLE x; --", ".id == 'x' or true", "a\n", "x".repeat(129)],
];

const BAD_VECTORS: Readonly<Record<string, Float32Array>> = {
  "a number that is not one": Float32Array.of(1, Number.NaN, 0),
  "an infinite number": Float32Array.of(1, Infinity, 0),
  "only zeros": new Float32Array(3),
  "no dimension": new Float32Array(0),
  "another number of dimensions": Float32Array.of(1, 0),
};

export function refusalContract(bed: VectorIndexBed): void {
  describe("refusals", () => {
    test.each(Object.entries(BAD_VECTORS))("refuses a vector with %s, and the whole batch", async (_what, vector) => {
      const index = await bed.open();
      await index.add("p", [record(1)]);
      await expect(index.add("p", [record(2), { id: "bad", vector }])).rejects.toMatchObject({ code: "CONFIG" });
      await expect(index.add("p", [{ id: "bad", vector }, record(2)])).rejects.toMatchObject({ code: "CONFIG" });
      await expect(index.search("p", vector, { k: 1 })).rejects.toMatchObject({ code: "CONFIG" });
      expect(await idsNear(index, "p", 0)).toEqual(["at-1"]);
    });

    test("refuses ids, partitions and tags that are not made of letters, digits, _ and -", async () => {
      const index = await bed.open();
      await index.add("p", [record(1)]);
      for (const text of HOSTILE) {
        const bad: readonly VectorRecord[] = [
          record(2, { id: text }),
          record(2, { tags: [text] }),
          record(2, { tags: ["a", text] }),
        ];
        for (const each of bad) await expect(index.add("p", [each]), text).rejects.toMatchObject({ code: "CONFIG" });
        await expect(index.add(text, [record(2)]), text).rejects.toMatchObject({ code: "CONFIG" });
        await expect(index.search(text, at(0), { k: 1 }), text).rejects.toMatchObject({ code: "CONFIG" });
        await expect(index.search("p", at(0), { k: 1, tag: text }), text).rejects.toMatchObject({ code: "CONFIG" });
        for (const filter of [{ partition: text }, { tag: text }, { ids: [text] }]) {
          await expect(index.remove(filter), text).rejects.toMatchObject({ code: "CONFIG" });
        }
      }
      expect(await idsNear(index, "p", 0)).toEqual(["at-1"]);
    });

    test("refuses more than 8 tags, a time that is none, and a k outside 1 to 1,000", async () => {
      const index = await bed.open();
      const nine = Array.from({ length: 9 }, (_, each) => `t${each}`);
      await expect(index.add("p", [record(1, { tags: nine })])).rejects.toMatchObject({ code: "CONFIG" });
      await expect(index.add("p", [record(1, { expiresAt: Number.NaN })])).rejects.toMatchObject({ code: "CONFIG" });
      for (const k of [0, -1, 1.5, 1_001, Number.NaN]) {
        await expect(index.search("p", at(0), { k })).rejects.toMatchObject({ code: "CONFIG" });
      }
      await index.add("p", [record(1, { tags: nine.slice(1) })]);
      expect(await idsNear(index, "p", 0, 1_000)).toEqual(["at-1"]);
    });

    test("does nothing for a signal that has aborted", async () => {
      const index = await bed.open();
      const signal = AbortSignal.abort(new Error("gone"));
      await expect(index.add("p", [record(1)], { signal })).rejects.toThrow("gone");
      await expect(index.search("p", at(0), { k: 1, signal })).rejects.toThrow("gone");
      await expect(index.remove({ partition: "p" }, { signal })).rejects.toThrow("gone");
      expect(await idsNear(index, "p", 0)).toEqual([]);
    });
  });
}
