/**
 * Which of several schedulers runs a job. A time of a job is taken once, for good: whoever takes it runs the job, the others pass that
 * time over, also when the job has ended long before they come. While it runs the taker renews its lease; once that is lost it must
 * stop, because somebody else may take the next time.
 *
 * A lock alone would not do: a job of a millisecond is over, and its lock free again, before a scheduler comes whose timer fired late.
 */
import type { CallOptions } from "../../core/abort.ts";

export interface ScheduleLease {
  /** Grows with each taking of the job: what comes with an older one came too late. */
  readonly token: number;
  /** Holds on for so long again; `false` when somebody else has the job by now. */
  renew(ms: number): Promise<boolean>;
  /** Lets others take the next time at once. The time that was taken stays taken. */
  end(): Promise<void>;
}

export interface ScheduleLeases {
  /**
   * Takes a time of a job, Unix ms.
   * @param ms how long it is held without a renewal
   * @returns `undefined` when that time or a later one was taken, or the job still runs elsewhere
   */
  take(job: string, slot: number, ms: number, options?: CallOptions): Promise<ScheduleLease | undefined>;
  close?(): Promise<void>;
}
