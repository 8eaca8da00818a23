import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { archiveTier } from "../../../src/cache/tiers/archive.ts";
import { diskTier } from "../../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { familyOf, questionId, recordKey, encodeRecord } from "../../../src/cache/semantic/question-record.ts";
import type { CacheTier, TierEntry } from "../../../src/cache/tier.ts";
import { manualClock, type ManualClock } from "../../../src/core/clock.ts";
import { seal } from "../../../src/core/envelope.ts";
import { digest } from "../../../src/core/key.ts";
import { GLOBAL_SCOPE } from "../../../src/core/scope.ts";
import { damagedEntries, expiredEntries, oldEmbeddings, unusedEntries } from "../../../src/maintenance/tasks/cleanup.ts";
import { orphanedQuestions } from "../../../src/maintenance/tasks/orphaned-questions.ts";
import { automaticBackup } from "../../../src/maintenance/tasks/backup-task.ts";
import { tierPart } from "../../../src/maintenance/backup/parts/tier-part.ts";
import { describeMaintenanceTask } from "../../../src/testing/describe-maintenance-task.ts";
import { flatIndex } from "../../../src/vectors/indexes/flat.ts";
import { attached, sealedEntry } from "../../support/filled-tier.ts";

const root = mkdtempSync(join(tmpdir(), "strata-tasks-"));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;
const DAY = 86_400_000;

async function keysOf(tier: CacheTier): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of tier.entries()) keys.push(key);
  return keys.toSorted();
}

const makers: Record<string, (clock: ManualClock) => CacheTier> = {
  memory: (clock) => attached(memoryTier(), clock),
  disk: (clock) => attached(diskTier({ path: join(root, String(++folders)) }), clock),
  archive: (clock) => attached(archiveTier({ path: join(root, String(++folders)), ttl: "400d" }), clock),
};

for (const [name, make] of Object.entries(makers)) {
  describeMaintenanceTask(`expiredEntries on ${name}`, async () => {
    const clock = manualClock();
    const tier = make(clock);
    const now = clock.now();
    await tier.set([1, 2, 3].map((id) => sealedEntry({ name: id, createdAt: now, expiresAt: now + 1_000 })));
    await tier.set([sealedEntry({ name: "stays", createdAt: now, expiresAt: now + DAY })]);
    await clock.advance(2_000);
    const snapshot = async (): Promise<unknown> => [await tier.expired?.(), await keysOf(tier)];
    return { task: expiredEntries({ tiers: [tier], clock }), items: 3, snapshot, close: () => tier.close() };
  });

  describeMaintenanceTask(`unusedEntries on ${name}`, async () => {
    const clock = manualClock();
    const tier = make(clock);
    const now = clock.now();
    await tier.set([1, 2, 3].map((id) => sealedEntry({ name: id, createdAt: now })));
    await clock.advance(40 * DAY);
    await tier.set([sealedEntry({ name: "new", createdAt: clock.now() })]);
    const task = unusedEntries({ tiers: [tier], clock, olderThan: "30d" });
    return { task, items: 3, snapshot: () => keysOf(tier), close: () => tier.close() };
  });
}

describeMaintenanceTask("oldEmbeddings", async () => {
  const clock = manualClock();
  const tier = makers["disk"]?.(clock) as CacheTier;
  const now = clock.now();
  await tier.set([1, 2].map((id) => sealedEntry({ name: id, createdAt: now, tags: ["strata:embedding"] })));
  await tier.set([sealedEntry({ name: "an answer", createdAt: now })]);
  await clock.advance(40 * DAY);
  const task = oldEmbeddings({ tiers: [tier], clock, olderThan: "30d" });
  return { task, items: 2, snapshot: () => keysOf(tier), close: () => tier.close() };
});

describeMaintenanceTask("damagedEntries", async () => {
  const clock = manualClock();
  const tier = makers["disk"]?.(clock) as CacheTier;
  const flipped = (entry: TierEntry): TierEntry => {
    const value = Buffer.from(entry.value);
    value.writeUInt8(value.readUInt8(80) ^ 1, 80);
    return { ...entry, value };
  };
  await tier.set([1, 2, 3].map((id) => sealedEntry({ name: id })));
  await tier.set([4, 5].map((id) => flipped(sealedEntry({ name: id }))));
  return { task: damagedEntries({ tiers: [tier], clock }), items: 2, snapshot: () => keysOf(tier), close: () => tier.close() };
});

describeMaintenanceTask("orphanedQuestions", async () => {
  const tier = attached(memoryTier());
  const index = flatIndex();
  const answer = sealedEntry({ name: "the answer" });
  await tier.set([answer]);
  const family = familyOf(GLOBAL_SCOPE, digest("model"), "", []);
  const partition = digest("partition");
  for (const [text, to] of [
    ["answered", answer.key],
    ["lost one", digest("gone")],
    ["lost two", digest("gone too")],
  ] as const) {
    const id = questionId(text);
    const key = recordKey(family, id);
    const payload = encodeRecord({ text, answer: to, by: "model", partition, tags: [], createdAt: 0 }, family, id);
    const tags = ["\u0001question"];
    const head = { key, scope: GLOBAL_SCOPE, payload, tags, expiresAt: undefined, cost: 1, createdAt: 0, codec: 0 };
    await tier.set([{ key, value: seal({ ...head, rawLength: payload.byteLength }), scope: GLOBAL_SCOPE, tags }]);
    await index.add(partition, [{ id, vector: Float32Array.from([1, text.length]) }]);
  }
  return {
    task: orphanedQuestions({ tiers: [tier], index }),
    items: 2,
    snapshot: async () => [await keysOf(tier), (await index.stats()).vectors],
    close: () => index.close(),
  };
});

describeMaintenanceTask(
  "automaticBackup",
  () => {
    const clock = manualClock(Date.UTC(2026, 0, 10));
    const folder = join(root, String(++folders));
    const tier = attached(memoryTier(), clock);
    const task = automaticBackup({ folder, parts: [tierPart(tier)], clock, keepLast: 2, keepFor: "2d" });
    return { task, items: 1, snapshot: () => listed(folder) };
  },
  { steps: false },
);

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".backup"));
  } catch {
    return [];
  }
}
