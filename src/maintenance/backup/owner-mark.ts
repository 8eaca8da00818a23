import type { Digest } from "../../core/key.ts";

/** The first characters of the digest of an owner or a scope, as envelopes carry them: enough to tell owners apart. */
export type OwnerMark = string;

/** How many characters of a digest a mark has. */
export const OWNER_MARK_LENGTH = 16;

export function ownerMark(digest: Digest): OwnerMark {
  return digest.slice(0, OWNER_MARK_LENGTH);
}
