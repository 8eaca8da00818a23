import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { manualClock } from "../../../src/core/clock.ts";
import { StrataConfigError } from "../../../src/core/errors.ts";
import type { StrataEvent } from "../../../src/core/events.ts";
import { DEFAULT_ALERT_RULES, type AlertRule } from "../../../src/observability/alert-rule.ts";
import type { Alert } from "../../../src/observability/alert.ts";
import { alerts, type AlertsOptions } from "../../../src/observability/alerts.ts";
import { createMetrics } from "../../../src/observability/create-metrics.ts";

const RULE: AlertRule = { name: "hits", metric: "hitRate", below: 0.5, clear: 0.6, window: "10s", for: "5s", atLeast: 2 };

function bed(rules: readonly AlertRule[] | undefined, options: Partial<AlertsOptions> = {}) {
  const clock = manualClock();
  const metrics = createMetrics({ clock });
  const told: Alert[] = [];
  const events: StrataEvent[] = [];
  const watching = alerts(rules, {
    ...{ metrics, clock, every: "1s", random: () => 0.5 },
    onAlert: (alert) => void told.push(alert),
    observer: (event) => void events.push(event),
    ...options,
  });
  /** So many lookups a second, of which a share are hits. */
  async function traffic(seconds: number, share: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      for (let index = 0; index < 20; index++) {
        const lookup = { type: "cache.lookup", coalesced: false, ms: 1, key: "k" } as const;
        metrics.observer(index < share * 20 ? { ...lookup, outcome: "hit", tier: "memory" } : { ...lookup, outcome: "miss" });
      }
      await clock.advance(1_000);
    }
  }
  return { clock, metrics, told, events, watching, traffic, states: () => told.map(({ rule, state }) => `${rule} ${state}`) };
}

describe("an alert", () => {
  it("fires once the metric was wrong for long enough, and is over once it was well for long enough", async () => {
    const { traffic, states, told, watching, events } = bed([RULE]);
    await traffic(20, 0.9);
    expect(watching.status()).toMatchObject([{ phase: "ok", value: 0.9 }]);
    await traffic(6, 0);
    // The window still holds enough hits, or it is not wrong for long enough yet.
    expect(states()).toEqual([]);
    await traffic(10, 0);
    expect(states()).toEqual(["hits firing"]);
    expect(told[0]).toMatchObject({
      severity: "warning",
      metric: "hitRate",
      threshold: 0.5,
      direction: "below",
      windowMs: 10_000,
    });
    expect(told[0]?.message).toMatch(/^hits: hitRate is 0(?:\.\d+)?, below 0\.5\.$/);
    await traffic(60, 0);
    expect(states()).toEqual(["hits firing"]);
    await traffic(30, 0.9);
    expect(states()).toEqual(["hits firing", "hits resolved"]);
    expect(events).toMatchObject([
      { type: "alert.state", rule: "hits", state: "firing" },
      { type: "alert.state", rule: "hits", state: "resolved" },
    ]);
  });

  it("does not fire for what was wrong for a moment", async () => {
    const { traffic, states } = bed([{ ...RULE, window: "1s" }]);
    for (let times = 0; times < 20; times++) {
      await traffic(3, 0.9);
      await traffic(3, 0);
    }
    expect(states()).toEqual([]);
  });

  it("does not flap when the metric hovers about the border", async () => {
    const { traffic, states } = bed([{ ...RULE, window: "1s" }]);
    await traffic(10, 0.4);
    for (let times = 0; times < 30; times++) {
      await traffic(6, 0.55);
      await traffic(6, 0.45);
    }
    expect(states()).toEqual(["hits firing"]);
    await traffic(10, 0.65);
    expect(states()).toEqual(["hits firing", "hits resolved"]);
  });

  it("says nothing of too few, and silence neither raises nor ends one", async () => {
    const { traffic, states, clock, watching } = bed([{ ...RULE, atLeast: 15, window: "2s", for: 0 }]);
    await clock.advance(60_000);
    expect(watching.status()).toMatchObject([{ phase: "ok", value: null }]);
    await traffic(3, 0);
    expect(states()).toEqual(["hits firing"]);
    await clock.advance(600_000);
    expect(states()).toEqual(["hits firing"]);
    expect(watching.status()).toMatchObject([{ phase: "firing", value: null }]);
  });

  it("stands for one on each tier where the rule says so", async () => {
    const { metrics, clock, told, watching } = bed([
      { name: "off", metric: "tier.available:*", below: 0.5, window: "10s", for: "5s" },
    ]);
    for (const tier of ["memory", "redis"]) {
      metrics.observer({ type: "cache.lookup", outcome: "hit", tier, coalesced: false, ms: 1, key: "k" });
    }
    metrics.observer({ type: "tier.state", tier: "redis", state: "off" });
    await clock.advance(20_000);
    expect(told.map(({ metric }) => metric)).toEqual(["tier.available:redis"]);
    expect(watching.status().map(({ metric, phase }) => `${metric} ${phase}`)).toEqual([
      "tier.available:redis firing",
      "tier.available:memory ok",
    ]);
  });

  it("waits for a tier that has not been seen", async () => {
    const { clock, watching } = bed([{ name: "off", metric: "tier.available:redis", below: 0.5 }]);
    await clock.advance(5_000);
    expect(watching.status()).toMatchObject([{ rule: "off", phase: "ok", value: null }]);
  });

  it("goes on when a callback throws or rejects, and says so", async () => {
    for (const onAlert of [() => JSON.parse("no") as void, () => Promise.reject(new Error("no"))]) {
      const { traffic, events, watching } = bed([{ ...RULE, for: 0 }], { onAlert });
      await traffic(5, 0);
      await watching.flush();
      expect(events).toMatchObject([{ type: "alert.state" }, { type: "alert.fault", channel: "callback", code: "ENGINE" }]);
    }
  });

  it("ends with close", async () => {
    const { clock, metrics, watching } = bed(undefined);
    await watching.close();
    await watching.close();
    metrics.close();
    expect(clock.pending).toBe(0);
  });
});

