import type { Effort } from "../compressions/plan.ts";
import type { EvictionName } from "../eviction.ts";
import type { CachePlan } from "./plan.ts";

export type TuningSetting = "size" | "eviction" | "compression" | "movement" | "ttl";

/**
 * A setting that tuning may change: it names the plans that are one bounded step away, and puts one of them into effect. It knows
 * nothing of traffic; which step is worth it, ghosts say.
 */
export interface Tunable {
  readonly name: TuningSetting;
  /** What the setting is in a plan, in words. */
  current(plan: CachePlan): string;
  /**
   * Plans that differ from this one in this setting alone, by one step, within its bounds. A role names the same step at all times, so that
   * its ghost goes on when the plan changes; a step without effect is left out.
   */
  candidates(plan: CachePlan): readonly Candidate[];
  /** Makes the cache be as `to` says in this setting. At no moment are the bounds passed. */
  apply(from: CachePlan, to: CachePlan, controls: TuningControls): void;
}

/** A plan that may be better. */
export interface Candidate {
  readonly role: string;
  readonly setting: TuningSetting;
  readonly plan: CachePlan;
  /** What changes, in words: `"memory 64 MiB"` to `"memory 80 MiB"`. */
  readonly from: string;
  readonly to: string;
  /** How hard values would be packed, where that changes. */
  readonly compression?: { readonly from: Effort; readonly to: Effort } | undefined;
}

/** The cache's own settings, as tuning reads and changes them. */
export interface TuningControls {
  /** As it is now. */
  plan(): CachePlan;
  /** Of the plan, without asking the tiers. */
  readonly ttlMs: number | undefined;
  limit(tier: string, limits: { readonly maxBytes?: number; readonly eviction?: EvictionName }): void;
  compress(tier: string, effort: Effort): void;
  /** For what is stored from now on. */
  live(ttlMs: number | undefined): void;
  promoteAfter(hits: number): void;
}
