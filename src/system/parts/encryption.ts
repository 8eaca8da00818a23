import { join } from "node:path";
import type { EncryptionOptions } from "../../encryption/key-ring.ts";
import { scopedKeys } from "../../encryption/rings/scoped-keys.ts";
import { staticKeys } from "../../encryption/rings/static-keys.ts";
import { readKeyFile, type KeySet } from "../../encryption/secret-key.ts";
import { fileKeyStore } from "../../encryption/stores/file.ts";
import { namedUnder } from "../config/named-under.ts";
import type { CheckedConfig } from "../config/read-config.ts";

/** How all parts encrypt what they store; `undefined` when they do not. Reads the file of keys, and opens nothing. */
export function encryptionPart({ encryption, data, clock }: CheckedConfig): EncryptionOptions | undefined {
  if (encryption === undefined) return undefined;
  const { keyFile, perScope = true, keyStore = join(data, "keys"), required } = encryption;
  const master = keyFile === undefined ? (encryption.keys as KeySet) : readKeyFile("encryption.keyFile", keyFile);
  const from = keyFile === undefined ? "keys" : "keyFile";
  const names = { "scopedKeys.master": from, staticKeys: from };
  if (!perScope) return { keys: namedUnder("encryption", () => staticKeys(master), names), required };
  const store = typeof keyStore === "string" ? fileKeyStore({ path: keyStore }) : keyStore;
  return { keys: namedUnder("encryption", () => scopedKeys({ master, store, clock }), names), required };
}
