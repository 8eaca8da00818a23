/** A backup whose disk is full, and whose process is killed: in processes of their own. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { verifyBackup } from "../../src/maintenance/backup/verify.ts";
import { canMount, onSmallDisk } from "../support/small-disk.ts";
import { startTypeScript } from "../support/typescript-child.ts";

interface Outcome {
  readonly failure?: { readonly code: string; readonly message: string };
  readonly whole: boolean;
  readonly partial: number | false;
  readonly lock: boolean;
}

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "strata-backup-full-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

async function write(to: string, lines: number, shell?: string): Promise<Outcome> {
  const child = startTypeScript("test/fixtures/backup-full.ts", [to, String(lines)], shell);
  const outcome = (await child.next()) as Outcome;
  expect({ ...(await child.ended), noise: child.noise }).toEqual({ code: 0, signal: null, noise: "" });
  return outcome;
}

test.runIf(process.platform !== "win32")("a full disk is a clear error, no half backup, and the next try goes on", async () => {
  const to = join(root, "full.backup");
  // Units of 1,024 bytes in bash.
  const { failure, ...left } = await write(to, 500, "ulimit -f 2048");
  expect(failure).toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining("no room") as string });
  expect(failure?.message).toContain(`${to}.partial`);
  expect(left).toMatchObject({ whole: false, lock: false });
  expect(left.partial).toBeGreaterThan(5_000);
  expect(await write(to, 500)).toMatchObject({ whole: true, partial: false });
  expect((await verifyBackup({ from: to })).parts).toMatchObject([{ records: 100 }, { records: 500 }]);
});

test.runIf(process.platform !== "win32")("a full disk leaves the backup before it as it was", async () => {
  const to = join(root, "kept.backup");
  expect(await write(to, 10)).toMatchObject({ whole: true });
  const before = readFileSync(to);
  const { failure } = await write(to, 500, "ulimit -f 2048");
  expect(failure).toMatchObject({ code: "UNAVAILABLE" });
  expect(readFileSync(to).equals(before)).toBe(true);
  expect((await verifyBackup({ from: to })).parts).toMatchObject([{ records: 100 }, { records: 10 }]);
});

test.runIf(canMount())("so does a disk that has no room at all, and there is room again", async () => {
  const disk = join(root, "disk");
  await onSmallDisk(disk, "3m", async () => {
    const to = join(disk, "kept.backup");
    expect(await write(to, 10)).toMatchObject({ whole: true });
    const before = readFileSync(to);
    const { failure } = await write(to, 500);
    expect(failure).toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining("(ENOSPC)") as string });
    expect(readFileSync(to).equals(before)).toBe(true);
    // What the failed try left is gone on with by the next one, which writes less.
    expect(await write(to, 20)).toMatchObject({ whole: true, partial: false });
    expect((await verifyBackup({ from: to })).parts).toMatchObject([{ records: 100 }, { records: 20 }]);
  });
});

test("a killed process leaves no half backup, and the next one goes on", async () => {
  const to = join(root, "killed.backup");
  const child = startTypeScript("test/fixtures/backup-full.ts", [to, "100000"]);
  await expect.poll(() => existsSync(`${to}.partial`), { timeout: 30_000, interval: 20 }).toBe(true);
  await new Promise((go) => setTimeout(go, 300));
  await child.kill();
  expect(existsSync(to)).toBe(false);
  expect(existsSync(`${to}.lock`)).toBe(true);
  expect(await write(to, 10)).toMatchObject({ whole: true, lock: false });
  expect((await verifyBackup({ from: to })).parts).toMatchObject([{ records: 100 }, { records: 10 }]);
});
