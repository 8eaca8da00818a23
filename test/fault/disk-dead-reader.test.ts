/** A reader that was killed keeps its place in the lock file, and with it every page that it could see: the file grows with each write. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { diskTier } from "../../src/cache/tiers/disk.ts";
import type { CacheTier } from "../../src/cache/tier.ts";
import { manualClock } from "../../src/core/clock.ts";
import { digest } from "../../src/core/key.ts";
import { startTypeScript } from "../support/typescript-child.ts";

const MEBIBYTE = 1024 * 1024;
const CHECK_MS = 60_000;

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "strata-reader-"));
});
afterEach(() => rmSync(root, { recursive: true }));

/** Writes the same 2 MiB again and again. */
async function churn(tier: CacheTier, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await tier.set(Array.from({ length: 100 }, (_, name) => ({ key: digest(String(name)), value: Buffer.alloc(20_000, round) })));
  }
}

function fileBytes(): number {
  return statSync(join(root, "cache", "data.mdb")).size;
}

async function leaveDeadReader(): Promise<void> {
  const reader = startTypeScript("test/fixtures/disk/reader.ts", [join(root, "cache")]);
  expect(await reader.next()).toEqual({ seen: 5 * 43 });
  await reader.kill();
}

test("a dead reader is found within a minute, and the file stops growing", async () => {
  const clock = manualClock();
  const tier = diskTier({ path: join(root, "cache") });
  tier.attach?.({
    clock,
    random: Math.random,
    evicted: () => undefined,
    fault: (_operation, error) => expect.unreachable(String(error)),
  });
  await churn(tier, 5);
  const steady = fileBytes();
  await churn(tier, 5);
  expect(fileBytes()).toBeLessThan(steady + 3 * MEBIBYTE);

  await leaveDeadReader();
  const before = fileBytes();
  await churn(tier, 10);
  // It really does pin what it saw: else this test proves nothing.
  expect(fileBytes()).toBeGreaterThan(before + 10 * MEBIBYTE);

  await clock.advance(CHECK_MS);
  await churn(tier, 5);
  const after = fileBytes();
  await churn(tier, 20);
  expect(fileBytes()).toBeLessThan(after + MEBIBYTE);
  await tier.close();
});

test("a dead reader is found when the folder is opened", async () => {
  const first = diskTier({ path: join(root, "cache") });
  await churn(first, 5);
  await first.close();
  await leaveDeadReader();
  const tier = diskTier({ path: join(root, "cache") });
  await churn(tier, 3);
  const before = fileBytes();
  await churn(tier, 10);
  expect(fileBytes()).toBeLessThan(before + 3 * MEBIBYTE);
  await tier.close();
});
