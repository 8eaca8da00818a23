/** Tasks that go through the entries of tiers and remove some: one loop, and a question to each entry. */
import type { Clock } from "../../core/clock.ts";
import { systemClock } from "../../core/clock.ts";
import { asBuffer, open, peekTags } from "../../core/envelope.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { requireMethods } from "../../core/options.ts";
import type { CacheTier, TierEntry } from "../../cache/tier.ts";
import type { MaintenanceTask, TaskRunOptions } from "../task.ts";
import { TaskRun } from "../task-run.ts";

export interface EntriesTaskOptions {
  /** In use by a `TieredCache`, or in need of no host. */
  readonly tiers: readonly CacheTier[];
  readonly clock?: Clock | undefined;
}

interface EntriesTask extends EntriesTaskOptions {
  readonly name: string;
  readonly summary: string;
  /** Whether an entry goes. */
  readonly selects: (entry: TierEntry, now: number) => boolean | Promise<boolean>;
  /** Told after entries went. */
  readonly removed?: ((entries: readonly TierEntry[], signal: AbortSignal | undefined) => Promise<void>) | undefined;
  readonly notes?: readonly string[] | undefined;
}

/** Entries removed in one step. */
const AT_ONCE = 200;

/** @throws {@link StrataConfigError} naming the option */
export function entriesTask(task: EntriesTask): MaintenanceTask {
  const { name, tiers, selects, removed, clock = systemClock } = task;
  if (!Array.isArray(tiers) || tiers.length === 0) throw new StrataConfigError(`${name}.tiers`, tiers, "a list of tiers");
  for (const tier of tiers) requireMethods(`${name}.tiers`, tier, ["entries", "delete"], "tiers, such as diskTier({ path })");

  return {
    name,
    summary: task.summary,
    async plan({ signal } = {}) {
      const by: Record<string, number> = {};
      const notes = [...(task.notes ?? [])];
      for (const tier of tiers) {
        try {
          for await (const entry of tier.entries({ signal })) {
            signal?.throwIfAborted();
            if (await selects(entry, clock.now())) by[tier.name] = (by[tier.name] ?? 0) + 1;
          }
        } catch (error) {
          signal?.throwIfAborted();
          notes.push(`The tier ${tier.name} cannot be looked at: ${String(error)}`);
        }
      }
      return { items: Object.values(by).reduce((sum, count) => sum + count, 0), by, notes };
    },
    async run(options: TaskRunOptions = {}) {
      const run = new TaskRun(clock, options);
      for (const tier of tiers) {
        try {
          await clean(tier, run);
        } catch (error) {
          run.failed(tier.name, error);
        }
      }
      return run.report();
    },
  };

  async function clean(tier: CacheTier, run: TaskRun): Promise<void> {
    let chosen: TierEntry[] = [];
    const remove = async (): Promise<void> => {
      const some = chosen;
      chosen = [];
      const keys = some.map(({ key }) => key);
      await tier.delete(keys, { signal: run.signal });
      await removed?.(some, run.signal);
      run.done(keys.length, tier.name);
    };
    for await (const entry of tier.entries({ signal: run.signal })) {
      if (!(await selects(entry, clock.now()))) continue;
      if (chosen.length >= run.room(AT_ONCE)) {
        if (chosen.length > 0) await remove();
        if (run.room(AT_ONCE) === 0) return;
      }
      chosen.push(entry);
    }
    if (chosen.length > 0) await remove();
  }
}

/** When an entry was stored, Unix ms; `undefined` when its bytes are damaged. */
export function storedAt({ key, value }: TierEntry): number | undefined {
  try {
    return open(value, key, asBuffer(value).toString("latin1", 24, 40)).createdAt;
  } catch {
    return undefined;
  }
}

/** Read off the value: some tiers keep digests of the tags. */
export function tagsOf({ value }: TierEntry): readonly string[] {
  return peekTags(value);
}
