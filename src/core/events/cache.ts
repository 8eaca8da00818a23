/** What happens to the entries of the cache and its tiers. */
import type { StrataErrorCode } from "../errors.ts";

/** One lookup has ended. */
export interface CacheLookupEvent {
  readonly type: "cache.lookup";
  readonly outcome: "hit" | "miss";
  /** Where a hit was found. */
  readonly tier?: string;
  /** Whether the answer was awaited from another caller's model call. */
  readonly coalesced: boolean;
  /** Names a hit, for `feedback()`. */
  readonly hitId?: string;
  /** How a hit was found: by the question itself, or by one that means the same. */
  readonly source?: "exact" | "semantic" | "adapted";
  readonly ms: number;
  /** The first characters of the key digest: enough to follow one entry through a log. */
  readonly key: string;
  /** Model time that a hit saved. */
  readonly savedMs?: number;
  /** What the provider counted when the answer of a hit was made. */
  readonly saved?: SavedUsage;
}

/** What an answer took when a model made it. One object for all hits of an entry. */
export interface SavedUsage {
  /** As the provider names it; absent where it does not. */
  readonly model?: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** As the provider adds them up. */
  readonly tokens: number;
}

/** A value was accepted for storing. */
export interface CacheUpdateEvent {
  readonly type: "cache.update";
  readonly bytes: number;
  readonly key: string;
}

/** The cache stood aside. */
export interface CacheBypassEvent {
  readonly type: "cache.bypass";
  readonly reason: BypassReason;
}

export type BypassReason =
  | "model-unidentified"
  | "placeholder"
  | "no-scope"
  | "asked"
  | "bad-control"
  | "not-admitted"
  | "unstorable"
  | "too-large"
  | "forgotten"
  | "closed";

/** One call to a tier failed, and was answered as if the entry were not there. */
export interface TierFaultEvent {
  readonly type: "tier.fault";
  readonly tier: string;
  readonly operation: "get" | "set" | "delete" | "clear" | "close";
  /** The code of our error, or `ENGINE` for what the engine itself threw. */
  readonly code: StrataErrorCode | "ENGINE";
  readonly message: string;
}

/** A tier was switched off after failures, or is back. */
export interface TierStateEvent {
  readonly type: "tier.state";
  readonly tier: string;
  readonly state: "off" | "on";
  readonly message?: string;
}

/** A stored entry was found unusable, dropped, and counted as a miss. */
export interface EntryRejectedEvent {
  readonly type: "entry.rejected";
  readonly tier: string;
  readonly reason: string;
  readonly key: string;
}

/** An entry went to another tier. */
export interface EntryMovedEvent {
  readonly type: "entry.moved";
  readonly direction: "promoted" | "demoted";
  readonly from: string;
  readonly to: string;
  readonly key: string;
}

/** Entries were removed on request. */
export interface CacheClearedEvent {
  readonly type: "cache.cleared";
  readonly entries: number;
}
