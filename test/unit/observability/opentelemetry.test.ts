import { AIMessage } from "@langchain/core/messages";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { describe, expect, it } from "vitest";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { createMetrics } from "../../../src/observability/create-metrics.ts";
import { openTelemetry } from "../../../src/observability/exporters/opentelemetry.ts";
import { fanOut } from "../../../src/observability/fan-out.ts";

/** The real SDK, with what it would send kept in memory. */
function bed() {
  const spans = new InMemorySpanExporter();
  const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }).getTracer("test");
  const sent = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: sent, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  const metrics = createMetrics();
  const exporter = openTelemetry({ metrics, tracer, meter: provider.getMeter("test") });
  async function collected(): Promise<Map<string, { attributes: object; value: unknown }[]>> {
    sent.reset();
    await reader.forceFlush();
    const all = sent.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
    return new Map(
      all.map(({ descriptor, dataPoints }) => [
        descriptor.name,
        dataPoints.map(({ attributes, value }) => ({ attributes, value })),
      ]),
    );
  }
  async function end(): Promise<void> {
    exporter.close();
    exporter.close();
    metrics.close();
    await provider.shutdown();
  }
  return { spans, exporter, metrics, collected, end, observer: fanOut(metrics.observer, exporter.observer) };
}

describe("OpenTelemetry", () => {
  it("gets a span for each thing that took time, with its beginning and end", async () => {
    const { spans, observer, end } = bed();
    observer({ type: "memory.recall", strategy: "hybrid", routed: true, cacheHit: false, results: 5, degraded: false, ms: 250 });
    observer({ type: "embeddings.call", kind: "query", outcome: "failed", code: "TIMEOUT", texts: 3, ms: 40 });
    observer({ type: "cache.bypass", reason: "asked" });
    const [recall, embeddings, ...none] = spans.getFinishedSpans();
    expect(none).toEqual([]);
    expect(recall).toMatchObject({ name: "strata.recall", attributes: { "strata.strategy": "hybrid", "strata.results": 5 } });
    const ms = (recall?.duration[0] ?? 0) * 1e3 + (recall?.duration[1] ?? 0) / 1e6;
    expect(ms).toBeCloseTo(250, 0);
    expect(embeddings).toMatchObject({ name: "embeddings", kind: SpanKind.CLIENT, status: { code: SpanStatusCode.ERROR } });
    expect(embeddings?.attributes).toMatchObject({ "gen_ai.operation.name": "embeddings", "error.type": "TIMEOUT" });
    await end();
  });

  it("gets totals as they stand whenever it collects, and durations as histograms", async () => {
    const { observer, collected, end } = bed();
    const cache = new TieredCache({ tiers: [memoryTier()], observer });
    await cache.lookup("p", 'model:"m"');
    await cache.update("p", 'model:"m"', [{ text: "answer" }]);
    await cache.lookup("p", 'model:"m"');
    const first = await collected();
    expect(first.get("strata.cache_lookups")).toEqual([
      { attributes: { outcome: "hit" }, value: 1 },
      { attributes: { outcome: "miss" }, value: 1 },
    ]);
    expect(first.get("strata.operation.duration")).toMatchObject([
      { attributes: { "strata.operation": "lookup", "strata.outcome": "miss" }, value: { count: 1 } },
      { attributes: { "strata.tier": "memory" }, value: { count: 1 } },
    ]);
    await cache.lookup("p", 'model:"m"');
    expect((await collected()).get("strata.cache_lookups")?.[0]).toMatchObject({ value: 2 });
    await cache.close();
    await end();
  });

  it("gets a span for each call of a chat model by the conventions, and no word of what was said", async () => {
    const { spans, exporter, collected, end } = bed();
    const cache = new TieredCache({ tiers: [memoryTier()], modelId: "canned" });
    const model = new FakeListChatModel({ responses: ["answer-canary"], cache });
    const config = {
      callbacks: [exporter.callbacks],
      metadata: { ls_model_name: "large", ls_temperature: 0.5 },
    };
    for (let times = 0; times < 2; times++) expect(await model.invoke("prompt-canary", config)).toBeInstanceOf(AIMessage);
    const [miss, hit] = spans.getFinishedSpans();
    expect(miss).toMatchObject({ name: "chat large", kind: SpanKind.CLIENT });
    expect(miss?.attributes).toMatchObject({
      ...{ "gen_ai.operation.name": "chat", "gen_ai.provider.name": "FakeListChatModel", "gen_ai.request.model": "large" },
      "gen_ai.request.temperature": 0.5,
    });
    expect(miss?.attributes["strata.hit"]).toBeUndefined();
    expect(hit?.attributes).toMatchObject({ "strata.hit": true, "strata.source": "exact", "strata.tier": "memory" });
    expect((await collected()).get("gen_ai.client.operation.duration")).toHaveLength(2);
    expect(
      JSON.stringify(spans.getFinishedSpans().map(({ name, attributes, events }) => [name, attributes, events])),
    ).not.toContain("canary");
    await cache.close();
    await end();
  });

  it("tells the class of what a model threw, not its words", async () => {
    const { spans, exporter, end } = bed();
    await exporter.callbacks.handleChatModelStart({} as never, [], "run", undefined, undefined, undefined, {
      ls_provider: "mistralai",
    });
    exporter.callbacks.handleLLMError(new TypeError("prompt-canary"), "run");
    exporter.callbacks.handleLLMError(new TypeError("again"), "run");
    expect(spans.getFinishedSpans()).toMatchObject([
      { name: "chat", attributes: { "error.type": "TypeError", "gen_ai.provider.name": "mistral_ai" } },
    ]);
    expect(JSON.stringify(spans.getFinishedSpans()[0]?.attributes)).not.toContain("canary");
    await end();
  });

  it("does nothing where the application has no SDK", () => {
    const exporter = openTelemetry();
    exporter.observer({ type: "cache.lookup", outcome: "miss", coalesced: false, ms: 1, key: "k" });
    expect(trace.getActiveSpan()).toBeUndefined();
    exporter.close();
  });

  it("refuses what is no tracer", () => {
    expect(() => openTelemetry({ tracer: {} as never })).toThrow(/openTelemetry\.tracer/);
    expect(() => openTelemetry({ traces: 1 } as never)).toThrow(/openTelemetry\.traces/);
  });
});
