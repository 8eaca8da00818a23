/**
 * Traces and metrics for OpenTelemetry, through its API alone: the application's SDK decides where they go, and without one nothing
 * happens. Names follow the conventions for generative AI where there are any (https://opentelemetry.io/docs/specs/semconv/gen-ai/,
 * in development); what they do not know is under `strata.`. No prompt and no answer is in either.
 *
 * Spans are made when an event tells that something has ended, with the time at which it began: events are told within the call that they
 * are about, so that the span of whoever called is the parent.
 */
import {
  metrics as otelMetrics,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type BatchObservableResult,
  type Histogram,
  type Meter,
  type Observable,
  type Tracer,
} from "@opentelemetry/api";
import type { Clock } from "../../core/clock.ts";
import type { Observer, StrataEvent } from "../../core/events.ts";
import { parseClock, refuseUnknown, requireMethods } from "../../core/options.ts";
import type { Metrics } from "../metrics.ts";
import { readingsOf } from "../readings.ts";
import { chatSpans, type ChatSpans } from "./chat-spans.ts";

export interface OpenTelemetryOptions {
  /** Where totals and sizes are read from, whenever the SDK collects; without them only durations and spans are told. */
  readonly metrics?: Metrics | undefined;
  /** Default: of the global provider. */
  readonly tracer?: Tracer | undefined;
  /** Default: of the global provider. */
  readonly meter?: Meter | undefined;
  readonly clock?: Clock | undefined;
}

export interface OpenTelemetryExporter {
  /** Give it to every part, with others through `fanOut`. */
  readonly observer: Observer;
  /** A span for each call of a chat model, cached or not: `model.invoke(messages, { callbacks: [exporter.callbacks] })`. */
  readonly callbacks: ChatSpans;
  /** Reads no more totals. May be called twice. */
  close(): void;
}

const NAME = "langchain-strata";

/**
 * Tells OpenTelemetry what happens.
 * @throws {@link StrataConfigError} naming the option
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): OpenTelemetryExporter {
  refuseUnknown("openTelemetry", options, ["metrics", "tracer", "meter", "clock"]);
  const { metrics, tracer = trace.getTracer(NAME), meter = otelMetrics.getMeter(NAME) } = options;
  requireMethods("openTelemetry.tracer", tracer, ["startSpan"], "a Tracer of @opentelemetry/api");
  requireMethods("openTelemetry.meter", meter, ["createHistogram"], "a Meter of @opentelemetry/api");
  const clock = parseClock(options.clock);
  const duration = meter.createHistogram("strata.operation.duration", {
    unit: "s",
    description: "What the parts of the cache took",
  });
  const chat = meter.createHistogram("gen_ai.client.operation.duration", { unit: "s", description: "GenAI operation duration" });
  const stop = metrics === undefined ? undefined : observeReadings(meter, metrics);

  return {
    observer(event) {
      const operation = operationOf(event);
      if (operation === undefined) return;
      const { name, ms, attributes, labels, failed } = operation;
      const end = clock.now();
      const span = tracer.startSpan(name, { kind: operation.kind ?? SpanKind.INTERNAL, startTime: end - ms, attributes });
      if (failed !== undefined) span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute("error.type", failed);
      span.end(end);
      recorderOf(event, chat, duration).record(ms / 1000, { ...labels, ...(failed !== undefined && { "error.type": failed }) });
    },
    callbacks: chatSpans(tracer, chat, meter, clock),
    close: () => stop?.(),
  };
}

/** A call to a provider of embeddings is an operation of the conventions. */
function recorderOf({ type }: StrataEvent, chat: Histogram, duration: Histogram): Histogram {
  return type === "embeddings.call" ? chat : duration;
}

interface Operation {
  readonly name: string;
  readonly kind?: SpanKind;
  readonly ms: number;
  readonly attributes: Attributes;
  /** Of the histogram: from closed sets, or names of tiers. */
  readonly labels: Attributes;
  readonly failed?: string | undefined;
}

