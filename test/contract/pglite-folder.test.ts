/** A folder of PGlite is for one process at a time: PGlite itself lets two of them in, and what one writes is gone with the other. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test, vi } from "vitest";
import { pgliteClient } from "../../src/clients/pglite.ts";

const root = mkdtempSync(join(tmpdir(), "strata-pglite-folder-"));
afterAll(() => rmSync(root, { recursive: true }));

test("refuses a folder that another process has, and opens it when that one has ended", async () => {
  const path = join(root, "held");
  const other = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  onTestFinished(() => void other.kill("SIGKILL"));
  const file = `/proc/${other.pid}/stat`; // Linux
  const start = existsSync(file) ? readFileSync(file, "utf8").split(" ")[21] : "-";
  writeFileSync(`${path}.lock`, `${hostname()} ${other.pid} ${start}`);
  const sql = pgliteClient({ path });
  onTestFinished(() => sql.close());

  await expect(sql.query("SELECT 1 AS one")).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining(`is open in process ${other.pid}`),
  });

  const ended = new Promise((resolve) => other.once("exit", resolve));
  other.kill("SIGKILL");
  await ended;
  expect(await sql.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  expect(readFileSync(`${path}.lock`, "utf8")).toContain(` ${process.pid} `);
  await sql.close();
  expect(existsSync(`${path}.lock`)).toBe(false);
});

test("takes over from a process whose number is another one's by now, and from another machine", async () => {
  const path = join(root, "left");
  for (const left of [`${hostname()} ${process.pid} 1`, "elsewhere 1 1", "not a lock"]) {
    writeFileSync(`${path}.lock`, left);
    const sql = pgliteClient({ path });
    expect(await sql.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await sql.close();
  }
});

test("clients of one process share it, copies of the module too, and the last one closes it", async () => {
  const path = join(root, "shared");
  const first = pgliteClient({ path });
  await first.query("CREATE TABLE notes (text text)");
  vi.resetModules();
  const copy = await import("../../src/clients/pglite.ts");
  expect(copy.pgliteClient).not.toBe(pgliteClient);
  const second = copy.pgliteClient({ path });
  await second.query("INSERT INTO notes VALUES ('kept')");
  await first.close();
  expect(await second.query("SELECT text FROM notes")).toEqual([{ text: "kept" }]);
  const closing = second.close();
  const third = pgliteClient({ path });
  expect(await third.query("SELECT text FROM notes")).toEqual([{ text: "kept" }]);
  await Promise.all([closing, third.close()]);
  expect(existsSync(`${path}.lock`)).toBe(false);
});
