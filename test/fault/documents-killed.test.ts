/** A process that is killed in the middle of putting documents into PostgreSQL. */
import pg from "pg";
import { expect, inject, onTestFinished, test } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import { sqlTable } from "../../src/rag/tables/sql.ts";
import { batchOf, SCOPE } from "../fixtures/documents/batches.ts";
import { freshDatabase } from "../support/fresh.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { startTypeScript } from "../support/typescript-child.ts";

const ROUNDS = 4;

test("leaves whole batches, nothing of half a one, and no lock that others wait for", { timeout: 240_000 }, async () => {
  expect(inject("databaseUrl")).toMatch(/^postgres/);
  const connectionString = await freshDatabase();
  const pool = new pg.Pool({ connectionString, max: 3 });
  onTestFinished(() => pool.end());
  const table = sqlTable({ sql: pgClient(pool), table: "documents" });
  const random = seededRandom(5);
  for (let round = 0; round < ROUNDS; round++) {
    const writer = startTypeScript("test/fixtures/documents/sql-writer.ts", [connectionString, "documents"]);
    onTestFinished(() => writer.kill());
    await writer.next();
    await new Promise((resolve) => setTimeout(resolve, random() * 150));
    await writer.kill();

    const mine = batchOf("mine", 50, round);
    await table.put(SCOPE, mine);
    const headers = await table.headers(SCOPE.scope);
    const doomed = headers.filter(({ id }) => id.startsWith("doomed"));
    expect(doomed).toHaveLength(200);
    expect(new Set(doomed.map(({ metadata }) => metadata["round"])).size).toBe(1);
    const places = headers.flatMap(({ key, chunks }) => Array.from({ length: chunks }, (_, at) => ({ key, at })));
    for (const chunk of await table.chunks(SCOPE.scope, places)) expect(chunk).toBeDefined();
    // No chunk of a document that is not there.
    const { rows } = await pool.query<{ count: string }>("SELECT count(*) FROM documents_chunks");
    expect(Number(rows[0]?.count)).toBe(places.length);
  }
});
