import type { MaybePromise } from "../../src/core/abort.ts";
import type { Digest } from "../../src/core/key.ts";
import type { CacheTier, TierEntry } from "../../src/cache/tier.ts";

type Operation = "get" | "set" | "delete" | "clear" | "close";

export interface ScriptedTier extends CacheTier {
  /** What is stored, as bytes that nobody else holds: such a tier keeps nothing by reference. */
  readonly held: Map<Digest, TierEntry>;
  /** Every operation so far, in order. */
  readonly calls: Operation[];
  /** In place of an operation, what is here runs; `pass` is the operation itself. */
  script: { [operation in Operation]?: ((pass: () => unknown) => unknown) | undefined };
}

/** A tier over a map whose every operation can be made to throw, hang, come late or lie. It answers synchronously unless told otherwise. */
export function scriptedTier(options: Partial<CacheTier> & { readonly name: string }): ScriptedTier {
  const held = new Map<Digest, TierEntry>();
  const calls: Operation[] = [];

  function run<T>(operation: Operation, pass: () => T): MaybePromise<T> {
    calls.push(operation);
    const scripted = tier.script[operation];
    return scripted === undefined ? pass() : (scripted(pass) as T);
  }

  const tier: ScriptedTier = {
    ...options,
    held,
    calls,
    script: {},
    get: (keys) => run("get", () => keys.map((key) => copyOf(held.get(key)))),
    set: (entries) =>
      run("set", () => {
        for (const entry of entries) held.set(entry.key, { ...entry, value: Uint8Array.from(entry.value), decoded: undefined });
      }),
    delete: (keys) => run("delete", () => keys.filter((key) => held.delete(key)).length),
    clear: (filter) =>
      run("clear", () => {
        let removed = 0;
        for (const [key, entry] of held) {
          if (filter?.scope !== undefined && entry.scope !== filter.scope) continue;
          if (filter?.tag !== undefined && entry.tags?.includes(filter.tag) !== true) continue;
          held.delete(key);
          removed++;
        }
        return removed;
      }),
    async *entries() {
      yield* held.values();
    },
    stats: () => ({ entries: held.size, bytes: undefined, evicted: 0 }),
    close: () => run("close", () => undefined),
  };
  return tier;
}

/** As an engine gives it back: the bytes and when they end, nothing that was noted on the entry. */
function copyOf(entry: TierEntry | undefined): TierEntry | undefined {
  if (entry === undefined) return undefined;
  return { key: entry.key, value: Uint8Array.from(entry.value), expiresAt: entry.expiresAt };
}

/** Never settles. */
export function hang(): Promise<never> {
  return new Promise(() => undefined);
}
