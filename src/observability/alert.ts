import type { AlertSeverity } from "./alert-rule.ts";

/** What is told. Numbers and names of rules and metrics; nothing of a prompt or a user. */
export interface Alert {
  readonly state: "firing" | "resolved";
  readonly rule: string;
  readonly metric: string;
  readonly severity: AlertSeverity;
  readonly value: number;
  readonly threshold: number;
  readonly direction: "above" | "below";
  /** The metric was taken over so long, ms. */
  readonly windowMs: number;
  /** When it began to be wrong, ISO 8601. */
  readonly since: string;
  readonly at: string;
  /** One sentence. */
  readonly message: string;
  readonly note?: string;
}
