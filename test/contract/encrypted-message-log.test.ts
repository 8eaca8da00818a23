import { randomBytes } from "node:crypto";
import { Pool } from "pg";
import { afterAll, inject } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import { scopedKeys } from "../../src/encryption/rings/scoped-keys.ts";
import { encryptedLog } from "../../src/history/logs/encrypted.ts";
import { hybridLog } from "../../src/history/logs/hybrid.ts";
import { postgresLog } from "../../src/history/logs/postgres.ts";
import { MessageSealer } from "../../src/history/message-sealer.ts";
import { describeMessageLog } from "../../src/testing/describe-message-log.ts";
import { mapStore } from "../fixtures/broken-keys/broken-keys.ts";
import { freshDatabase, freshPrefix } from "../support/fresh.ts";
import { onePlaceAtATime } from "../support/history-bed.ts";

const ending: Array<() => Promise<unknown>> = [];
afterAll(() => Promise.all(ending.map((end) => end())));

const postgres = onePlaceAtATime(async () => {
  const pool = new Pool({ connectionString: await freshDatabase(), max: 6 });
  ending.push(() => pool.end());
  return pgClient(pool);
});
const keys = scopedKeys({ master: { current: "m", keys: { m: randomBytes(32) } }, store: mapStore() });
const sealer = new MessageSealer({ keys, required: true }, undefined);

describeMessageLog(
  "encrypted postgresLog",
  async ({ place }) => encryptedLog(postgresLog({ sql: await postgres(place) }), sealer),
  { shared: true },
);

const prefix = freshPrefix();
describeMessageLog(
  "encrypted hybridLog with durability redis",
  async ({ place }) => {
    const options = { sql: await postgres(place), redis: inject("redisUrl"), prefix: `${prefix}${place}` };
    return encryptedLog(hybridLog({ ...options, durability: "redis" }), sealer);
  },
  { shared: true },
);
