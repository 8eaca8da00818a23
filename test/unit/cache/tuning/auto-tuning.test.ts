import { expect, test } from "vitest";
import { createMetrics, memoryTier, type EvictionName, type StrataEvent } from "../../../../src/index.ts";
import { ENTRY_BYTES, looped, trafficBed, zipf } from "../../../support/traffic.ts";

const ROOM = 200;
const tiers = (eviction: EvictionName = "lru"): [ReturnType<typeof memoryTier>] => [
  memoryTier({ maxBytes: ROOM * ENTRY_BYTES, eviction }),
];
/** Epochs of 600 requests. */
const QUICK = { every: "18s", minSamples: 500 } as const;
/** Which lru never hits, and other policies in part. */
const LOOP = looped(300, 6_000);

function evictionOf([tier]: ReturnType<typeof tiers>): unknown {
  return tier.stats().eviction;
}

test("is off by default: nothing is sampled, no timer runs, nothing is decided", async () => {
  const { cache, clock, ask } = trafficBed({ tiers: tiers() });
  await ask(LOOP);
  expect([cache.tuning.mode, cache.tuning.decisions(), cache.tuning.sample(), clock.pending]).toEqual([
    "off",
    [],
    { rate: 0, entries: 0, waiting: 0 },
    0,
  ]);
  await cache.close();
});

test("a step that ghosts foretell a gain of is taken, passes its trial, and gains", async () => {
  const own = tiers();
  const { cache, ask } = trafficBed({ tiers: own, tuning: { mode: "apply", ...QUICK } });
  const first = await ask(LOOP);
  const then = await ask(LOOP);
  const [kept, step] = cache.tuning.decisions();
  expect(step).toMatchObject({ number: 1, action: "step", setting: "eviction", from: "memory lru" });
  expect(kept).toMatchObject({ number: 2, action: "keep", setting: "eviction" });
  expect(step?.predicted).toBeGreaterThan(10);
  expect(kept?.observed).toBeGreaterThan(10);
  expect(then - first).toBeGreaterThan(0.1);
  expect(evictionOf(own)).not.toBe("lru");
  await cache.close();
});

test("every decision is an event with its reason and figures", async () => {
  const { cache, events, ask } = trafficBed({ tiers: tiers(), tuning: { mode: "apply", ...QUICK } });
  await ask(LOOP);
  const told = events.filter(
    (event): event is Extract<StrataEvent, { type: "tuning.decision" }> => event.type === "tuning.decision",
  );
  expect(told.map(({ action }) => action)).toEqual(
    cache.tuning
      .decisions()
      .toReversed()
      .map(({ action }) => action),
  );
  expect(told[0]?.reason).toMatch(
    /^A ghost that changed to memory [a-z0-9-]+ is at \+\d+\.\d points to one that kept memory lru \(\d+\.\d %\)/,
  );
  expect(told[0]?.samples).toBeGreaterThanOrEqual(500);
  const metrics = createMetrics();
  for (const event of told) metrics.observer(event);
  const counted = metrics.snapshot().cache.tuning;
  expect(Object.values(counted).reduce((sum, count) => sum + count, 0)).toBe(told.length);
  expect(counted.step).toBe(told.filter(({ action }) => action === "step").length);
  metrics.close();
  await cache.close();
});

test("advice changes nothing, and is given once", async () => {
  const own = tiers();
  const { cache, ask } = trafficBed({ tiers: own, tuning: { mode: "advise", ...QUICK } });
  await ask(LOOP);
  const decisions = cache.tuning.decisions();
  expect(decisions.length).toBeGreaterThan(0);
  expect(new Set(decisions.map(({ action }) => action))).toEqual(new Set(["advise"]));
  expect(new Set(decisions.map(({ to }) => to)).size).toBe(decisions.length);
  expect(evictionOf(own)).toBe("lru");
  await cache.close();
});

test("revert() takes everything back, says so, and leaves it at advice", async () => {
  const own = tiers();
  const { cache, ask } = trafficBed({ tiers: own, tuning: { mode: "apply", ...QUICK } });
  await ask(LOOP);
  expect(evictionOf(own)).not.toBe("lru");
  cache.tuning.revert();
  expect(evictionOf(own)).toBe("lru");
  expect(cache.tuning.mode).toBe("advise");
  expect(cache.tuning.decisions()[0]).toMatchObject({ action: "undo", setting: "all", to: "memory lru" });
  await ask(LOOP);
  expect(evictionOf(own)).toBe("lru");
  await cache.close();
});

test("configure({ autoTune }) switches it while the cache runs", async () => {
  const own = tiers();
  const { cache, ask } = trafficBed({ tiers: own, tuning: QUICK });
  await ask(LOOP.slice(0, 1_000));
  await cache.configure({ autoTune: "apply" });
  await ask(LOOP);
  expect(evictionOf(own)).not.toBe("lru");
  await cache.configure({ autoTune: "off" });
  const decided = cache.tuning.decisions().length;
  await ask(zipf(2_000, 0.8, 6_000, 1));
  expect(cache.tuning.decisions()).toHaveLength(decided);
  await expect(cache.configure({ autoTune: "on" as "off" })).rejects.toThrow('Option `configure.autoTune` is "on"');
  await cache.close();
});

test("what somebody configures by hand is what was given from then on", async () => {
  const own = tiers("adaptive");
  const { cache, ask } = trafficBed({ tiers: own, tuning: { mode: "apply", ...QUICK } });
  await ask(LOOP.slice(0, 2_000));
  await cache.configure({ tier: "memory", eviction: "lru" });
  await ask(LOOP);
  expect(evictionOf(own)).not.toBe("lru");
  cache.tuning.revert();
  expect(evictionOf(own)).toBe("lru");
  await cache.close();
});

test("traffic that other settings would not serve better moves nothing", async () => {
  const { cache, ask } = trafficBed({ tiers: tiers("adaptive"), tuning: { mode: "apply", ...QUICK } });
  await ask(zipf(2_000, 0.9, 20_000, 5));
  expect(cache.tuning.decisions().filter(({ action }) => action === "step").length).toBeLessThanOrEqual(1);
  await cache.close();
});

test("fewer lookups than a decision rests on decide nothing, however much time passes", async () => {
  const { cache, clock, ask } = trafficBed({ tiers: tiers(), tuning: { mode: "apply", every: "18s", minSamples: 5_000 } });
  await ask(LOOP.slice(0, 4_500));
  await clock.advance(3_600_000);
  expect(cache.tuning.decisions()).toEqual([]);
  await cache.close();
});

test("what is asked while nothing happens starts no timer, and close() stops the one that waits", async () => {
  const { cache, clock } = trafficBed({ tiers: tiers(), tuning: { mode: "apply" } });
  expect(clock.pending).toBe(0);
  await cache.set("a", 1);
  expect(clock.pending).toBe(1);
  await clock.advance(200);
  expect(clock.pending).toBe(0);
  await cache.get("a");
  expect(clock.pending).toBe(1);
  await cache.close();
  expect(clock.pending).toBe(0);
});

test("nothing of what is asked or answered is in decisions, events or what waits", async () => {
  const { cache, events } = trafficBed({ tiers: tiers(), tuning: { mode: "apply", ...QUICK } });
  await cache.set("s3cret question", "s3cret answer");
  await cache.get("s3cret question");
  expect(JSON.stringify([events, cache.tuning.decisions(), cache.tuning.sample()])).not.toContain("s3cret");
  await cache.close();
});
