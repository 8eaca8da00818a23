import { Pool } from "pg";
import { expect, inject, test } from "vitest";
import type { Terminal } from "../../src/cli/command.ts";
import { worker } from "../../src/cli/commands/worker.ts";
import { pgClient } from "../../src/clients/pg.ts";
import { hybridLog } from "../../src/history/logs/hybrid.ts";
import { postgresLog } from "../../src/history/logs/postgres.ts";
import type { LogMessage } from "../../src/history/message-log.ts";
import { freshDatabase, freshPrefix } from "../support/fresh.ts";

const message = (id: string): LogMessage => ({ id, role: "human", createdAt: 0, text: id, payload: JSON.stringify(id) });

function terminal(environment: Record<string, string> = {}): Terminal & { readonly notes: string[] } {
  const notes: string[] = [];
  return { notes, out: () => undefined, note: (line) => void notes.push(line), status: () => undefined, environment };
}

test("strata worker --once stores what waits in Redis, and ends", async () => {
  const [url, redis, prefix] = [await freshDatabase(), inject("redisUrl"), freshPrefix()];
  const pool = new Pool({ connectionString: url, max: 4 });
  const sql = pgClient(pool);
  const talk = { ownerId: "ana", sessionId: "s" };
  // An application that leaves the storing to workers, and is gone.
  const log = hybridLog({ sql, redis, prefix, durability: "redis", writer: false });
  for (let at = 0; at < 30; at++) await log.append(talk, [message(`q${at}`), message(`a${at}`)]);
  await log.close();
  const stored = postgresLog({ sql });
  try {
    expect(await stored.read(talk)).toEqual([]);
    const told = terminal({ REDIS_URL: redis, DATABASE_URL: url });
    expect(await worker.run(["--once", "--prefix", prefix], told)).toBe(0);
    expect(told.notes).toEqual(["The worker has started.", "Everything is stored."]);
    expect((await stored.read(talk)).map(({ id }) => id)).toEqual(
      Array.from({ length: 30 }, (_, at) => [`q${at}`, `a${at}`]).flat(),
    );
    // Serverless: the next call finds nothing to do.
    expect(await worker.run(["--once", "--prefix", prefix], terminal({ REDIS_URL: redis, DATABASE_URL: url }))).toBe(0);
  } finally {
    await stored.close();
    await pool.end();
  }
});

test("strata worker asks where its servers are", async () => {
  await expect(worker.run(["--once"], terminal())).rejects.toThrow("Where is Redis?");
  await expect(worker.run(["--once"], terminal({ REDIS_URL: "redis://x" }))).rejects.toThrow("Where is PostgreSQL?");
});
