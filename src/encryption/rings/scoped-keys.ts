/**
 * Envelope encryption: each scope has a random data key, which lies in a small store, wrapped under a master key by AES-256-GCM. To
 * forget a user is to destroy one record: every value of theirs becomes noise, in every tier, table, replica and backup at once
 * ("cryptographic erase", NIST SP 800-88 Rev. 1, 2.5). To rotate the master key is to wrap the records anew; no value is touched.
 */
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import { isPromise, type MaybePromise } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { StrataError } from "../../core/errors.ts";
import type { Digest } from "../../core/key.ts";
import { parseClock, parseDuration, refuseUnknown, requireMethods, type Duration } from "../../core/options.ts";
import type { EncryptionKey, KeyRing, KeyScope } from "../key-ring.ts";
import type { KeyStore, WrappedKey } from "../key-store.ts";
import { readKeySet, type KeySet, type ReadKeys } from "../secret-key.ts";

export interface ScopedKeysOptions {
  /** The master keys: the current one wraps new data keys, the others unwrap old ones. */
  readonly master: KeySet;
  /** Where the wrapped keys lie: `fileKeyStore()`, `sqlKeyStore()`, `redisKeyStore()`. */
  readonly store: KeyStore;
  /** How long this process goes on reading values of a scope whose key another process dropped; default `"1m"`. */
  readonly trustFor?: Duration | undefined;
  /** For tests; default the machine's. */
  readonly clock?: Clock | undefined;
}

/** A ring whose keys can be dropped, and wrapped anew. */
export interface ScopedKeys extends KeyRing {
  /** Keys that are not wrapped under the current master key. */
  outdated(): AsyncIterable<WrappedKey>;
  /** Wraps a key under the current master key. @throws {@link StrataError} `UNAVAILABLE` when its master key is not here */
  rewrap(key: WrappedKey): MaybePromise<void>;
}

const [NONCE, TAG] = [12, 16];
const REMEMBERED = 10_000;

interface Known {
  readonly key: EncryptionKey;
  readonly until: number;
}

/**
 * A key for each scope, under a master key.
 * @throws {@link StrataConfigError} naming the option, never showing a key
 * @example
 * ```ts
 * const keys = scopedKeys({ master: keysFromFile("/etc/strata/master.json"), store: fileKeyStore({ path: ".strata/keys" }) });
 * ```
 */
export function scopedKeys(options: ScopedKeysOptions): ScopedKeys {
  refuseUnknown("scopedKeys", options, ["master", "store", "trustFor", "clock"]);
  const masters = readKeySet("scopedKeys.master", options.master);
  requireMethods(
    "scopedKeys.store",
    options.store,
    ["find", "add", "rewrap", "drop", "list"],
    "a key store, such as fileKeyStore()",
  );
  const clock = parseClock(options.clock);
  const trustMs = parseDuration("scopedKeys.trustFor", options.trustFor ?? "1m");
  return new ScopedKeyRing(masters, options.store, trustMs, clock);
}

class ScopedKeyRing implements ScopedKeys {
  readonly #masters: ReadKeys;
  readonly #store: KeyStore;
  readonly #trustMs: number;
  readonly #clock: Clock;
  readonly #known = new LRUCache<string, Known>({ max: REMEMBERED });

  constructor(masters: ReadKeys, store: KeyStore, trustMs: number, clock: Clock) {
    this.#masters = masters;
    this.#store = store;
    this.#trustMs = trustMs;
    this.#clock = clock;
  }

  current(whose: KeyScope): MaybePromise<EncryptionKey> {
    const found = this.#store.find(whose.scope);
    return isPromise(found) ? found.then((late) => this.#currentOf(late, whose)) : this.#currentOf(found, whose);
  }

  byId(id: string, scope: Digest): MaybePromise<EncryptionKey | undefined> {
    const known = this.#known.get(`${scope} ${id}`);
    if (known !== undefined && known.until > this.#clock.monotonic()) return known.key;
    const accept = (found: WrappedKey | undefined): EncryptionKey | undefined => {
      if (found?.id === id) return this.#unwrapped(found);
      this.#known.delete(`${scope} ${id}`);
      return undefined;
    };
    const found = this.#store.find(scope);
    return isPromise(found) ? found.then(accept) : accept(found);
  }

  drop(scope: Digest): MaybePromise<number> {
    const dropped = this.#store.drop(scope);
    // Which of the remembered ones lie within the scope is for the store to know; they are cheap to read anew.
    const forget = (count: number): number => {
      this.#known.clear();
      return count;
    };
    return isPromise(dropped) ? dropped.then(forget) : forget(dropped);
  }

  async *outdated(): AsyncIterable<WrappedKey> {
    for await (const key of this.#store.list()) if (key.master !== this.#masters.current.id) yield key;
  }

  rewrap(key: WrappedKey): MaybePromise<void> {
    const { secret } = this.#unwrap(key);
    return this.#store.rewrap(this.#wrap({ ...key }, secret.export()));
  }

  #currentOf(found: WrappedKey | undefined, { scope, within = [] }: KeyScope): MaybePromise<EncryptionKey> {
    if (found !== undefined) return this.#unwrapped(found);
    const id = randomBytes(12).toString("base64url");
    const made = this.#wrap({ id, scope, within, createdAt: this.#clock.now() }, randomBytes(32));
    const added = this.#store.add(made);
    return isPromise(added) ? added.then((first) => this.#unwrapped(first)) : this.#unwrapped(added);
  }

  #unwrapped(record: WrappedKey): EncryptionKey {
    const until = this.#clock.monotonic() + this.#trustMs;
    const name = `${record.scope} ${record.id}`;
    const key = this.#known.get(name)?.key ?? this.#unwrap(record);
    this.#known.set(name, { key, until });
    return key;
  }

  #wrap(record: Omit<WrappedKey, "master" | "wrapped">, secret: Buffer): WrappedKey {
    const { current } = this.#masters;
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv("aes-256-gcm", current.secret, nonce);
    cipher.setAAD(boundTo({ ...record, master: current.id }));
    const parts = [nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()];
    return { ...record, master: current.id, wrapped: Buffer.concat(parts).toString("base64url") };
  }

  #unwrap(record: WrappedKey): EncryptionKey {
    const master = this.#masters.byId.get(record.master);
    if (master === undefined) {
      throw new StrataError("UNAVAILABLE", `The master key "${record.master}" is not among the keys that were given.`);
    }
    const bytes = Buffer.from(record.wrapped, "base64url");
    try {
      const decipher = createDecipheriv("aes-256-gcm", master.secret, bytes.subarray(0, NONCE), { authTagLength: TAG });
      decipher.setAAD(boundTo(record));
      decipher.setAuthTag(bytes.subarray(-TAG));
      const secret = Buffer.concat([decipher.update(bytes.subarray(NONCE, -TAG)), decipher.final()]);
      return { id: record.id, secret: createSecretKey(secret) };
    } catch {
      throw new StrataError("CORRUPT", "A wrapped key does not fit its master key, or is damaged.");
    }
  }
}

/** A record moved to another scope, or renamed, does not unwrap. */
function boundTo({ id, scope, within, master }: Pick<WrappedKey, "id" | "scope" | "within" | "master">): Buffer {
  return Buffer.from(JSON.stringify(["strata-key-1", id, scope, within, master]));
}
