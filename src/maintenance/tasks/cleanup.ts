/** What can go from the tiers of a cache. */
import { systemClock } from "../../core/clock.ts";
import { parseCount, parseDuration, refuseUnknown, type Duration } from "../../core/options.ts";
import { isSealed } from "../../encryption/sealed.ts";
import type { MaintenanceTask, TaskRunOptions } from "../task.ts";
import { TaskRun } from "../task-run.ts";
import { entriesTask, storedAt, tagsOf, type EntriesTaskOptions } from "./entries-task.ts";

/** What the vectors of `CachedEmbeddings` are tagged with. */
const EMBEDDING_TAG = "strata:embedding";
const AT_ONCE = 500;

/**
 * Removes the entries whose time has come. Nobody gets them as it is; what they take is given back. Redis does it by itself.
 * @throws {@link StrataConfigError} naming the option
 */
export function expiredEntries(options: EntriesTaskOptions): MaintenanceTask {
  refuseUnknown("expiredEntries", options, ["tiers", "clock"]);
  const { tiers, clock = systemClock } = options;
  return {
    name: "expired-entries",
    summary: "remove the entries whose time has come",
    async plan({ signal } = {}) {
      const by: Record<string, number> = {};
      const notes: string[] = [];
      for (const tier of tiers) {
        const count = await tier.expired?.({ signal });
        if (count === undefined) notes.push(`The tier ${tier.name} removes what has expired by itself.`);
        else if (count > 0) by[tier.name] = count;
      }
      return { items: Object.values(by).reduce((sum, count) => sum + count, 0), by, notes };
    },
    async run(runOptions: TaskRunOptions = {}) {
      const run = new TaskRun(clock, runOptions);
      for (const tier of tiers) {
        if (tier.expired === undefined) continue;
        try {
          for (let most = run.room(AT_ONCE); most > 0; most = run.room(AT_ONCE)) {
            const removed = await tier.expired({ remove: most, signal: run.signal });
            run.done(removed, tier.name);
            if (removed < most) break;
          }
        } catch (error) {
          run.failed(tier.name, error);
        }
      }
      return run.report();
    },
  };
}

export interface UnusedEntriesOptions extends EntriesTaskOptions {
  /** Entries go that nobody has asked for in so long: `"30d"`. */
  readonly olderThan: Duration;
  /** And that were asked for no more often than this; default 1. A tier that does not count goes by the time alone. */
  readonly maxHits?: number | undefined;
}

/**
 * Removes entries that are rarely used.
 * @throws {@link StrataConfigError} naming the option
 */
export function unusedEntries(options: UnusedEntriesOptions): MaintenanceTask {
  refuseUnknown("unusedEntries", options, ["tiers", "clock", "olderThan", "maxHits"]);
  const age = parseDuration("unusedEntries.olderThan", options.olderThan);
  const maxHits = parseCount("unusedEntries.maxHits", options.maxHits ?? 1, 0);
  return entriesTask({
    ...options,
    name: "unused-entries",
    summary: "remove entries that are rarely used",
    selects(entry, now) {
      const used = entry.usedAt ?? storedAt(entry);
      return used !== undefined && now - used > age && (entry.hits ?? 0) <= maxHits;
    },
    notes: ["Redis does not tell when an entry was last used; there it goes by when it was stored."],
  });
}

export interface OldEmbeddingsOptions extends EntriesTaskOptions {
  /** Vectors go that nobody has asked for in so long: `"90d"`. */
  readonly olderThan: Duration;
}

/**
 * Removes vectors of `CachedEmbeddings` that are not used any more.
 * @throws {@link StrataConfigError} naming the option
 */
export function oldEmbeddings(options: OldEmbeddingsOptions): MaintenanceTask {
  refuseUnknown("oldEmbeddings", options, ["tiers", "clock", "olderThan"]);
  const age = parseDuration("oldEmbeddings.olderThan", options.olderThan);
  return entriesTask({
    ...options,
    name: "old-embeddings",
    summary: "remove vectors of texts that nobody asks for",
    selects(entry, now) {
      if (entry.tags !== undefined && !tagged(entry.tags)) return false;
      const used = entry.usedAt ?? storedAt(entry);
      return used !== undefined && now - used > age && tagged(tagsOf(entry));
    },
  });
}

/**
 * Checks every entry as a reader would, and removes those that are damaged. They are misses already; this says how many there are.
 * @throws {@link StrataConfigError} naming the option
 */
export function damagedEntries(options: EntriesTaskOptions): MaintenanceTask {
  refuseUnknown("damagedEntries", options, ["tiers", "clock"]);
  return entriesTask({
    ...options,
    name: "damaged-entries",
    summary: "check every entry, and remove what is damaged",
    // Ciphertext is whole or not for who has its key.
    selects: (entry) => storedAt(entry) === undefined && !isSealed(entry.value),
  });
}

function tagged(tags: readonly string[]): boolean {
  return tags.includes(EMBEDDING_TAG);
}
