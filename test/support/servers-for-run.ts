/** Vitest's global setup of the projects that need servers: the first of them starts the servers, the others use the same. */
import type { TestProject } from "vitest/node";
import { shareRunDirectories } from "./servers/local-server.ts";
import { openSharedServers, type SharedServers } from "./servers/shared-servers.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** PostgreSQL of this run; tests take a database of their own from `freshDatabase()`. */
    databaseUrl: string;
    /** Redis of this run; tests begin their keys with `freshPrefix()`. */
    redisUrl: string;
    runId: string;
  }
}

/** Each project loads this module anew, so what they share cannot be a variable of it. */
const SHARED = Symbol.for("langchain-strata.test.servers");
const shared = globalThis as { [SHARED]?: Promise<SharedServers> };

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const first = shared[SHARED] === undefined;
  shared[SHARED] ??= shareRunDirectories().then(() => openSharedServers());
  const servers = await shared[SHARED];
  if (first) for (const line of servers.report) project.vitest.logger.log(`Test server: ${line}`);
  project.provide("databaseUrl", servers.databaseUrl);
  project.provide("redisUrl", servers.redisUrl);
  project.provide("runId", servers.runId);
  return () => servers.close();
}
