/** What is worth waking somebody for, as data. */
import { StrataConfigError } from "../core/errors.ts";
import { parseChoice, parseCount, parseDuration, refuseUnknown, type Duration } from "../core/options.ts";
import { isSeriesName, SERIES, STRATEGIES, TIER_SERIES, type SeriesName, type TierSeries } from "./series.ts";

export type AlertSeverity = "info" | "warning" | "critical";

/** A series, or one for every tier that there is: `"tier.available:*"`. */
export type AlertMetric = SeriesName | `${TierSeries}:*`;

export interface AlertRule {
  /** Names the alert; unique among the rules. */
  readonly name: string;
  readonly metric: AlertMetric;
  /** Wrong when the metric is above this; either this or `below`. */
  readonly above?: number | undefined;
  /** Wrong when the metric is below this. */
  readonly below?: number | undefined;
  /**
   * The metric must come back to this before all is well again, so that one that hovers about the border does not fire again and again.
   * Default: a tenth of the border's own size inside of it.
   */
  readonly clear?: number | undefined;
  /** The metric is taken over so long; default `"5m"`. */
  readonly window?: Duration | undefined;
  /** It must be wrong for so long before the alert fires; default `"1m"`. `0` = at once. */
  readonly for?: Duration | undefined;
  /** It must be well for so long before the alert is over; default: as long as `for`. */
  readonly resolveAfter?: Duration | undefined;
  /** A ratio of fewer things within the window than this says nothing; default 1. */
  readonly atLeast?: number | undefined;
  /** Default `"warning"`. */
  readonly severity?: AlertSeverity | undefined;
  /** For whoever is woken: what it means, what to do. */
  readonly note?: string | undefined;
}

/** A rule with every part in place. */
export interface ParsedRule {
  readonly name: string;
  readonly metric: AlertMetric;
  readonly direction: "above" | "below";
  readonly threshold: number;
  readonly clear: number;
  readonly windowMs: number;
  readonly forMs: number;
  readonly resolveAfterMs: number;
  readonly atLeast: number;
  readonly severity: AlertSeverity;
  readonly note: string | undefined;
}

/** Rules that most caches can live with. Those whose parts are not used never have anything to tell, and never fire. */
export const DEFAULT_ALERT_RULES: readonly AlertRule[] = [
  {
    ...{ name: "low-hit-rate", metric: "hitRate", below: 0.15, window: "15m", for: "10m", atLeast: 100, severity: "info" },
    note: "Most calls reach the model. Look at what is bypassed, at the lives of entries, and whether prompts hold a date or an id.",
  },
  {
    ...{ name: "errors", metric: "errorRate", above: 0.05, window: "5m", for: "2m", atLeast: 50, severity: "warning" },
    note: "Parts of the cache fail; calls go on without them. The causes are in the metrics by part.",
  },
  {
    ...{ name: "low-similarity", metric: "semantic.similarity", below: 0.7, window: "1h", for: "10m", atLeast: 20 },
    note: "Answers are served for questions that are hardly alike. Raise the threshold, or use calibratedPolicy().",
  },
  {
    ...{
      name: "wrong-hits",
      metric: "semantic.wrongRate",
      above: 0.05,
      window: "24h",
      for: "5m",
      atLeast: 20,
      severity: "critical",
    },
    note: "Audits find wrong answers among those that are served by meaning. Raise the threshold, or set the step to shadow mode.",
  },
  {
    ...{ name: "history-lag", metric: "history.lag", above: 30_000, clear: 5_000, window: "1m", for: "1m", severity: "critical" },
    note: "Messages wait for PostgreSQL. Is it up, and is a writer running?",
  },
  {
    ...{ name: "slow-lookups", metric: "latency.p95", above: 250, window: "5m", for: "5m" },
    note: "Lookups take long; a slow tier can be given a shorter deadline.",
  },
  {
    ...{ name: "disk-full", metric: "disk.used", above: 0.9, clear: 0.85, window: "1m", for: "5m", severity: "critical" },
    note: "A disk on which tiers have their folders is nearly full. Lower maxBytes, or clear.",
  },
  {
    ...{ name: "tier-off", metric: "tier.available:*", below: 0.5, clear: 0.9, window: "1m", for: "1m" },
    note: "A tier is switched off because it fails; the others answer. It comes back by itself.",
  },
];

