import { Cluster, Redis } from "ioredis";
import { afterAll, expect, test } from "vitest";
import { redisTier } from "../../src/cache/tiers/redis.ts";
import { digest } from "../../src/core/key.ts";
import { describeTier } from "../../src/testing/describe-tier.ts";
import { chooseRoute } from "../support/servers/routes.ts";
import { startRedisCluster, type RedisCluster } from "../support/redis-cluster.ts";

let starting: Promise<RedisCluster> | undefined;
let client: Cluster | undefined;

async function cluster(): Promise<Cluster> {
  starting ??= startRedisCluster();
  const { addresses } = await starting;
  client ??= new Cluster([...addresses], { lazyConnect: true });
  return client;
}

function notInContainers(name: string): void {
  test.skip(`${name}: needs servers outside containers`);
}

afterAll(async () => {
  client?.disconnect();
  await (await starting)?.stop();
});

/** Inside containers the nodes tell each other, and their clients, addresses that nobody outside can reach. */
const isPossible = (await chooseRoute()).name !== "containers";

(isPossible ? describeTier : notInContainers)(
  "redisTier on a cluster",
  async ({ place }) => redisTier({ client: await cluster(), prefix: place }),
  {
    timing: "real",
    persistent: true,
    shared: true,
  },
);

test.runIf(isPossible)("a cluster's values lie on all of its nodes", async () => {
  const tier = redisTier({ client: await cluster(), prefix: "spread" });
  await tier.set(Array.from({ length: 300 }, (_, name) => ({ key: digest(`key ${name}`), value: Buffer.from("value") })));
  for (const { url } of (await starting)?.nodes ?? []) {
    const node = new Redis(url);
    expect((await node.keys("spread:*:v:*")).length).toBeGreaterThan(50);
    node.disconnect();
  }
  await tier.close();
});
