/**
 * node-postgres as a `SqlClient`.
 *
 * Two habits of the driver would end the process: a pool, and a client that was taken out of one, emit `error` when the server
 * goes away (SQLSTATE 57P01 at a restart, a failover), and Node throws what nobody listens for. Both are listened for here; the
 * error itself reaches whoever runs the next statement, or the one under way. A client is taken by callback, not by promise: the pool
 * ends its own listening before it hands a client out, and what is due between that and the promise would be heard by nobody.
 */
import { createHash } from "node:crypto";
import { waitOrAbort, type CallOptions } from "../core/abort.ts";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { SQL_READERS, type Sql, type SqlClient, type SqlOptions, type SqlRow, type SqlValue } from "./sql.ts";

export interface PgClientOptions {
  /**
   * Whether statements that come often are prepared on each connection; default `true`. Not behind a pooler that changes the
   * connection between transactions and does not know prepared statements (PgBouncer before 1.21).
   */
  readonly prepare?: boolean | undefined;
}

/** What `pg` is asked to run. */
export interface PgStatement {
  /** Of a prepared statement. */
  readonly name?: string;
  readonly text: string;
  readonly values: unknown[];
  readonly types: { getTypeParser(oid: number, format?: string): (text: string) => unknown };
}

interface PgQueryable {
  query(statement: PgStatement): Promise<{ readonly rows: unknown[] }>;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** What is called of a `PoolClient` of the package `pg`. */
export interface PgPoolClient extends PgQueryable {
  release(destroy?: boolean): void;
  removeListener(event: "error", listener: (error: Error) => void): unknown;
}

/** What is called of a `Pool` of the package `pg`, 8.0 or later. */
export interface PgPool extends PgQueryable {
  connect(taken: (error: Error | undefined, client: PgPoolClient | undefined) => void): void;
}

/** Pools that have our listener: one each, however many clients are made of it. It stays, because a pool without one is a trap. */
const heard = new WeakSet<object>();

const types: PgStatement["types"] = {
  getTypeParser: (oid) => SQL_READERS[oid] ?? String,
};

/**
 * Makes a client of a pool. The pool stays the caller's: `close()` does not end it.
 *
 * Give the pool time limits, since the driver has none: `connectionTimeoutMillis`, `query_timeout`, `statement_timeout`, and
 * `idle_in_transaction_session_timeout`; `docs/operations/postgres-client-settings.md` has numbers.
 * @throws {@link StrataConfigError} when it is no pool
 */
export function pgClient(pool: PgPool, options: PgClientOptions = {}): SqlClient {
  refuseUnknown("pgClient", options, ["prepare"]);
  const mayPrepare = options.prepare ?? true;
  if (typeof mayPrepare !== "boolean") throw new StrataConfigError("pgClient.prepare", mayPrepare, "true or false");
  if (typeof pool?.connect !== "function" || typeof pool.query !== "function") {
    throw new StrataConfigError("pgClient.pool", pool, "a Pool of the package pg");
  }
  if (!heard.has(pool)) {
    heard.add(pool);
    pool.on("error", ignore);
  }
  let closed = false;

  function refuseWhenClosed(): void {
    if (closed) throw new StrataError("CLOSED", "The SQL client is closed.");
  }

  return {
    async query(text, parameters, callOptions) {
      refuseWhenClosed();
      const prepare = mayPrepare && callOptions?.prepare === true;
      return run(pool, text, parameters, { signal: callOptions?.signal, prepare });
    },
    async transaction(work, callOptions) {
      refuseWhenClosed();
      callOptions?.signal?.throwIfAborted();
      const client = await take(pool, callOptions);
      return new PgTransaction(client, mayPrepare).run(work, callOptions);
    },
    async close() {
      closed = true;
    },
  };
}

/** One transaction on one connection, which goes back to the pool once, and only when nothing is left on it. */
class PgTransaction {
  readonly #client: PgPoolClient;
  readonly #mayPrepare: boolean;
  #state: "open" | "committing" | "over" = "open";

  constructor(client: PgPoolClient, mayPrepare: boolean) {
    this.#client = client;
    this.#mayPrepare = mayPrepare;
  }

  async run<T>(work: (sql: Sql) => Promise<T>, { signal }: CallOptions = {}): Promise<T> {
    // Cutting the connection is the only way to be rid of a statement at once; what it had done, the server rolls back.
    const onAbort = (): void => {
      if (this.#state === "open") this.#release(true);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await run(this.#client, "BEGIN");
      const sql: Sql = { query: (text, parameters, options) => this.#query(text, parameters, options) };
      const result = await work(sql);
      if (this.#state !== "open") throw signal?.reason as Error;
      this.#state = "committing";
      await run(this.#client, "COMMIT");
      this.#release(false);
      return result;
    } catch (error) {
      await this.#rollBack();
      throw signal?.aborted === true ? (signal.reason as Error) : error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  async #query<R extends SqlRow>(text: string, parameters?: readonly SqlValue[], options?: SqlOptions): Promise<R[]> {
    if (this.#state !== "open") throw new StrataError("CLOSED", "The transaction is over.");
    return run(this.#client, text, parameters, { prepare: this.#mayPrepare && options?.prepare === true });
  }

  async #rollBack(): Promise<void> {
    if (this.#state === "over") return;
    // A commit that failed may have been carried out; its connection is not used again.
    if (this.#state === "committing") return this.#release(true);
    this.#state = "committing";
    try {
      await run(this.#client, "ROLLBACK");
      this.#release(false);
    } catch {
      this.#release(true);
    }
  }

  #release(destroy: boolean): void {
    if (this.#state === "over") return;
    this.#state = "over";
    // A connection that is cut may still report its end.
    if (!destroy) this.#client.removeListener("error", ignore);
    this.#client.release(destroy);
  }
}

/** A connection of the pool, listened to; one that comes after the caller has left goes straight back. */
async function take(pool: PgPool, options: CallOptions | undefined): Promise<PgPoolClient> {
  const taking = new Promise<PgPoolClient>((resolve, reject) => {
    pool.connect((error, client) => {
      if (client === undefined) return reject(error ?? new Error("The pool gave no client."));
      client.on("error", ignore);
      resolve(client);
    });
  });
  try {
    return await waitOrAbort(taking, options?.signal);
  } catch (error) {
    taking.then(giveBack, () => undefined);
    throw error;
  }
}

function giveBack(client: PgPoolClient): void {
  client.removeListener("error", ignore);
  client.release();
}

async function run<R extends SqlRow>(
  target: PgQueryable,
  text: string,
  parameters: readonly SqlValue[] = [],
  options?: SqlOptions,
): Promise<R[]> {
  options?.signal?.throwIfAborted();
  const name = options?.prepare === true ? { name: nameOf(text) } : undefined;
  const { rows } = await waitOrAbort(target.query({ ...name, text, values: [...parameters], types }), options?.signal);
  return rows as R[];
}

const names = new Map<string, string>();

/** What a text is called among the prepared statements of a connection, to which others may add their own. */
function nameOf(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = `strata_${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
    names.set(text, name);
  }
  return name;
}

function ignore(): void {
  // Told to whoever runs the next statement; see the head of this file.
}
