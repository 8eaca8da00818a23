/** Encrypts and decrypts values for one place that stores them; what cannot be read is refused with its cause, never thrown. */
import { isPromise, type MaybePromise } from "../core/abort.ts";
import { StrataError } from "../core/errors.ts";
import type { Digest } from "../core/key.ts";
import type { EncryptionKey, EncryptionOptions, KeyRing, KeyScope } from "./key-ring.ts";
import { isSealed, openValue, readSealedHeader, sealValue } from "./sealed.ts";

/**
 * Why a stored value is not given: its key was dropped or is not among those given; it was encrypted for another place or scope, or was
 * changed; it is not encrypted although that is required.
 */
export type Refusal = "key-gone" | "forged" | "plain";

export type Opened = { readonly plain: Uint8Array; readonly keyId: string | undefined } | { readonly refused: Refusal };

/** In words, for events. */
export const REFUSALS: Readonly<Record<Refusal, string>> = {
  "key-gone": "A stored value cannot be used: its key is gone.",
  forged: "A stored value cannot be used: it was encrypted for another place or with another key, or was changed since.",
  plain: "A stored value cannot be used: it is not encrypted.",
};

export class Sealer {
  readonly keys: KeyRing;
  readonly #required: boolean;

  constructor({ keys, required = false }: EncryptionOptions) {
    this.keys = keys;
    this.#required = required;
  }

  /** @throws what the ring throws when there is no key to be had: nothing is ever stored in clear instead */
  seal(whose: KeyScope, place: string, plain: Uint8Array): MaybePromise<Buffer> {
    const key = this.keys.current(whose);
    const bound = { scope: whose.scope, place };
    return isPromise(key) ? key.then((late) => sealValue(late, bound, plain)) : sealValue(key, bound, plain);
  }

  /** @param scope whose the value should be; left out where the place cannot tell */
  open(place: string, value: Uint8Array, scope?: Digest): MaybePromise<Opened> {
    if (!isSealed(value)) return this.#required ? { refused: "plain" } : { plain: value, keyId: undefined };
    const header = readSealedHeader(value);
    if (header === undefined || (scope !== undefined && header.scope !== scope)) return { refused: "forged" };
    const read = (key: EncryptionKey | undefined): Opened => {
      if (key === undefined) return { refused: "key-gone" };
      const plain = openValue(key, place, value);
      return plain === undefined ? { refused: "forged" } : { plain, keyId: header.keyId };
    };
    const key = this.#keyOf(header.keyId, header.scope);
    return isPromise(key) ? key.then(read) : read(key);
  }

  /** A key that cannot be unwrapped is as good as gone; a store that cannot be asked is a fault, and thrown. */
  #keyOf(id: string, scope: Digest): MaybePromise<EncryptionKey | undefined> {
    const gone = (error: unknown): undefined => {
      if (StrataError.isInstance(error) && (error.code === "CORRUPT" || error.code === "UNAVAILABLE")) return undefined;
      throw error;
    };
    try {
      const key = this.keys.byId(id, scope);
      return isPromise(key) ? key.catch(gone) : key;
    } catch (error) {
      return gone(error);
    }
  }
}
