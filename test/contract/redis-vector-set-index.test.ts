import { afterAll, describe, expect, inject, test } from "vitest";
import { redisVectorSetIndex } from "../../src/vectors/indexes/redis-vector-set.ts";
import { describeVectorIndex } from "../../src/testing/describe-vector-index.ts";
import { freshPrefix } from "../support/fresh.ts";
import { startRedis } from "../support/servers/routes.ts";
import type { TestServer } from "../support/servers/test-server.ts";

let prefix: string | undefined;

function prefixOf(place: string): string {
  prefix ??= freshPrefix();
  return `${prefix}${place}`;
}

describeVectorIndex(
  "redisVectorSetIndex",
  ({ clock, place }) => redisVectorSetIndex({ client: inject("redisUrl"), prefix: prefixOf(place), clock }),
  { persistent: true, shared: true, counts: false },
);
describeVectorIndex(
  "redisVectorSetIndex, by its graph",
  ({ clock, place }) => redisVectorSetIndex({ client: inject("redisUrl"), prefix: prefixOf(place), clock, exactUpTo: 0 }),
  { persistent: true, shared: true, counts: false },
);

describe("redisVectorSetIndex", () => {
  const starting: Promise<TestServer>[] = [];
  afterAll(() => Promise.all(starting.map(async (server) => (await server).stop())));

  test.each(["redis7", "valkey"] as const)("says what is needed on %s", async (flavour) => {
    const server = startRedis({ flavour });
    starting.push(server);
    const index = redisVectorSetIndex({ client: (await server).url });
    const adding = index.add("p", [{ id: "a", vector: Float32Array.of(1) }]);
    await expect(adding).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(/Redis 8\.0 or later/) as string,
    });
    await index.close();
  });

  test("names what it accepts", () => {
    expect(() => redisVectorSetIndex({ client: "redis://x", prefix: "a{b}" })).toThrow(/redisVectorSetIndex\.prefix/);
    expect(() => redisVectorSetIndex({ client: {} } as never)).toThrow(/redisVectorSetIndex\.client/);
    expect(() => redisVectorSetIndex({ client: "redis://x", effort: 0 })).toThrow(/redisVectorSetIndex\.effort/);
  });
});
