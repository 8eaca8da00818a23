import { refuseUnknown } from "../../core/options.ts";
import type { KeyRing } from "../key-ring.ts";
import { readKeySet, type KeySet } from "../secret-key.ts";

/**
 * Keys that the caller keeps: everything is encrypted under the current one, and read under any. A newer key is added and made
 * `current`; an older one is taken out once the task `reencryptValues` has nothing left to do.
 *
 * Nobody can be forgotten by a key here: `drop` has none to destroy. `scopedKeys` gives each scope its own.
 * @throws {@link StrataConfigError} naming the option, never showing a key
 * @example
 * ```ts
 * const keys = staticKeys({ current: "2026-11", keys: { "2026-11": randomBytes(32), "2026-05": older } });
 * ```
 */
export function staticKeys(options: KeySet): KeyRing {
  refuseUnknown("staticKeys", options, ["current", "keys"]);
  const { current, byId } = readKeySet("staticKeys", options);
  return { current: () => current, byId: (id) => byId.get(id), drop: () => 0 };
}
