/**
 * Migrations: numbered steps, each in a transaction of its own together with its line in a ledger, under an advisory lock, so
 * that any number of processes may start at once and each step is carried out once.
 *
 * A ledger that knows more steps than the code belongs to a newer release; the code goes on, since steps only ever add.
 */
import { StrataConfigError, StrataError } from "../core/errors.ts";
import type { Sql, SqlClient } from "./sql.ts";

export interface Migration {
  /** From 1 upwards, without gaps. A step that was released is never changed. */
  readonly number: number;
  /** A few words on what it does; kept in the ledger and compared. */
  readonly name: string;
  /** Carried out in order, one statement each. */
  readonly statements: readonly string[];
}

const LEDGER = "strata_migrations";

/** Letters of either case would have to be quoted everywhere; PostgreSQL cuts names at 63 bytes. */
const IDENTIFIER = /^[a-z_][a-z0-9_]{0,62}$/;

/**
 * A name that may stand in a statement as it is.
 * @throws {@link StrataConfigError} for anything but lower-case letters, digits and underscores, 63 at most
 */
export function parseIdentifier(option: string, name: unknown): string {
  if (typeof name !== "string" || !IDENTIFIER.test(name)) {
    throw new StrataConfigError(option, name, "a name of at most 63 lower-case letters, digits and underscores, no digit first");
  }
  return name;
}

/**
 * Carries out the steps that the database does not have yet.
 * @param part whose steps these are, such as `archive:strata_archive`: parts are numbered apart
 * @returns the numbers of the steps carried out by this call
 * @throws {@link StrataError} `UNAVAILABLE` when the ledger holds another step under a number
 */
export async function migrate(sql: SqlClient, part: string, migrations: readonly Migration[]): Promise<number[]> {
  const done: number[] = [];
  for (const migration of migrations) {
    const isNew = await sql.transaction((transaction) => step(transaction, part, migration));
    if (isNew) done.push(migration.number);
  }
  return done;
}

async function step(sql: Sql, part: string, { number, name, statements }: Migration): Promise<boolean> {
  await sql.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))::text", [LEDGER]);
  const [ledger] = await sql.query<{ name: string | null }>("SELECT to_regclass($1)::text AS name", [LEDGER]);
  // Not IF NOT EXISTS alone: a role that may not create tables is refused even where the table is there.
  if (ledger?.name == null)
    await sql.query(`CREATE TABLE IF NOT EXISTS ${LEDGER} (
    part text NOT NULL, number integer NOT NULL, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (part, number))`);
  const [known] = await sql.query<{ name: string }>(`SELECT name FROM ${LEDGER} WHERE part = $1 AND number = $2`, [part, number]);
  if (known !== undefined) {
    if (known.name === name) return false;
    throw new StrataError(
      "UNAVAILABLE",
      `Migration ${number} of ${part} is "${name}" here, but "${known.name}" in the database.`,
    );
  }
  for (const statement of statements) await sql.query(statement);
  await sql.query(`INSERT INTO ${LEDGER} (part, number, name) VALUES ($1, $2, $3)`, [part, number, name]);
  return true;
}
