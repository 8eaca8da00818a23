import { digest } from "../core/key.ts";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { refuseUnknown, type Duration } from "../core/options.ts";
import { toPlain, type Json } from "../core/plain.ts";
import { SingleFlight } from "../core/single-flight.ts";
import type { TieredCache } from "./tiered-cache.ts";

export interface CachedOptions<A extends readonly unknown[]> {
  readonly cache: TieredCache;
  /** How long a result lives; default: for ever. */
  readonly ttl?: Duration | undefined;
  /** Tells this function from others in the same cache; default the function's name. Needed for a function without one. */
  readonly keyPrefix?: string | undefined;
  /** What the result depends on; default: all arguments, which must then be plain JSON values. */
  readonly key?: ((...args: A) => Json) | undefined;
  readonly tags?: readonly string[] | undefined;
}

/**
 * Memoises any async function through the tiers of a cache. Identical calls that overlap run once; a failure is given to all who
 * wait and is not stored; a result that cannot be stored (see {@link toPlain}) is returned and not stored.
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
  const { cache, ttl, tags, key } = options;
  const prefix = options.keyPrefix ?? fn.name;
  if (prefix === "") throw new StrataConfigError("cached.keyPrefix", prefix, "a text, for a function without a name");
  const flights = new SingleFlight<R>();

  return async (...args) => {
    const name = digest("cached", prefix, JSON.stringify(toPlain(key === undefined ? args : key(...args), "arguments")));
    return flights.run(name, async () => {
      const stored = await cache.get<{ value?: Json }>(name);
      if (stored !== undefined) return stored.value as R;
      const value = await fn(...args);
      try {
        // Boxed, so that `undefined`, which JSON lacks, is a result like any other.
        await cache.set(name, value === undefined ? {} : { value: value as Json }, {
          ...(ttl !== undefined && { ttl }),
          ...(tags !== undefined && { tags }),
        });
      } catch (error) {
        if (!StrataError.isInstance(error)) throw error;
      }
      return value;
    });
  };
}
