/** `langchain-strata/pglite`: PostgreSQL in the process, by way of the optional package `@electric-sql/pglite`. */
export { pgliteClient, type PgliteClientOptions } from "./clients/pglite.ts";
export type { Sql, SqlClient, SqlOptions, SqlRow, SqlScalar, SqlValue } from "./clients/sql.ts";
