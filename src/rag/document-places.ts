/** Where a store keeps its texts and vectors, by its options. */
import { resolve } from "node:path";
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import type { ScopeOption } from "../cache/call-control.ts";
import type { SqlClient } from "../clients/sql.ts";
import type { Clock } from "../core/clock.ts";
import { StrataConfigError } from "../core/errors.ts";
import type { Observer } from "../core/events.ts";
import { requireMethods } from "../core/options.ts";
import { flatIndex } from "../vectors/indexes/flat.ts";
import type { VectorIndex } from "../vectors/vector-index.ts";
import type { DocumentTable } from "./document-table.ts";
import { diskTable } from "./tables/disk.ts";
import { memoryTable } from "./tables/memory.ts";
import { sqlTable } from "./tables/sql.ts";

export interface DocumentStoreOptions {
  /**
   * A folder to keep texts and vectors in; made, private to the user and ignored by git, when it is not there. Several processes may
   * share it. Default, without `sql` as well: this process's memory.
   */
  readonly path?: string | undefined;
  /** In place of `path`: a database, from `pgClient` or `pgliteClient`, which stays the caller's. */
  readonly sql?: SqlClient | undefined;
  /** Begins the names of the tables in `sql`; default `"strata_documents"`. */
  readonly table?: string | undefined;
  /** For finding by meaning; default: by words alone. Not used before the first document or question, so that no model is loaded in vain. */
  readonly embeddings?: EmbeddingsInterface | undefined;
  /** Names what `embeddings` makes, version included; needed with them. Documents of another model are embedded anew when they come again. */
  readonly model?: string | undefined;
  /** Where the vectors lie; closed by `close()`. Default `flatIndex()`, in `path` when there is one. With `sql`: `pgvectorIndex({ sql })`. */
  readonly index?: VectorIndex | undefined;
  /** Whose documents; default `"global"`. A function finds it in the call's configuration. */
  readonly scope?: ScopeOption | undefined;
  /** Sees every event. */
  readonly observer?: Observer | undefined;
  /** For tests; default the machine's. */
  readonly clock?: Clock | undefined;
  /** From 0 to 1; for tests; default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** @throws {@link StrataConfigError} naming the option */
export function openTable({ path, sql, table }: DocumentStoreOptions, onDamage: () => void): DocumentTable {
  if (table !== undefined && sql === undefined)
    throw new StrataConfigError("DocumentStore.table", table, "nothing, where there is no `sql`");
  if (sql !== undefined) {
    requireMethods("DocumentStore.sql", sql, ["query", "transaction"], "an SqlClient, from pgClient or pgliteClient");
    if (path !== undefined) throw new StrataConfigError("DocumentStore.path", path, "nothing, where there is `sql`");
    return sqlTable({ sql, table: table ?? "strata_documents" });
  }
  if (path === undefined) return memoryTable();
  if (typeof path !== "string" || path === "") throw new StrataConfigError("DocumentStore.path", path, "the path of a folder");
  return diskTable({ path: resolve(path), onDamage });
}

/** @throws {@link StrataConfigError} where there is none by default */
export function defaultIndex({ path, sql }: DocumentStoreOptions): VectorIndex {
  if (sql !== undefined) {
    throw new StrataConfigError(
      "DocumentStore.index",
      undefined,
      "an index, such as pgvectorIndex({ sql }), with `sql` and `embeddings`",
    );
  }
  return flatIndex(path === undefined ? {} : { path: resolve(path, "vectors") });
}

/** The name of what the embeddings make; `""` without them. */
export function parseModel({ embeddings, model }: DocumentStoreOptions): string {
  if (model === undefined && embeddings === undefined) return "";
  if (typeof model !== "string" || model === "") {
    throw new StrataConfigError("DocumentStore.model", model, 'a text that names what the embeddings make, such as "minilm"');
  }
  return model;
}
