/** Values of a cache under the current key: after a rotation, and after encryption was turned on. */
import { systemClock } from "../../core/clock.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { asBuffer, peekTags } from "../../core/envelope.ts";
import { refuseUnknown } from "../../core/options.ts";
import { GLOBAL_SCOPE } from "../../core/scope.ts";
import { scopesWithin } from "../../cache/tags.ts";
import type { CacheTier, TierEntry } from "../../cache/tier.ts";
import { sealerOf, tierAtRest } from "../../cache/tiers/encrypted.ts";
import { readSealedHeader } from "../../encryption/sealed.ts";
import { Sealer } from "../../encryption/sealer.ts";
import type { MaintenanceTask, TaskRunOptions } from "../task.ts";
import { TaskRun } from "../task-run.ts";
import type { EntriesTaskOptions } from "./entries-task.ts";

/** Entries rewritten in one step. */
const AT_ONCE = 50;
const NOTES = [
  "What nobody can read, since its key is gone, is left where it is until it expires.",
  "An entry that is cleared in the same moment may be written back: run it while nothing is being removed.",
];

/**
 * Encrypts values that lie plain, or under an older key, under the current one, so that older keys can be taken out of `staticKeys()`.
 * What is written anew meanwhile is under the current key by itself.
 * @param options.tiers encrypted ones: `encryptedTier()`
 * @throws {@link StrataConfigError} naming the option
 */
export function reencryptValues(options: EntriesTaskOptions): MaintenanceTask {
  refuseUnknown("reencryptValues", options, ["tiers", "clock"]);
  const { tiers, clock = systemClock } = options;
  if (!Array.isArray(tiers) || tiers.length === 0) throw new StrataConfigError("reencryptValues.tiers", tiers, "a list of tiers");
  const places = (tiers as readonly CacheTier[]).map((tier) => {
    const sealer = sealerOf(tier);
    if (sealer === undefined) {
      throw new StrataConfigError(
        "reencryptValues.tiers",
        tier.name,
        "encrypted tiers, such as encryptedTier(diskTier({ path }), …)",
      );
    }
    // Reads what lies plain, too: it is here to be encrypted.
    return { tier, atRest: tierAtRest(tier), sealer: new Sealer({ keys: sealer.keys }) };
  });

  return {
    name: "reencrypt-values",
    summary: "encrypt stored values under the current key",
    async plan({ signal } = {}) {
      const by: Record<string, number> = {};
      for (const { atRest, sealer } of places) {
        for await (const entry of atRest.entries({ signal })) {
          signal?.throwIfAborted();
          if ((await outdated(entry, sealer)) !== undefined) by[atRest.name] = (by[atRest.name] ?? 0) + 1;
        }
      }
      return { items: Object.values(by).reduce((sum, count) => sum + count, 0), by, notes: NOTES };
    },
    async run(runOptions: TaskRunOptions = {}) {
      const run = new TaskRun(clock, runOptions);
      for (const place of places) {
        try {
          await rewriteAll(place, run);
        } catch (error) {
          run.failed(place.tier.name, error);
        }
      }
      return run.report();
    },
  };
}

interface Place {
  readonly atRest: CacheTier;
  readonly sealer: Sealer;
}

/** The plain bytes of an entry that is to be encrypted anew; `undefined` when it is as it should be, or cannot be read. */
async function outdated({ key, value, scope }: TierEntry, sealer: Sealer): Promise<Uint8Array | undefined> {
  const opened = await sealer.open(key, value, scope);
  if ("refused" in opened) return undefined;
  if (opened.keyId === undefined) return opened.plain;
  // The key is there, so asking for the current one of its scope makes none.
  const current = await sealer.keys.current({ scope: readSealedHeader(value)?.scope ?? GLOBAL_SCOPE });
  return current.id === opened.keyId ? undefined : opened.plain;
}

async function rewriteAll(place: Place, run: TaskRun): Promise<void> {
  let chosen: Array<readonly [TierEntry, Uint8Array]> = [];
  const rewrite = async (): Promise<void> => {
    const some = chosen;
    chosen = [];
    run.done(await rewriteSome(place, some, run.signal), place.atRest.name);
  };
  for await (const entry of place.atRest.entries({ signal: run.signal })) {
    const plain = await outdated(entry, place.sealer);
    if (plain === undefined) continue;
    if (chosen.length >= run.room(AT_ONCE)) {
      if (chosen.length > 0) await rewrite();
      if (run.room(AT_ONCE) === 0) return;
    }
    chosen.push([entry, plain]);
  }
  if (chosen.length > 0) await rewrite();
}

/** Gives how many are under the current key now, by whomever. */
async function rewriteSome(
  { atRest, sealer }: Place,
  chosen: ReadonlyArray<readonly [TierEntry, Uint8Array]>,
  signal: AbortSignal | undefined,
): Promise<number> {
  const sealed = await Promise.all(
    chosen.map(async ([entry, plain]): Promise<TierEntry> => {
      const { key, expiresAt, cost, scope } = entry;
      // From the envelope: some tiers keep digests of the tags, and would keep digests of those.
      const tags = peekTags(plain);
      const whose = { scope: scope ?? readSealedHeader(entry.value)?.scope ?? GLOBAL_SCOPE, within: scopesWithin(tags) };
      return { key, expiresAt, cost, scope, tags, value: await sealer.seal(whose, key, plain) };
    }),
  );
  const there = await atRest.get(
    sealed.map(({ key }) => key),
    { signal },
  );
  // What was removed or replaced since it was listed stays so.
  const unchanged = sealed.filter((_entry, index) => {
    const [now, then] = [there[index], chosen[index]?.[0]];
    return now !== undefined && then !== undefined && asBuffer(now.value).equals(then.value);
  });
  if (unchanged.length > 0) await atRest.set(unchanged, { signal });
  return sealed.length;
}
