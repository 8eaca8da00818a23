import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import { pgliteClient } from "../../src/clients/pglite.ts";
import type { SqlClient } from "../../src/clients/sql.ts";
import { diskTable } from "../../src/rag/tables/disk.ts";
import { memoryTable } from "../../src/rag/tables/memory.ts";
import { sqlTable } from "../../src/rag/tables/sql.ts";
import { describeDocumentTable } from "../../src/testing/describe-document-table.ts";
import { freshDatabase } from "../support/fresh.ts";

const root = mkdtempSync(join(tmpdir(), "strata-tables-"));
let pool: pg.Pool;
let postgres: SqlClient;
const embedded = pgliteClient();

beforeAll(async () => {
  pool = new pg.Pool({ connectionString: await freshDatabase(), max: 10 });
  postgres = pgClient(pool);
  await embedded.query("SELECT 1");
}, 240_000);

afterAll(async () => {
  await Promise.all([pool.end(), embedded.close()]);
  rmSync(root, { recursive: true });
});

const tableOf = (place: string): string => place.replaceAll("-", "_");

describeDocumentTable("memoryTable", () => memoryTable());
describeDocumentTable("diskTable", ({ place }) => diskTable({ path: join(root, place), onDamage: () => undefined }), {
  shared: true,
});
describeDocumentTable("sqlTable on PGlite", ({ place }) => sqlTable({ sql: embedded, table: tableOf(place) }), { shared: true });
describeDocumentTable("sqlTable on PostgreSQL", ({ place }) => sqlTable({ sql: postgres, table: tableOf(place) }), {
  shared: true,
});
