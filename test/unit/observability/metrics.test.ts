import { AIMessage } from "@langchain/core/messages";
import type { ChatGeneration } from "@langchain/core/outputs";
import { describe, expect, it } from "vitest";
import { manualClock, type ManualClock } from "../../../src/core/clock.ts";
import { StrataConfigError } from "../../../src/core/errors.ts";
import type { Observer, RerankEvent, StrataEvent } from "../../../src/core/events.ts";
import { exactHitsOf } from "../../../src/core/exact-hits.ts";
import { createMetrics, type MetricsOptions } from "../../../src/observability/create-metrics.ts";
import { fanOut } from "../../../src/observability/fan-out.ts";
import type { Metrics } from "../../../src/observability/metrics.ts";
import { DEFAULT_PRICES } from "../../../src/observability/prices.ts";
import { recentEvents } from "../../../src/observability/recent-events.ts";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";

function bed(options: MetricsOptions = {}): { clock: ManualClock; metrics: Metrics; tell: (...events: StrataEvent[]) => void } {
  const clock = manualClock();
  const metrics = createMetrics({ clock, ...options });
  return { clock, metrics, tell: (...events) => events.forEach((event) => metrics.observer(event)) };
}

const MISS: StrataEvent = { type: "cache.lookup", outcome: "miss", coalesced: false, ms: 4, key: "k" };

function hit(tier = "memory", more: object = {}): StrataEvent {
  return { type: "cache.lookup", outcome: "hit", tier, coalesced: false, ms: 1, key: "k", ...more };
}

function saved(model: string | undefined, inputTokens: number, outputTokens: number): object {
  const tokens = inputTokens + outputTokens;
  return { savedMs: 900, saved: { ...(model !== undefined && { model }), inputTokens, outputTokens, tokens } };
}

const RERANK: RerankEvent = {
  ...{ type: "rerank", outcome: "reranked", reason: "always", firstStage: "dense", candidates: 50, depth: 50, kept: 10 },
  ...{ up: 6, down: 3, same: 1, gained: 4, asked: 40, cached: 10, searches: 1, tokens: 0, cost: 0.002, ms: 80 },
};

/** Four hits of two answers that were stored before, and a miss. */
async function used(metrics: Metrics, observer: Observer): Promise<object> {
  const clock = manualClock();
  const cache = new TieredCache({ tiers: [memoryTier()], clock, random: () => 0.5, observer });
  const message = new AIMessage({ content: "an answer", response_metadata: { model_name: "deepseek-reasoner" } });
  message.usage_metadata = { input_tokens: 5, output_tokens: 7, total_tokens: 12 } as never;
  for (const prompt of ["p", "q"]) await cache.update(prompt, 'model:"m"', [{ text: "an answer", message } as ChatGeneration]);
  for (const prompt of ["p", "p", "q", "p", "none"]) await cache.lookup(prompt, 'model:"m"');
  await cache.close();
  const { cache: counted, tiers, saved: all } = metrics.snapshot();
  return { counted, tiers, all };
}

describe("exact hits", () => {
  it("are counted alike with their events and without", async () => {
    const [quick, slow] = [bed().metrics, bed().metrics];
    const without = await used(quick, quick.observer);
    expect(without).toMatchObject({ counted: { hits: 4, misses: 1, writes: 2 }, all: { tokens: 48, inputTokens: 20 } });
    expect(without).toEqual(await used(slow, (event) => slow.observer(event)));
  });

  it("are events as soon as somebody beside the metrics looks at them, and count once", async () => {
    const { metrics } = bed();
    const seen: StrataEvent[] = [];
    expect(
      await used(
        metrics,
        fanOut(metrics.observer, (event) => void seen.push(event)),
      ),
    ).toMatchObject({
      counted: { hits: 4, misses: 1 },
    });
    expect(seen.filter((event) => event.type === "cache.lookup" && event.outcome === "hit")).toHaveLength(4);
  });

  it("go to each of several metrics, and past the last events, which have no use for them", async () => {
    const [first, second] = [bed().metrics, bed().metrics];
    const observer = fanOut(first.observer, second.observer, recentEvents().observer);
    expect(exactHitsOf(observer)).toBeDefined();
    await used(first, observer);
    expect([first, second].map((metrics) => metrics.snapshot().cache.hits)).toEqual([4, 4]);
  });
});

