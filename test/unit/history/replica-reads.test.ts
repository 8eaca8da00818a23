import { describe, expect, test } from "vitest";
import type { SqlClient, SqlRow } from "../../../src/clients/sql.ts";
import { HistoryTables } from "../../../src/history/tables/history-tables.ts";
import { ReplicaReads } from "../../../src/history/tables/replica-reads.ts";
import { systemClock } from "../../../src/core/clock.ts";

/** A server that answers with its name, and for its position with `at`. */
function server(name: string, at: { position: number }): SqlClient & { broken: boolean; readonly asked: string[] } {
  const asked: string[] = [];
  const made = {
    asked,
    broken: false,
    async query<R extends SqlRow>(text: string, parameters: readonly unknown[] = []): Promise<R[]> {
      if (made.broken) throw new Error(`${name} is broken`);
      asked.push(text);
      if (text.includes("pg_current_wal_insert_lsn")) return [{ position: String(at.position) }] as unknown as R[];
      if (text.includes("pg_last_wal_replay_lsn")) return [{ has_it: at.position >= Number(parameters[0]) }] as unknown as R[];
      return [{ from: name }] as unknown as R[];
    },
    transaction: async () => false as never,
    close: async () => undefined,
  };
  return made;
}

describe("reads from a replica", () => {
  const [log, replayed] = [{ position: 10 }, { position: 10 }];
  const primary = server("primary", log);
  const replica = server("replica", replayed);
  const reads = new ReplicaReads(new HistoryTables(primary, systemClock), replica);
  const ask = async (): Promise<unknown> => (await reads.read("SELECT", []))[0]?.["from"];

  test("go there while it has what this process wrote, and ask the primary once for where it stood", async () => {
    expect([await ask(), await ask()]).toEqual(["replica", "replica"]);
    expect(primary.asked.filter((text) => text.includes("wal")).length).toBe(1);
  });

  test("go to the primary while it is behind", async () => {
    log.position = 20;
    // Somebody else wrote: this process sees its own writes all the same.
    expect(await ask()).toBe("replica");
    reads.wrote();
    expect(await ask()).toBe("primary");
    replayed.position = 20;
    expect(await ask()).toBe("replica");
  });

  test("go to the primary while it is broken", async () => {
    replica.broken = true;
    expect(await ask()).toBe("primary");
    replica.broken = false;
    expect(await ask()).toBe("replica");
  });

  test("go to the primary where there is none", async () => {
    const alone = new ReplicaReads(new HistoryTables(primary, systemClock), undefined);
    expect(await alone.read("SELECT", [])).toEqual([{ from: "primary" }]);
  });
});
