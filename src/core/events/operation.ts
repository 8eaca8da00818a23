/** What watches over the rest: alerts, scheduled maintenance, tuning. */
import type { StrataErrorCode } from "../errors.ts";

/** An alert fires, or is over. */
export interface AlertStateEvent {
  readonly type: "alert.state";
  readonly rule: string;
  readonly state: "firing" | "resolved";
  readonly severity: "info" | "warning" | "critical";
  readonly metric: string;
  readonly value: number;
}

/** An alert could not be told to whom it was meant for. */
export interface AlertFaultEvent {
  readonly type: "alert.fault";
  readonly rule: string;
  readonly channel: "webhook" | "callback";
  readonly code: StrataErrorCode | "ENGINE";
}

/** A scheduled job has come to its time, has got on, or has ended. */
export interface MaintenanceJobEvent {
  readonly type: "maintenance.job";
  /** The name that it was scheduled under. */
  readonly job: string;
  /** `passed`: another scheduler has this time. `partial`: the budget was used up. */
  readonly outcome: "started" | "progress" | "passed" | "complete" | "partial" | "failed";
  /** Done by this run so far. */
  readonly items: number;
  readonly ms: number;
  /** Of a failure. */
  readonly message?: string;
}

/** Auto-tuning has decided something; see `TuningDecision`. Of settings and figures only: no key, no text of a user. */
export interface TuningDecisionEvent {
  readonly type: "tuning.decision";
  readonly action: "advise" | "step" | "keep" | "revert" | "relax" | "undo";
  readonly setting: "size" | "eviction" | "compression" | "movement" | "ttl" | "all";
  readonly from: string;
  readonly to: string;
  /** Points of hit rate. */
  readonly predicted?: number;
  /** Points of hit rate. */
  readonly observed?: number;
  readonly samples: number;
  readonly reason: string;
}
