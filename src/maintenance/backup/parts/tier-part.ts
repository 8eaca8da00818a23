/**
 * The entries of a cache tier. Values go into the backup as they lie in the tier, sealed: keys, scopes, lives and compression stay as
 * they are, and a restored answer is the same bytes. A tier has no snapshot; what is written during the backup may or may not be in it,
 * but each entry is whole or is not there.
 */
import { asBuffer, open, type Envelope } from "../../../core/envelope.ts";
import { refuseUnknown } from "../../../core/options.ts";
import { scopesWithin } from "../../../cache/tags.ts";
import type { CacheTier, TierEntry } from "../../../cache/tier.ts";
import { ownerMark, type BackupPart, type BackupRecord, type OwnerMark, type RestoredPart } from "../backup-part.ts";

export interface TierPartOptions {
  /** In the backup; default: the tier's own name. To restore into another tier, give the name that the first one had. */
  readonly name?: string | undefined;
}

/** What an entry says beside its value; short names, since it is written a million times. */
interface EntryNote {
  readonly k: string;
  readonly s?: string | undefined;
  readonly e?: number | undefined;
  readonly c?: number | undefined;
}

const VERSION = 1;
/** Entries in one call to a tier, and bytes: what tiers write in one go themselves. */
const AT_ONCE = 200;
const BYTES_AT_ONCE = 1024 * 1024;
/** The scope is checked by its fingerprint alone: the tier may not know more. */
const SCOPE_AT = [24, 40] as const;

/**
 * A tier as a part of a backup. It must be in use by a `TieredCache` already, or need no host.
 * @example
 * ```ts
 * const disk = diskTier({ path: ".strata/cache" });
 * const part = tierPart(disk);
 * ```
 */
export function tierPart(tier: CacheTier, options: TierPartOptions = {}): BackupPart {
  refuseUnknown("tierPart", options, ["name"]);
  return {
    name: options.name ?? tier.name,
    kind: "cache",
    version: VERSION,
    async backup(put, { signal }) {
      for await (const { key, value, scope, expiresAt, cost } of tier.entries({ signal })) {
        const envelope = tryOpen(key, value);
        // Damaged: a miss for whoever asks, and nothing to keep.
        if (envelope === undefined) continue;
        const note: EntryNote = { k: key, s: scope, e: expiresAt ?? envelope.expiresAt, c: cost };
        const head = Buffer.from(JSON.stringify(note));
        const length = Buffer.allocUnsafe(2);
        length.writeUInt16LE(head.byteLength, 0);
        await put(ownersOf(value, envelope), length, head, value);
      }
    },
    async restore(batches, { now, signal }) {
      const total = { restored: 0, present: 0, expired: 0, refused: 0 };
      for await (const batch of batches) {
        for (const some of portions(batch.map(readEntry))) {
          const outcome = await restoreSome(tier, some, now, signal);
          for (const name of ["restored", "present", "expired", "refused"] as const) total[name] += outcome[name];
        }
      }
      return total;
    },
  };
}

async function restoreSome(
  tier: CacheTier,
  found: readonly (TierEntry | undefined)[],
  now: number,
  signal: AbortSignal | undefined,
): Promise<RestoredPart> {
  const whole = found.filter((entry) => entry !== undefined);
  const alive = whole.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now);
  const there = await tier.get(
    alive.map(({ key }) => key),
    { signal },
  );
  const missing = alive.filter(({ key, value }, index) => {
    const old = there[index];
    return old === undefined || createdAt(key, old.value) < createdAt(key, value);
  });
  if (missing.length > 0) await tier.set(missing, { signal });
  return {
    restored: missing.length,
    present: alive.length - missing.length,
    expired: whole.length - alive.length,
    refused: found.length - whole.length,
  };
}

function readEntry({ body }: BackupRecord): TierEntry | undefined {
  try {
    const end = 2 + body.readUInt16LE(0);
    const { k: key, s: scope, e: expiresAt, c: cost } = JSON.parse(body.toString("utf8", 2, end)) as EntryNote;
    // Its own memory: a tier that keeps values by reference would keep the whole chunk.
    const value = Buffer.from(body.subarray(end));
    const { tags } = openAny(key, value);
    return { key, value, scope, expiresAt, cost, tags };
  } catch {
    return undefined;
  }
}

function* portions<T extends TierEntry | undefined>(entries: readonly T[]): Generator<readonly T[]> {
  let [from, bytes] = [0, 0];
  for (const [index, entry] of entries.entries()) {
    bytes += entry?.value.byteLength ?? 0;
    if (index + 1 - from < AT_ONCE && bytes < BYTES_AT_ONCE) continue;
    yield entries.slice(from, index + 1);
    [from, bytes] = [index + 1, 0];
  }
  if (from < entries.length) yield entries.slice(from);
}

function ownersOf(value: Uint8Array, { tags }: Envelope): OwnerMark[] {
  return [fingerprint(value), ...scopesWithin(tags).map(ownerMark)];
}

function createdAt(key: string, value: Uint8Array): number {
  return tryOpen(key, value)?.createdAt ?? -Infinity;
}

function tryOpen(key: string, value: Uint8Array): Envelope | undefined {
  try {
    return openAny(key, value);
  } catch {
    return undefined;
  }
}

function openAny(key: string, value: Uint8Array): Envelope {
  return open(value, key, fingerprint(value));
}

function fingerprint(value: Uint8Array): string {
  return asBuffer(value).toString("latin1", ...SCOPE_AT);
}
