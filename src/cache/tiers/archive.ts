import { StrataConfigError } from "../../core/errors.ts";
import { parseChoice, parseDuration, refuseUnknown, type Duration } from "../../core/options.ts";
import type { SqlClient } from "../../clients/sql.ts";
import { parseIdentifier } from "../../clients/migrate.ts";
import type { CacheTier } from "../tier.ts";
import { ArchiveFolder } from "./archive-folder.ts";
import { ArchiveTable } from "./archive-table.ts";
import { ArchiveTier } from "./archive-tier.ts";

export interface ArchiveTierOptions {
  /** Where the table is: `pgClient(pool)` or `pgliteClient()`. The caller closes it. */
  readonly sql?: SqlClient | undefined;
  /** Of the table, which is made when it is not there; default `"strata_archive"`. */
  readonly table?: string | undefined;
  /** In place of `sql`: a folder with one file for each entry; made, private to the user, when it is not there. */
  readonly path?: string | undefined;
  /** Longest life of an entry in this tier; default: as long as the entry itself lives. */
  readonly ttl?: Duration | undefined;
  /** How long a lookup waits for it; default 150 ms. */
  readonly deadline?: Duration | undefined;
  /** `"on-demotion"` (default) takes what the tiers above drop for space; `"behind"` takes every entry soon after it was stored. */
  readonly writes?: "on-demotion" | "behind" | undefined;
}

const OPTIONS = ["sql", "table", "path", "ttl", "deadline", "writes"] as const;

/**
 * Keeps for long what is seldom asked for, in a table of PostgreSQL or in a folder: compressed as hard as pays, without a bound on
 * its size. What is found here moves up again.
 * @throws {@link StrataConfigError} naming the option
 */
export function archiveTier(options: ArchiveTierOptions): CacheTier {
  refuseUnknown("archiveTier", options, OPTIONS);
  const { sql, path, table, ttl, deadline = "150ms", writes = "on-demotion" } = options;
  parseDuration("archiveTier.deadline", deadline);
  return new ArchiveTier({
    shelf: sql === undefined ? folder(path, table) : tableOf(sql, path, table),
    ttlMs: ttl === undefined ? Infinity : parseDuration("archiveTier.ttl", ttl),
    deadline,
    writes: parseChoice("archiveTier.writes", writes, ["on-demotion", "behind"]),
  });
}

function tableOf(sql: SqlClient, path: unknown, table: string | undefined): ArchiveTable {
  if (typeof sql?.query !== "function" || typeof sql.transaction !== "function") {
    throw new StrataConfigError("archiveTier.sql", sql, "a SqlClient, such as pgClient(pool) or pgliteClient()");
  }
  if (path !== undefined) throw new StrataConfigError("archiveTier.path", path, "nothing, when there is `sql`");
  return new ArchiveTable(sql, parseIdentifier("archiveTier.table", table ?? "strata_archive"));
}

function folder(path: unknown, table: unknown): ArchiveFolder {
  if (typeof path !== "string" || path === "") {
    throw new StrataConfigError("archiveTier.path", path, "the path of a folder, or a SqlClient as `sql`");
  }
  if (table !== undefined) throw new StrataConfigError("archiveTier.table", table, "nothing, when there is a `path`");
  return new ArchiveFolder(path);
}
