/**
 * The contract of `SqlClient` as tests: what the stores of this package rely on, whatever brings the statements to PostgreSQL.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MaybePromise } from "../core/abort.ts";
import type { SqlClient, SqlValue } from "../clients/sql.ts";

export interface SqlClientCapabilities {
  /** Whether statements run at the same time; default `true`. PGlite has one connection. */
  readonly concurrent?: boolean;
}

/**
 * Declares the tests that every SQL client must pass, under `describe(name)`. Needs `vitest`.
 * @param make makes a client of an empty database; called twice, and closed by the suite
 */
export function describeSqlClient(
  name: string,
  make: () => MaybePromise<SqlClient>,
  capabilities: SqlClientCapabilities = {},
): void {
  const { concurrent = true } = capabilities;

  describe(name, () => {
    let sql: SqlClient;
    beforeAll(async () => {
      sql = await make();
      await sql.query("CREATE TABLE notes (id integer PRIMARY KEY, text text)");
    });
    afterAll(() => sql.close());

    const notes = async (): Promise<string[]> => {
      const rows = await sql.query<{ text: string }>("SELECT text FROM notes ORDER BY id");
      await sql.query("DELETE FROM notes");
      return rows.map((row) => row.text);
    };

    describe("values", () => {
      const day = new Date("2026-02-28T23:59:59.123Z");
      test.each<readonly [type: string, given: SqlValue, expected: unknown]>([
        ["boolean", true, true],
        ["boolean", false, false],
        ["smallint", -32_768, -32_768],
        ["integer", 2_147_483_647, 2_147_483_647],
        ["bigint", 42, 42],
        ["bigint", Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
        ["bigint", 9_007_199_254_740_993n, 9_007_199_254_740_993n],
        ["bigint", -9_223_372_036_854_775_808n, -9_223_372_036_854_775_808n],
        ["double precision", 0.1, 0.1],
        ["double precision", 1_700_000_000_000.5, 1_700_000_000_000.5],
        ["real", 0.5, 0.5],
        ["text", "", ""],
        ["text", "é 🔥 ' \" \\ $1 ; -- \r\n %", "é 🔥 ' \" \\ $1 ; -- \r\n %"],
        ["jsonb", '{"a":[1,null,"x"]}', { a: [1, null, "x"] }],
        ["json", "null", null],
        ["timestamptz", day, day],
        ["text", null, null],
        ["bytea", null, null],
      ])("gives back %s %o as %o", async (type, given, expected) => {
        const [row] = await sql.query(`SELECT $1::${type} AS value`, [given]);
        expect(row).toEqual({ value: expected });
      });

      test("gives back every byte", async () => {
        const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
        for (const given of [bytes, new Uint8Array(bytes), Buffer.alloc(0), Buffer.alloc(300_000, 0xff)]) {
          const [row] = await sql.query<{ value: Uint8Array }>("SELECT $1::bytea AS value", [given]);
          expect(Buffer.isBuffer(row?.value)).toBe(true);
          expect(Buffer.compare(row?.value as Buffer, given)).toBe(0);
        }
      });

      test("binds lists as arrays", async () => {
        const texts = ["a", "b,c", '"', "{}", "", "null", "\\"];
        const [text] = await sql.query("SELECT to_jsonb($1::text[]) AS list", [texts]);
        expect(text?.["list"]).toEqual(texts);
        const [numbers] = await sql.query("SELECT to_jsonb($1::double precision[]) AS list", [[1.5, null, -3]]);
        expect(numbers?.["list"]).toEqual([1.5, null, -3]);
        const bytes = [Buffer.from([0, 255]), Buffer.alloc(0), Buffer.from("}\\,")];
        const rows = await sql.query("SELECT b FROM unnest($1::bytea[]) AS b", [bytes]);
        expect(rows.map((row) => row["b"])).toEqual(bytes);
        expect(await sql.query("SELECT 1 WHERE 'a' = any($1::text[])", [[]])).toEqual([]);
      });

      test("binds what looks like SQL as a value", async () => {
        const hostile = "x'); DROP TABLE notes; --";
        await sql.query("INSERT INTO notes VALUES ($1, $2)", [1, hostile]);
        expect(await notes()).toEqual([hostile]);
      });

      test("tells the SQLSTATE of an error, and goes on after it", async () => {
        await expect(sql.query("SELECT * FROM nowhere")).rejects.toMatchObject({ code: "42P01" });
        await expect(sql.query("SELECT $1::text AS value", ["a\0b"])).rejects.toMatchObject({ code: "22021" });
        expect(await sql.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
      });
    });

    describe("transactions", () => {
      test("commit what was done when the work resolves, and give its result", async () => {
        const result = await sql.transaction(async (transaction) => {
          await transaction.query("INSERT INTO notes VALUES (1, 'kept')");
          return transaction.query("SELECT text FROM notes");
        });
        expect(result).toEqual([{ text: "kept" }]);
        expect(await notes()).toEqual(["kept"]);
      });

      test("roll back when the work throws, and give its error", async () => {
        const failure = new Error("The work failed.");
        const work = sql.transaction(async (transaction) => {
          await transaction.query("INSERT INTO notes VALUES (1, 'lost')");
          throw failure;
        });
        await expect(work).rejects.toBe(failure);
        expect(await notes()).toEqual([]);
      });

      test("roll back when a statement fails, and take further statements after it", async () => {
        const work = sql.transaction(async (transaction) => {
          await transaction.query("INSERT INTO notes VALUES (1, 'lost')");
          await transaction.query("INSERT INTO notes VALUES (1, 'twice')");
        });
        await expect(work).rejects.toMatchObject({ code: "23505" });
        expect(await notes()).toEqual([]);
      });

      test("roll back when the signal aborts, and reject with its reason at once", async () => {
        const controller = new AbortController();
        const reason = new Error("The caller left.");
        const work = sql.transaction(
          async (transaction) => {
            await transaction.query("INSERT INTO notes VALUES (1, 'lost')");
            controller.abort(reason);
            await transaction.query("INSERT INTO notes VALUES (2, 'lost')");
          },
          { signal: controller.signal },
        );
        await expect(work).rejects.toBe(reason);
        expect(await notes()).toEqual([]);
      });

      test("do nothing when the signal has aborted before", async () => {
        const reason = new Error("The caller left.");
        const work = sql.transaction((transaction) => transaction.query("INSERT INTO notes VALUES (1, 'lost')"), {
          signal: AbortSignal.abort(reason),
        });
        await expect(work).rejects.toBe(reason);
        await expect(sql.query("INSERT INTO notes VALUES (1, 'lost')", [], { signal: AbortSignal.abort(reason) })).rejects.toBe(
          reason,
        );
        expect(await notes()).toEqual([]);
      });

      test("take no statement when they are over", async () => {
        const late = await sql.transaction(
          async (transaction) => () => transaction.query("INSERT INTO notes VALUES (1, 'late')"),
        );
        await expect(late()).rejects.toMatchObject({ code: "CLOSED" });
        expect(await notes()).toEqual([]);
      });

      test("run many at a time, or one after another, without mixing", async () => {
        const runs = Array.from({ length: 20 }, async (_, id) =>
          sql.transaction(async (transaction) => {
            await transaction.query("INSERT INTO notes VALUES ($1, $2)", [id, "half"]);
            if (id % 2 === 1) throw new Error("odd");
            await transaction.query("UPDATE notes SET text = $2 WHERE id = $1", [id, `whole ${id}`]);
          }),
        );
        const outcomes = await Promise.allSettled(runs);
        expect(outcomes.map(({ status }) => status)).toEqual(runs.map((_, id) => (id % 2 === 1 ? "rejected" : "fulfilled")));
        expect(await notes()).toEqual(Array.from({ length: 10 }, (_, index) => `whole ${2 * index}`));
      });

      test.runIf(concurrent)("see nothing of each other before the commit", async () => {
        const seen = await sql.transaction(async (transaction) => {
          await transaction.query("INSERT INTO notes VALUES (1, 'not yet')");
          return sql.query("SELECT * FROM notes");
        });
        expect(seen).toEqual([]);
        expect(await notes()).toEqual(["not yet"]);
      });
    });

    describe("ending", () => {
      test("refuses statements and transactions after close, which may be called twice", async () => {
        const other = await make();
        await other.query("SELECT 1");
        await Promise.all([other.close(), other.close()]);
        await other.close();
        await expect(other.query("SELECT 1")).rejects.toMatchObject({ code: "CLOSED" });
        await expect(other.transaction(async () => 1)).rejects.toMatchObject({ code: "CLOSED" });
      });
    });
  });
}