describe("the default rules", () => {
  it("are quiet about a cache that is well, and about one that is not used", async () => {
    const { traffic, told, clock, watching } = bed(undefined, { every: "15s" });
    await traffic(120, 0.6);
    await clock.advance(600_000);
    expect(told).toEqual([]);
    expect(watching.status()).toHaveLength(DEFAULT_ALERT_RULES.length);
  }, 240_000);

  it("fire for messages that wait and for errors", async () => {
    const { metrics, clock, states, traffic } = bed(undefined, { every: "15s" });
    for (let second = 0; second < 300; second += 5) {
      metrics.observer({ type: "history.lag", ms: 40_000 + second * 1_000, waiting: 5 });
      for (let times = 0; times < 10; times++) metrics.observer({ type: "memory.fault", part: "index", code: "ENGINE" });
      await traffic(5, 0.6);
    }
    expect(states().toSorted()).toEqual(["errors firing", "history-lag firing"]);
    expect(clock.pending).toBeGreaterThan(0);
  }, 240_000);
});

describe("rules", () => {
  it.each<[string, object, RegExp]>([
    [
      "an unknown metric, with those that there are",
      { ...RULE, metric: "hitrate" },
      /rules\.hits\.metric.*"hitrate".*hitRate, latency\.p50.*recalls:hybrid.*tier\.hits:TIER/,
    ],
    ["a metric of every object", { ...RULE, metric: "constructor" }, /rules\.hits\.metric/],
    ["both borders", { ...RULE, above: 1 }, /one of `above` and `below`/],
    ["no border", { name: "n", metric: "hitRate" }, /one of `above` and `below`/],
    ["a border that is no number", { ...RULE, below: Number.NaN }, /rules\.hits\.below/],
    ["a margin on the wrong side", { ...RULE, clear: 0.4 }, /rules\.hits\.clear/],
    ["an unknown part", { ...RULE, treshold: 1 }, /rules\[0\]\.treshold/],
    ["a name with a line break", { ...RULE, name: "a\nb" }, /rules\[0\]\.name/],
    ["an unknown severity", { ...RULE, severity: "fatal" }, /"info", "warning", "critical"/],
  ])("refuse %s", (_name, rule, message) => {
    expect(() => bed([rule as AlertRule])).toThrow(StrataConfigError);
    expect(() => bed([rule as AlertRule])).toThrow(message);
  });

  it("refuse a name twice", () => {
    expect(() => bed([RULE, RULE])).toThrow(/a name that no other rule has/);
  });
});

