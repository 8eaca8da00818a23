/**
 * Any tier with its values encrypted: what it is given, lists and drops is ciphertext to it, and plain to the store above. A whole
 * envelope is encrypted, after it was compressed: payload, tags and lengths inside go too.
 *
 * The tier still sees what it needs for its own work: digests of keys and scopes, the tags as it keeps them, lives, costs and sizes.
 */
import { isPromise, type CallOptions, type MaybePromise } from "../../core/abort.ts";
import { guardObserver, type Emit, type Observer } from "../../core/events.ts";
import type { Digest } from "../../core/key.ts";
import { refuseUnknown } from "../../core/options.ts";
import { GLOBAL_SCOPE } from "../../core/scope.ts";
import { parseEncryption, type EncryptionOptions } from "../../encryption/key-ring.ts";
import { REFUSALS, Sealer, type Opened } from "../../encryption/sealer.ts";
import type { DistributedFlight } from "../distributed-flight.ts";
import { scopesWithin } from "../tags.ts";
import { StrataConfigError } from "../../core/errors.ts";
import type { CacheTier, TierEntry, TierFilter, TierHost, TierReadOptions, TierSize } from "../tier.ts";

export interface EncryptedTierOptions extends EncryptionOptions {
  /** Told of values that are refused, as `entry.rejected`. */
  readonly observer?: Observer | undefined;
}

/** About what encryption adds to a value: header, nonce, tag. */
const SEALED_BYTES = 98;

/**
 * Encrypts what a tier stores. A value that cannot be decrypted is a miss: because its key was dropped, because it was changed or moved
 * to another key or scope, or because it is plain and `required` says that nothing may be.
 * @throws {@link StrataConfigError} for a tier that stores in a form of its own, such as `baseCacheTier()`, and naming the option
 * @example
 * ```ts
 * const tier = encryptedTier(diskTier({ path: ".strata/cache" }), { keys: staticKeys({ current: "a", keys: { a: key } }) });
 * ```
 */
export function encryptedTier(tier: CacheTier, options: EncryptedTierOptions): CacheTier {
  refuseUnknown("encryptedTier", options, ["keys", "required", "observer"]);
  const { keys, required, observer } = options;
  return new EncryptedTier(tier, parseEncryption("encryptedTier", { keys, required }), guardObserver(observer));
}

/** All tiers of a cache but those that end with the process, which have nothing at rest. */
export function encryptTiers(tiers: readonly CacheTier[], encryption: EncryptionOptions, emit: Emit): readonly CacheTier[] {
  return tiers.map((tier) =>
    tier.isVolatile === true || tier instanceof EncryptedTier ? tier : new EncryptedTier(tier, encryption, emit),
  );
}

/** The tier in which the ciphertext lies, for who copies values as they are: backups. */
export function tierAtRest(tier: CacheTier): CacheTier {
  return tier instanceof EncryptedTier ? tier.inner : tier;
}

/** How the values of a tier are encrypted; `undefined` when they are not. */
export function sealerOf(tier: CacheTier): Sealer | undefined {
  return tier instanceof EncryptedTier ? tier.sealer : undefined;
}

class EncryptedTier implements CacheTier {
  readonly inner: CacheTier;
  readonly sealer: Sealer;
  readonly expired?: NonNullable<CacheTier["expired"]>;
  readonly configure?: NonNullable<CacheTier["configure"]>;
  readonly charge?: NonNullable<CacheTier["charge"]>;
  readonly #emit: Emit;
  /** Writes that wait for a key: a removal that comes after them goes after them. */
  readonly #writing = new Set<Promise<void>>();

  constructor(inner: CacheTier, encryption: EncryptionOptions, emit: Emit) {
    if (inner.needsQuestion === true) {
      throw new StrataConfigError("encryption", inner.name, "tiers of this library's own form: this one cannot store ciphertext");
    }
    this.inner = inner;
    this.sealer = new Sealer(encryption);
    this.#emit = emit;
    if (inner.expired !== undefined) this.expired = inner.expired.bind(inner);
    if (inner.configure !== undefined) this.configure = inner.configure.bind(inner);
    const charge = inner.charge?.bind(inner);
    if (charge !== undefined) this.charge = (value, decoded) => charge(value + SEALED_BYTES, decoded);
  }

  get name(): string {
    return this.inner.name;
  }

  get deadline(): CacheTier["deadline"] {
    return this.inner.deadline;
  }

  get writes(): CacheTier["writes"] {
    return this.inner.writes;
  }

  get writeEvery(): CacheTier["writeEvery"] {
    return this.inner.writeEvery;
  }

