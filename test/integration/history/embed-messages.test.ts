import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import { Pool } from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { pgClient } from "../../../src/clients/pg.ts";
import { pgliteClient } from "../../../src/clients/pglite.ts";
import type { SqlClient } from "../../../src/clients/sql.ts";
import { embedMessages } from "../../../src/history/tables/embed-messages.ts";
import { postgresLog } from "../../../src/history/logs/postgres.ts";
import type { LogMessage } from "../../../src/history/message-log.ts";
import { freshDatabase } from "../../support/fresh.ts";

const ending: Array<() => Promise<unknown>> = [];
afterAll(() => Promise.all(ending.map((end) => end())));

const engines: Record<string, () => Promise<SqlClient>> = {
  async PostgreSQL() {
    const pool = new Pool({ connectionString: await freshDatabase(), max: 4 });
    ending.push(() => pool.end());
    return pgClient(pool);
  },
  async PGlite() {
    const sql = pgliteClient();
    ending.push(() => sql.close());
    return sql;
  },
};

const message = (id: string): LogMessage => ({ id, role: "human", createdAt: 0, text: id, payload: JSON.stringify(id) });
const talk = { ownerId: "ana", sessionId: "a" };

/** Vectors that tell the length of a text; `before` runs ahead of each call. */
function lengths(before: () => Promise<unknown> = async () => undefined): EmbeddingsInterface & { calls: number } {
  return {
    calls: 0,
    async embedDocuments(texts) {
      this.calls++;
      await before();
      return texts.map((text) => [text.length, 1]);
    },
    async embedQuery(text) {
      return [text.length, 1];
    },
  };
}

const vectorsOf = (sql: SqlClient): Promise<unknown[]> =>
  sql.query("SELECT model, embedding::text AS vector FROM strata_message_embeddings ORDER BY model, conversation_id, seq");

describe.each(Object.entries(engines))("embedMessages on %s", { timeout: 240_000 }, (_, make) => {
  test("embeds what is missing, anew for another model, and forgets with the messages", async () => {
    const sql = await make();
    const log = postgresLog({ sql });
    await log.append(talk, ["a", "bb", "ccc"].map(message));
    const first = lengths();
    expect(await embedMessages({ sql, embeddings: first, model: "one", batch: 2 })).toBe(3);
    expect(first.calls).toBe(2);
    expect(await embedMessages({ sql, embeddings: first, model: "one" })).toBe(0);
    expect(first.calls).toBe(2);
    await log.append(talk, [message("dddd")]);
    expect(await embedMessages({ sql, embeddings: first, model: "one" })).toBe(1);
    expect(await embedMessages({ sql, embeddings: lengths(), model: "two", replace: true })).toBe(4);
    expect(await vectorsOf(sql)).toEqual(["[1,1]", "[2,1]", "[3,1]", "[4,1]"].map((vector) => ({ model: "two", vector })));

    // A text that was changed while its vector was made keeps none of the old one.
    await log.append(talk, [message("eeeee")]);
    const change = lengths(() => sql.query("UPDATE strata_messages SET text = 'other' WHERE id = 'eeeee'"));
    await sql.query("DELETE FROM strata_message_embeddings");
    expect(await embedMessages({ sql, embeddings: change, model: "two" })).toBe(4);

    await log.forget("ana");
    expect(await vectorsOf(sql)).toEqual([]);
    await log.close();
  });
});
