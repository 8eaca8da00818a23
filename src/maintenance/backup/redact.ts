import { rename } from "node:fs/promises";
import type { CallOptions } from "../../core/abort.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { signerOf, type BackupKey } from "./backup-key.ts";
import type { OwnerMark } from "./owner-mark.ts";
import { BackupReader } from "./backup-reader.ts";
import { BackupWriter } from "./backup-writer.ts";
import { corrupt } from "./frame.ts";

export interface RedactOptions extends CallOptions {
  /** The backup; it is replaced by one without these owners, in one step. */
  readonly path: string;
  /** The key that it was signed with; it is signed anew. */
  readonly key?: BackupKey | undefined;
  /** Whose records go. */
  readonly forgotten: ReadonlySet<OwnerMark>;
}

export interface RedactReport {
  /** Records left out. */
  readonly removed: number;
  /** Of the new file. */
  readonly bytes: number;
}

/**
 * Takes owners out of a backup that exists already: writes it anew without their records, then replaces it. The free space of the
 * file system may still hold the old bytes until they are written over; where that matters, the folder belongs on an encrypted disk.
 * @throws {@link StrataError} `CORRUPT` when the backup is damaged or signed with another key; it is left as it is then
 */
export async function redactBackup({ path, key, forgotten, signal }: RedactOptions): Promise<RedactReport> {
  const signer = signerOf("redactBackup.key", key);
  if (!signer.canSign) throw new StrataConfigError("redactBackup.key", "…", "the private key, which can sign");
  const reader = await BackupReader.open(path, signer);
  try {
    if (reader.manifest.signature !== signer.kind) throw corrupt("it is signed, and no key was given");
    const redacted = `${path}.redacted`;
    const writer = await BackupWriter.create(redacted, signer, reader.manifest);
    let removed = 0;
    try {
      for (let index = 0; index < reader.manifest.parts.length; index++) {
        for await (const batch of reader.part()) {
          signal?.throwIfAborted();
          for (const { owners, body } of batch) {
            if (owners.some((owner) => forgotten.has(owner))) removed++;
            else await writer.put(owners, body);
          }
        }
        await writer.endPart();
      }
      await reader.finish();
      await writer.finish();
    } catch (error) {
      await writer.discard();
      throw error;
    }
    await rename(redacted, path);
    return { removed, bytes: writer.size };
  } finally {
    await reader.close();
  }
}
