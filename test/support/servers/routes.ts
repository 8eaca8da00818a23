import { debianRoute } from "./debian-route.ts";
import { dockerRoute } from "./docker-route.ts";
import { RouteUnavailable, type PostgresOptions, type RedisOptions, type Route, type TestServer } from "./test-server.ts";

export interface ChosenRoute extends Route {
  /** Which route it is and how it got its servers, for messages. */
  readonly description: string;
}

let chosen: Promise<ChosenRoute> | undefined;

/**
 * The first route that this machine can take: containers, else Debian's packages. Chosen once a process.
 * @throws with a list of what was tried and what to do about it
 */
export function chooseRoute(): Promise<ChosenRoute> {
  chosen ??= firstAvailable([dockerRoute, debianRoute]);
  return chosen;
}

/** Starts a Redis, or a Valkey, of one's own. */
export async function startRedis(options: RedisOptions = {}): Promise<TestServer> {
  return (await chooseRoute()).startRedis(options);
}

/** Starts a PostgreSQL with pgvector of one's own; user and database are `postgres`, and there is no password. */
export async function startPostgres(options: PostgresOptions = {}): Promise<TestServer> {
  return (await chooseRoute()).startPostgres(options);
}

/** Exported for its test; use `chooseRoute`. */
export async function firstAvailable(routes: readonly Route[]): Promise<ChosenRoute> {
  const reasons: string[] = [];
  for (const route of routes) {
    try {
      const origin = await route.prepare();
      return { ...route, description: `${route.name} (${origin})` };
    } catch (error) {
      if (!(error instanceof RouteUnavailable)) reasons.push(`${route.name}: failed. ${(error as Error).message}`);
      else reasons.push(`${route.name}: ${error.message}`);
    }
  }
  throw new Error(
    [
      "These tests need a real PostgreSQL with pgvector and a real Redis, and there is no way to get them here:",
      ...reasons.map((reason) => `  - ${reason}`),
      "Do one of these:",
      "  - set TEST_DATABASE_URL (PostgreSQL 14 or newer with pgvector, a user who may create databases) and TEST_REDIS_URL (7 or newer);",
      "  - start a container engine, such as Docker;",
      "  - run on Debian 12 or newer, as any user: the servers are then fetched from Debian's mirror, without being installed.",
      "On your own machine STRATA_TEST_SKIP_SERVERS=1 leaves these tests out. With CI=true it is not accepted.",
    ].join("\n"),
  );
}
