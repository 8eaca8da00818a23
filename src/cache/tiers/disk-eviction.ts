/**
 * Which entries of the disk tier go: the least recently used of a sample, with no list to keep, to load at start or to share
 * between processes. Redis does the same (redis.io/docs/latest/develop/reference/eviction).
 *
 * Keys are digests, so the entries that follow a random place in the order of keys are a random sample.
 */
import type { TierEntry } from "../tier.ts";
import type { Engine } from "./disk-engine.ts";
import { readRecord, type DiskRecord } from "./disk-record.ts";
import { transact } from "./disk-transaction.ts";
import { readStored } from "./disk-value.ts";

/** Redis samples 5 by default and calls 10 close to true LRU; here a sample is one cursor walk, so a few more cost little. */
const SAMPLE = 24;
/** The characters of a digest. A place among them is drawn, not among bytes: else some keys would follow it far more often. */
const CHARACTERS = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const PLACE_LENGTH = 6;

/** A key with what is known of its entry; a damaged record says nothing. */
interface Victim {
  readonly key: Buffer;
  readonly record: DiskRecord | undefined;
}

/** What one transaction removed. */
export interface Removed {
  readonly count: number;
  /** Those that were alive. */
  readonly alive: readonly TierEntry[];
}

/** Removes entries in one transaction, until about `bytes` are free or `most` are gone. */
export async function evict(
  engine: Engine,
  limits: { readonly bytes: number; readonly most: number },
  now: number,
  random: () => number,
): Promise<Removed> {
  const { values, uses } = engine;
  const alive: TierEntry[] = [];
  let count = 0;
  await transact(engine, () => {
    for (let freed = 0; count < limits.most && freed < limits.bytes; count++) {
      const victim = sampleVictim(engine, now, random);
      if (victim === undefined) break;
      const { key, record } = victim;
      const stored = values.getBinary(key);
      freed += (stored?.byteLength ?? 0) + 1;
      void values.remove(key);
      void uses.remove(key);
      if (stored === undefined || record === undefined || record.expiresAt <= now) continue;
      const { scope, tags, cost, hits } = record;
      alive.push({ key: key.toString("latin1"), ...readStored(stored), scope, tags, cost, hits });
    }
  });
  return { count, alive };
}

/** The first that is damaged or expired, else the least recently used. */
function sampleVictim({ uses }: Engine, now: number, random: () => number): Victim | undefined {
  let place = "";
  for (let length = 0; length < PLACE_LENGTH; length++) place += CHARACTERS[Math.floor(random() * CHARACTERS.length)] ?? "-";
  const start = Buffer.from(place);
  const sample = [...uses.getRange({ start, limit: SAMPLE })];
  if (sample.length < SAMPLE) sample.push(...uses.getRange({ limit: SAMPLE - sample.length, end: start }));
  let oldest: { readonly key: Buffer; readonly record: DiskRecord } | undefined;
  for (const { key, value } of sample) {
    const record = readRecord(value);
    if (record === undefined || record.expiresAt <= now) return { key, record };
    if (oldest === undefined || record.lastUsed < oldest.record.lastUsed) oldest = { key, record };
  }
  return oldest;
}