describe("a snapshot", () => {
  it("counts hits, misses and durations by tier", () => {
    const { metrics, tell } = bed();
    tell(MISS, hit(), hit(), hit("disk", { ms: 8 }), hit("coalesced", { coalesced: true }));
    const { cache, tiers } = metrics.snapshot();
    expect(cache).toMatchObject({ hits: 4, misses: 1, hitRate: 0.8, coalesced: 1 });
    expect(cache.latency).toMatchObject({ count: 5, sum: 15 });
    expect(tiers.map(({ name, hits, state, availability }) => ({ name, hits, state, availability }))).toEqual([
      { name: "memory", hits: 2, state: "on", availability: 1 },
      { name: "disk", hits: 1, state: "on", availability: 1 },
    ]);
  });

  it("tells what was saved in money, a dated model at the price of the plain one, an unknown one at none", () => {
    const { metrics, tell } = bed();
    tell(hit("memory", saved("deepseek-reasoner", 1e6, 1e6)), hit("memory", saved("gpt-4o-2024-08-06", 1e6, 0)));
    tell(hit("memory", saved("my-own", 500, 500)), hit("memory", saved(undefined, 100, 0)));
    const { reasoner, gpt } = { reasoner: DEFAULT_PRICES.models["deepseek-reasoner"], gpt: DEFAULT_PRICES.models["gpt-4o"] };
    expect(metrics.snapshot().saved).toMatchObject({
      ...{ ms: 3600, tokens: 3_001_100, inputTokens: 2_000_600, outputTokens: 1_000_500, currency: "USD", unpricedTokens: 1_100 },
      money: (reasoner?.input ?? 0) + (reasoner?.output ?? 0) + (gpt?.input ?? 0),
    });
  });

  it("takes a price table", () => {
    const { metrics, tell } = bed({ prices: { currency: "BRL", models: { mine: { input: 2, output: 4 } } } });
    tell(hit("memory", saved("mine", 1e6, 5e5)), hit("memory", saved("gpt-4o", 1e6, 0)));
    expect(metrics.snapshot().saved).toMatchObject({ money: 4, currency: "BRL", unpricedTokens: 1e6 });
  });

  it("tells how long a tier could be used", async () => {
    const { clock, metrics, tell } = bed();
    tell(hit("redis"));
    await clock.advance(6_000);
    tell({ type: "tier.state", tier: "redis", state: "off" });
    await clock.advance(4_000);
    expect(metrics.snapshot().tiers).toMatchObject([{ name: "redis", state: "off", availability: 0.6 }]);
    tell({ type: "tier.state", tier: "redis", state: "on" });
    await clock.advance(10_000);
    expect(metrics.snapshot().tiers).toMatchObject([{ state: "on", availability: 0.8 }]);
  });

  it("counts errors by part and cause, and what rejected entries are among them", () => {
    const { metrics, tell } = bed();
    const fault: StrataEvent = { type: "tier.fault", tier: "redis", operation: "get", code: "TIMEOUT", message: "late" };
    tell(fault, fault, { type: "memory.fault", part: "index", code: "ENGINE" });
    tell({ type: "entry.rejected", tier: "disk", reason: "damaged", key: "k" });
    tell({ type: "embeddings.call", kind: "query", outcome: "failed", code: "TIMEOUT", texts: 1, ms: 5 });
    expect(metrics.snapshot().errors).toEqual([
      { part: "tier", of: "redis", cause: "TIMEOUT", count: 2 },
      { part: "memory", of: "index", cause: "ENGINE", count: 1 },
      { part: "tier", of: "disk", cause: "CORRUPT", count: 1 },
      { part: "embeddings", of: "query", cause: "TIMEOUT", count: 1 },
    ]);
    expect(metrics.snapshot().errorCount).toBe(5);
  });

  it("tells of the semantic step, its audits and its mean similarity", () => {
    const { metrics, tell } = bed();
    const looked = { type: "semantic.lookup", ms: 3, key: "k" } as const;
    tell({ ...looked, outcome: "served", reason: "similar", similarity: 0.9 });
    tell({ ...looked, outcome: "adapted", reason: "adapted", similarity: 0.8 });
    tell({ ...looked, outcome: "withheld", reason: "audit", similarity: 0.7 });
    tell({ ...looked, outcome: "missed", reason: "veto", similarity: 0.99, veto: "numbers" });
    for (const verdict of ["right", "right", "right", "wrong"] as const)
      tell({ type: "semantic.audit", verdict, similarity: 0.9 });
    const { semantic } = metrics.snapshot();
    expect(semantic).toMatchObject({ lookups: 4, served: 1, adapted: 1, withheld: 1, missed: 1, vetoes: { numbers: 1 } });
    expect(semantic.similarity).toBeCloseTo(0.8, 10);
    expect(semantic.audit).toEqual({ right: 3, wrong: 1, error: 0.25 });
  });

  it("tells of embeddings, recalls and rerankings", () => {
    const { metrics, tell } = bed();
    tell({ type: "embeddings.lookup", kind: "document", texts: 10, hits: 6, near: 1, coalesced: 0, savedMs: 70, ms: 30 });
    tell({ type: "memory.recall", strategy: "hybrid", routed: true, cacheHit: true, results: 7, degraded: false, ms: 12 });
    tell(RERANK, { ...RERANK, outcome: "skipped", reason: "confident", up: 0, down: 0, same: 10, gained: 0, cost: 0 });
    const { embeddings, memory, rerank } = metrics.snapshot();
    expect(embeddings).toMatchObject({ texts: 10, hits: 6, near: 1, hitRate: 0.7, savedMs: 70 });
    expect(memory.strategies.find(({ strategy }) => strategy === "hybrid")).toMatchObject({
      recalls: 1,
      routed: 1,
      cacheHits: 1,
    });
    expect(memory.strategies).toHaveLength(5);
    expect(rerank).toMatchObject({ reranked: 1, skipped: 1, moved: { up: 6, down: 3, same: 1 }, gained: 4, cost: 0.002 });
  });

  it("tells how far the writer is behind, until what waited is stored", async () => {
    const { clock, metrics, tell } = bed();
    tell({ type: "history.lag", ms: 40_000, waiting: 12 });
    await clock.advance(3_000);
    expect(metrics.snapshot().history).toMatchObject({ lagMs: 40_000, waiting: 12 });
    tell({ type: "history.lag", ms: 43_000, waiting: 0 });
    await clock.advance(1_000);
    expect(metrics.snapshot().history).toMatchObject({ lagMs: 0, waiting: 0 });
  });

  it("counts a conversation as active until an hour after its last message", async () => {
    const { clock, metrics, tell } = bed();
    const said = (conversation: string): StrataEvent => ({
      type: "history.append",
      outcome: "ok",
      messages: 1,
      ms: 2,
      conversation,
    });
    tell(said("a"), said("b"), said("a"));
    await clock.advance(1_800_000);
    tell(said("a"));
    expect(metrics.snapshot().history.activeConversations).toBe(2);
    await clock.advance(1_800_001);
    expect(metrics.snapshot().history).toMatchObject({ activeConversations: 1, messages: 4 });
  });

  it("keeps a bound on every set of labels, and counts what is beyond it", () => {
    const { metrics, tell } = bed();
    for (let index = 0; index < 1_000; index++) {
      tell(hit(`tier-${index}`, saved(`model-${index}`, 1, 1)), { ...RERANK, reason: `word ${index}` });
      tell({ type: "rerank.fault", reranker: `reranker-${index}`, code: "ENGINE", status: undefined });
    }
    const { cache, tiers, rerank, errors, saved: savings } = metrics.snapshot();
    expect([cache.hits, rerank.reranked, savings.tokens]).toEqual([1_000, 1_000, 2_000]);
    expect(tiers).toHaveLength(33);
    expect(tiers.at(-1)).toMatchObject({ name: "other", hits: 968 });
    expect(Object.keys(rerank.reasons)).toHaveLength(33);
    expect(savings.byModel).toHaveLength(50);
    expect(errors).toHaveLength(201);
    expect(errors.reduce((sum, { count }) => sum + count, 0)).toBe(1_000);
  });

  it("takes sizes and queues from the caches that are watched, until that ends", async () => {
    const { metrics, clock } = bed();
    const cache = new TieredCache({ tiers: [memoryTier({ maxBytes: "1mb" })], observer: metrics.observer, clock });
    const end = metrics.watch(cache);
    await cache.update("p", 'model:"m"', [{ text: "answer" }]);
    await cache.flush();
    await cache.lookup("p", 'model:"m"');
    expect(metrics.snapshot().tiers).toMatchObject([{ name: "memory", hits: 1, entries: 1, maxBytes: 1_048_576, queued: 0 }]);
    end();
    expect(metrics.snapshot().tiers).toMatchObject([{ name: "memory", hits: 1, entries: null }]);
    await cache.close();
  });

  it("goes on when a watched cache throws, and says so", async () => {
    const { metrics, clock } = bed();
    metrics.watch({ stats: () => JSON.parse("nothing") as never });
    await clock.advance(3_000);
    expect(metrics.snapshot().errors).toMatchObject([{ part: "metrics", of: "watch", cause: "ENGINE" }]);
  });
});

