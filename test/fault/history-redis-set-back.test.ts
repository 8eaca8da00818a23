/** A Redis that was killed comes back as it was at its last sync: its windows lack what was fed since, and look whole. */
import { Redis } from "ioredis";
import { Pool } from "pg";
import { expect, test } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import { hybridLog } from "../../src/history/logs/hybrid.ts";
import type { LogMessage } from "../../src/history/message-log.ts";
import { freshDatabase } from "../support/fresh.ts";
import { startRedis } from "../support/servers/routes.ts";

const message = (id: string): LogMessage => ({ id, role: "human", createdAt: 0, text: id, payload: JSON.stringify(id) });

test.each(["postgres", "redis"] as const)(
  "a window of before a crash is not gone by, with durability %s",
  { timeout: 240_000 },
  async (durability) => {
    const redis = await startRedis({ args: ["--save", ""] });
    const pool = new Pool({ connectionString: await freshDatabase(), max: 4 });
    const options = { sql: pgClient(pool), redis: redis.url, prefix: "set-back", durability } as const;
    const talk = { ownerId: "ana", sessionId: "s" };
    const before = hybridLog(options);
    try {
      await before.append(talk, [message("a")]);
      await before.drain();
      expect(await before.read(talk)).toMatchObject([{ id: "a" }]);
      const client = new Redis(redis.url);
      await client.save();
      client.disconnect();
      await before.append(talk, [message("b")]);
      await before.drain();
      expect(await before.read(talk)).toMatchObject([{ id: "a" }, { id: "b" }]);
      await redis.kill();
      await redis.restart();

      const after = hybridLog(options);
      expect(await after.read(talk)).toMatchObject([{ id: "a" }, { id: "b" }]);
      // Numbers go on above those that Redis has forgotten.
      expect((await after.append(talk, [message("c")])).seqs[0]).toBeGreaterThan(2);
      await after.drain();
      expect(await after.read(talk)).toMatchObject([{ id: "a" }, { id: "b" }, { id: "c" }]);
      await after.close();
      await expect.poll(() => before.read(talk), { timeout: 10_000 }).toMatchObject([{ id: "a" }, { id: "b" }, { id: "c" }]);
    } finally {
      await before.close();
      await pool.end();
      await redis.stop();
    }
  },
);
