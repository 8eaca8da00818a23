/** `langchain-strata/postgres`: what needs PostgreSQL, by way of the optional package `pg`. */
export { pgClient, type PgClientOptions, type PgPool, type PgPoolClient, type PgStatement } from "./clients/pg.ts";
export type { Sql, SqlClient, SqlOptions, SqlRow, SqlScalar, SqlValue } from "./clients/sql.ts";
export { pgvectorIndex, type PgvectorIndexOptions } from "./vectors/indexes/pgvector.ts";
