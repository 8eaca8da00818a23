import { Redis } from "ioredis";
import { afterAll, inject } from "vitest";
import { redisTier } from "../../src/cache/tiers/redis.ts";
import { describeTier } from "../../src/testing/describe-tier.ts";
import { freshPrefix } from "../support/fresh.ts";
import { startRedis } from "../support/servers/routes.ts";
import type { RedisFlavour, TestServer } from "../support/servers/test-server.ts";

const CAPABILITIES = { timing: "real", persistent: true, shared: true } as const;

describeTier(
  "redisTier, given a client",
  ({ place }) => redisTier({ client: shared(), prefix: `${prefix()}${place}` }),
  CAPABILITIES,
);

for (const flavour of ["redis7", "valkey"] as const satisfies readonly RedisFlavour[]) {
  let starting: Promise<TestServer> | undefined;
  afterAll(async () => (await starting)?.stop());
  describeTier(
    `redisTier, given the URL of ${flavour}`,
    async ({ place }) => {
      starting ??= startRedis({ flavour });
      return redisTier({ client: (await starting).url, prefix: place });
    },
    CAPABILITIES,
  );
}

let client: Redis | undefined;
let name: string | undefined;
afterAll(() => client?.disconnect());

function shared(): Redis {
  client ??= new Redis(inject("redisUrl"), { lazyConnect: true });
  return client;
}

function prefix(): string {
  name ??= freshPrefix();
  return name;
}
