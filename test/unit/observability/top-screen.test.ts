import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createMetrics } from "../../../src/observability/create-metrics.ts";
import { MetricsWatch, shareMetrics } from "../../../src/observability/terminal/metrics-socket.ts";
import { readShared } from "../../../src/observability/terminal/shared-line.ts";
import { topFigures } from "../../../src/observability/terminal/top-figures.ts";
import { sparkline, topScreen } from "../../../src/observability/terminal/top-screen.ts";

function lookups(count: number): ReturnType<typeof createMetrics> {
  const metrics = createMetrics();
  for (let index = 0; index < count; index++) {
    metrics.observer({ type: "cache.lookup", outcome: "hit", tier: "memory", coalesced: false, ms: 1, key: "k" });
  }
  return metrics;
}

describe("the terminal dashboard's screen", () => {
  it("draws the largest value as a full block, and keeps to its width", () => {
    expect(sparkline([0, 1, 2, 4], 6)).toBe("  ▁▂▄█");
    expect(sparkline([1, 2, 3], 2)).toHaveLength(2);
    expect(sparkline([null, 1], 2, 1)).toBe(" █");
    expect(sparkline([], 3)).toBe("   ");
  });

  it("fits any window, and shows nothing that moves the cursor", () => {
    const metrics = lookups(3);
    const snapshot = metrics.snapshot();
    const tier = { name: "\u001bc", state: "on", hits: 1, faults: 0, entries: 1, bytes: 1 } as (typeof snapshot.tiers)[number];
    const evil = { ...snapshot, tiers: [tier], saved: { ...snapshot.saved, currency: "\u009b2J\n" } };
    const figures = topFigures([{ name: "evil\u001b[2J", pid: 1, metrics: evil }]);
    metrics.close();
    for (const [columns, rows] of [
      [20, 3],
      [80, 24],
      [300, 80],
      [1, 1],
    ] as const) {
      const lines = topScreen(figures, { columns, rows, requests: [1], hitRates: [1], paint: (_tone, text) => text });
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
      expect(lines.join("")).not.toMatch(/\p{Cc}/u);
    }
  });

  it("is not taken from all by one process that says something else", () => {
    const metrics = lookups(3);
    const snapshot = metrics.snapshot();
    metrics.close();
    const said = (more: object): unknown => readShared(JSON.stringify({ name: "x", pid: 1, metrics: { ...snapshot, ...more } }));
    expect(said({})).toBeDefined();
    for (const more of [
      { tiers: undefined },
      { saved: null },
      { cache: { hits: "3" } },
      { queueDepth: "1" },
      { process: { rss: "1" } },
    ]) {
      expect(said(more), JSON.stringify(more)).toBeUndefined();
    }
  });

  it("adds processes up: counts are summed, what they share is not", () => {
    const [one, other] = [lookups(3), lookups(5)];
    const figures = topFigures([
      { name: "a", pid: 1, metrics: one.snapshot() },
      { name: "b", pid: 2, metrics: other.snapshot() },
    ]);
    expect(figures).toMatchObject({ hits: 8, misses: 0, hitRate: 1, tiers: [{ name: "memory", hits: 8 }] });
    expect(topFigures([])).toMatchObject({ hitRate: null, p50: null, tiers: [] });
    one.close();
    other.close();
  });
});

describe("metrics over a socket", () => {
  it("are seen by the same user only, as long as the process shares them", async () => {
    const folder = mkdtempSync(join(tmpdir(), "strata-top-"));
    const metrics = lookups(2);
    const share = await shareMetrics({ metrics, folder: join(folder, "data"), name: "app" });
    expect(statSync(share.path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "data")).mode & 0o777).toBe(0o700);
    // A socket that a killed process left behind, and what is none.
    writeFileSync(join(folder, "data", "metrics-1.sock"), "");
    const watch = new MetricsWatch(join(folder, "data"));
    await watch.look();
    expect(watch.processes).toMatchObject([{ name: "app", pid: process.pid, metrics: { cache: { hits: 2 } } }]);
    await Promise.all([share.close(), share.close()]);
    await expect.poll(() => watch.processes).toEqual([]);
    watch.close();
    metrics.close();
    rmSync(folder, { recursive: true });
  });

  it("of a folder that is not there are none", async () => {
    const watch = new MetricsWatch(join(tmpdir(), "strata-no-such-folder"));
    await watch.look();
    expect(watch.processes).toEqual([]);
  });
});
