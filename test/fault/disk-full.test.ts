/**
 * A disk without room. The engine would end the process, so each case runs in a process of its own, and that it ends with 0 is the
 * first thing to prove.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { canMount, onSmallDisk } from "../support/small-disk.ts";
import { startTypeScript } from "../support/typescript-child.ts";

interface Outcome {
  readonly full: Found & { readonly deleted: number };
  readonly stale: number;
  readonly healed: Found;
  readonly cleared: number;
  readonly accidents: readonly string[];
}

interface Found {
  readonly right: number;
  readonly wrong: number;
  readonly onDisk: number;
  readonly faults: readonly string[];
}

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "strata-full-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

async function fill(words: readonly string[], shell?: string): Promise<Outcome> {
  const child = startTypeScript("test/fixtures/disk/full.ts", words, shell);
  const outcome = (await child.next()) as Outcome;
  expect({ ...(await child.ended), noise: child.noise }).toEqual({ code: 0, signal: null, noise: "" });
  expect(outcome.accidents).toEqual([]);
  return outcome;
}

function expectFull({ full, stale }: Outcome, reason: RegExp): void {
  // One event, that names the reason and the folder; the tier is not turned off.
  expect(full.faults).toHaveLength(1);
  expect(full.faults[0]).toMatch(/^tier\.fault disk Error: The disk has no room|^tier\.fault disk The disk has no room/);
  expect(full.faults[0]).toMatch(reason);
  expect(full.faults[0]).toContain(root);
  // What was stored before is still read, and can be deleted; some of the newest are in memory.
  expect(full.wrong).toBe(0);
  expect(full.onDisk).toBeGreaterThan(30);
  expect(full.right).toBeGreaterThanOrEqual(full.onDisk);
  expect(full.deleted).toBe(1);
  expect(stale).toBe(0);
}

test.runIf(process.platform !== "win32")("a limit on the size of files is one event, and reading goes on", async () => {
  // Units of 1,024 bytes in bash.
  const outcome = await fill([join(root, "cache")], "ulimit -f 4096");
  expectFull(outcome, /EFBIG/);
  expect(outcome.healed.faults).toHaveLength(1);
  expect(outcome.cleared).toBeGreaterThan(30);
});

test.runIf(canMount())("a full disk is one event, reading goes on, and so does writing once there is room", async () => {
  const disk = join(root, "disk");
  await onSmallDisk(disk, "6m", async () => {
    const ballast = join(disk, "ballast");
    writeFileSync(ballast, Buffer.alloc(2 * 1024 * 1024));
    const outcome = await fill([join(disk, "cache"), ballast]);
    expectFull(outcome, /ENOSPC/);
    expect(outcome.healed).toMatchObject({ right: 20, wrong: 0, onDisk: 20 });
    expect(outcome.healed.faults).toHaveLength(1);
  });
});

test.runIf(canMount())("a disk that is full from the start turns the tier off, with one event, and nothing else", async () => {
  const disk = join(root, "disk");
  await onSmallDisk(disk, "64k", async () => {
    const { full, healed } = await fill([join(disk, "cache")]);
    expect(full.faults).toHaveLength(1);
    expect(full.faults[0]).toMatch(/^tier\.state disk The disk tier cannot use the folder .*ENOSPC/);
    expect(full).toMatchObject({ right: 10, wrong: 0, onDisk: 0 });
    expect(healed.faults).toHaveLength(1);
  });
});
