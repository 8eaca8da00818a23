/**
 * The last events one by one, where metrics only keep sums: decisions of the semantic step with their reasons, rerankings, and what
 * went wrong. Bounded rings in memory; like the events, they hold no prompt and no answer.
 */
import type { Observer, StrataEvent } from "../core/events.ts";
import { systemClock, type Clock } from "../core/clock.ts";
import { withExactHits } from "../core/exact-hits.ts";
import { parseClock, parseCount, refuseUnknown } from "../core/options.ts";
import type { RerankReport } from "../rerank/rerank-report.ts";

type EventOf<T extends StrataEvent["type"]> = Extract<StrataEvent, { type: T }>;

/** What is kept of an event: numbered through all that were seen. */
export interface Numbered {
  readonly number: number;
  /** Unix ms. */
  readonly at: number;
}

export interface RecentDecision extends Numbered {
  readonly event: EventOf<"semantic.lookup">;
  /** Names the hit that came of it, for `feedback()`. */
  readonly hitId: string | undefined;
  /** What a person said of it here. */
  readonly verdict: "right" | "wrong" | undefined;
}

export interface RecentRerank extends Numbered {
  readonly event: EventOf<"rerank">;
}

export interface RecentReport extends Numbered {
  readonly report: RerankReport;
}

/** A fault, or a change of state of a part. */
export interface RecentIncident extends Numbered {
  readonly part: string;
  readonly kind: "fault" | "off" | "on";
  readonly cause: string;
}

export interface RecentEventsOptions {
  /** How many of each kind are kept; default 500. */
  readonly limit?: number | undefined;
  readonly clock?: Clock | undefined;
}

export interface RecentEvents {
  /** Give it to every part, beside the observer of metrics. */
  readonly observer: Observer;
  /** The number of the newest event of any kind; 0 = none yet. */
  readonly newest: number;
  /** Newest first. */
  decisions(): readonly RecentDecision[];
  /** Newest first. */
  reranks(): readonly RecentRerank[];
  /** Newest first; only those that were given to `report`. */
  reports(): readonly RecentReport[];
  /** Newest first. */
  incidents(): readonly RecentIncident[];
  /** Keeps a report of `RerankCompressor.explain()` to be looked at. It holds the query and the beginnings of documents. */
  report(report: RerankReport): void;
  /** Notes a verdict beside the decision that it is about. */
  judged(hitId: string, verdict: "right" | "wrong"): void;
}

/** Reports hold texts, so fewer of them are kept. */
const MAX_REPORTS = 50;
/** A hit follows its decision at once; other calls may come between. */
const LOOK_BACK = 64;

/** @throws {@link StrataConfigError} naming the option */
export function recentEvents(options: RecentEventsOptions = {}): RecentEvents {
  refuseUnknown("recentEvents", options, ["limit", "clock"]);
  const limit = parseCount("limit", options.limit ?? 500);
  const clock = options.clock === undefined ? systemClock : parseClock(options.clock);
  const decisions: RecentDecision[] = [];
  const reranks: RecentRerank[] = [];
  const reports: RecentReport[] = [];
  const incidents: RecentIncident[] = [];
  let newest = 0;
  const next = (): Numbered => ({ number: ++newest, at: clock.now() });

  /** Only a hit by meaning comes of a decision. */
  function hit({ hitId, key, source }: EventOf<"cache.lookup">): void {
    if (source === "exact") return;
    const from = Math.max(0, decisions.length - LOOK_BACK);
    const place = decisions.findLastIndex(({ event }, at) => at >= from && event.key === key);
    const decision = decisions[place];
    if (decision === undefined || decision.hitId !== undefined) return;
    if (decision.event.outcome !== "served" && decision.event.outcome !== "adapted") return;
    decisions[place] = { ...decision, hitId };
  }

  function see(event: StrataEvent): void {
    if (event.type === "cache.lookup") {
      if (event.hitId !== undefined) hit(event);
    } else if (event.type === "semantic.lookup") {
      push(decisions, limit, { ...next(), event, hitId: undefined, verdict: undefined });
    } else if (event.type === "rerank") {
      push(reranks, limit, { ...next(), event });
    } else {
      const incident = incidentOf(event);
      if (incident !== undefined) push(incidents, limit, { ...next(), ...incident });
    }
  }

  return {
    // No decision comes before an exact hit.
    observer: withExactHits(see, () => undefined),
    get newest() {
      return newest;
    },
    decisions: () => decisions.toReversed(),
    reranks: () => reranks.toReversed(),
    reports: () => reports.toReversed(),
    incidents: () => incidents.toReversed(),
    report: (report) => push(reports, MAX_REPORTS, { ...next(), report }),
    judged(hitId, verdict) {
      const place = decisions.findLastIndex((decision) => decision.hitId === hitId);
      const decision = decisions[place];
      if (decision !== undefined) decisions[place] = { ...decision, verdict };
    },
  };
}

function push<T>(ring: T[], limit: number, item: T): void {
  ring.push(item);
  // Cut in lots: to shift one by one would move the whole ring at every event.
  if (ring.length > limit * 1.25) ring.splice(0, ring.length - limit);
}

/** Messages of faults are left out: an engine's may name what it was given. */
function incidentOf(event: StrataEvent): Pick<RecentIncident, "part" | "kind" | "cause"> | undefined {
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- every other event tells of ordinary work
  switch (event.type) {
    case "tier.fault":
      return { part: event.tier, kind: "fault", cause: `${event.operation}: ${event.code}` };
    case "tier.state":
      return { part: event.tier, kind: event.state, cause: "" };
    case "entry.rejected":
      return { part: event.tier, kind: "fault", cause: "entry-rejected" };
    case "semantic.fault":
      return { part: `semantic.${event.part}`, kind: "fault", cause: event.code };
    case "semantic.state":
      return { part: `semantic.${event.part}`, kind: event.state, cause: "" };
    case "history.fault":
      return { part: "history", kind: "fault", cause: `${event.operation}: ${event.code}` };
    case "history.dead-letter":
      return { part: "history", kind: "fault", cause: "dead-letter" };
    case "rerank.fault":
      return {
        part: event.reranker,
        kind: "fault",
        cause: event.status === undefined ? event.code : `${event.code} ${event.status}`,
      };
    case "rerank.state":
      return { part: event.reranker, kind: event.state === "open" ? "off" : "on", cause: "" };
    case "memory.fault":
      return { part: `memory.${event.part}`, kind: "fault", cause: event.code };
    default:
      return undefined;
  }
}
