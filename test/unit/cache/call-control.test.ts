import { describe, expect, test } from "vitest";
import { controlResolver, currentConfig, type CallControl } from "../../../src/cache/call-control.ts";
import { StrataConfigError } from "../../../src/core/errors.ts";
import { GLOBAL_SCOPE, scopeDigest } from "../../../src/core/scope.ts";

function asked(strata: unknown): { configurable: Record<string, unknown> } {
  return { configurable: { strata } };
}

test("an async scope function that fails is no scope, and does not end the process", async () => {
  const resolve = controlResolver((() => Promise.reject(new Error("mine"))) as never, undefined);
  expect(() => resolve(undefined)).toThrow(StrataConfigError);
  // Vitest fails a run in which a rejection was not handled.
  await new Promise((resolved) => setImmediate(resolved));
});

describe("what a call asks for", () => {
  test("is nothing, when there is no config or nothing of ours in it", () => {
    const resolve = controlResolver("global", undefined);
    for (const config of [undefined, {}, { configurable: {} }, asked(undefined), asked(null), asked({})]) {
      expect(resolve(config)).toMatchObject({ bypass: false, refresh: false, ttlMs: undefined, tags: [], scope: GLOBAL_SCOPE });
    }
  });

  test("is read from configurable.strata", () => {
    const control: CallControl = { refresh: true, ttl: "15m", tags: ["a", "b"], scope: { tenant: "t" } };
    expect(controlResolver("global", undefined)(asked(control))).toMatchObject({
      bypass: false,
      refresh: true,
      ttlMs: 900_000,
      tags: ["a", "b"],
      scope: scopeDigest({ tenant: "t" }),
    });
    expect(controlResolver("global", undefined)(asked({ bypass: true })).bypass).toBe(true);
  });

  test.each([
    ["configurable.strata.ttl", { ttl: "soon" }],
    ["configurable.strata.ttl", { ttl: 0 }],
    ["configurable.strata.tags", { tags: "prices" }],
    ["configurable.strata.tags", { tags: [""] }],
    ["configurable.strata.tags", { tags: ["a\u0001b"] }],
    ["configurable.strata.refesh", { refesh: true }],
    ["configurable.strata.bypass", { bypass: "yes" }],
    ["configurable.strata.refresh", { refresh: 1 }],
    ["configurable.strata", "bypass"],
    ["configurable.strata", 7],
    ["scope.tenat", { scope: { tenat: "a" } }],
    ["scope", { scope: {} }],
  ])("is refused with the name %s: %j", (option, control) => {
    const resolve = (): unknown => controlResolver("global", undefined)(asked(control));
    expect(resolve).toThrow(StrataConfigError);
    expect(resolve).toThrow(expect.objectContaining({ option }));
  });
});

describe("whose call it is", () => {
  test("everybody's by default, or that of a fixed scope", () => {
    expect(controlResolver("global", undefined)(undefined).scope).toBe(GLOBAL_SCOPE);
    const scope = { tenant: "a", user: "u" };
    expect(controlResolver(scope, undefined)(undefined).scope).toBe(scopeDigest(scope));
    expect(scopeDigest(scope)).not.toBe(GLOBAL_SCOPE);
  });

  test("is told by a function, which is given the config and the name of the model", () => {
    const seen: unknown[] = [];
    const resolve = controlResolver((context) => {
      seen.push(context);
      return { tenant: String(context.config?.configurable?.["tenant"]) };
    }, "my model");
    const config = { configurable: { tenant: "a" } };
    expect(resolve(config).scope).toBe(scopeDigest({ tenant: "a" }));
    expect(seen).toEqual([{ config, modelId: "my model" }]);
  });

  test("is nobody's, so that nothing is cached, when the function gives `undefined`", () => {
    expect(controlResolver(() => undefined, undefined)(undefined).scope).toBeUndefined();
  });

  test.each<[string, unknown]>([
    ["the promise of a scope", Promise.resolve({ tenant: "a" })],
    ["a scope whose tenant is unknown", { tenant: undefined }],
    ["an empty scope", {}],
    ["a text", "a"],
    ["a map", new Map([["tenant", "a"]])],
    ["null", null],
    ["a misspelt part", { tenat: "a" }],
  ])("is never everybody's when the function gives %s", (_name, given) => {
    expect(() => controlResolver(() => given as never, undefined)(undefined)).toThrow(StrataConfigError);
  });

  test("is what the call says, before the function and before the fixed scope", () => {
    const own = asked({ scope: { tenant: "own" } });
    for (const scope of [() => ({ tenant: "function" }), { tenant: "fixed" }, "global"] as const) {
      expect(controlResolver(scope, undefined)(own).scope).toBe(scopeDigest({ tenant: "own" }));
    }
    expect(controlResolver({ tenant: "fixed" }, undefined)(asked({ scope: "global" })).scope).toBe(GLOBAL_SCOPE);
  });

  test("lies within every wider scope", () => {
    const { within } = controlResolver({ tenant: "t", user: "u", feature: "f" }, undefined)(undefined);
    expect(within()).toContain(scopeDigest({ tenant: "t" }));
    expect(within()).toContain(scopeDigest({ tenant: "t", user: "u" }));
    expect(controlResolver({ tenant: "t" }, undefined)(undefined).within()).toEqual([]);
  });
});

test("outside of anything that runs there is no config", () => {
  expect(currentConfig()).toBeUndefined();
});
