import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { VectorFilter } from "../../vectors/vector-index.ts";
import { at, idsNear, newPlace, record, type VectorIndexBed } from "./bed.ts";

/** Names that the seam allows, and that a careless join, pattern or case folding would take for each other. */
const NAMES: readonly string[] = ["a", "A", "aa", "a-a", "a_a", "-", "_", "--", "a-", "-a", "null", "__proto__", "x".repeat(128)];

/** What a step of the random test does, to whatever partition. */
type Step =
  | { readonly kind: "add"; readonly partition: string; readonly id: string; readonly degrees: number; readonly tag: string }
  | { readonly kind: "remove"; readonly filter: VectorFilter };

const partition = fc.constantFrom("p", "P", "p-", "p_p");
const id = fc.constantFrom("a", "A", "b", "a-b", "a_b");
const tag = fc.constantFrom("t", "T", "t-t");

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("add" as const), partition, id, degrees: fc.integer({ min: 0, max: 359 }), tag }),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({
        partition: fc.option(partition, { nil: undefined }),
        id,
        by: fc.constantFrom("id", "tag", "partition", "all"),
        tag,
      })
      .map((each) => ({ kind: "remove" as const, filter: filterOf(each) })),
  },
);

function filterOf(given: { partition: string | undefined; id: string; by: string; tag: string }): VectorFilter {
  if (given.by === "id") return { partition: given.partition, ids: [given.id] };
  if (given.by === "tag") return { partition: given.partition, tag: given.tag };
  if (given.by === "all") return { partition: given.partition, ids: [given.id], tag: given.tag };
  return { partition: given.partition ?? "p" };
}

export function isolationContract(bed: VectorIndexBed): void {
  describe("partitions", () => {
    test("never meet, whatever their names and the ids in them", async () => {
      const index = await bed.open();
      for (const [each, name] of NAMES.entries()) await index.add(name, [record(each, { id: name })]);
      for (const [each, name] of NAMES.entries()) {
        expect(await index.search(name, at(each), { k: 100 })).toEqual([
          { id: name, similarity: expect.closeTo(1, 4) as number },
        ]);
      }
    });

    test("may hold the same id, which is removed from one alone", async () => {
      const index = await bed.open();
      for (const name of NAMES) await index.add(name, [record(1)]);
      expect(await index.remove({ partition: "a", ids: ["at-1"] })).toBe(1);
      for (const name of NAMES) expect(await idsNear(index, name, 0), name).toEqual(name === "a" ? [] : ["at-1"]);
    });

    test.skipIf(bed.capabilities.oneDimension)(
      "may have other dimensions each, and are free to change them when they are empty",
      async () => {
        const index = await bed.open();
        await index.add("three", [record(1)]);
        await index.add("two", [{ id: "a", vector: Float32Array.of(1, 0) }]);
        await index.remove({ partition: "three" });
        await index.add("three", [{ id: "b", vector: Float32Array.of(0, 1, 0, 0, 1) }]);
        const [match] = await index.search("three", Float32Array.of(0, 1, 0, 0, 1), { k: 3 });
        expect(match?.id).toBe("b");
      },
    );

    test("take any allowed name as an id and as a tag, and none for another", async () => {
      const index = await bed.open();
      await index.add(
        "p",
        NAMES.map((name, each) => record(each, { id: name, tags: [name] })),
      );
      for (const [each, name] of NAMES.entries()) {
        expect(await idsNear(index, "p", each, 5, name)).toEqual([name]);
        expect(await index.remove({ tag: name }), name).toBe(1);
      }
    });

    test("agree with a plain model, whatever is added and removed", async () => {
      const steps = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 14 }), async (all) => {
        const index = await bed.open(newPlace());
        const model = new Map<string, Step & { kind: "add" }>();
        for (const each of all) {
          if (each.kind === "add") {
            await index.add(each.partition, [record(each.degrees, { id: each.id, tags: [each.tag] })]);
            model.set(`${each.partition} ${each.id}`, each);
            continue;
          }
          const { filter } = each;
          const gone = [...model].filter(
            ([, held]) =>
              (filter.partition ?? held.partition) === held.partition &&
              (filter.ids?.includes(held.id) ?? true) &&
              (filter.tag ?? held.tag) === held.tag,
          );
          for (const [key] of gone) model.delete(key);
          expect(await index.remove(filter), "how many were removed").toBe(gone.length);
        }
        for (const name of ["p", "P", "p-", "p_p"]) {
          const held = [...model.values()].filter((each) => each.partition === name);
          const matches = await index.search(name, at(0), { k: 100 });
          expect(matches.map((match) => match.id).toSorted()).toEqual(held.map((each) => each.id).toSorted());
          for (const { id: found, similarity } of matches) {
            const { degrees = Number.NaN } = held.find((each) => each.id === found) ?? {};
            expect(similarity).toBeCloseTo(Math.cos((degrees / 180) * Math.PI), 3);
          }
        }
        await index.close();
      });
      await fc.assert(steps, { numRuns: 8 });
    });
  });
}
