import { expect, test } from "vitest";
import { TieredCache, manualClock, memoryTier } from "../../../src/index.ts";
import { digest } from "../../../src/core/key.ts";
import { createRollout } from "../../../src/cache/rollout.ts";
import { scopeDigest, widerScopes, type Scope } from "../../../src/core/scope.ts";

const MODEL = 'model:"m"';
const calls = (length: number) =>
  Array.from({ length }, (_, index) => ({ key: digest("prompt", String(index)), scope: "nobody", within: () => [] }));
const answer = (text: string) => [{ text }];

test("10 % of the traffic is 10 % within a point over 100,000 prompts, the same ones each time", () => {
  const tenth = createRollout({ traffic: 0.1 });
  const keys = calls(100_000);
  const served = keys.filter(tenth);
  expect(served.length).toBeGreaterThan(9_000);
  expect(served.length).toBeLessThan(11_000);
  expect(keys.filter(createRollout({ traffic: 0.1 }))).toEqual(served);
});

test("who is served stays served while the share grows", () => {
  const keys = calls(10_000);
  const [tenth, half] = [createRollout({ traffic: 0.1 }), createRollout({ traffic: 0.5 })];
  expect(keys.filter(tenth).every(half)).toBe(true);
});

test("shadow mode serves nothing and counts what it would have served", async () => {
  const cache = new TieredCache({ tiers: [memoryTier()], rollout: { mode: "shadow" }, clock: manualClock() });
  await cache.update("p", MODEL, answer("a"));
  expect(await cache.lookup("p", MODEL)).toBeNull();
  expect(await cache.lookup("q", MODEL)).toBeNull();
  expect(cache.stats()).toMatchObject({ hits: 0, misses: 2, withheld: 1 });
});

test("a share serves the same prompts through the whole cache", async () => {
  const cache = new TieredCache({ tiers: [memoryTier()], rollout: { traffic: 0.3 }, coalesce: false });
  const prompts = Array.from({ length: 500 }, (_, index) => `prompt ${index}`);
  for (const prompt of prompts) await cache.update(prompt, MODEL, answer(prompt));
  const round = async (): Promise<string[]> => {
    const served: string[] = [];
    for (const prompt of prompts) if ((await cache.lookup(prompt, MODEL)) !== null) served.push(prompt);
    return served;
  };
  const first = await round();
  expect(first.length).toBeGreaterThan(110);
  expect(first.length).toBeLessThan(190);
  expect(await round()).toEqual(first);
});

test.each([
  ["mode", { mode: "on" as never }],
  ["traffic", { traffic: 1.5 }],
  ["traffic", { traffic: Number.NaN }],
])("a bad %s names itself", (name, rollout) => {
  expect(() => new TieredCache({ tiers: [memoryTier()], rollout })).toThrow(`rollout.${name}`);
});

test("a scope may have rules of its own, which also hold for the scopes within it", () => {
  const admits = createRollout({ mode: "shadow", scopes: [{ scope: { tenant: "acme" }, mode: "serve" }] });
  const call = (scope: Scope) => ({ key: digest("prompt"), scope: scopeDigest(scope), within: () => widerScopes(scope) });
  expect(admits(call({ tenant: "acme" }))).toBe(true);
  expect(admits(call({ tenant: "acme", user: "ann" }))).toBe(true);
  expect(admits(call({ tenant: "globex" }))).toBe(false);
  expect(admits(call({ tenant: "globex", user: "ann" }))).toBe(false);
  const paused = createRollout({ scopes: [{ scope: { tenant: "acme" }, traffic: 0 }] });
  expect(paused(call({ tenant: "acme" }))).toBe(false);
  expect(paused(call({ tenant: "globex" }))).toBe(true);
});

test.each([
  ["rollout.scopes", { scopes: "acme" as never }],
  ["rollout.scopes[0].traffic", { scopes: [{ scope: { tenant: "acme" }, traffic: 2 }] }],
  ["scope", { scopes: [{ scope: {} }] }],
])("a bad %s of a scope names itself", (name, rollout) => {
  expect(() => createRollout(rollout)).toThrow(name);
});
