import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import { pgliteClient } from "../../src/clients/pglite.ts";
import { migrate, parseIdentifier, type Migration } from "../../src/clients/migrate.ts";
import { describeSqlClient } from "../../src/testing/describe-sql-client.ts";
import { freshDatabase } from "../support/fresh.ts";

const root = mkdtempSync(join(tmpdir(), "strata-sql-"));
const pools: Pool[] = [];
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  rmSync(root, { recursive: true });
});

async function freshPool(): Promise<Pool> {
  const pool = new Pool({ connectionString: await freshDatabase(), max: 4 });
  pools.push(pool);
  return pool;
}

describeSqlClient("pgClient", async () => pgClient(await freshPool()));
describeSqlClient("pgliteClient", () => pgliteClient(), { concurrent: false });

describe("pgClient", () => {
  test("leaves the pool to its owner, and adds one listener however often it is made", async () => {
    const pool = await freshPool();
    const clients = Array.from({ length: 20 }, () => pgClient(pool));
    expect(pool.listenerCount("error")).toBe(1);
    await Promise.all(clients.map((client) => client.close()));
    expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
  });

  test("gives every connection back, whatever happened on it", async () => {
    const pool = await freshPool();
    const sql = pgClient(pool);
    for (let round = 0; round < 10; round++) {
      const controller = new AbortController();
      const aborted = sql.transaction(
        async (transaction) => {
          setTimeout(() => controller.abort(new Error("late")), 5);
          await transaction.query("SELECT pg_sleep(10)");
        },
        { signal: controller.signal },
      );
      await expect(aborted).rejects.toThrow("late");
      await expect(sql.transaction((transaction) => transaction.query("SELECT 1/0"))).rejects.toMatchObject({ code: "22012" });
    }
    expect([pool.totalCount - pool.idleCount, pool.waitingCount]).toEqual([0, 0]);
    expect(await sql.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("outlives a server that ends in the moment in which it takes a connection", async () => {
    // What PostgreSQL says when it is killed right after it let a client in; both lie in one piece of the stream.
    const fatal = Buffer.from("SFATAL\0VFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0");
    const message = (type: string, body: Buffer): Buffer => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(body.length + 4);
      return Buffer.concat([Buffer.from(type), length, body]);
    };
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => {
        socket.end(Buffer.concat([message("R", Buffer.alloc(4)), message("Z", Buffer.from("I")), message("E", fatal)]));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const pool = new Pool({ host: "127.0.0.1", port, user: "nobody", password: "none", database: "none", max: 1 });
    const sql = pgClient(pool);
    try {
      await expect(sql.transaction(async (inner) => inner.query("SELECT 1"))).rejects.toThrow();
      await expect(sql.query("SELECT 1")).rejects.toThrow();
    } finally {
      await pool.end();
      server.close();
    }
  });

  test("lets an aborted caller go while all connections are taken", async () => {
    const sql = pgClient(await freshPool());
    let end = (): void => undefined;
    const holding = new Promise<void>((resolve) => {
      end = resolve;
    });
    const held = Array.from({ length: 4 }, () => sql.transaction(() => holding));
    const controller = new AbortController();
    const waiting = sql.transaction(async () => "never", { signal: controller.signal });
    controller.abort(new Error("left"));
    await expect(waiting).rejects.toThrow("left");
    end();
    await Promise.all(held);
    expect(await sql.transaction(async () => "free")).toBe("free");
  });

  test("names what it accepts", () => {
    expect(() => pgClient({} as never)).toThrow(/pgClient\.pool.*Pool of the package pg/);
  });
});

describe("pgliteClient", () => {
  test("keeps its database in a folder, private to the user", async () => {
    const path = join(root, "folder", "database");
    const before = pgliteClient({ path });
    await before.query("CREATE TABLE kept AS SELECT 42 AS answer");
    await before.close();
    const after = pgliteClient({ path });
    expect(await after.query("SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
    await after.close();
  });

  test("has the extension vector", async () => {
    const sql = pgliteClient();
    await sql.query("CREATE EXTENSION vector");
    expect(await sql.query("SELECT '[1,2]'::vector <-> '[1,4]'::vector AS distance")).toEqual([{ distance: 2 }]);
    await sql.close();
  });

  test("can be closed before it was used", async () => {
    await pgliteClient().close();
  });

  test("names what it accepts", () => {
    expect(() => pgliteClient({ path: "" })).toThrow(/pgliteClient\.path/);
    expect(() => pgliteClient({ pth: "x" } as never)).toThrow(/pgliteClient\.pth/);
  });
});

describe("migrations", () => {
  const first: Migration = {
    number: 1,
    name: "make counts",
    statements: ["CREATE TABLE counts (n integer)", "INSERT INTO counts VALUES (0)"],
  };
  const second: Migration = { number: 2, name: "count", statements: ["UPDATE counts SET n = n + 1"] };

  test("carry out each step once, also when many processes start at the same time", async () => {
    const url = await freshDatabase();
    const own = Array.from({ length: 6 }, () => new Pool({ connectionString: url }));
    pools.push(...own);
    const done = await Promise.all(own.map((pool) => migrate(pgClient(pool), "a", [first, second])));
    expect(done.flat().toSorted((a, b) => a - b)).toEqual([1, 2]);
    expect(await pgClient(own[0] as Pool).query("SELECT n FROM counts")).toEqual([{ n: 1 }]);
  });

  test("make the ledger once when different parts start at the same time", async () => {
    const url = await freshDatabase();
    const own = Array.from({ length: 6 }, () => new Pool({ connectionString: url }));
    pools.push(...own);
    const steps = own.map((_, part) => [{ number: 1, name: "make", statements: [`CREATE TABLE part_${part} (n integer)`] }]);
    const done = await Promise.all(own.map((pool, part) => migrate(pgClient(pool), `part ${part}`, steps[part] as Migration[])));
    expect(done).toEqual(own.map(() => [1]));
  });

  test("carry out a step whole or not at all, and go on from there", async () => {
    const sql = pgClient(await freshPool());
    const broken: Migration = { number: 2, name: "count", statements: ["UPDATE counts SET n = n + 1", "SELECT * FROM nowhere"] };
    await expect(migrate(sql, "a", [first, broken])).rejects.toMatchObject({ code: "42P01" });
    expect(await sql.query("SELECT n FROM counts")).toEqual([{ n: 0 }]);
    expect(await migrate(sql, "a", [first, second])).toEqual([2]);
    expect(await sql.query("SELECT n FROM counts")).toEqual([{ n: 1 }]);
  });

  test("refuse a step that is another one in the database", async () => {
    const sql = pgClient(await freshPool());
    await migrate(sql, "a", [first]);
    await expect(migrate(sql, "a", [{ ...first, name: "changed" }])).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  test.each(["", "1a", "A", "a-b", "a b", 'a"', "a;b", "é", "a".repeat(64), 7, undefined])("refuse %o as a name", (name) => {
    expect(() => parseIdentifier("archiveTier.table", name)).toThrow(/archiveTier\.table/);
  });

  test("take a plain name", () => {
    expect(parseIdentifier("x", `_${"a1".repeat(31)}`)).toBe(`_${"a1".repeat(31)}`);
  });
});
