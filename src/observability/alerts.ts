/** Watches metrics, and tells when something is wrong, once, and when it is well again. */
import type { Clock } from "../core/clock.ts";
import { codeOf } from "../core/errors.ts";
import { guardObserver, type AlertFaultEvent, type Observer } from "../core/events.ts";
import { parseClock, parseDuration, parseFunction, refuseUnknown, requireMethods, type Duration } from "../core/options.ts";
import { DEFAULT_ALERT_RULES, parseRules, type AlertRule, type AlertSeverity, type ParsedRule } from "./alert-rule.ts";
import type { Alert } from "./alert.ts";
import { AlertMachine, type AlertPhase } from "./alert-state.ts";
import { parseWebhook, type AlertWebhook } from "./alert-webhook.ts";
import type { Metrics } from "./metrics.ts";
import type { SeriesName } from "./series.ts";

/** One rule on one metric, as it stands. */
export interface AlertStatus {
  readonly rule: string;
  readonly metric: string;
  readonly severity: AlertSeverity;
  readonly phase: AlertPhase;
  /** At the last look; `null` when the metric had nothing to tell. */
  readonly value: number | null;
  readonly threshold: number;
  readonly direction: "above" | "below";
  /** Unix ms; `null` while nothing is wrong. */
  readonly since: number | null;
  readonly note?: string;
}

export interface AlertsOptions {
  readonly metrics: Metrics;
  /** Told of every alert; what it throws or rejects with is an event. */
  readonly onAlert?: ((alert: Alert) => void | Promise<void>) | undefined;
  readonly webhook?: AlertWebhook | undefined;
  /** How often the rules are looked at; default `"15s"`. */
  readonly every?: Duration | undefined;
  /** Told of alerts, and of those that could not be delivered, as events. */
  readonly observer?: Observer | undefined;
  readonly clock?: Clock | undefined;
  /** For pauses between tries; default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

export interface Alerts {
  /** Every rule as it stands, those that fire first. */
  status(): readonly AlertStatus[];
  /** Looks at all rules now. */
  check(): void;
  /** Resolves when every alert so far has been told, or given up. */
  flush(): Promise<void>;
  /** Ends the looking, and what is being told. May be called twice. */
  close(): Promise<void>;
}

/** Alerts that wait for a slow webhook; beyond it the oldest is given up. */
const MAX_WAITING = 100;
/** Tiers that one rule is applied to. */
const MAX_MACHINES = 1_000;

/**
 * Begins to watch.
 * @param rules default `DEFAULT_ALERT_RULES`
 * @throws {@link StrataConfigError} naming the rule, the part, and what is accepted
 */
