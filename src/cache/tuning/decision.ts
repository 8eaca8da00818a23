import type { TuningSetting } from "./tunable.ts";

/** What tuning decided, and why. */
export interface TuningDecision {
  /** Counts up from 1. */
  readonly number: number;
  /** Unix ms. */
  readonly at: number;
  /**
   * `"advise"`: it would be better so, and nothing was changed. `"step"`: changed, on trial. `"keep"`: the trial was passed. `"revert"`: it
   * lost, and was taken back. `"relax"`: a step back towards the settings that were given, which costs nothing any more. `"undo"`:
   * somebody asked for the settings that were given.
   */
  readonly action: "advise" | "step" | "keep" | "revert" | "relax" | "undo";
  /** `"all"` where everything goes back. */
  readonly setting: TuningSetting | "all";
  readonly from: string;
  readonly to: string;
  /** Hit rate that the ghosts foretell, as a difference in points; a hit below the first tier counts as 0.9. */
  readonly predicted?: number;
  /** The same difference as it was seen, against a ghost of the settings before. */
  readonly observed?: number;
  /** Lookups of the sample that it rests on. */
  readonly samples: number;
  /** In words. */
  readonly reason: string;
}
