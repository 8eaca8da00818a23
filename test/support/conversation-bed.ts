/** Stores for tests of the chat history, on each engine that it runs on. */
import { Pool } from "pg";
import { afterAll, afterEach, beforeAll, inject } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import { pgliteClient } from "../../src/clients/pglite.ts";
import type { SqlClient } from "../../src/clients/sql.ts";
import { systemClock, type Clock } from "../../src/core/clock.ts";
import { ConversationStore } from "../../src/history/conversation-store.ts";
import type { ConversationStoreOptions } from "../../src/history/store-options.ts";
import { freshDatabase, freshPrefix } from "./fresh.ts";
import { onePlaceAtATime } from "./history-bed.ts";

/** `Redis` is PostgreSQL with Redis before it, in its durability `"postgres"`; `Redis first` in `"redis"`. */
export type Engine = "PostgreSQL" | "PGlite" | "Redis" | "Redis first";
export const ENGINES: readonly Engine[] = ["PostgreSQL", "PGlite", "Redis", "Redis first"];

/** The machine's clock with a wall time that only the test moves. */
export interface WallClock extends Clock {
  move(ms: number): void;
}

export function wallClock(start = 1_700_000_000_000): WallClock {
  let now = start;
  return { ...systemClock, now: () => now, move: (ms) => void (now += ms) };
}

export interface ConversationBed {
  /** The engine's client with empty tables, the same within a test. */
  sql(): Promise<SqlClient>;
  /** A store on it, closed after the test. */
  store(options?: Partial<ConversationStoreOptions>): Promise<ConversationStore>;
}

/** Called inside of `describe`. */
export function conversationBed(engine: Engine): ConversationBed {
  const ending: Array<() => Promise<unknown>> = [];
  const stores: ConversationStore[] = [];
  let test = 0;
  const prefix = freshPrefix();
  const place = onePlaceAtATime(async () => {
    if (engine === "PGlite") {
      const sql = pgliteClient();
      ending.push(() => sql.close());
      return sql;
    }
    const pool = new Pool({ connectionString: await freshDatabase(), max: 6 });
    ending.push(() => pool.end());
    return pgClient(pool);
  });
  // PGlite takes seconds to begin, and many where others work.
  beforeAll(() => place("none"), 120_000);
  afterEach(async () => {
    test++;
    await Promise.all(stores.splice(0).map((store) => store.close()));
  });
  afterAll(() => Promise.all(ending.map((end) => end())));
  const sql = (): Promise<SqlClient> => place(String(test));
  return {
    sql,
    async store(options = {}) {
      const durability = engine === "Redis first" ? "redis" : "postgres";
      const redis = engine.startsWith("Redis")
        ? ({ redis: inject("redisUrl"), prefix: `${prefix}${test}`, durability } as const)
        : {};
      const store = new ConversationStore({ sql: await sql(), ...redis, ...options });
      stores.push(store);
      return store;
    },
  };
}
