import { digest } from "../core/key.ts";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { parseDuration, refuseUnknown, type Duration } from "../core/options.ts";
import { toPlain, type Json } from "../core/plain.ts";
import { SingleFlight } from "../core/single-flight.ts";
import { valuesOf, type Place } from "./json-values.ts";
import { parseTags } from "./tags.ts";
import type { TieredCache } from "./tiered-cache.ts";

export interface CachedOptions<A extends readonly unknown[]> {
  readonly cache: TieredCache;
  /** How long a result lives; default: the cache's own. */
  readonly ttl?: Duration | undefined;
  /** Tells this function from others in the same cache; default the function's name. Needed for a function without one. */
  readonly keyPrefix?: string | undefined;
  /** What the result depends on; default: all arguments, which must then be plain JSON values. */
  readonly key?: ((...args: A) => Json) | undefined;
  readonly tags?: readonly string[] | undefined;
}

/**
 * Memoises any async function through the tiers of a cache. Identical calls of one scope that overlap run once, also in processes
 * that share a Redis tier; a failure is given to all who wait and is not stored; a result that cannot be stored (it is no plain
 * JSON value) is returned and not stored. Every caller has a copy of its own of what is stored.
 *
 * @example
 * ```ts
 * const search = cached(searchTheWeb, { cache, ttl: "1h" });
 * ```
 * @throws {@link StrataConfigError} naming the option; the returned function rejects with {@link StrataError} `UNSTORABLE` for
 * arguments that are no plain values when there is no `key`
 */
export function cached<A extends readonly unknown[], R>(
  fn: (...args: A) => Promise<R>,
  options: CachedOptions<A>,
): (...args: A) => Promise<R> {
  refuseUnknown("cached", options, ["cache", "ttl", "keyPrefix", "key", "tags"]);
  if (typeof fn !== "function") throw new StrataConfigError("fn", fn, "a function that gives a promise");
  const { ttl, tags, key } = options;
  const values = valuesOf(options.cache);
  const prefix: unknown = options.keyPrefix ?? fn.name;
  if (typeof prefix !== "string" || prefix === "") {
    throw new StrataConfigError("cached.keyPrefix", prefix, "a text, which a function without a name needs");
  }
  if (key !== undefined && typeof key !== "function") throw new StrataConfigError("cached.key", key, "a function");
  if (ttl !== undefined) parseDuration("cached.ttl", ttl);
  if (tags !== undefined) parseTags("cached.tags", tags);
  const flights = new SingleFlight<Made<R>>();

  async function make(place: Place, args: A): Promise<Made<R>> {
    const stored = ((await values.read(place)) ?? (await values.findElsewhere(place))) as { value?: Json } | undefined;
    if (stored !== undefined) return { value: stored.value as R, isStored: true };
    let isStored = false;
    try {
      const value = await fn(...args);
      // Boxed, so that `undefined`, which JSON lacks, is a result like any other.
      const box = value === undefined ? {} : { value: value as Json };
      isStored = await isDone(values.write(place, box, { ttl, tags }));
      return { value, isStored };
    } finally {
      if (!isStored) values.giveUp(place);
    }
  }

  return async (...args) => {
    const name = digest("cached", prefix, JSON.stringify(toPlain(key === undefined ? args : key(...args), "arguments")));
    // With the scope: the same arguments from another tenant are another call.
    const place = values.place(name);
    let leads = false;
    const { value, isStored } = await flights.run(place.key, () => {
      leads = true;
      return make(place, args);
    });
    return leads || !isStored ? value : structuredClone(value);
  };
}

interface Made<R> {
  readonly value: R;
  readonly isStored: boolean;
}

/** Whether it could be stored: what JSON does not have, or what comes after `close()`, is returned all the same. */
async function isDone(writing: Promise<void>): Promise<boolean> {
  try {
    await writing;
    return true;
  } catch (error) {
    if (StrataError.isInstance(error)) return false;
    throw error;
  }
}