describe("a history", () => {
  it("has a rate for each second", async () => {
    const { clock, metrics, tell } = bed();
    tell(hit(), hit(), MISS);
    await clock.advance(1_000);
    tell(MISS);
    await clock.advance(1_000);
    const { points, stepMs, unit } = metrics.history("requests", "10m");
    expect({ stepMs, unit, values: points.map(({ value }) => value) }).toEqual({
      stepMs: 1_000,
      unit: "per second",
      values: [3, 1],
    });
    expect(points.map(({ at }) => at)).toEqual([clock.now() - 1_000, clock.now()]);
    expect(metrics.history("hitRate", "10m").points.map(({ value }) => value)).toEqual([2 / 3, 0]);
    expect(metrics.history("tier.hits:memory", "10m").points.map(({ value }) => value)).toEqual([2, 0]);
  });

  it("gives a ratio or a quantile of nothing as null", async () => {
    const { clock, metrics } = bed();
    await clock.advance(2_000);
    for (const name of ["hitRate", "latency.p95", "semantic.wrongRate", "disk.used"] as const) {
      expect(
        metrics.history(name, "1m").points.map(({ value }) => value),
        name,
      ).toEqual([null, null]);
    }
  });

  it("goes over to minutes and hours as the period grows, and keeps the count", async () => {
    const { clock, metrics, tell } = bed();
    for (let minute = 0; minute < 180; minute++) {
      for (let times = 0; times < 6; times++) tell(hit());
      await clock.advance(60_000);
    }
    for (const [period, stepMs, points] of [
      ["5m", 1_000, 300],
      ["3h", 60_000, 180],
    ] as const) {
      const history = metrics.history("requests", period);
      expect({ stepMs: history.stepMs, points: history.points.length }).toEqual({ stepMs, points });
      const counted = history.points.reduce((sum, { value }) => sum + ((value ?? 0) * stepMs) / 1000, 0);
      expect(counted).toBeCloseTo(period === "5m" ? 30 : 1_080, 6);
    }
  }, 240_000);

  it("gives quantiles of the step itself, not of everything before", async () => {
    const { clock, metrics, tell } = bed();
    for (let times = 0; times < 1_000; times++) tell(hit("memory", { ms: 1 }));
    await clock.advance(1_000);
    for (let times = 0; times < 10; times++) tell(hit("memory", { ms: 100 }));
    await clock.advance(1_000);
    const [first, second] = metrics.history("latency.p50", "1m").points.map(({ value }) => value ?? 0);
    expect(first).toBeGreaterThan(0.91);
    expect(first).toBeLessThan(1.09);
    expect(second).toBeGreaterThan(91);
    expect(second).toBeLessThan(109);
  });

  it("has one long step and no invented ones where the process was held up", async () => {
    const clock = manualClock();
    // A loop that was blocked fires one timer, late.
    let fire = (): void => undefined;
    const metrics = createMetrics({ clock: { ...clock, setTimer: (_ms, run) => ((fire = run), () => undefined) } });
    for (let times = 0; times < 50; times++) metrics.observer(MISS);
    await clock.advance(5_000);
    fire();
    expect(metrics.history("requests", "1m").points.map(({ value }) => value)).toEqual([10]);
  });

  it("stays in place when the wall clock is set", async () => {
    const { clock, metrics, tell } = bed();
    tell(MISS);
    await clock.advance(1_000);
    clock.jump(-86_400_000);
    await clock.advance(1_000);
    expect(metrics.history("requests", "1m").points).toEqual([
      { at: clock.now() - 1_000, value: 1 },
      { at: clock.now(), value: 0 },
    ]);
  });

  it("refuses a name that there is no series of, with those that there are", () => {
    const { metrics } = bed();
    expect(() => metrics.history("hitrate" as never, "1m")).toThrow(StrataConfigError);
    expect(() => metrics.history("hitrate" as never, "1m")).toThrow(/hitRate, latency\.p50/);
    expect(() => metrics.history("requests", "soon" as never)).toThrow(/`period`/);
  });

  it("ends with close", async () => {
    const { clock, metrics } = bed();
    metrics.close();
    metrics.close();
    expect(clock.pending).toBe(0);
  });
});

