import { Pool } from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import { pgliteClient } from "../../src/clients/pglite.ts";
import type { SqlClient } from "../../src/clients/sql.ts";
import { pgvectorIndex } from "../../src/vectors/indexes/pgvector.ts";
import { describeVectorIndex } from "../../src/testing/describe-vector-index.ts";
import { freshDatabase } from "../support/fresh.ts";

const CAPABILITIES = { persistent: true, shared: true } as const;
const pools: Pool[] = [];
let shared: Promise<SqlClient> | undefined;
const pglite = pgliteClient();
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await pglite.close();
});

async function freshSql(): Promise<SqlClient> {
  const pool = new Pool({ connectionString: await freshDatabase(), max: 4 });
  pools.push(pool);
  return pgClient(pool);
}

function server(): Promise<SqlClient> {
  shared ??= freshSql();
  return shared;
}

/** `place-` and a UUID. */
function tableOf(place: string): string {
  return `v${place.replaceAll("-", "_")}`;
}

describeVectorIndex(
  "pgvectorIndex on PostgreSQL",
  async ({ clock, place }) => pgvectorIndex({ sql: await server(), table: tableOf(place), clock }),
  CAPABILITIES,
);
describeVectorIndex(
  "pgvectorIndex on PostgreSQL, halfvec",
  async ({ clock, place }) => pgvectorIndex({ sql: await server(), table: tableOf(place), clock, type: "halfvec" }),
  CAPABILITIES,
);
describeVectorIndex(
  "pgvectorIndex on PostgreSQL, with HNSW",
  async ({ clock, place }) => pgvectorIndex({ sql: await server(), table: tableOf(place), clock, hnsw: { dimensions: 3 } }),
  CAPABILITIES,
);
describeVectorIndex(
  "pgvectorIndex on PGlite",
  ({ clock, place }) => pgvectorIndex({ sql: pglite, table: tableOf(place), clock }),
  CAPABILITIES,
);

describe("pgvectorIndex", () => {
  test("says what to run when the extension is too old, or missing and may not be made", async () => {
    const sql = await freshSql();
    const old: SqlClient = { ...sql, query: async () => [{ version: "0.7.4" }] as never };
    await expect(pgvectorIndex({ sql: old }).stats()).rejects.toThrow(/0\.8 or later.*0\.7\.4.*ALTER EXTENSION vector UPDATE/);
    const missing: SqlClient = {
      ...sql,
      query: async (text) => {
        if (text.startsWith("CREATE EXTENSION")) throw new Error("permission denied");
        return [];
      },
    };
    await expect(pgvectorIndex({ sql: missing }).stats()).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(/run CREATE EXTENSION vector/) as string,
    });
  });

  test("names what it accepts", async () => {
    const sql = await freshSql();
    expect(() => pgvectorIndex({ sql, table: "a; b" })).toThrow(/pgvectorIndex\.table/);
    expect(() => pgvectorIndex({ sql, type: "bit" } as never)).toThrow(/pgvectorIndex\.type/);
    expect(() => pgvectorIndex({ sql: {} } as never)).toThrow(/pgvectorIndex\.sql/);
    expect(() => pgvectorIndex({ sql, hnsw: { dimensions: 0 } })).toThrow(/pgvectorIndex\.hnsw\.dimensions/);
  });
});
