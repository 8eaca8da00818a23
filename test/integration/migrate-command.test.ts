import { Pool } from "pg";
import { expect, test } from "vitest";
import type { Terminal } from "../../src/cli/command.ts";
import { migrate } from "../../src/cli/commands/migrate.ts";
import { freshDatabase } from "../support/fresh.ts";

function terminal(environment: Record<string, string> = {}): Terminal & { readonly lines: string[] } {
  const lines: string[] = [];
  return { lines, out: (line) => void lines.push(line), note: () => undefined, status: () => undefined, environment };
}

test("strata migrate makes the tables once, also when it is run twice at a time", async () => {
  const url = await freshDatabase();
  const first = [terminal(), terminal()];
  expect(await Promise.all(first.map((one) => migrate.run(["--database", url, "--json"], one)))).toEqual([0, 0]);
  const applied = first.flatMap(({ lines }) => (JSON.parse(lines[0] ?? "") as { applied: number[] }).applied);
  expect(applied.toSorted()).toEqual(Array.from({ length: applied.length }, (_, step) => step + 1));
  const again = terminal({ DATABASE_URL: url });
  expect(await migrate.run([], again)).toBe(0);
  expect(again.lines).toEqual(["Nothing to do: the tables are up to date."]);
  const pool = new Pool({ connectionString: url, max: 1 });
  try {
    const { rows } = await pool.query("SELECT count(*)::int AS messages FROM strata_messages");
    expect(rows).toEqual([{ messages: 0 }]);
  } finally {
    await pool.end();
  }
});

test("strata migrate asks which database", async () => {
  await expect(migrate.run([], terminal())).rejects.toThrow("Which database?");
  await expect(migrate.run(["--database", "x", "--pglite", "y"], terminal())).rejects.toThrow("not both");
});
