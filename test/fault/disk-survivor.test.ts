/** A process that has a folder open while another one dies in the middle of writing to it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { diskTable } from "../../src/rag/tables/disk.ts";
import { batchOf, SCOPE } from "../fixtures/documents/batches.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { startTypeScript } from "../support/typescript-child.ts";

const ROUNDS = 6;

test("goes on reading and writing, whatever lock the dead one held, and sees whole batches", { timeout: 240_000 }, async () => {
  const path = mkdtempSync(join(tmpdir(), "strata-survivor-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  const random = seededRandom(11);
  const table = diskTable({ path, onDamage: (error) => expect.unreachable(error.message) });
  await table.put(SCOPE, batchOf("mine", 100, -1));
  for (let round = 0; round < ROUNDS; round++) {
    const writer = startTypeScript("test/fixtures/documents/batch-writer.ts", [path]);
    onTestFinished(() => writer.kill());
    await writer.next();
    await new Promise((resolve) => setTimeout(resolve, random() * 100));
    await writer.kill();

    const mine = batchOf("mine", 100, round);
    await table.put(SCOPE, mine);
    const headers = await table.headers(SCOPE.scope);
    expect(headers).toHaveLength(200);
    // What the dead one wrote last is there with all of its documents, or none.
    const rounds = headers.filter(({ id }) => id.startsWith("doomed")).map(({ metadata }) => metadata["round"]);
    expect(new Set(rounds).size).toBe(1);
    const places = headers.flatMap(({ key, chunks }) => Array.from({ length: chunks }, (_, at) => ({ key, at })));
    for (const chunk of await table.chunks(SCOPE.scope, places)) expect(chunk).toBeDefined();
    expect(
      headers
        .filter(({ id }) => id.startsWith("mine"))
        .map(({ key }) => key)
        .toSorted(),
    ).toEqual(mine.map(({ key }) => key).toSorted());
  }
  await table.close();
});
