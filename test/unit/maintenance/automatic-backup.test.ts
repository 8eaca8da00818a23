import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { tierPart } from "../../../src/maintenance/backup/parts/tier-part.ts";
import { automaticBackup } from "../../../src/maintenance/tasks/backup-task.ts";
import { attached, sealedEntry } from "../../support/filled-tier.ts";

const root = mkdtempSync(join(tmpdir(), "strata-automatic-"));
afterAll(() => rmSync(root, { recursive: true }));
const DAY = 86_400_000;

test("keeps the newest by count and age, and what is not its own", async () => {
  const clock = manualClock(Date.UTC(2026, 0, 1, 3));
  const tier = attached(memoryTier(), clock);
  await tier.set([sealedEntry({ name: 1, createdAt: clock.now() })]);
  const task = automaticBackup({ folder: root, parts: [tierPart(tier)], clock, keepLast: 2, keepFor: "3d" });
  for (let day = 0; day < 6; day++) {
    expect(await task.plan()).toMatchObject({ by: { written: 1, ...(day >= 4 && { removed: 1 }) } });
    await task.run();
    if (day === 0) writeFileSync(join(root, "strata-notes.txt"), "mine");
    await clock.advance(DAY);
  }
  expect(readdirSync(root).toSorted()).toEqual([
    "strata-2026-01-04T03-00-00Z.backup",
    "strata-2026-01-05T03-00-00Z.backup",
    "strata-2026-01-06T03-00-00Z.backup",
    "strata-notes.txt",
  ]);
});

test("removes nothing while the new one cannot be written", async () => {
  const clock = manualClock(Date.UTC(2026, 5, 1));
  const folder = join(root, "failing");
  const part = tierPart(attached(memoryTier(), clock));
  await automaticBackup({ folder, parts: [part], clock, keepLast: 1 }).run();
  await clock.advance(DAY);
  const broken = { ...part, backup: () => Promise.reject(new Error("the tier is away")) };
  const task = automaticBackup({ folder, parts: [broken], clock, keepLast: 1 });
  await expect(task.run()).rejects.toThrow("the tier is away");
  expect(readdirSync(folder).filter((name) => name.endsWith(".backup"))).toHaveLength(1);
  // The next run goes on with what was begun, and then removes the old one.
  await clock.advance(3_600_000);
  await automaticBackup({ folder, parts: [part], clock, keepLast: 1 }).run();
  expect(readdirSync(folder).filter((name) => name.startsWith("strata"))).toEqual(["strata-2026-06-02T00-00-00Z.backup"]);
});
