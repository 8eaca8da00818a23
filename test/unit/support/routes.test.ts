import { describe, expect, it } from "vitest";
import { firstAvailable } from "../../support/servers/routes.ts";
import { openSharedServers } from "../../support/servers/shared-servers.ts";
import { RouteUnavailable, type Route } from "../../support/servers/test-server.ts";

/** A route that can be taken, or that fails with `problem`. */
function route(name: string, problem?: Error): Route {
  const unused = (): never => {
    throw new Error("not asked for");
  };
  return {
    name,
    prepare: () => (problem === undefined ? Promise.resolve("cached") : Promise.reject(problem)),
    startRedis: unused,
    startPostgres: unused,
  };
}

describe("choosing how to get servers", () => {
  it("takes the first route that works, and says how it got there", async () => {
    const chosen = await firstAvailable([route("first", new RouteUnavailable("not here")), route("second"), route("third")]);
    expect(chosen.description).toBe("second (cached)");
  });

  it("says why each route failed, and what to do, when none is left", async () => {
    const choice = firstAvailable([route("first", new RouteUnavailable("not here")), route("second", new Error("disk full"))]);
    await expect(choice).rejects.toThrow(
      /first: not here[^]*second: failed\. disk full[^]*TEST_DATABASE_URL[^]*STRATA_TEST_SKIP_SERVERS/,
    );
  });

  it("does not fall back to another server when the given one does not answer", async () => {
    const environment = { TEST_DATABASE_URL: "postgresql://nobody@127.0.0.1:1/none", TEST_REDIS_URL: "redis://127.0.0.1:1" };
    await expect(openSharedServers({ environment })).rejects.toThrow(/TEST_(DATABASE|REDIS)_URL is set, but: .*ECONNREFUSED/);
  });
});
