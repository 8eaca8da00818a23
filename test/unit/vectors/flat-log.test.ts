import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { StrataError } from "../../../src/core/errors.ts";
import { flatIndex } from "../../../src/vectors/indexes/flat.ts";
import type { VectorIndex } from "../../../src/vectors/vector-index.ts";

const root = mkdtempSync(join(tmpdir(), "strata-flat-log-"));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;

function folder(): string {
  return join(root, `folder-${folders++}`);
}

function oneHot(at: number, dimensions = 8): Float32Array {
  return new Float32Array(dimensions).fill(0).map((_, each) => (each === at % dimensions ? 1 : 0));
}

async function ids(index: VectorIndex): Promise<string[]> {
  const matches = await index.search("p", oneHot(0), { k: 1_000 });
  return matches.map(({ id }) => id).toSorted();
}

async function filled(path: string): Promise<string> {
  const index = flatIndex({ path });
  for (const each of [0, 1, 2, 3]) await index.add("p", [{ id: `v${each}`, vector: oneHot(each) }]);
  await index.close();
  return join(path, "vectors-1.log");
}

describe("the folder of a flat index", () => {
  test("is private to the user, and ignored by git", async () => {
    const path = join(folder(), "inner");
    const file = await filled(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(path, "..", ".gitignore"), "utf8")).toBe("*\n");
  });

  test("loses only the record whose end was torn off, and goes on behind it", async () => {
    const path = folder();
    const file = await filled(path);
    truncateSync(file, statSync(file).size - 5);
    const damage: StrataError[] = [];
    const index = flatIndex({ path, onDamage: (error) => damage.push(error) });
    expect(await ids(index)).toEqual(["v0", "v1", "v2"]);
    await index.add("p", [{ id: "v9", vector: oneHot(5) }]);
    expect(await ids(index)).toEqual(["v0", "v1", "v2", "v9"]);
    expect(damage.map(({ code }) => code)).toEqual(["CORRUPT"]);
    await index.close();
    expect(await ids(flatIndex({ path }))).toEqual(["v0", "v1", "v2", "v9"]);
  });

  test("loses only the record in which a bit was flipped, wherever", async () => {
    const path = folder();
    const file = await filled(path);
    const whole = readFileSync(file);
    for (let at = 16; at < whole.length; at += 7) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] as number) ^ 0x10;
      writeFileSync(file, damaged);
      const index = flatIndex({ path });
      expect(await ids(index), `a bit flipped at ${at}`).toHaveLength(3);
      await index.close();
    }
  });

  test("steps over rubbish between records, also where it holds the magic bytes", async () => {
    const path = folder();
    const file = await filled(path);
    appendFileSync(file, Buffer.concat([Buffer.alloc(100, 7), Buffer.from("SVR1SVR1"), Buffer.alloc(50, 1)]));
    const index = flatIndex({ path });
    await index.add("p", [{ id: "v9", vector: oneHot(5) }]);
    expect(await ids(index)).toEqual(["v0", "v1", "v2", "v3", "v9"]);
  });

  test("is refused when its file is of another kind", async () => {
    const path = folder();
    const file = await filled(path);
    writeFileSync(file, "something else altogether");
    await expect(ids(flatIndex({ path }))).rejects.toMatchObject({ code: "CORRUPT" });
  });

  test("is refused when it cannot be made", async () => {
    await expect(ids(flatIndex({ path: "/proc/nowhere" }))).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  test("is rewritten when most of it is history, while others write to it", async () => {
    const path = folder();
    const [one, other] = [flatIndex({ path }), flatIndex({ path })];
    const dimensions = 2_000;
    for (let round = 0; round < 60; round++) {
      const records = Array.from({ length: 50 }, (_, each) => ({ id: `v${each}`, vector: oneHot(each + round, dimensions) }));
      await Promise.all([
        one.add("p", records),
        other.add("q", records.slice(0, 10)),
        one.add("q", [{ id: `w${round}`, vector: oneHot(round, dimensions) }]),
      ]);
    }
    const files = readdirSync(path).filter((name) => name.endsWith(".log") || name.endsWith(".tmp"));
    expect(files).toHaveLength(1);
    expect(files).not.toEqual(["vectors-1.log"]);
    expect(statSync(join(path, files[0] as string)).size).toBeLessThan(20 * 1024 * 1024);
    for (const index of [one, other, flatIndex({ path })]) {
      expect((await index.stats()).vectors).toBe(120);
      for (const each of [0, 9, 49]) {
        const [match] = await index.search("p", oneHot(each + 59, dimensions), { k: 1 });
        expect(match).toEqual({ id: `v${each}`, similarity: 1 });
      }
      expect((await index.search("q", oneHot(0, dimensions), { k: 1_000 })).map(({ id }) => id)).toHaveLength(70);
      await index.close();
    }
  });

  test("gives a process with a smaller bound the newest of what is in it", async () => {
    const path = folder();
    await filled(path);
    const small = flatIndex({ path, maxVectors: 2 });
    expect(await ids(small)).toEqual(["v2", "v3"]);
    expect(await small.remove({ tag: "none" })).toBe(0);
    await small.close();
  });
});
