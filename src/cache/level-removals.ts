/**
 * Removing from several tiers at once, for good.
 *
 * A fence keeps deletions final: whoever reads the fence before a lookup and finds another one after it, or a removal under way, does
 * not move what it found to another tier. Else an entry found just before a deletion would be back just after it.
 */
import { peekTags } from "../core/envelope.ts";
import type { Digest } from "../core/key.ts";
import type { Level } from "./level.ts";
import { scopeMark, tagDigest } from "./tags.ts";
import type { TierChange, TierEntry, TierFilter } from "./tier.ts";

export class LevelRemovals {
  readonly #levels: readonly Level[];
  #ended = 0;
  #underWay = 0;

  constructor(levels: readonly Level[]) {
    this.#levels = levels;
  }

  /** Of this moment; to be given to {@link allowMove} later. */
  get fence(): number {
    return this.#ended;
  }

  /** Whether no removal has run since the fence was read. */
  allowMove(fence: number): boolean {
    return this.#underWay === 0 && fence === this.#ended;
  }

  /** Removes entries from every tier and every queue; gives how many keys were in some tier. */
  async delete(keys: readonly Digest[], levels: readonly Level[] = this.#levels): Promise<number> {
    const wanted = new Set(keys);
    const counts = await this.#on(levels, (level) => level.delete(keys, (entry) => wanted.has(entry.key)));
    return Math.max(0, ...counts);
  }

  /**
   * Removes what matches from every tier, or from the named one; a scope includes the scopes within it.
   * @returns the largest number that one tier removed
   */
  async clear(filter: TierFilter, tier?: string): Promise<number> {
    const counts = await this.#on(this.#levels, async (level) => {
      if (tier !== undefined && level.tier.name !== tier) return 0;
      if (filter.scope === undefined) return level.clear(filter);
      return (await level.clear(filter)) + (await clearWithin(level, filter.scope, filter.tag));
    });
    return Math.max(0, ...counts);
  }

  /** Removes the entries whose tags satisfy `matches`, going through all; gives the largest number that one tier removed. */
  async removeWhere(matches: (tags: readonly string[]) => boolean): Promise<number> {
    const counts = await this.#on(this.#levels, (level) => level.removeWhere((entry) => matches(tagsOf(entry))));
    return Math.max(0, ...counts);
  }

  /** Removes what belongs to a scope or to one within it, and says where that failed. */
  async forget(scope: Digest): Promise<{ removed: Record<string, number>; failed: Record<string, string> }> {
    const removed: Record<string, number> = {};
    const failed: Record<string, string> = {};
    await this.#on(this.#levels, async (level) => {
      const onError = (error: unknown): void => {
        failed[level.tier.name] = error instanceof Error ? error.message : String(error);
      };
      removed[level.tier.name] = (await level.clear({ scope }, onError)) + (await clearWithin(level, scope, undefined, onError));
    });
    return { removed, failed };
  }

  /** Another process changed what it shares with us in the tier at `index`: our own copies of that above it are out of date. */
  async dropAbove(index: number, change: TierChange): Promise<void> {
    const above = this.#levels.slice(0, index);
    if (change.kind === "keys") {
      await this.delete(change.keys, above);
      return;
    }
    const { scope, tag } = change.kind === "cleared" ? change : {};
    await this.#on(above, (level) => {
      if (tag === undefined) return level.clear({ scope });
      return level.removeWhere((entry) => {
        if (scope !== undefined && entry.scope !== undefined && entry.scope !== scope) return false;
        return tagsOf(entry).some((own) => tagDigest(own) === tag);
      });
    });
  }

  async #on<T>(levels: readonly Level[], remove: (level: Level) => Promise<T>): Promise<T[]> {
    this.#underWay++;
    try {
      return await Promise.all(levels.map(remove));
    } finally {
      this.#underWay--;
      this.#ended++;
    }
  }
}

/** As a tier lists them, or as they stand in the envelope. */
export function tagsOf({ tags, value }: TierEntry): readonly string[] {
  return tags ?? peekTags(value);
}

/** Entries of narrower scopes carry the mark of this one as a tag. */
async function clearWithin(
  level: Level,
  scope: Digest,
  tag: string | undefined,
  onError?: (error: unknown) => void,
): Promise<number> {
  const mark = scopeMark(scope);
  if (tag === undefined) return level.clear({ tag: mark }, onError);
  return level.removeWhere((entry) => {
    const tags = tagsOf(entry);
    return tags.includes(mark) && tags.includes(tag);
  });
}