describe("a summary", () => {
  it("tells of the period alone, and how it went", async () => {
    const { clock, metrics, tell } = bed();
    for (let times = 0; times < 100; times++) tell(hit("memory", { ms: 50 }));
    await clock.advance(3_600_000);
    for (let minute = 0; minute < 9; minute++) {
      for (let times = 0; times < 10; times++) tell(times < minute ? hit("memory", saved("gpt-4o", 1e6, 0)) : MISS);
      await clock.advance(60_000);
    }
    const summary = metrics.summary("9m");
    expect(summary).toMatchObject({ requests: 90, hits: 36, misses: 54, hitRate: { value: 0.4, trend: "increasing" } });
    expect(summary.saved).toMatchObject({ tokens: 36e6, ms: 36 * 900 });
    expect(summary.saved.money).toBeCloseTo(90, 6);
    expect(summary.latency.p99).toBeLessThan(5);
    expect(metrics.summary("2h").requests).toBe(190);
    expect(metrics.value("hitRate", "9m")).toBe(0.4);
  }, 240_000);

  it("says when there is too little to tell", () => {
    expect(bed().metrics.summary("1h")).toMatchObject({ requests: 0, hitRate: { value: null, trend: "insufficient-data" } });
  });
});

describe("an export", () => {
  it("is JSON that gives the history back", async () => {
    const { clock, metrics, tell } = bed();
    tell(hit(), MISS);
    await clock.advance(1_000);
    const read = JSON.parse(metrics.export({ format: "json", series: ["hitRate"] })) as { series: unknown[] };
    expect(read.series).toEqual([metrics.history("hitRate", "1h")]);
  });

  it("is CSV whose texts cannot begin a formula or break a line", async () => {
    const { clock, metrics, tell } = bed();
    tell(hit('=HYPERLINK("http://evil.test","x")\r\n@SUM(1)'), hit("+1"), hit("a,b"));
    await clock.advance(1_000);
    const csv = metrics.export({ format: "csv", period: "1m" });
    const lines = csv.trimEnd().split("\r\n");
    expect(lines[0]).toBe("at,series,unit,step_ms,value");
    expect(csv).toContain('"tier.hits:a,b"');
    // Every series begins with a word of ours, so a tier's name never begins a field; and line ends stay within quotes.
    expect(csv).toContain('"tier.hits:=HYPERLINK(""http://evil.test"",""x"")\r\n@SUM(1)",per second,1000,1');
    for (const field of csv.matchAll(/(?:^|,)([=+@-][^,\r\n]*)/gm)) expect(field[1]).toMatch(/^@SUM\(1\)"$/);
  });

  it("refuses other formats", () => {
    expect(() => bed().metrics.export({ format: "xml" as never })).toThrow(StrataConfigError);
  });
});

describe("options", () => {
  it.each<[string, object, RegExp]>([
    ["an unknown one", { price: {} }, /createMetrics\.price/],
    ["a price below zero", { prices: { models: { m: { input: -1, output: 1 } } } }, /prices\.models\.m\.input/],
    ["a table without models", { prices: {} }, /prices\.models/],
    ["folders that are none", { folders: "here" }, /createMetrics\.folders/],
  ])("refuse %s", (_name, options, message) => {
    expect(() => createMetrics(options as MetricsOptions)).toThrow(message);
  });
});
