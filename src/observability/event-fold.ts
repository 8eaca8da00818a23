/** Every event, put where it counts. The one place that knows all of them. */
import type { Clock } from "../core/clock.ts";
import type { StrataEvent } from "../core/events.ts";
import { BoundedCounts } from "./bounded-counts.ts";
import { CacheFold } from "./cache-fold.ts";
import type { ErrorMetrics, ErrorPart } from "./metrics-snapshot.ts";
import { EmbeddingsFold, HistoryFold, MemoryFold, RerankFold, SemanticFold } from "./parts-fold.ts";
import type { Prices } from "./prices.ts";

/** Kinds of failures told apart. */
const MAX_ERRORS = 200;

export class EventFold {
  readonly cache: CacheFold;
  readonly semantic: SemanticFold = new SemanticFold();
  readonly embeddings: EmbeddingsFold = new EmbeddingsFold();
  readonly history: HistoryFold;
  readonly memory: MemoryFold = new MemoryFold();
  readonly rerank: RerankFold = new RerankFold();
  errorCount = 0;
  readonly #errors = new BoundedCounts(MAX_ERRORS);

  constructor(clock: Clock, prices: Prices, activeWithinMs: number) {
    this.cache = new CacheFold(clock, prices);
    this.history = new HistoryFold(clock, activeWithinMs);
  }

  /** What an error rate is a share of. */
  get operations(): number {
    const { cache, memory, rerank, embeddings, history } = this;
    const { reranked, skipped, failed } = rerank.outcomes;
    return cache.lookups + memory.recalls + reranked + skipped + failed + embeddings.calls.count + history.latency.count;
  }

  error(part: ErrorPart, of: string, cause: string): void {
    this.errorCount++;
    this.#errors.add(JSON.stringify([part, of, cause]));
  }

  errors(): ErrorMetrics[] {
    return [...this.#errors.entries()].map(([key, count]) => {
      const [part, of, cause] = key.startsWith("[") ? (JSON.parse(key) as [ErrorPart, string, string]) : ["other", key, key];
      return { part: part as ErrorPart, of, cause, count };
    });
  }

  fold(event: StrataEvent): void {
    switch (event.type) {
      case "cache.lookup":
        return this.cache.lookup(event);
      case "cache.update":
        this.cache.writes++;
        this.cache.writtenBytes += event.bytes;
        return;
      case "cache.bypass":
        this.cache.bypasses++;
        return this.cache.bypassed.add(event.reason);
      case "tier.fault":
        this.cache.tier(event.tier).faults++;
        return this.error("tier", event.tier, event.code);
      case "tier.state":
        return this.cache.tier(event.tier).turn(event.state);
      case "entry.rejected":
        this.cache.rejected++;
        return this.error("tier", event.tier, "CORRUPT");
      case "entry.moved":
        this.cache[event.direction]++;
        return;
      case "cache.cleared":
        this.cache.cleared += event.entries;
        return;
      case "semantic.lookup":
        return this.semantic.lookup(event);
      case "semantic.fault":
        return this.error("semantic", event.part, event.code);
      case "semantic.state":
        return turn(this.semantic.off, event.part, event.state === "off");
      case "semantic.audit":
        this.semantic.audit[event.verdict]++;
        return;
      case "semantic.feedback":
        this.semantic.feedback[event.verdict]++;
        return;
      case "embeddings.lookup":
        return this.embeddings.lookup(event);
      case "embeddings.call":
        if (event.outcome === "failed") this.error("embeddings", event.kind, event.code ?? "ENGINE");
        return this.embeddings.call(event);
      case "history.append":
        if (event.outcome === "failed") this.error("history", "append", event.code ?? "ENGINE");
        return this.history.append(event);
      case "history.lag":
        return this.history.lag(event);
      case "history.fault":
        return this.error("history", event.operation, event.code);
      case "history.dead-letter":
        this.history.deadLetters++;
        return this.error("history", "dead-letter", "ENGINE");
      case "history.summary":
        this.history.summaries[event.outcome]++;
        if (event.outcome === "failed") this.error("history", "summary", event.code ?? "ENGINE");
        return;
      case "rerank":
        return this.rerank.rerank(event);
      case "rerank.fault":
        return this.error("rerank", event.reranker, event.code);
      case "rerank.state":
        return turn(this.rerank.off, event.reranker, event.state === "open");
      case "memory.recall":
        return this.memory.recall(event);
      case "memory.fault":
        return this.error("memory", event.part, event.code);
      case "rag.fault":
        return this.error("rag", event.part, event.code);
      case "alert.fault":
        return this.error("alerts", event.channel, event.code);
      case "tuning.decision":
        this.cache.tuning[event.action]++;
        return;
      case "alert.state":
      case "maintenance.job":
        return;
    }
  }
}

/** Names kept of what is off, at most. */
const MAX_OFF = 64;

function turn<T>(set: Set<T>, name: T, isOff: boolean): void {
  if (!isOff) set.delete(name);
  else if (set.size < MAX_OFF) set.add(name);
}