export function alerts(rules: readonly AlertRule[] | undefined, options: AlertsOptions): Alerts {
  const parsed = parseRules(rules ?? DEFAULT_ALERT_RULES);
  refuseUnknown("alerts", options, ["metrics", "onAlert", "webhook", "every", "observer", "clock", "random"]);
  const { metrics } = options;
  requireMethods(
    "alerts.metrics",
    metrics ?? null,
    ["value", "series", "observations"],
    "metrics, as createMetrics() gives them",
  );
  const clock = parseClock(options.clock);
  const random = parseFunction("alerts.random", options.random) ?? Math.random;
  const everyMs = parseDuration("alerts.every", options.every ?? "15s");
  const onAlert = parseFunction("alerts.onAlert", options.onAlert);
  const send = options.webhook === undefined ? undefined : parseWebhook(options.webhook, { clock, random });
  const emit = guardObserver(parseFunction("alerts.observer", options.observer));
  const machines = new Map<string, AlertMachine>();
  const ending = new AbortController();
  const waiting: Alert[] = [];
  const callbacks = new Set<Promise<void>>();
  let sending: Promise<void> | undefined;
  let cancel: (() => void) | undefined = clock.setTimer(everyMs, look, { background: true });

  function look(): void {
    cancel = clock.setTimer(everyMs, look, { background: true });
    check();
  }

  function check(): void {
    const known = metrics.series().map(({ name }) => name);
    for (const rule of parsed) {
      for (const metric of metricsOf(rule, known)) {
        const key = JSON.stringify([rule.name, metric]);
        const machine = machines.get(key) ?? new AlertMachine(rule, metric);
        if (machines.size < MAX_MACHINES) machines.set(key, machine);
        const since = machine.since;
        const turn = machine.take(valueOf(rule, metric, known), clock.monotonic());
        if (turn !== undefined) tell(machine, turn, machine.since ?? since);
      }
    }
  }

  function valueOf({ windowMs, atLeast }: ParsedRule, metric: SeriesName, known: readonly SeriesName[]): number | null {
    // A tier that a rule names may not have been seen yet.
    if (!known.includes(metric) || metrics.observations(metric, windowMs) < atLeast) return null;
    return metrics.value(metric, windowMs);
  }

  function tell({ rule, metric, value }: AlertMachine, state: Alert["state"], since: number | undefined): void {
    const now = clock.now();
    const alert: Alert = {
      ...{ state, rule: rule.name, metric, severity: rule.severity, value: value ?? Number.NaN, threshold: rule.threshold },
      ...{ direction: rule.direction, windowMs: rule.windowMs },
      since: new Date(now - (clock.monotonic() - (since ?? clock.monotonic()))).toISOString(),
      at: new Date(now).toISOString(),
      message: sentence(rule, metric, value, state),
      ...(rule.note !== undefined && { note: rule.note }),
    };
    emit?.({ type: "alert.state", rule: rule.name, state, severity: rule.severity, metric, value: alert.value });
    if (onAlert !== undefined) {
      const done: Promise<void> = Promise.resolve(alert)
        .then(onAlert)
        .catch((error: unknown) => failed(alert, "callback", error))
        .finally(() => callbacks.delete(done));
      callbacks.add(done);
    }
    if (send === undefined) return;
    waiting.push(alert);
    const lost = waiting.length > MAX_WAITING ? waiting.shift() : undefined;
    if (lost !== undefined) emit?.({ type: "alert.fault", rule: lost.rule, channel: "webhook", code: "QUEUE_FULL" });
    sending ??= deliver(send).finally(() => (sending = undefined));
  }

  /** In their order: what is well again must not be told before it was wrong. */
  async function deliver(through: NonNullable<typeof send>): Promise<void> {
    for (let alert = waiting.shift(); alert !== undefined && !ending.signal.aborted; alert = waiting.shift()) {
      try {
        await through(alert, ending.signal);
      } catch (error) {
        failed(alert, "webhook", error);
      }
    }
  }

  function failed({ rule }: Alert, channel: AlertFaultEvent["channel"], error: unknown): void {
    if (!ending.signal.aborted) emit?.({ type: "alert.fault", rule, channel, code: codeOf(error) });
  }

  async function flush(): Promise<void> {
    await Promise.all([sending, ...callbacks]);
  }

  return {
    status: () => statusOf(parsed, machines, clock),
    check,
    flush,
    async close() {
      cancel?.();
      cancel = undefined;
      ending.abort();
      await sending;
    },
  };
}

/** A rule for all tiers stands for one on each. */
function metricsOf({ metric }: ParsedRule, known: readonly SeriesName[]): readonly SeriesName[] {
  if (!metric.endsWith(":*")) return [metric];
  const family = metric.slice(0, -1);
  return known.filter((name) => name.startsWith(family));
}

function statusOf(rules: readonly ParsedRule[], machines: ReadonlyMap<string, AlertMachine>, clock: Clock): AlertStatus[] {
  const seen = [...machines.values()];
  const unseen = rules
    .filter((rule) => !seen.some((machine) => machine.rule === rule))
    .map((rule) => new AlertMachine(rule, rule.metric));
  const order: Record<AlertPhase, number> = { firing: 0, pending: 1, ok: 2 };
  return [...seen, ...unseen]
    .map(({ rule, metric, phase, value, since }) => ({
      ...{ rule: rule.name, metric, severity: rule.severity, phase, value, threshold: rule.threshold, direction: rule.direction },
      since: since === undefined ? null : Math.round(clock.now() - (clock.monotonic() - since)),
      ...(rule.note !== undefined && { note: rule.note }),
    }))
    .toSorted((a, b) => order[a.phase] - order[b.phase]);
}

function sentence(
  { name, direction, threshold, clear }: ParsedRule,
  metric: string,
  value: number | null,
  state: Alert["state"],
): string {
  const is = value === null ? "not known" : String(Number(value.toPrecision(4)));
  if (state === "firing") return `${name}: ${metric} is ${is}, ${direction} ${threshold}.`;
  return `${name}: ${metric} is ${is}, well again (${direction === "above" ? "at most" : "at least"} ${Number(clear.toPrecision(4))}).`;
}
