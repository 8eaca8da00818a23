import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { flatIndex } from "../../src/vectors/indexes/flat.ts";
import { vectorOf } from "../fixtures/vectors/vector-of.ts";
import { startTypeScript, type TypeScriptChild } from "../support/typescript-child.ts";

const WRITER = fileURLToPath(new URL("../fixtures/vectors/writer.ts", import.meta.url));
const ROUNDS = 2;

interface Said {
  readonly added?: string;
  readonly removed?: string;
}

/** Ids that are there for sure, and those that are not, by what the writer said before it was killed. */
function acknowledged(child: TypeScriptChild): { there: Set<string>; gone: Set<string> } {
  const there = new Set<string>();
  const gone = new Set<string>();
  const said = child.messages as readonly Said[];
  for (const { added, removed } of said) {
    if (added !== undefined) there.add(added);
    if (removed === undefined) continue;
    there.delete(removed);
    gone.add(removed);
  }
  // What came last may be in the log and not acknowledged: the removal that follows an addition.
  const last = said.at(-1)?.added;
  if (last !== undefined) there.delete(last);
  return { there, gone };
}

test("loses nothing that was acknowledged when two writers of one folder are killed, and nothing removed comes back", async () => {
  const path = mkdtempSync(join(tmpdir(), "strata-flat-killed-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  const all: TypeScriptChild[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const children = ["a", "b"].map((name) => startTypeScript(WRITER, [path, `${name}${round}`]));
    await Promise.all(children.map((child) => child.next()));
    await expect
      .poll(() => Math.min(...children.map(({ messages }) => messages.length)), { timeout: 20_000 })
      .toBeGreaterThan(60 + 7 * round);
    await Promise.all(children.map((child) => child.kill()));
    all.push(...children);
    const index = flatIndex({ path });
    for (const child of all) {
      const { there, gone } = acknowledged(child);
      expect(there.size).toBeGreaterThan(20);
      for (const id of there) {
        const [match] = await index.search("p", vectorOf(id), { k: 1 });
        expect(match).toEqual({ id, similarity: expect.closeTo(1, 6) as number });
      }
      const { vectors = 0 } = await index.stats();
      const matches = await index.search("p", vectorOf("x"), { k: 1_000 });
      expect(vectors).toBeGreaterThan(there.size);
      expect(matches.filter(({ id }) => gone.has(id))).toEqual([]);
    }
    await index.close();
  }
  // The log was made anew on the way.
  expect(readdirSync(path)).not.toContain("vectors-1.log");
});
