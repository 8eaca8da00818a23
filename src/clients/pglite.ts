/** PGlite, PostgreSQL compiled to WebAssembly, as a `SqlClient`: nothing to install beside the package, nothing to operate. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type * as pglite from "@electric-sql/pglite";
import type * as pgvector from "@electric-sql/pglite-pgvector";
import { waitOrAbort } from "../core/abort.ts";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { closeShared, openShared } from "./pglite-folders.ts";
import { SQL_READERS, type Sql, type SqlClient, type SqlRow, type SqlValue } from "./sql.ts";

export interface PgliteClientOptions {
  /**
   * The folder of the database; made, private to the user, when it is not there. Default: in memory. It is for one process at a time:
   * while another one has it, statements reject with `UNAVAILABLE`. Clients of one process share it.
   */
  readonly path?: string | undefined;
}

interface PgliteQueryable {
  query(text: string, parameters: unknown[], options: { parsers: typeof SQL_READERS }): Promise<{ readonly rows: unknown[] }>;
}

/**
 * Makes a client with a database of its own, opened at the first statement (1 to 3 s, about 400 MB). The extension `vector` can be
 * created when the package `@electric-sql/pglite-pgvector` is installed.
 *
 * Everything runs on one connection: statements wait for each other, and for a transaction.
 * @throws {@link StrataConfigError} naming the option; the first statement rejects with `MISSING_PEER` without the package
 */
export function pgliteClient(options: PgliteClientOptions = {}): SqlClient {
  refuseUnknown("pgliteClient", options, ["path"]);
  const { path } = options;
  if (path !== undefined && (typeof path !== "string" || path === "")) {
    throw new StrataConfigError("pgliteClient.path", path, "the path of a folder, or nothing");
  }
  const folder = path === undefined ? undefined : resolve(path);
  let opening: Promise<pglite.PGlite> | undefined;
  let closing: Promise<void> | undefined;

  function use(): Promise<pglite.PGlite> {
    if (closing !== undefined) throw new StrataError("CLOSED", "The SQL client is closed.");
    opening ??= open(folder).catch((error: unknown) => {
      opening = undefined; // another process may have had the folder
      throw error;
    });
    return opening;
  }

  return {
    async query(text, parameters, callOptions) {
      const database = await waitOrAbort(use(), callOptions?.signal);
      callOptions?.signal?.throwIfAborted();
      return waitOrAbort(run(database, text, parameters), callOptions?.signal);
    },
    async transaction<T>(
      work: (sql: Sql) => Promise<T>,
      callOptions?: { readonly signal?: AbortSignal | undefined },
    ): Promise<T> {
      const signal = callOptions?.signal;
      const database = await waitOrAbort(use(), signal);
      return database.transaction(async (transaction) => {
        signal?.throwIfAborted();
        let isOver = false;
        const sql: Sql = {
          async query(text, parameters) {
            if (isOver) throw new StrataError("CLOSED", "The transaction is over.");
            return run(transaction, text, parameters);
          },
        };
        try {
          return await waitOrAbort(work(sql), signal);
        } finally {
          isOver = true;
        }
      });
    },
    close() {
      closing ??= (async () => {
        const database = await opening?.catch(() => undefined);
        if (database !== undefined) await (folder === undefined ? database.close() : closeShared(folder));
      })();
      return closing;
    },
  };
}

async function open(path: string | undefined): Promise<pglite.PGlite> {
  const [{ PGlite }, vector] = await Promise.all([loadPglite(), loadVector()]);
  const extensions = vector === undefined ? {} : { extensions: { vector } };
  if (path === undefined) return PGlite.create(extensions);
  makePrivateFolder(path);
  return openShared(path, () => PGlite.create({ dataDir: path, ...extensions }));
}

async function loadPglite(): Promise<typeof pglite> {
  try {
    return await import("@electric-sql/pglite");
  } catch (cause) {
    const install = "npm install @electric-sql/pglite @electric-sql/pglite-pgvector";
    throw new StrataError(
      "MISSING_PEER",
      `Without a PostgreSQL, conversations are kept in PGlite, a package of its own: ${install}`,
      { cause },
    );
  }
}

/** The extension is optional: without it only vector columns are missing. */
async function loadVector(): Promise<typeof pgvector.vector | undefined> {
  try {
    return (await import("@electric-sql/pglite-pgvector")).vector;
  } catch {
    return undefined;
  }
}

function makePrivateFolder(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (first !== undefined && first !== path) writeFileSync(join(first, ".gitignore"), "*\n");
}

async function run<R extends SqlRow>(target: PgliteQueryable, text: string, parameters: readonly SqlValue[] = []): Promise<R[]> {
  const { rows } = await target.query(text, [...parameters], { parsers: SQL_READERS });
  return rows as R[];
}
