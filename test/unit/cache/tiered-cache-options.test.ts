import { describe, expect, test } from "vitest";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { StrataConfigError } from "../../../src/core/errors.ts";

const withoutGet = { ...memoryTier(), get: undefined };
const withoutStats = { ...memoryTier(), stats: undefined };

const wrong: [option: string, options: Record<string, unknown>][] = [
  ["tiers", { tiers: [] }],
  ["tiers", { tiers: memoryTier() }],
  ["tiers", { tiers: "memory" }],
  ["tiers", { tiers: [null] }],
  ["tiers", { tiers: [{}] }],
  ["tiers", { tiers: [withoutGet] }],
  ["tiers", { tiers: [withoutStats] }],
  ["tiers", { tiers: [{ ...memoryTier(), name: "" }] }],
  ["tiers", { tiers: [memoryTier(), memoryTier()] }],
  ["memory.writes", { tiers: [{ ...memoryTier(), writes: "sometimes" }] }],
  ["memory.deadline", { tiers: [{ ...memoryTier(), deadline: "soon" }] }],
  ["ttl", { ttl: "1 fortnight" }],
  ["ttl", { ttl: 0 }],
  ["ttl", { ttl: -1 }],
  ["ttl", { ttl: Number.NaN }],
  ["ttl", { ttl: null }],
  ["compression", { compression: "lzma" }],
  ["compression", { compression: true }],
  ["scope", { scope: "tenant" }],
  ["scope", { scope: 7 }],
  ["scope", { scope: {} }],
  ["scope", { scope: { tenant: undefined } }],
  ["scope.tenat", { scope: { tenat: "a" } }],
  ["scope.tenant", { scope: { tenant: "" } }],
  ["scope.user", { scope: { tenant: "a", user: 7 } }],
  ["modelId", { modelId: "" }],
  ["modelId", { modelId: 7 }],
  ["coalesce", { coalesce: "yes" }],
  ["coalesce", { coalesce: null }],
  ["coalesce.maxWait", { coalesce: { maxWait: "long" } }],
  ["coalesce.wait", { coalesce: { wait: "1s" } }],
  ["admit", { admit: "always" }],
  ["observer", { observer: {} }],
  ["maxValueBytes", { maxValueBytes: "big" }],
  ["maxValueBytes", { maxValueBytes: 0 }],
  ["clock", { clock: {} }],
  ["clock", { clock: null }],
  ["random", { random: 0.5 }],
  ["TieredCache.tier", { tier: memoryTier() }],
  ["TieredCache.TTL", { TTL: "1h" }],
  ["TieredCache.maxBytes", { maxBytes: "1gb" }],
];

describe("an option that is not accepted", () => {
  test.each(wrong)("%s: %j is refused by its name, with what is accepted", (option, options) => {
    const make = (): TieredCache => new TieredCache({ tiers: [memoryTier()], ...options });
    expect(make).toThrow(StrataConfigError);
    expect(make).toThrow(expect.objectContaining({ code: "CONFIG", option }));
    expect(make).toThrow(new RegExp(`^Option \`${option.replace(".", "\\.")}\` is .*; accepted: .+\\.$`, "s"));
  });
});

test("an option that is `undefined` counts as absent, a misspelt one too", async () => {
  const names = ["ttl", "compression", "scope", "modelId", "coalesce", "admit", "observer", "maxValueBytes", "clock", "random"];
  const options = Object.fromEntries([...names, "misspelt"].map((name) => [name, undefined]));
  const cache = new TieredCache({ tiers: [memoryTier()], ...options });
  await cache.close();
});

test("every duration, size and compression that is accepted elsewhere is accepted here", async () => {
  for (const ttl of [1, 250, "250ms", "30s", "15m", "1h", "7d"] as const)
    await new TieredCache({ tiers: [memoryTier()], ttl }).close();
  for (const compression of ["auto", "none", "gzip", "brotli"] as const) {
    await new TieredCache({ tiers: [memoryTier()], compression }).close();
  }
  await new TieredCache({ tiers: [memoryTier()], coalesce: { maxWait: "250ms" }, maxValueBytes: "64kb" }).close();
});
