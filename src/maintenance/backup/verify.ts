import type { CallOptions } from "../../core/abort.ts";
import { refuseUnknown } from "../../core/options.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { signerOf, type BackupKey, type BackupSignature } from "./backup-key.ts";
import { BackupReader } from "./backup-reader.ts";
import type { BackupManifest } from "./manifest.ts";

export interface VerifyBackupOptions extends CallOptions {
  readonly from: string;
  /** Without it a signed backup is checked for damage only. */
  readonly key?: BackupKey | undefined;
}

export interface BackupVerification {
  readonly id: string;
  readonly system: string | undefined;
  /** Unix ms: when it was begun. */
  readonly createdAt: number;
  /** How it is signed. */
  readonly signature: BackupSignature;
  /** Whether the signatures were checked. When not, only damage was looked for. */
  readonly authentic: boolean;
  readonly parts: ReadonlyArray<{
    readonly name: string;
    readonly kind: string;
    readonly records: number;
    /** Before compression. */
    readonly bytes: number;
  }>;
}

/**
 * Reads a backup from beginning to end, and writes nothing: every frame is in its place, as it was written, signed with the key, and
 * can be inflated into the records that it counts.
 * @throws {@link StrataError} `CORRUPT` when anything of that does not hold, `UNAVAILABLE` when the file cannot be read
 */
export async function verifyBackup(options: VerifyBackupOptions): Promise<BackupVerification> {
  refuseUnknown("verifyBackup", options, ["from", "key", "signal"]);
  if (typeof options.from !== "string") throw new StrataConfigError("verifyBackup.from", options.from, "the path of a file");
  const signer = signerOf("verifyBackup.key", options.key);
  const { manifest, parts } = await readWhole(options.from, signer, options.signal);
  const { id, system, createdAt, signature } = manifest;
  return { id, system, createdAt, signature, authentic: signature !== "none" && signer.kind === signature, parts };
}

/** Reads everything once, and says what there is. @throws {@link StrataError} `CORRUPT` */
export async function readWhole(
  path: string,
  signer: ReturnType<typeof signerOf>,
  signal: AbortSignal | undefined,
): Promise<{ readonly manifest: BackupManifest; readonly parts: BackupVerification["parts"] }> {
  const reader = await BackupReader.open(path, signer);
  try {
    const parts: BackupVerification["parts"][number][] = [];
    for (const { name, kind } of reader.manifest.parts) {
      const part = reader.part();
      let step = await part.next();
      while (step.done !== true) {
        signal?.throwIfAborted();
        step = await part.next();
      }
      parts.push({ name, kind, records: step.value.records, bytes: step.value.bytes });
    }
    await reader.finish();
    return { manifest: reader.manifest, parts };
  } finally {
    await reader.close();
  }
}
