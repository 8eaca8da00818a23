/** What one process says of itself to whoever watches many: its metrics, and its durations in a form that can be added up. */
import type { HistogramParts } from "../../core/histogram.ts";
import type { MetricsSnapshot } from "../metrics-snapshot.ts";

export interface SharedMetrics {
  readonly name: string;
  readonly pid: number;
  /** Of the machine; absent over a socket, which is of this one. */
  readonly host?: string | undefined;
  readonly metrics: MetricsSnapshot;
  /** All lookups since metrics began: quantiles cannot be added up, what they are made of can. */
  readonly lookups?: HistogramParts | undefined;
}
