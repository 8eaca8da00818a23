import type { CallOptions } from "../../core/abort.ts";
import { refuseUnknown } from "../../core/options.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { signerOf, type BackupKey, type BackupSignature } from "./backup-key.ts";
import { BackupReader, type PartPlace } from "./backup-reader.ts";

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
  const reader = await BackupReader.open(options.from, signer);
  try {
    const parts = await checkWhole(reader, options.signal);
    const { id, system, createdAt, signature } = reader.manifest;
    return {
      ...{ id, system, createdAt, signature, authentic: signature !== "none" && signer.kind === signature },
      parts: parts.map(({ name, kind, records, bytes }) => ({ name, kind, records, bytes })),
    };
  } finally {
    await reader.close();
  }
}

/** A part of a backup that was found whole. */
export interface CheckedPart {
  readonly name: string;
  readonly kind: string;
  readonly records: number;
  readonly bytes: number;
  readonly place: PartPlace;
}

/** Reads everything once, and says what there is and where. @throws {@link StrataError} `CORRUPT` */
export async function checkWhole(reader: BackupReader, signal: AbortSignal | undefined): Promise<readonly CheckedPart[]> {
  const parts: CheckedPart[] = [];
  for (const { name, kind } of reader.manifest.parts) {
    const { place } = reader;
    const { records, bytes } = await reader.checkPart(signal);
    parts.push({ name, kind, records, bytes, place });
  }
  await reader.finish();
  return parts;
}
