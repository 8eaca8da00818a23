/**
 * Listings from a read replica, a physical standby of PostgreSQL, without losing sight of what this process wrote: the replica is
 * asked only when it has replayed the log up to where the primary stood after the last write. A replica that is behind, or that
 * fails, is passed over for that read. What other processes wrote last may be missing.
 */
import type { CallOptions } from "../../core/abort.ts";
import type { SqlClient, SqlRow, SqlValue } from "../../clients/sql.ts";
import type { HistoryTables } from "./history-tables.ts";

const WRITTEN = "SELECT pg_current_wal_insert_lsn()::text AS position";
/** A server that is no standby has nothing to catch up with. */
const CAUGHT_UP = "SELECT NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= $1::pg_lsn AS has_it";

export class ReplicaReads {
  readonly #tables: HistoryTables;
  readonly #replica: SqlClient | undefined;
  /** Where the primary stood after the last write; `undefined` when that is to be asked. */
  #written: Promise<string> | undefined;

  constructor(tables: HistoryTables, replica: SqlClient | undefined) {
    this.#tables = tables;
    this.#replica = replica;
  }

  /** Says that this process wrote. */
  wrote(): void {
    this.#written = undefined;
  }

  readonly read = async <R extends SqlRow>(
    text: string,
    parameters: readonly SqlValue[],
    options?: CallOptions,
  ): Promise<R[]> => {
    const replica = this.#replica;
    if (replica !== undefined) {
      try {
        if (await this.#hasCaughtUp(replica, options)) return await replica.query<R>(text, parameters, options);
      } catch (error) {
        if (options?.signal?.aborted === true) throw error;
      }
    }
    return this.#tables.query<R>(text, parameters, options);
  };

  async #hasCaughtUp(replica: SqlClient, options: CallOptions | undefined): Promise<boolean> {
    this.#written ??= this.#tables.query<{ position: string }>(WRITTEN, []).then(([row]) => row?.position ?? "0/0");
    const written = this.#written;
    try {
      const [row] = await replica.query<{ has_it: boolean }>(CAUGHT_UP, [await written], options);
      return row?.has_it === true;
    } catch (error) {
      if (this.#written === written) this.#written = undefined;
      throw error;
    }
  }
}
