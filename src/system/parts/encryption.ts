import { join } from "node:path";
import type { EncryptionOptions } from "../../encryption/key-ring.ts";
import { scopedKeys } from "../../encryption/rings/scoped-keys.ts";
import { staticKeys } from "../../encryption/rings/static-keys.ts";
import { readKeyFile, type KeySet } from "../../encryption/secret-key.ts";
import { fileKeyStore } from "../../encryption/stores/file.ts";
import type { CheckedConfig } from "../config/read-config.ts";

/** How all parts encrypt what they store; `undefined` when they do not. Reads the file of keys, and opens nothing. */
export function encryptionPart({ encryption, data, clock }: CheckedConfig): EncryptionOptions | undefined {
  if (encryption === undefined) return undefined;
  const { keyFile, perScope = true, keyStore = join(data, "keys"), required } = encryption;
  const master = keyFile === undefined ? (encryption.keys as KeySet) : readKeyFile("encryption.keyFile", keyFile);
  if (!perScope) return { keys: staticKeys(master), required };
  const store = typeof keyStore === "string" ? fileKeyStore({ path: keyStore }) : keyStore;
  return { keys: scopedKeys({ master, store, clock }), required };
}