  get reportsEvictions(): CacheTier["reportsEvictions"] {
    return this.inner.reportsEvictions;
  }

  get compression(): CacheTier["compression"] {
    return this.inner.compression;
  }

  get folder(): string | undefined {
    return this.inner.folder;
  }

  get flight(): DistributedFlight | undefined {
    return this.inner.flight;
  }

  get configurable(): CacheTier["configurable"] {
    return this.inner.configurable;
  }

  attach(host: TierHost): void {
    this.inner.attach?.({
      clock: host.clock,
      random: host.random,
      quotaBytes: host.quotaBytes,
      evicted: (entries) => {
        const opened = this.#openAll(entries);
        if (isPromise(opened))
          opened.then(
            (late) => host.evicted(present(late)),
            (error: unknown) => host.fault("get", error),
          );
        else host.evicted(present(opened));
      },
      fault: (operation, error) => host.fault(operation, error),
      recovered: () => host.recovered?.(),
      changed: (change) => host.changed?.(change),
    });
  }

  get(keys: readonly Digest[], options?: TierReadOptions): MaybePromise<ReadonlyArray<TierEntry | undefined>> {
    const found = this.inner.get(keys, options);
    return isPromise(found) ? found.then((late) => this.#openAll(late)) : this.#openAll(found);
  }

  set(entries: readonly TierEntry[], options?: CallOptions): MaybePromise<void> {
    const sealed = entries.map((entry) => this.#seal(entry));
    if (!sealed.some(isPromise)) return this.inner.set(sealed as TierEntry[], options);
    const writing = Promise.all(sealed).then((ready) => this.inner.set(ready, options));
    const settled = writing.catch(() => undefined).finally(() => this.#writing.delete(settled));
    this.#writing.add(settled);
    return writing;
  }

  delete(keys: readonly Digest[], options?: CallOptions): MaybePromise<number> {
    return this.#afterWrites(() => this.inner.delete(keys, options));
  }

  clear(filter?: TierFilter, options?: CallOptions): MaybePromise<number> {
    return this.#afterWrites(() => this.inner.clear(filter, options));
  }

  async *entries(options?: CallOptions): AsyncIterable<TierEntry> {
    for await (const entry of this.inner.entries(options)) {
      const opened = await this.sealer.open(entry.key, entry.value, entry.scope);
      if (!("refused" in opened)) yield { ...entry, value: opened.plain };
    }
  }

  stats(): TierSize {
    return this.inner.stats();
  }

  close(): MaybePromise<void> {
    return this.#afterWrites(() => this.inner.close());
  }

  #afterWrites<T>(work: () => MaybePromise<T>): MaybePromise<T> {
    return this.#writing.size === 0 ? work() : Promise.all(this.#writing).then(work);
  }

  #seal({ decoded: _decoded, decodedBytes: _bytes, ...entry }: TierEntry): MaybePromise<TierEntry> {
    const whose = { scope: entry.scope ?? GLOBAL_SCOPE, within: scopesWithin(entry.tags ?? []) };
    const value = this.sealer.seal(whose, entry.key, entry.value);
    return isPromise(value) ? value.then((late) => ({ ...entry, value: late })) : { ...entry, value };
  }

  #openAll(entries: ReadonlyArray<TierEntry | undefined>): MaybePromise<ReadonlyArray<TierEntry | undefined>> {
    const opened = entries.map((entry) => entry && this.#open(entry));
    return opened.some(isPromise) ? Promise.all(opened) : (opened as ReadonlyArray<TierEntry | undefined>);
  }

  #open(entry: TierEntry): MaybePromise<TierEntry | undefined> {
    const accept = (opened: Opened): TierEntry | undefined => {
      if (!("refused" in opened)) return { ...entry, value: opened.plain };
      const [tier, key] = [this.inner.name, entry.key.slice(0, 12)];
      this.#emit?.({ type: "entry.rejected", tier, reason: REFUSALS[opened.refused], key });
      // What is gone or plain may be readable to a process with other settings; what was forged is to nobody.
      if (opened.refused === "forged") void this.#discard(entry.key);
      return undefined;
    };
    const opened = this.sealer.open(entry.key, entry.value, entry.scope);
    return isPromise(opened) ? opened.then(accept) : accept(opened);
  }

  async #discard(key: Digest): Promise<void> {
    try {
      await this.inner.delete([key]);
    } catch {
      // A miss already; who asks again finds it again, and tries again.
    }
  }
}

function present(entries: ReadonlyArray<TierEntry | undefined>): TierEntry[] {
  return entries.filter((entry) => entry !== undefined);
}