describe("a webhook", () => {
  const servers: Server[] = [];
  afterEach(() => servers.splice(0).forEach((server) => server.closeAllConnections() ?? server.close()));

  interface Received {
    readonly body: string;
    readonly headers: IncomingMessage["headers"];
  }

  async function endpoint(answers: readonly number[], location?: string): Promise<{ url: string; received: Received[] }> {
    const received: Received[] = [];
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += String(chunk)));
      request.on("end", () => {
        received.push({ body, headers: request.headers });
        const status = answers[received.length - 1] ?? answers.at(-1) ?? 200;
        response.writeHead(status, location === undefined ? {} : { location }).end("ok");
      });
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/T0KEN`, received };
  }

  /** Real answers take real time, while the pauses between tries are on the manual clock. */
  async function settle(clock: { advance(ms: number): Promise<void> }, until: () => boolean): Promise<void> {
    for (let times = 0; times < 200 && !until(); times++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      await clock.advance(500);
    }
  }

  it("is told in JSON, signed, and told again when it fails", async () => {
    const { url, received } = await endpoint([503, 429, 200]);
    const { traffic, clock, watching, events } = bed([{ ...RULE, for: 0 }], {
      webhook: { url, secret: "s3cret", headers: { "x-team": "cache" }, body: ({ message }) => ({ text: message }) },
    });
    await traffic(2, 0);
    await settle(clock, () => received.length === 3);
    await watching.flush();
    expect(received).toHaveLength(3);
    expect(JSON.parse(received[2]?.body ?? "")).toEqual({ text: "hits: hitRate is 0, below 0.5." });
    expect(received[2]?.headers).toMatchObject({
      "x-team": "cache",
      "x-strata-signature": expect.stringMatching(/^sha256=[0-9a-f]{64}$/) as string,
    });
    expect(events.filter(({ type }) => type === "alert.fault")).toEqual([]);
    await watching.close();
  });

  it.each<[string, number, string | undefined]>([
    ["a refusal", 404, undefined],
    ["a redirect to another host", 302, "http://169.254.169.254/latest/meta-data"],
  ])("gives up at %s, and tells neither its URL nor its secret", async (_name, status, location) => {
    const { url, received } = await endpoint([status], location);
    const { traffic, clock, watching, events } = bed([{ ...RULE, for: 0 }], { webhook: { url, secret: "s3cret", retries: 0 } });
    await traffic(2, 0);
    await settle(clock, () => events.some(({ type }) => type === "alert.fault"));
    await watching.close();
    expect(received).toHaveLength(1);
    expect(events).toMatchObject([{ type: "alert.state" }, { type: "alert.fault", rule: "hits", channel: "webhook" }]);
    expect(JSON.stringify(events)).not.toMatch(/T0KEN|s3cret|127\.0\.0\.1|169\.254/);
  });

  it("that hangs holds up nothing, and ends with close", async () => {
    const asked: AbortSignal[] = [];
    const hanging = ((_url: unknown, init: { signal: AbortSignal }) => {
      asked.push(init.signal);
      return new Promise((_resolve, reject) => init.signal.addEventListener("abort", () => reject(new Error("aborted"))));
    }) as unknown as typeof fetch;
    const { traffic, watching, states } = bed([{ ...RULE, for: 0 }], {
      webhook: { url: "https://hooks.test/x", fetch: hanging },
    });
    await traffic(5, 0);
    expect([states(), asked.length]).toEqual([["hits firing"], 1]);
    await watching.close();
    expect(asked[0]?.aborted).toBe(true);
  });

  it.each<[string, object]>([
    ["a URL of another kind", { url: "file:///etc/passwd" }],
    ["a password in the URL", { url: "https://user:hunter2@hooks.test/x" }],
    ["no URL", { url: "hunter2" }],
    ["a header that is none", { url: "https://hooks.test", headers: { "a b": "hunter2" } }],
  ])("refuses %s, and does not show it", (_name, webhook) => {
    expect(() => bed([RULE], { webhook: webhook as AlertsOptions["webhook"] })).toThrow(StrataConfigError);
    expect(() => bed([RULE], { webhook: webhook as AlertsOptions["webhook"] })).not.toThrow(/hunter2|passwd/);
  });
});
