import { randomBytes } from "node:crypto";
import { inject } from "vitest";
import { queryOnce } from "./servers/probes.ts";
import { templateName, withDatabase } from "./servers/shared-servers.ts";

/** Makes an empty database with the extension `vector` in the run's PostgreSQL, and resolves with its URL. */
export async function freshDatabase(): Promise<string> {
  const runId = inject("runId");
  const name = `strata_${runId}_${randomBytes(4).toString("hex")}`;
  await queryOnce(inject("databaseUrl"), `CREATE DATABASE ${name} TEMPLATE ${templateName(runId)}`);
  return withDatabase(inject("databaseUrl"), name);
}

/** A prefix for keys in the run's Redis (`inject("redisUrl")`) that no other test uses; it ends with a colon. */
export function freshPrefix(): string {
  return `strata-test:${inject("runId")}:${randomBytes(4).toString("hex")}:`;
}
