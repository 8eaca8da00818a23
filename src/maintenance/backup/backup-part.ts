/**
 * A part of a backup: one place that keeps something, seen as a stream of records. Cache tiers, the history and anything that can be
 * listed are parts; the file knows nothing of what a record holds, except whose it is.
 */
import type { CallOptions, MaybePromise } from "../../core/abort.ts";
import type { ForgottenOwners } from "./forgotten-owners.ts";
import type { OwnerMark } from "./owner-mark.ts";

export interface BackupRecord {
  /** Whose it is, wider scopes included; nobody's record is never forgotten. */
  readonly owners: readonly OwnerMark[];
  readonly body: Buffer;
}

/** Takes one record, in one piece or several; resolves when there is room for the next. */
export type PutRecord = (owners: readonly OwnerMark[], ...body: readonly (Uint8Array | string)[]) => MaybePromise<void>;

/** How a part is restored. */
export interface RestorePartOptions extends CallOptions {
  /** Unix ms: when the backup was begun. */
  readonly createdAt: number;
  /** Unix ms. */
  readonly now: number;
  /** Who was forgotten since then. The records of these are left out before a part sees them. */
  readonly forgotten: ForgottenOwners;
}

/** What became of the records of a part. */
export interface RestoredPart {
  /** Written to the target. */
  readonly restored: number;
  /** Not written: the target has them, or newer ones. */
  readonly present: number;
  /** Not written: their time has come. */
  readonly expired: number;
  /** Not written: the target holds something else in their place, or they cannot be used. */
  readonly refused: number;
}

export interface BackupPart {
  /** Sets it apart within a backup, and names where it goes: letters, digits and `: . _ -`, 64 characters at most. */
  readonly name: string;
  /** What its records are. A part is restored into parts of the same kind only. */
  readonly kind: string;
  /** Of its records; a release restores its own and older ones. */
  readonly version: number;
  /** Hands over every record. What is written meanwhile may or may not be among them, unless the part says more. */
  backup(put: PutRecord, options: CallOptions): Promise<void>;
  /** Writes records; doing it again changes nothing. Batches are of about a megabyte. Other parts may be restored meanwhile. */
  restore(batches: AsyncIterable<readonly BackupRecord[]>, options: RestorePartOptions): Promise<RestoredPart>;
  /** Who was forgotten, as far as this place knows. A backup carries it on. */
  forgotten?(options: CallOptions): Promise<ForgottenOwners>;
}
