import { describe, expect, test } from "vitest";
import { memoryTier, TieredCache, type TieredCacheOptions, type TuningOptions } from "../../../../src/index.ts";

function make(tuning: unknown, options: Omit<TieredCacheOptions, "tuning"> = {}): TieredCache {
  return new TieredCache({ tiers: [memoryTier({ maxBytes: "1mb" })], ...options, tuning: tuning as TuningOptions });
}

describe("the option `tuning`", () => {
  test.each<[string, unknown, TieredCacheOptions, string]>([
    ["a mode that is none", "on", {}, 'Option `tuning.mode` is "on"; accepted: "off", "advise", "apply".'],
    ["an unknown key", { modus: "apply" }, {}, "Option `tuning.modus`"],
    ["a setting that is none", { settings: ["sizes"] }, {}, 'Option `tuning.settings` is "sizes"; accepted: "size", "eviction"'],
    ["settings that are no list", { settings: "size" }, {}, "Option `tuning.settings`"],
    ["a budget below what there is", { budget: "512kb" }, {}, "at least the 1048576 bytes that the tiers begin with"],
    ["bounds without a budget", { tiers: { memory: { maxBytes: "2mb" } } }, {}, "bounds beside `budget`"],
    [
      "bounds of a tier that is not there",
      { budget: "4mb", tiers: { disk: {} } },
      {},
      'Option `tuning.tiers` is "disk"; accepted: bounds of tiers whose size can be changed: memory',
    ],
    [
      "bounds that the tier is not within",
      { budget: "4mb", tiers: { memory: { minBytes: "2mb" } } },
      {},
      "Option `tuning.tiers.memory`",
    ],
    [
      "bounds in the wrong order",
      { budget: "4mb", tiers: { memory: { minBytes: 9, maxBytes: 8 } } },
      {},
      "Option `tuning.tiers.memory.minBytes` is 9; accepted: at most",
    ],
    ["lives without a life", { ttl: { max: "1h" } }, {}, "bounds beside the cache's `ttl`"],
    [
      "a life that is not between",
      { ttl: { max: "1h" } },
      { ttl: "2h" },
      'Option `tuning.ttl.max` is "1h"; accepted: at least the cache\'s `ttl`',
    ],
    ["a least life above the life", { ttl: { min: "3h" } }, { ttl: "2h" }, "Option `tuning.ttl.min`"],
    ["an epoch without length", { every: 0 }, {}, "Option `tuning.every`"],
    ["no samples", { minSamples: 0 }, {}, "Option `tuning.minSamples`"],
    ["a gain of nothing", { minGain: 0 }, {}, "Option `tuning.minGain`"],
    ["a loss of nothing", { maxLoss: 0 }, {}, "Option `tuning.maxLoss`"],
  ])("is refused with what is accepted: %s", (_what, tuning, options, message) => {
    expect(() => make(tuning, options)).toThrow(message);
    expect(() => make(tuning, options)).toThrow(expect.objectContaining({ code: "CONFIG" }));
  });

  test.each<[unknown, string]>([
    [undefined, "off"],
    [{}, "off"],
    ["advise", "advise"],
    [{ mode: "apply", budget: "2mb", tiers: { memory: { minBytes: "512kb", maxBytes: "2mb" } } }, "apply"],
  ])("%j is %s", async (tuning, mode) => {
    const cache = make(tuning);
    expect(cache.tuning.mode).toBe(mode);
    await cache.close();
  });

  test("a cache without a tier that has a bound can be tuned in what it has", async () => {
    const tier = memoryTier();
    const plain = { ...tier, name: "plain", configurable: undefined, stats: () => ({ entries: 0, bytes: 0, evicted: 0 }) };
    const cache = make("apply", { tiers: [plain] });
    expect(cache.tuning.mode).toBe("apply");
    await cache.close();
  });
});
