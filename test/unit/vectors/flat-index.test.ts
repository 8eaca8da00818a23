import { describe, expect, test } from "vitest";
import { cosine } from "../../../src/vectors/accepted.ts";
import { flatIndex } from "../../../src/vectors/indexes/flat.ts";
import { FlatCodes } from "../../../src/vectors/indexes/flat-codes.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const random = seededRandom(7);

function vectors(count: number, dimensions: number): Float32Array[] {
  return Array.from({ length: count }, () => {
    const raw = Float32Array.from({ length: dimensions }, () => random() + random() + random() - 1.5);
    const length = Math.hypot(...raw);
    return raw.map((x) => x / length);
  });
}

function nearest(all: readonly Float32Array[], query: Float32Array, k: number): string[] {
  const scored = all.map((vector, index) => ({ id: `v${index}`, similarity: cosine(vector, query) }));
  return scored
    .toSorted((a, b) => b.similarity - a.similarity)
    .slice(0, k)
    .map(({ id }) => id);
}

describe("flatIndex", () => {
  test.each([1, 3, 31, 33, 384])(
    "finds the nearest of a partition that is searched by codes, in %i dimensions",
    async (dimensions) => {
      const index = flatIndex();
      const all = vectors(6_000, dimensions);
      await index.add(
        "p",
        all.map((vector, each) => ({ id: `v${each}`, vector })),
      );
      let found = 0;
      for (const query of vectors(10, dimensions)) {
        const wanted = new Set(
          nearest(all, query, 5).map((id) => cosine(all[Number(id.slice(1))] as Float32Array, query).toFixed(5)),
        );
        const matches = await index.search("p", query, { k: 5 });
        expect(matches).toHaveLength(5);
        found += matches.filter(({ similarity }) => wanted.has(similarity.toFixed(5))).length;
      }
      expect(found / 50).toBeGreaterThanOrEqual(0.99);
    },
  );

  test("goes on exactly while a large partition shrinks to nothing and grows again", async () => {
    const index = flatIndex();
    const all = vectors(3_000, 8);
    for (let round = 0; round < 2; round++) {
      await index.add(
        "p",
        all.map((vector, each) => ({ id: `v${each}`, vector })),
      );
      for (let from = 0; from < 3_000; from += 500) {
        const [query] = vectors(1, 8) as [Float32Array];
        const [first] = await index.search("p", query, { k: 1 });
        expect(first?.id).toBe(`v${Number(nearest(all.slice(from), query, 1)[0]?.slice(1)) + from}`);
        await index.remove({ partition: "p", ids: Array.from({ length: 500 }, (_, each) => `v${from + each}`) });
      }
      expect(await index.stats()).toEqual({ vectors: 0, bytes: 0 });
    }
  });

  test("drops what was added first when it is full, of whatever partition", async () => {
    const index = flatIndex({ maxVectors: 3 });
    const [a, b] = [Float32Array.of(1, 0), Float32Array.of(0, 1)];
    await index.add("p", [
      { id: "a", vector: a },
      { id: "b", vector: b },
    ]);
    await index.add("q", [{ id: "c", vector: a }]);
    await index.add("p", [{ id: "a", vector: b }]);
    await index.add("q", [{ id: "d", vector: a }]);
    expect((await index.search("p", a, { k: 9 })).map(({ id }) => id)).toEqual(["a"]);
    expect((await index.search("q", a, { k: 9 })).map(({ id }) => id).toSorted()).toEqual(["c", "d"]);
  });

  test("stays within its bytes", async () => {
    const index = flatIndex({ maxBytes: "1mb" });
    for (const vector of vectors(2_000, 256)) await index.add("p", [{ id: `v${random().toString(36).slice(2)}`, vector }]);
    const { bytes = 0, vectors: count = 0 } = await index.stats();
    expect(bytes).toBeLessThanOrEqual(1024 * 1024);
    expect(count).toBeGreaterThan(700);
  });

  test("counts what it takes where every partition holds one vector", async () => {
    const index = flatIndex({ maxBytes: "4mb" });
    const vector = Float32Array.from({ length: 384 }, (_, at) => at + 1);
    for (let each = 0; each < 4_000; each++) await index.add(`p${each}`, [{ id: "a", vector }]);
    const { bytes = 0, vectors: count = 0 } = await index.stats();
    expect(bytes).toBeLessThanOrEqual(4 * 1024 * 1024);
    expect(count).toBeGreaterThan(1_200);
    const perVector = await roomOf(2_000, vector);
    expect(perVector).toBeLessThanOrEqual(1.5 * (bytes / count));
    await index.remove({ ids: ["a"] });
    expect(await index.stats()).toEqual({ vectors: 0, bytes: 0 });
  });

  test("lets go of what has expired", async () => {
    const clock = manualClock();
    const index = flatIndex({ clock });
    const vector = Float32Array.of(1, 2);
    await index.add("p", [
      { id: "a", vector, expiresAt: clock.now() + 10 },
      { id: "b", vector },
    ]);
    await clock.advance(10);
    expect(await index.stats()).toMatchObject({ vectors: 1 });
  });

  test("names what it accepts", () => {
    expect(() => flatIndex({ maxVectors: 0 })).toThrow(/flatIndex\.maxVectors/);
    expect(() => flatIndex({ maxBites: 1 } as never)).toThrow(/flatIndex\.maxBites/);
  });
});

describe("FlatCodes", () => {
  test("scores as plain arithmetic does, whatever the dimensions", () => {
    for (const dimensions of [1, 31, 32, 33, 100, 1_536, 8_000]) {
      const codes = FlatCodes.make(dimensions) as FlatCodes;
      const [query, ...all] = vectors(8, dimensions) as [Float32Array, ...Float32Array[]];
      for (const [slot, vector] of all.entries()) expect(codes.put(slot, vector)).toBe(true);
      codes.ask(query);
      const scores = new Float32Array(all.length);
      codes.score(0, all.length, scores);
      const factor = 2_047 / Math.max(...query.map(Math.abs));
      const cosines = all.map((vector) => cosine(query, vector));
      for (const [slot, score] of scores.entries()) {
        expect(score / factor).toBeCloseTo((cosines[slot] as number) * Math.min(1, scoreScale(dimensions)), 2);
      }
    }
  });
});

/** The query is coarser where sums would pass 2^31. */
function scoreScale(dimensions: number): number {
  const stride = Math.ceil(dimensions / 32) * 32;
  return Math.min(2_047, Math.floor(2 ** 31 / (127 * stride)) - 1) / 2_047;
}

/** Bytes of arrays that each of so many partitions of one vector takes. */
async function roomOf(partitions: number, vector: Float32Array): Promise<number> {
  const index = flatIndex();
  const before = process.memoryUsage().arrayBuffers;
  for (let each = 0; each < partitions; each++) await index.add(`p${each}`, [{ id: "a", vector }]);
  const after = process.memoryUsage().arrayBuffers;
  expect(await index.stats()).toMatchObject({ vectors: partitions });
  return (after - before) / partitions;
}
