/**
 * Scripted faults: a tier that fails call by call, as written down beforehand. Nothing is left to chance, so that a test that
 * fails does so again, and a reader sees what happened to which call.
 */
import type { CacheTier, TierEntry, TierHost } from "../cache/tier.ts";
import { isPromise, sleep, type CallOptions, type MaybePromise } from "../core/abort.ts";
import { systemClock, type Clock } from "../core/clock.ts";

/** What happens to one call. */
export type ChaosStep =
  | { readonly kind: "ok" }
  | { readonly kind: "fail"; readonly error: Error }
  | { readonly kind: "hang" }
  | { readonly kind: "delay"; readonly ms: number }
  | { readonly kind: "corrupt"; readonly bit: number | undefined };

/** What happens to the first, the second, … call of each operation; after the last step, every call is `ok`. */
export type ChaosScript = { readonly [Operation in ChaosOperation]?: readonly ChaosStep[] };

export type ChaosOperation = "get" | "set" | "delete" | "clear" | "entries" | "close";

export interface ChaosTier extends CacheTier {
  /** How often each operation was called so far. */
  readonly calls: { readonly [Operation in ChaosOperation]: number };
}

type Answer = ReadonlyArray<TierEntry | undefined>;

/** The call reaches the tier as if there were no script, in the same turn when the tier answers synchronously. */
export const ok: ChaosStep = { kind: "ok" };

/**
 * The call rejects and does not reach the tier.
 * @param reason an error, or a system code such as `"ECONNRESET"` that becomes the error's `code`
 */
export function fail(reason: Error | string = "EIO"): ChaosStep {
  return { kind: "fail", error: typeof reason === "string" ? Object.assign(new Error(reason), { code: reason }) : reason };
}

/** The call does not reach the tier and never ends, not even when its signal aborts: an engine that listens to nobody. */
export function hang(): ChaosStep {
  return { kind: "hang" };
}

/** The call reaches the tier after so many milliseconds of the host's clock; it rejects when its signal aborts meanwhile. */
export function delay(ms: number): ChaosStep {
  return { kind: "delay", ms };
}

/**
 * One bit of each value that the call carries is flipped, on the way in (`set`) or out (`get`, `entries`), in a copy.
 * @param bit counted from the first bit of the value, modulo its length; default the one in the middle
 */
export function corrupt(bit?: number): ChaosStep {
  return { kind: "corrupt", bit };
}

/**
 * Wraps a tier so that its calls fail as scripted.
 * @example
 * ```ts
 * const tier = chaos(memoryTier(), { get: [ok, fail("ECONNRESET"), hang(), delay(200), corrupt()] });
 * ```
 */
export function chaos(tier: CacheTier, script: ChaosScript): ChaosTier {
  const calls = { get: 0, set: 0, delete: 0, clear: 0, entries: 0, close: 0 };
  let clock: Clock = systemClock;

  function next(operation: ChaosOperation): ChaosStep {
    return script[operation]?.[calls[operation]++] ?? ok;
  }

  function play<T>(step: ChaosStep, call: () => MaybePromise<T>, options?: CallOptions): MaybePromise<T> {
    if (step.kind === "fail") return Promise.reject(step.error);
    if (step.kind === "hang") return new Promise<never>(() => undefined);
    if (step.kind === "delay") return sleep(clock, step.ms, options).then(call);
    return call();
  }

  return {
    name: tier.name,
    deadline: tier.deadline,
    writes: tier.writes,
    compression: tier.compression,
    calls,
    attach(host: TierHost) {
      clock = host.clock;
      tier.attach?.(host);
    },
    get(keys, options) {
      const step = next("get");
      const answer = play(step, () => tier.get(keys, options), options);
      if (step.kind !== "corrupt") return answer;
      const damage = (entries: Answer): Answer => entries.map((entry) => entry && damaged(entry, step));
      return isPromise(answer) ? answer.then(damage) : damage(answer);
    },
    set(entries, options) {
      const step = next("set");
      return play(
        step,
        () =>
          tier.set(
            entries.map((entry) => damaged(entry, step)),
            options,
          ),
        options,
      );
    },
    delete: (keys, options) => play(next("delete"), () => tier.delete(keys, options), options),
    clear: (filter, options) => play(next("clear"), () => tier.clear(filter, options), options),
    async *entries(options) {
      const step = next("entries");
      await play(step, () => undefined, options);
      for await (const entry of tier.entries(options)) yield damaged(entry, step);
    },
    configure: (limits) => tier.configure?.(limits),
    stats: () => tier.stats(),
    close: () => play(next("close"), () => tier.close()),
  };
}

/** A copy without the note of what the bytes decode to, which would hide the damage. */
function damaged(entry: TierEntry, step: ChaosStep): TierEntry {
  const bits = entry.value.byteLength * 8;
  if (step.kind !== "corrupt" || bits === 0) return entry;
  const bit = (step.bit ?? Math.floor(bits / 2)) % bits;
  const value = Buffer.from(entry.value);
  value[bit >> 3] = (value[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return { ...entry, value, decoded: undefined };
}