const PARTS = ["name", "metric", "above", "below", "clear", "window", "for", "resolveAfter", "atLeast", "severity", "note"];
/** How far inside of the border all is well again, as a share of its size. */
const HYSTERESIS = 0.1;
/** Notes are sent with every alert. */
const LONGEST_NOTE = 1_000;

/** @throws {@link StrataConfigError} naming the rule, the part, and what is accepted */
export function parseRules(rules: readonly AlertRule[]): ParsedRule[] {
  if (!Array.isArray(rules)) throw new StrataConfigError("alerts.rules", rules, "a list of rules");
  const parsed = (rules as readonly AlertRule[]).map(parseRule);
  for (const [index, { name }] of parsed.entries()) {
    if (parsed.findIndex((other) => other.name === name) < index) {
      throw new StrataConfigError(`rules[${index}].name`, name, "a name that no other rule has");
    }
  }
  return parsed;
}

function parseRule(rule: AlertRule, index: number): ParsedRule {
  refuseUnknown(`rules[${index}]`, rule, PARTS);
  const { name, metric, above, below, note } = rule;
  if (typeof name !== "string" || !/^[\w.:/ -]{1,100}$/.test(name)) {
    throw new StrataConfigError(`rules[${index}].name`, name, "1 to 100 letters, digits, spaces and any of _.:/-");
  }
  const of = (part: string): string => `rules.${name}.${part}`;
  if (!isAlertMetric(metric)) throw new StrataConfigError(of("metric"), metric, knownMetrics());
  if ((above === undefined) === (below === undefined)) {
    throw new StrataConfigError(
      of(above === undefined ? "above" : "below"),
      above ?? below,
      "a number for one of `above` and `below`",
    );
  }
  const direction = above === undefined ? "below" : "above";
  const threshold = parseFinite(of(direction), above ?? below);
  const inside = Math.abs(threshold) * HYSTERESIS * (direction === "above" ? -1 : 1);
  const clear = rule.clear === undefined ? threshold + inside : parseFinite(of("clear"), rule.clear);
  if (direction === "above" ? clear > threshold : clear < threshold) {
    throw new StrataConfigError(of("clear"), clear, `a number on the good side of ${threshold}`);
  }
  if (note !== undefined && (typeof note !== "string" || note.length > LONGEST_NOTE)) {
    throw new StrataConfigError(of("note"), note, `a text of up to ${LONGEST_NOTE} characters`);
  }
  const forMs = parseWait(of("for"), rule.for ?? "1m");
  return {
    ...{ name, metric, direction, threshold, clear, note, forMs },
    windowMs: parseDuration(of("window"), rule.window ?? "5m"),
    resolveAfterMs: rule.resolveAfter === undefined ? forMs : parseWait(of("resolveAfter"), rule.resolveAfter),
    atLeast: parseCount(of("atLeast"), rule.atLeast ?? 1, 0),
    severity: parseChoice(of("severity"), rule.severity ?? "warning", ["info", "warning", "critical"]),
  };
}

function parseWait(option: string, wait: Duration): number {
  return wait === 0 ? 0 : parseDuration(option, wait);
}

function parseFinite(option: string, value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value)) throw new StrataConfigError(option, value, "a number");
  return value;
}

function isAlertMetric(metric: unknown): metric is AlertMetric {
  return typeof metric === "string" && isSeriesName(metric);
}

function knownMetrics(): string {
  const tiers = Object.keys(TIER_SERIES).map((name) => `${name}:TIER`);
  const strategies = STRATEGIES.map((strategy) => `recalls:${strategy}`);
  return `one of the metrics ${[...Object.keys(SERIES), ...strategies, ...tiers].join(", ")}, with the name of a tier or * for TIER`;
}
