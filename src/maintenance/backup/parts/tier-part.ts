/**
 * The entries of a cache tier. Values go into the backup as they lie in the tier, sealed: keys, scopes, lives and compression stay as
 * they are, and a restored answer is the same bytes. A tier has no snapshot; what is written during the backup may or may not be in it,
 * but each entry is whole or is not there.
 *
 * What a tier encrypts goes into the backup encrypted, and without its key: where a scope's key was dropped since, a restored value is
 * noise. So a backup of encrypted values is worth as much as the keys that are kept apart from it.
 */
import { asBuffer, open, type Envelope } from "../../../core/envelope.ts";
import { isPromise, type MaybePromise } from "../../../core/abort.ts";
import { refuseUnknown } from "../../../core/options.ts";
import { scopesWithin } from "../../../cache/tags.ts";
import { sealerOf, tierAtRest } from "../../../cache/tiers/encrypted.ts";
import { isSealed, readSealedHeader } from "../../../encryption/sealed.ts";
import type { Opened, Sealer } from "../../../encryption/sealer.ts";
import type { CacheTier, TierEntry } from "../../../cache/tier.ts";
import { FewAtOnce } from "../few-at-once.ts";
import type { BackupPart, BackupRecord, RestoredPart } from "../backup-part.ts";
import { ownerMark, type OwnerMark } from "../owner-mark.ts";

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
  /** Of an encrypted value, whose own cannot be read without its key. */
  readonly t?: readonly string[] | undefined;
}

const VERSION = 1;
/** Entries in one call to a tier, and bytes: what tiers write in one go themselves. */
const AT_ONCE = 200;
const BYTES_AT_ONCE = 1024 * 1024;
/**
 * Portions that a tier is given before the first of them is done: a disk commits together what has gathered while it was busy, so that it
 * has work at any time and waits for the device a third less often than with half as many; a server does not wait for us.
 */
const PORTIONS_AT_ONCE = 16;
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
      for await (const entry of tierAtRest(tier).entries({ signal })) {
        const { key, value, scope, cost } = entry;
        const seen = isSealed(value) ? await seenSealed(tier, entry) : seenPlain(entry);
        // Damaged, or without a key: a miss for whoever asks, and nothing to keep.
        if (seen === undefined) continue;
        const note: EntryNote = { k: key, s: scope, e: entry.expiresAt ?? seen.expiresAt, c: cost, t: seen.tags };
        const head = Buffer.from(JSON.stringify(note));
        const length = Buffer.allocUnsafe(2);
        length.writeUInt16LE(head.byteLength, 0);
        await put(seen.owners, length, head, value);
      }
    },
    async restore(batches, { now, signal }) {
      const total = { restored: 0, present: 0, expired: 0, refused: 0 };
      const sealer = sealerOf(tier);
      const writing = new FewAtOnce(PORTIONS_AT_ONCE);
      try {
        for await (const batch of batches) {
          // Not every tier has use for a signal.
          signal?.throwIfAborted();
          for (const some of portions(await allOf(batch.map((record) => readEntry(sealer, record))))) {
            await writing.begin(async () => {
              const outcome = await restoreSome(tier, some, now, signal);
              for (const name of ["restored", "present", "expired", "refused"] as const) total[name] += outcome[name];
            });
          }
        }
        await writing.settle();
      } finally {
        await writing.abandon();
      }
      return total;
    },
  };
}

async function restoreSome(
  tier: CacheTier,
  found: readonly (FoundEntry | undefined)[],
  now: number,
  signal: AbortSignal | undefined,
): Promise<RestoredPart> {
  const whole = found.filter((entry) => entry !== undefined);
  const alive = whole.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now);
  const there = await tier.get(
    alive.map(({ key }) => key),
    { signal },
  );
  const missing = alive.filter(({ key, createdAt }, index) => {
    const old = there[index];
    return old === undefined || (tryOpen(key, old.value)?.createdAt ?? -Infinity) < createdAt;
  });
  // Ciphertext stays as it is; what was backed up plain is encrypted on the way in, where the tier encrypts.
  const [sealed, plain] = [missing.filter(({ value }) => isSealed(value)), missing.filter(({ value }) => !isSealed(value))];
  if (sealed.length > 0) await tierAtRest(tier).set(sealed, { signal });
  if (plain.length > 0) await tier.set(plain, { signal });
  return {
    restored: missing.length,
    present: alive.length - missing.length,
    expired: whole.length - alive.length,
    refused: found.length - whole.length,
  };
}

/** An entry of a backup. */
interface FoundEntry extends TierEntry {
  /** Unix ms; of an encrypted value that cannot be read here, long ago. */
  readonly createdAt: number;
}

/** `undefined` for what cannot be used. As long as nothing has to be waited for, a million entries cost no promises. */
function readEntry(sealer: Sealer | undefined, { body }: BackupRecord): MaybePromise<FoundEntry | undefined> {
  try {
    const end = 2 + body.readUInt16LE(0);
    const { k: key, s: scope, e: expiresAt, c: cost, t } = JSON.parse(body.toString("utf8", 2, end)) as EntryNote;
    // Its own memory: a tier that keeps values by reference would keep the whole chunk.
    const value = Buffer.from(body.subarray(end));
    const entry = (plain: Uint8Array): FoundEntry => {
      const { tags, createdAt } = openAny(key, plain);
      return { key, value, scope, expiresAt, cost, tags, createdAt };
    };
    if (sealer === undefined) {
      return isSealed(value) ? { key, value, scope, expiresAt, cost, tags: t ?? [], createdAt: -Infinity } : entry(value);
    }
    const accept = (opened: Opened): FoundEntry | undefined => {
      if (!("refused" in opened)) return entry(opened.plain);
      return opened.refused === "plain" ? entry(value) : undefined;
    };
    const opened = sealer.open(key, value, scope);
    return isPromise(opened) ? opened.then(accept).catch(() => undefined) : accept(opened);
  } catch {
    return undefined;
  }
}

/** What the record of an entry needs beside the entry. */
interface SeenEntry {
  readonly owners: OwnerMark[];
  readonly expiresAt?: number | undefined;
  readonly tags?: readonly string[] | undefined;
}

function seenPlain({ key, value }: TierEntry): SeenEntry | undefined {
  const envelope = tryOpen(key, value);
  return envelope && { owners: ownersOf(fingerprint(value), envelope.tags), expiresAt: envelope.expiresAt };
}

/** Without the tier's keys, whose an encrypted value is is known by what lies beside it. */
async function seenSealed(tier: CacheTier, { key, value, scope, tags = [] }: TierEntry): Promise<SeenEntry | undefined> {
  const header = readSealedHeader(value);
  if (header === undefined) return undefined;
  const opened = await sealerOf(tier)?.open(key, value, scope);
  if (opened !== undefined && "refused" in opened) return undefined;
  const known = opened === undefined ? tags : (tryOpen(key, opened.plain)?.tags ?? tags);
  return { owners: ownersOf(header.scope.slice(0, 16), known), tags: known };
}

function allOf<T>(values: readonly MaybePromise<T>[]): MaybePromise<readonly T[]> {
  return values.some(isPromise) ? Promise.all(values) : (values as readonly T[]);
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

function ownersOf(scope: string, tags: readonly string[]): OwnerMark[] {
  return [scope, ...scopesWithin(tags).map(ownerMark)];
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
