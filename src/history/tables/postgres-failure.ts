/** Tells a failure of PostgreSQL from one of Redis, after which PostgreSQL is asked. */
export class PostgresFailure extends Error {
  constructor(cause: unknown) {
    super("PostgreSQL failed.", { cause });
  }
}
