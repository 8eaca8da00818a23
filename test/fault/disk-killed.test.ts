/** Processes that die while they write. What they were told is written must be there for those who come after. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { findDamage } from "../../src/cache/tiers/disk-check.ts";
import { diskTier } from "../../src/cache/tiers/disk.ts";
import { systemClock } from "../../src/core/clock.ts";
import { keyOf, readVersion } from "../fixtures/disk/entries.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { startTypeScript, type TypeScriptChild } from "../support/typescript-child.ts";

/** Two writers share the folder in each round. */
const ROUNDS = 16;
/** Times that a writer has said so before its death, at the least. */
const ACKNOWLEDGED = 5;

const root = mkdtempSync(join(tmpdir(), "strata-killed-"));
afterAll(() => rmSync(root, { recursive: true }));

/** What was acknowledged, kept outside of the folder: the version of each name. */
const oracle = new Map<string, number>();

function note(writer: TypeScriptChild): number {
  let count = 0;
  for (const message of writer.messages as { acknowledged: [string, number][] }[]) {
    for (const [name, version] of message.acknowledged) {
      oracle.set(name, Math.max(version, oracle.get(name) ?? 0));
      count++;
    }
  }
  return count;
}

interface Check {
  readonly lost: number;
  readonly torn: number;
  readonly faults: readonly string[];
  readonly damage: string | undefined;
  readonly listed: number;
  readonly counted: number;
}

async function check(): Promise<Check> {
  const path = join(root, "cache");
  const damage = findDamage(join(path, "data.mdb"));
  const tier = diskTier({ path });
  const faults: string[] = [];
  const fault = (_operation: string, error: unknown): void => void faults.push(String(error));
  tier.attach?.({ clock: systemClock, random: Math.random, evicted: () => undefined, fault });
  let [lost, torn, listed] = [0, 0, 0];
  for (const [name, version] of oracle) {
    const [entry] = await tier.get([keyOf(name)]);
    try {
      if (entry === undefined || readVersion(name, entry) < version) lost++;
    } catch {
      torn++;
    }
  }
  for await (const { value } of tier.entries()) {
    listed++;
    if (value.byteLength < 100) torn++;
  }
  const counted = tier.stats().entries ?? 0;
  await tier.close();
  return { lost, torn, faults, damage, listed, counted };
}

test(`${2 * ROUNDS} killed writers lose nothing that was acknowledged and leave nothing torn`, { timeout: 240_000 }, async () => {
  const random = seededRandom(2024);
  let acknowledged = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const first = String(round * 1_000_000);
    const writers = ["one", "two"].map((name) =>
      startTypeScript("test/fixtures/disk/writer.ts", [join(root, "cache"), name, first]),
    );
    await Promise.all(
      writers.map(async (writer) => {
        for (let told = 0; told < ACKNOWLEDGED; told++) await writer.next();
        await new Promise((resolve) => setTimeout(resolve, random() * 250));
        await writer.kill();
      }),
    );
    for (const writer of writers) {
      expect(await writer.ended).toEqual({ code: null, signal: "SIGKILL" });
      acknowledged += note(writer);
    }
    const { listed, counted, ...found } = await check();
    expect(found, `after round ${round}`).toEqual({ lost: 0, torn: 0, faults: [], damage: undefined });
    expect(listed).toBe(counted);
  }
  expect(acknowledged).toBeGreaterThan(20 * ROUNDS);
});
