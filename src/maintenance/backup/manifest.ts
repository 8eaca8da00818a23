/** What a backup says of itself in its first frame, and of each part and of the whole at their ends. */
import type { Digest } from "../../core/key.ts";
import type { BackupSignature } from "./backup-key.ts";
import { corrupt } from "./frame.ts";

export interface BackupManifest {
  /** Of the file; see `frame.ts`. */
  readonly format: 1;
  /** Random; two backups never share it. */
  readonly id: string;
  /** Whose backup it is: what `backup({ system })` was given; `undefined` = anybody's. */
  readonly system?: string | undefined;
  /** Unix ms: when it was begun. Everything in it was read after that. */
  readonly createdAt: number;
  readonly signature: BackupSignature;
  readonly parts: readonly ManifestPart[];
  /** Who had been forgotten by then: digest and Unix ms. Known to the target after a restore. */
  readonly forgotten: ReadonlyArray<readonly [Digest, number]>;
}

export interface ManifestPart {
  readonly name: string;
  readonly kind: string;
  readonly version: number;
}

/** In the last frame of a part. */
export interface PartEnd {
  readonly records: number;
  /** Bytes of its payloads before compression. */
  readonly bytes: number;
}

/** @throws {@link StrataError} `CORRUPT` for what no release writes */
export function readManifest(payload: Buffer): BackupManifest {
  const manifest = parse(payload) as Partial<BackupManifest> | null;
  const isManifest =
    manifest?.format === 1 &&
    typeof manifest.id === "string" &&
    typeof manifest.createdAt === "number" &&
    (manifest.system === undefined || typeof manifest.system === "string") &&
    Array.isArray(manifest.parts) &&
    manifest.parts.every((part) => typeof part?.name === "string" && typeof part.kind === "string" && part.version >= 1) &&
    Array.isArray(manifest.forgotten) &&
    manifest.forgotten.every((pair) => Array.isArray(pair) && typeof pair[0] === "string" && typeof pair[1] === "number");
  if (!isManifest) throw corrupt("its manifest is not one of this release");
  return manifest as BackupManifest;
}

/** @throws {@link StrataError} `CORRUPT` */
export function readPartEnd(payload: Buffer): PartEnd {
  const end = parse(payload) as Partial<PartEnd> | null;
  if (typeof end?.records !== "number" || typeof end.bytes !== "number") throw corrupt("the end of a part cannot be read");
  return end as PartEnd;
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch (cause) {
    throw corrupt("what it says of itself cannot be read", cause);
  }
}
