/** `strata worker`: stores in PostgreSQL what processes with the durability `"redis"` have appended to their histories. */
import { parseArgs } from "node:util";
import { connectRedis } from "../../clients/redis.ts";
import { StrataError } from "../../core/errors.ts";
import { reasonOf } from "../doctor/finding.ts";
import { pgClient, type PgPool } from "../../clients/pg.ts";
import type { StrataEvent } from "../../core/events.ts";
import type { Duration } from "../../core/options.ts";
import { startHistoryWriter } from "../../history/redis/start-writer.ts";
import { UsageError, type Command, type Terminal } from "../command.ts";

export const worker: Command = {
  name: "worker",
  summary: "store in PostgreSQL what chat histories have left in Redis",
  usage: `Usage: strata worker [--once] [--redis URL] [--database URL] [--prefix TEXT] [--window N] [--claim-after DURATION]

  --once         ends when nothing is left to store, with exit code 0; with 1 when a server cannot be reached at the start
  --redis        default: REDIS_URL
  --database     default: DATABASE_URL
  --prefix       of the histories' keys; default: strata:history
  --window       messages that the histories' windows keep; default: 50
  --claim-after  after so long a dead worker's messages are taken over; default: 30s

Any number of workers share the work. SIGINT and SIGTERM end one after the batch under way.`,
  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        once: { type: "boolean" },
        redis: { type: "string" },
        database: { type: "string" },
        prefix: { type: "string" },
        window: { type: "string" },
        "claim-after": { type: "string" },
      },
      strict: true,
    });
    const redis = values.redis ?? terminal.environment["REDIS_URL"];
    const database = values.database ?? terminal.environment["DATABASE_URL"];
    if (redis === undefined) throw new UsageError("Where is Redis? Give --redis or REDIS_URL.");
    if (database === undefined) throw new UsageError("Where is PostgreSQL? Give --database or DATABASE_URL.");
    const pool = await openPool(database);
    if (values.once === true) await requireServers(redis, pool);
    const writer = startHistoryWriter({
      sql: pgClient(pool),
      redis,
      once: values.once === true,
      prefix: values.prefix,
      claimAfter: values["claim-after"] as Duration | undefined,
      ...(values.window !== undefined && { hotWindow: { messages: Number(values.window) } }),
      observer: (event) => tell(event, terminal),
    });
    const end = (): void => void writer.close();
    process.once("SIGINT", end).once("SIGTERM", end);
    try {
      terminal.note("The worker has started.");
      await writer.ended;
      terminal.note(values.once === true ? "Everything is stored." : "The worker has ended.");
      return 0;
    } finally {
      process.removeListener("SIGINT", end).removeListener("SIGTERM", end);
      await pool.end();
    }
  },
};

/** The driver has none of its own: a worker whose connection went silent would wait for its answer for ever. */
const LIMITS = { connectionTimeoutMillis: 5_000, statement_timeout: 30_000, query_timeout: 40_000 };

async function openPool(connectionString: string): Promise<PgPool & { end(): Promise<void> }> {
  const { default: pg } = await import("pg");
  return new pg.Pool({ connectionString, max: 3, ...LIMITS, keepAlive: true });
}

/** A worker that stays waits for servers that are away; one that is run once, by a schedule or by hand, would never end. */
async function requireServers(redis: string, pool: PgPool & { end(): Promise<void> }): Promise<void> {
  const connection = connectRedis(redis, { option: "redis" });
  try {
    await connection.send(["ping"]);
    await pgClient(pool)
      .query("SELECT 1")
      .catch((cause: unknown) => {
        throw new StrataError("UNAVAILABLE", `PostgreSQL cannot be reached: ${reasonOf(cause)}`, { cause });
      });
  } catch (error) {
    await pool.end();
    throw error;
  } finally {
    await connection.close();
  }
}

function tell(event: StrataEvent, terminal: Terminal): void {
  if (event.type === "history.fault") terminal.note(`${event.operation}: ${event.message}`);
  if (event.type === "history.dead-letter") terminal.note(`Set aside in strata_dead_letters: ${event.place}`);
}
