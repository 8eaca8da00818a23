import { Counter, Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { manualClock } from "../../../src/core/clock.ts";
import { createMetrics } from "../../../src/observability/create-metrics.ts";
import { prometheus, type PrometheusOptions } from "../../../src/observability/exporters/prometheus.ts";

function bed(options: PrometheusOptions = {}) {
  const clock = manualClock();
  const metrics = createMetrics({ clock });
  let snapshots = 0;
  const counted = { ...metrics, snapshot: () => (snapshots++, metrics.snapshot()) };
  const exporter = prometheus(counted, { clock, ...options });
  return { clock, metrics, exporter, snapshots: () => snapshots };
}

const MISS = { type: "cache.lookup", outcome: "miss", coalesced: false, ms: 1, key: "k" } as const;

describe("the exporter for Prometheus", () => {
  it("makes a scrape's text once a second, however often it is asked", async () => {
    const { clock, exporter, metrics, snapshots } = bed();
    const before = snapshots();
    const texts = new Set<string>();
    for (let times = 0; times < 1_000; times++) {
      metrics.observer(MISS);
      texts.add(await exporter.text());
    }
    expect([texts.size, snapshots() - before]).toEqual([1, 0]);
    await clock.advance(1_000);
    expect(await exporter.text()).toContain('strata_cache_lookups_total{outcome="miss"} 1000');
    expect(snapshots() - before).toBe(1);
  });

  it("stands beside an application's own metrics, and leaves with close", async () => {
    const registry = new Registry();
    new Counter({ name: "own_total", help: "The application's", registers: [registry] }).inc(3);
    const { exporter } = bed({ registry, prefix: "cache_" });
    const text = await exporter.text();
    expect(text).toContain("own_total 3");
    expect(text).toContain("# TYPE cache_cache_lookup_seconds histogram");
    exporter.close();
    exporter.close();
    expect(await registry.metrics()).not.toContain("cache_cache");
  });

  it("escapes what users name", async () => {
    const { exporter, metrics, clock } = bed();
    metrics.observer({ ...MISS, outcome: "hit", tier: 'a"b\\c\nd' });
    await clock.advance(1_000);
    expect(await exporter.text()).toContain(String.raw`strata_cache_lookup_seconds_count{tier="a\"b\\c\nd"} 1`);
  });

  it("gives buckets that only grow, up to the count", async () => {
    const { exporter, metrics, clock } = bed();
    for (let ms = 0.001; ms < 100_000; ms *= 1.7) metrics.observer({ ...MISS, ms });
    await clock.advance(1_000);
    const counts = [
      ...(await exporter.text()).matchAll(/strata_cache_lookup_seconds_bucket\{le="[^"]+",tier="miss"\} (\d+)/g),
    ].map((match) => Number(match[1]));
    expect(counts).toHaveLength(26);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(counts.at(-1)).toBe(metrics.snapshot().cache.misses);
  });

  it.each<[string, object, RegExp]>([
    ["a prefix that no name may begin with", { prefix: "9-" }, /prometheus\.prefix/],
    ["what is no registry", { registry: {} }, /prometheus\.registry/],
    ["an unknown option", { path: "/metrics" }, /prometheus\.path/],
  ])("refuses %s", (_name, options, message) => {
    expect(() => bed(options as PrometheusOptions)).toThrow(message);
  });
});