/** What has ended with an event; `undefined` for events that take no time. */
function operationOf(event: StrataEvent): Operation | undefined {
  if (event.type === "cache.lookup") {
    const { outcome, tier, coalesced, ms, key, saved } = event;
    const labels = {
      "strata.operation": "lookup",
      "strata.outcome": outcome,
      ...(tier !== undefined && { "strata.tier": tier }),
    };
    const attributes: Attributes = { ...labels, "strata.coalesced": coalesced, "strata.key": key };
    if (saved?.model !== undefined) attributes["gen_ai.response.model"] = saved.model;
    if (saved !== undefined) attributes["strata.saved_tokens"] = saved.tokens;
    return { name: "strata.lookup", ms, labels, attributes };
  }
  if (event.type === "semantic.lookup") {
    const { outcome, reason, similarity, confidence, ms, key } = event;
    const labels = { "strata.operation": "semantic_lookup", "strata.outcome": outcome };
    const scores = {
      ...(similarity !== undefined && { "strata.similarity": similarity }),
      ...(confidence !== undefined && { "strata.confidence": confidence }),
    };
    return {
      name: "strata.semantic_lookup",
      ms,
      labels,
      attributes: { ...labels, ...scores, "strata.reason": reason, "strata.key": key },
    };
  }
  if (event.type === "embeddings.call") {
    const { kind, outcome, texts, ms, code } = event;
    const labels = { "gen_ai.operation.name": "embeddings", "strata.kind": kind };
    const failed = outcome === "failed" ? (code ?? "ENGINE") : undefined;
    return { name: "embeddings", kind: SpanKind.CLIENT, ms, labels, attributes: { ...labels, "strata.texts": texts }, failed };
  }
  if (event.type === "history.append") {
    const { outcome, messages, ms, code, conversation } = event;
    const labels = { "strata.operation": "append" };
    const attributes = { ...labels, "strata.messages": messages, "strata.conversation": conversation };
    return { name: "strata.append", ms, labels, attributes, failed: outcome === "failed" ? (code ?? "ENGINE") : undefined };
  }
  if (event.type === "memory.recall") {
    const { strategy, routed, cacheHit, results, degraded, ms } = event;
    const labels = { "strata.operation": "recall", "strata.strategy": strategy, "strata.cache_hit": cacheHit };
    return {
      ...{ name: "strata.recall", ms, labels },
      attributes: { ...labels, "strata.routed": routed, "strata.results": results, "strata.degraded": degraded },
    };
  }
  if (event.type === "rerank") {
    const { outcome, reason, reranker, candidates, kept, cost, tokens, ms } = event;
    const labels = {
      "strata.operation": "rerank",
      "strata.outcome": outcome,
      ...(reranker !== undefined && { "strata.reranker": reranker }),
    };
    const attributes = { ...labels, "strata.reason": reason, "strata.candidates": candidates, "strata.kept": kept };
    return {
      ...{ name: "strata.rerank", ms, labels, failed: outcome === "failed" ? "ENGINE" : undefined },
      attributes: { ...attributes, "strata.cost": cost, "strata.tokens": tokens },
    };
  }
  return undefined;
}

/** Totals and sizes, read once for every collection. */
function observeReadings(meter: Meter, metrics: Metrics): () => void {
  const instruments = new Map<string, Observable>();
  for (const { name, type, help } of readingsOf(metrics.snapshot())) {
    const plain = `strata.${name.replace(/_total$/, "")}`;
    const make = type === "counter" ? meter.createObservableCounter.bind(meter) : meter.createObservableGauge.bind(meter);
    instruments.set(name, make(plain, { description: help }));
  }
  const observables = [...instruments.values()];
  const observe = (result: BatchObservableResult): void => {
    for (const { name, values } of readingsOf(metrics.snapshot())) {
      const instrument = instruments.get(name);
      if (instrument === undefined) continue;
      for (const { labels, value } of values) result.observe(instrument, value, labels);
    }
  };
  meter.addBatchObservableCallback(observe, observables);
  return () => meter.removeBatchObservableCallback(observe, observables);
}
