/** Counts of the semantic step, and the snapshot that `stats().semantic` gives. */
import type { SemanticEventReason, SemanticLookupEvent, SemanticPart } from "../../core/events.ts";
import { Histogram } from "../../core/histogram.ts";

/** What came out where the step served nothing but could tell afterwards. */
export interface Verdicts {
  /** The cached answer was right, as far as `sameAnswer` tells. */
  readonly right: number;
  readonly wrong: number;
}

export interface SemanticStats {
  /** Calls that the exact tiers missed and that were compared by meaning. */
  readonly lookups: number;
  /** Served as they were. */
  readonly hits: number;
  /** Served rewritten. */
  readonly adapted: number;
  /** Would have been served: shadow mode, traffic beyond the share, audits. */
  readonly withheld: number;
  /** What the model's own answers say of those that were withheld. */
  readonly withheldWere: Verdicts;
  /** Why, for every lookup. */
  readonly reasons: Readonly<Partial<Record<SemanticEventReason, number>>>;
  /** Failed calls, by part. */
  readonly faults: Readonly<Partial<Record<SemanticPart, number>>>;
  /** Questions that were remembered. */
  readonly written: number;
  /** Questions whose vectors could not be kept. */
  readonly dropped: number;
  /** Paraphrases that became further questions of an answer. */
  readonly aliases: number;
  /** What people said. */
  readonly feedback: Verdicts;
  /** Milliseconds of one step, embedding included; without verifier and adapter. */
  readonly p50: number | undefined;
  /** The same for the slowest in a hundred. */
  readonly p99: number | undefined;
}

export class SemanticCounters {
  readonly steps: Histogram = new Histogram();
  readonly withheldWere = { right: 0, wrong: 0 };
  readonly feedback = { right: 0, wrong: 0 };
  aliases = 0;
  readonly #outcomes: Record<SemanticLookupEvent["outcome"], number> = { served: 0, adapted: 0, withheld: 0, missed: 0 };
  readonly #reasons: Partial<Record<SemanticEventReason, number>> = {};
  readonly #faults: Partial<Record<SemanticPart, number>> = {};
  #skipped = 0;

  lookup(outcome: SemanticLookupEvent["outcome"], reason: SemanticEventReason): void {
    this.#outcomes[outcome]++;
    this.#reasons[reason] = (this.#reasons[reason] ?? 0) + 1;
  }

  /** Not looked up at all. */
  skipped(reason: SemanticEventReason): void {
    this.#skipped++;
    this.lookup("missed", reason);
  }

  fault(part: SemanticPart): void {
    this.#faults[part] = (this.#faults[part] ?? 0) + 1;
  }

  snapshot({ written, dropped }: { readonly written: number; readonly dropped: number }): SemanticStats {
    const { served, adapted, withheld, missed } = this.#outcomes;
    return {
      lookups: served + adapted + withheld + missed - this.#skipped,
      hits: served,
      adapted,
      withheld,
      withheldWere: { ...this.withheldWere },
      reasons: { ...this.#reasons },
      faults: { ...this.#faults },
      written,
      dropped,
      aliases: this.aliases,
      feedback: { ...this.feedback },
      p50: this.steps.quantile(0.5),
      p99: this.steps.quantile(0.99),
    };
  }
}
