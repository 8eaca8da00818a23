/** The table of a pgvector index: made by numbered steps, after a look at the extension. */
import { migrate, type Migration } from "../../clients/migrate.ts";
import type { SqlClient } from "../../clients/sql.ts";
import { StrataError } from "../../core/errors.ts";

export interface PgvectorTable {
  readonly table: string;
  readonly type: "vector" | "halfvec";
  readonly hnsw: { readonly dimensions: number } | undefined;
}

/** `halfvec`, and scans of an HNSW index that go on until the filter is satisfied. Older releases take the setting and ignore it. */
const LEAST_VERSION = [0, 8];

/**
 * Vectors lie in a table of their own, with four narrow columns beside them, and in the row for as long as a page holds it (2,000 numbers
 * of 32 bits). PostgreSQL by default moves them out from 2 kB on, and then reading all vectors of a partition took four times as long.
 *
 * There is no index over vectors by default: the primary key finds the rows of a partition, and every one is compared. For a partition
 * of 1 % of 100,000 rows that is 15 ms and finds all; HNSW with the same filter found 4 % of them, and 62 to 81 % with iterative scans.
 */
function steps({ table, type, hnsw }: PgvectorTable): readonly Migration[] {
  const operators = type === "halfvec" ? "halfvec_cosine_ops" : "vector_cosine_ops";
  const create: Migration = {
    number: 1,
    name: "create the vectors",
    statements: [
      `CREATE TABLE ${table} (
        partition text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        embedding ${type} NOT NULL,
        tags text[] NOT NULL,
        expires_at double precision,
        PRIMARY KEY (partition, id)
      )`,
      `ALTER TABLE ${table} SET (toast_tuple_target = 8160)`,
      `COMMENT ON COLUMN ${table}.expires_at IS 'Unix milliseconds; null = never'`,
      `CREATE INDEX ON ${table} (expires_at) WHERE expires_at IS NOT NULL`,
      `CREATE INDEX ON ${table} (id)`,
      `CREATE INDEX ON ${table} USING gin (tags)`,
    ],
  };
  if (hnsw === undefined) return [create];
  const { dimensions } = hnsw;
  const approximate: Migration = {
    number: 2,
    name: `approximate search in ${dimensions} dimensions`,
    statements: [
      `CREATE INDEX ON ${table} USING hnsw ((embedding::${type}(${dimensions})) ${operators})
       WHERE vector_dims(embedding) = ${dimensions}`,
    ],
  };
  return [create, approximate];
}

/** @throws {@link StrataError} `UNAVAILABLE`, saying what to run, when the extension is missing or too old */
export async function prepareTable(sql: SqlClient, table: PgvectorTable): Promise<void> {
  await prepareExtension(sql);
  // Steps are never changed, so a table that was made with the other type is another part, whose first step fails: it exists.
  await migrate(sql, `vectors:${table.table}:${table.type}`, steps(table));
}

async function prepareExtension(sql: SqlClient): Promise<void> {
  const installed = "SELECT extversion AS version FROM pg_extension WHERE extname = 'vector'";
  let [found] = await sql.query<{ version: string }>(installed);
  if (found === undefined) {
    try {
      await sql.query("CREATE EXTENSION IF NOT EXISTS vector");
    } catch (cause) {
      throw new StrataError("UNAVAILABLE", `${MISSING} (${String(cause)})`, { cause });
    }
    [found] = await sql.query<{ version: string }>(installed);
  }
  const [major = 0, minor = 0] = (found?.version ?? "").split(".").map(Number);
  if (major === LEAST_VERSION[0] && minor < (LEAST_VERSION[1] ?? 0)) {
    throw new StrataError(
      "UNAVAILABLE",
      `pgvectorIndex needs pgvector 0.8 or later, the database has ${found?.version}: install it and run ALTER EXTENSION vector UPDATE`,
    );
  }
}

const MISSING =
  "pgvectorIndex needs the extension vector: install pgvector (Debian: postgresql-17-pgvector), then run CREATE EXTENSION vector " +
  "in this database, as a user who may";
