/**
 * SQL as this library uses it: statements with bound parameters, and transactions, on PostgreSQL 14 or later (`pg.ts`) or
 * PGlite, which is PostgreSQL in the process (`pglite.ts`).
 */
import type { CallOptions } from "../core/abort.ts";

/** What may be bound. JSON is bound as its text and cast: `$1::jsonb`. Lists become PostgreSQL arrays: `= any($1)`. */
export type SqlValue = SqlScalar | readonly SqlScalar[];
export type SqlScalar = string | number | bigint | boolean | null | Date | Uint8Array;

/**
 * One row. The same PostgreSQL types give the same values on every client:
 *
 * | PostgreSQL | JavaScript |
 * | --- | --- |
 * | `boolean` | `boolean` |
 * | `smallint`, `integer`, `real`, `double precision` | `number` |
 * | `bigint` | `number` up to ±(2^53 - 1), beyond it `bigint` |
 * | `text`, `varchar`, `uuid` | `string` |
 * | `bytea` | `Buffer` |
 * | `json`, `jsonb` | what the JSON says |
 * | `timestamptz` | `Date`, to the millisecond |
 *
 * Anything else is cast to one of these in the statement: a list to `jsonb`, a sum of `bigint` to `bigint` or `text`.
 */
export type SqlRow = Record<string, unknown>;

export interface SqlOptions extends CallOptions {
  /**
   * The same text comes again and again: the server may keep it parsed and planned, for each connection, which saves it most of the
   * work of a small statement. Ignored where that is not possible.
   */
  readonly prepare?: boolean | undefined;
}

/** Something that takes statements: a client, or one transaction on it. */
export interface Sql {
  /**
   * Runs one statement and gives its rows. Errors of the server carry the SQLSTATE as `code`.
   * @param options.signal ends the wait; the statement itself may still be carried out, unless it is part of a transaction
   */
  query<R extends SqlRow = SqlRow>(text: string, parameters?: readonly SqlValue[], options?: SqlOptions): Promise<R[]>;
}

export interface SqlClient extends Sql {
  /**
   * Runs `work` in a transaction: committed when `work` resolves, rolled back when it rejects or when the signal aborts before
   * the commit has begun. Inside, only the given `sql` may be awaited: on PGlite, which has one connection, any other statement
   * waits for the transaction to end.
   */
  transaction<T>(work: (sql: Sql) => Promise<T>, options?: CallOptions): Promise<T>;
  /** Ends what the client opened itself. Later calls reject with the code `CLOSED`. May be called twice. */
  close(): Promise<void>;
}

/**
 * Readers of PostgreSQL's text form, by the type numbers of its catalog (`pg_type.dat`), which are fixed for ever. They are our
 * own, so that no setting of the application's driver changes a value.
 */
export const SQL_READERS: Readonly<Record<number, (text: string) => unknown>> = {
  /* boolean */ 16: (text) => text === "t",
  /* bytea */ 17: (text) => Buffer.from(text.slice(2), "hex"),
  /* bigint */ 20: readBigint,
  /* smallint */ 21: Number,
  /* integer */ 23: Number,
  /* json */ 114: readJson,
  /* real */ 700: Number,
  /* double precision */ 701: Number,
  /* timestamptz */ 1184: (text) => new Date(text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00")),
  /* jsonb */ 3802: readJson,
};

function readJson(text: string): unknown {
  return JSON.parse(text) as unknown;
}

function readBigint(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}
