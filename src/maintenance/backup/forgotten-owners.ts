/**
 * Who was forgotten, and when; so that nobody comes back out of a backup.
 *
 * A backup that was begun after somebody was forgotten holds nothing of them but what came later. One that was begun before holds what
 * had to go, so all of theirs is left out. Hence one comparison: the time of forgetting against the time at which the backup began.
 */
import type { Digest } from "../../core/key.ts";
import { ownerMark, type OwnerMark } from "./owner-mark.ts";

/** Unix ms by the digest of an owner or a scope. */
export type ForgottenOwners = ReadonlyMap<Digest, number>;

/** Clocks of two machines may differ by so much; in doubt somebody stays forgotten. */
const CLOCK_SLACK_MS = 60_000;

/** Those whose records a backup of this time must not bring back. */
export function forgottenSince(forgotten: ForgottenOwners, createdAt: number): ReadonlySet<OwnerMark> {
  const since = new Set<OwnerMark>();
  for (const [owner, at] of forgotten) if (at >= createdAt - CLOCK_SLACK_MS) since.add(ownerMark(owner));
  return since;
}

/** The latest time of each. */
export function mergeForgotten(...all: readonly ForgottenOwners[]): ForgottenOwners {
  const merged = new Map<Digest, number>();
  for (const one of all) for (const [owner, at] of one) merged.set(owner, Math.max(at, merged.get(owner) ?? -Infinity));
  return merged;
}
