/** The hybrid log on a real Redis Cluster of three primaries: conversations spread over 16 streams there. */
import { Cluster } from "ioredis";
import { Pool } from "pg";
import { afterAll, beforeAll } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import { hybridLog } from "../../src/history/logs/hybrid.ts";
import { describeMessageLog } from "../../src/testing/describe-message-log.ts";
import { freshDatabase } from "../support/fresh.ts";
import { onePlaceAtATime } from "../support/history-bed.ts";
import { startRedisCluster, type RedisCluster } from "../support/redis-cluster.ts";

let cluster: RedisCluster;
let redis: Cluster;
let pool: Pool;

beforeAll(async () => {
  cluster = await startRedisCluster();
  redis = new Cluster([...cluster.addresses]);
  pool = new Pool({ connectionString: await freshDatabase(), max: 6 });
}, 240_000);

afterAll(async () => {
  redis.disconnect();
  await pool.end();
  await cluster.stop();
});

const postgres = onePlaceAtATime(async () => pgClient(pool));

// The one durability with which streams, windows and numbers all lie in Redis.
describeMessageLog(
  "hybridLog on a Redis Cluster",
  async ({ place }) => hybridLog({ sql: await postgres(place), redis, prefix: place, durability: "redis", deadline: "2s" }),
  { shared: true },
);
