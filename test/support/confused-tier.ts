import { isPromise, type MaybePromise } from "../../src/core/abort.ts";
import type { Digest } from "../../src/core/key.ts";
import type { CacheTier, TierEntry } from "../../src/cache/tier.ts";

/**
 * A real tier whose engine now and then answers another question than the one it was asked, as a connection does that has lost
 * count of its replies, a restored file, or a table that somebody has edited.
 * @param isConfused asked once for each read
 */
export function confusedTier(tier: CacheTier, isConfused: () => boolean): CacheTier {
  const owners = new Map<Digest, Digest | undefined>();

  /** A key of somebody else's. */
  function stranger(key: Digest): Digest | undefined {
    const owner = owners.get(key);
    for (const [other, scope] of owners) if (other !== key && scope !== owner) return other;
    return undefined;
  }

  const get: CacheTier["get"] = (keys, options) => {
    const [key = ""] = keys;
    const other = isConfused() ? stranger(key) : undefined;
    if (other === undefined) return tier.get(keys, options);
    const relabel = (found: ReadonlyArray<TierEntry | undefined>): ReadonlyArray<TierEntry | undefined> =>
      // What is kept by reference comes as it is; what is kept as bytes has no name of its own.
      found.map((entry) => (entry?.decoded === undefined && entry !== undefined ? { key, value: entry.value } : entry));
    const found: MaybePromise<ReadonlyArray<TierEntry | undefined>> = tier.get([other], options);
    return isPromise(found) ? found.then(relabel) : relabel(found);
  };
  const set: CacheTier["set"] = (entries, options) => {
    for (const { key, scope } of entries) owners.set(key, scope);
    // The newest come first: they are most likely to be there.
    if (owners.size > 50) owners.delete(owners.keys().next().value ?? "");
    return tier.set(entries, options);
  };
  return new Proxy(tier, {
    get(target, name) {
      if (name === "get") return get;
      if (name === "set") return set;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value as (...given: unknown[]) => unknown).bind(target) : value;
    },
  });
}
