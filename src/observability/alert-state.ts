/**
 * One rule on one metric, from value to value. `ok` -> `pending` while it is wrong -> `firing` once it was wrong for long enough -> `ok`
 * once it was well, by a margin, for long enough. A value that is not known changes nothing of an alert that fires: silence is no
 * proof that all is well; what was only suspected is dropped.
 */
import type { ParsedRule } from "./alert-rule.ts";

export type AlertPhase = "ok" | "pending" | "firing";
export type AlertTurn = "firing" | "resolved" | undefined;

export class AlertMachine {
  readonly rule: ParsedRule;
  readonly metric: string;
  phase: AlertPhase = "ok";
  value: number | null = null;
  /** When it began to be wrong, on the monotonic clock. */
  since: number | undefined;
  #wellSince: number | undefined;

  constructor(rule: ParsedRule, metric: string) {
    this.rule = rule;
    this.metric = metric;
  }

  /** @returns what has become of it, where that is worth telling */
  take(value: number | null, now: number): AlertTurn {
    this.value = value;
    if (this.phase === "firing") return value === null ? undefined : this.#mayEnd(value, now);
    if (value === null || !this.#isBeyond(value, this.rule.threshold)) {
      this.phase = "ok";
      this.since = undefined;
      return undefined;
    }
    this.phase = "pending";
    this.since ??= now;
    if (now - this.since < this.rule.forMs) return undefined;
    this.phase = "firing";
    this.#wellSince = undefined;
    return "firing";
  }

  #mayEnd(value: number, now: number): AlertTurn {
    if (this.#isBeyond(value, this.rule.clear)) {
      this.#wellSince = undefined;
      return undefined;
    }
    this.#wellSince ??= now;
    if (now - this.#wellSince < this.rule.resolveAfterMs) return undefined;
    this.phase = "ok";
    this.since = undefined;
    return "resolved";
  }

  #isBeyond(value: number, border: number): boolean {
    return this.rule.direction === "above" ? value > border : value < border;
  }
}
