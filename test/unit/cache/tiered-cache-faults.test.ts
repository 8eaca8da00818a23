/** Nothing that fails inside the cache reaches the call: not a tier, not an observer, not a function of the user's. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { sleep } from "../../../src/core/abort.ts";
import type { ManualClock } from "../../../src/core/clock.ts";
import { StrataError } from "../../../src/core/errors.ts";
import { cacheBed } from "../../support/cache-bed.ts";
import { hitOf, llmKey, messageOf } from "../../support/model-answers.ts";
import { hang, scriptedTier } from "../../support/scripted-tier.ts";

const KEY = llmKey();
const DEADLINE_MS = 50;

const rejections: unknown[] = [];
const onRejection = (reason: unknown): void => void rejections.push(reason);
process.on("unhandledRejection", onRejection);

afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve));
  expect(rejections.splice(0)).toEqual([]);
});

const failures: Record<string, (clock: () => ManualClock) => (pass: () => unknown) => unknown> = {
  throws: () => () => {
    throw new Error("engine broke");
  },
  rejects: () => () => Promise.reject(new Error("engine broke")),
  "throws what is no error": () => () => {
    // oxlint-disable-next-line no-throw-literal -- an engine may
    throw Object.create(null);
  },
  hangs: () => hang,
  "answers late": (clock) => async (pass) => {
    await sleep(clock(), DEADLINE_MS + 10);
    return pass();
  },
  "gives no list": () => () => undefined,
  "gives a list that is too short": () => () => [],
  "gives what is no entry": () => () => [{ nothing: true }],
  "gives text in place of bytes": () => (pass) => (pass() as object[]).map((entry) => ({ ...entry, value: "text" })),
};

describe.each(["first", "second"])("a %s tier whose read", (position) => {
  test.each(Object.entries(failures))("%s is a miss for the call, within its deadline", async (_name, fail) => {
    const broken = scriptedTier({ name: "broken", writes: "through" });
    const sound = scriptedTier({ name: "sound", writes: "through" });
    const { clock, cache, lookup, store } = cacheBed({ tiers: position === "first" ? [broken, sound] : [sound, broken] });
    await store("prompt", "42");
    broken.script = { get: fail(() => clock) };
    expect(await lookup("unknown", DEADLINE_MS)).toBeUndefined();
    expect(await lookup("prompt", DEADLINE_MS)).toBe("42");
    sound.held.clear();
    expect(await lookup("prompt", DEADLINE_MS)).toBeUndefined();
    await cache.close();
    await clock.advance(100);
    expect(clock.pending).toBe(0);
  });
});

describe("a tier that fails again and again", () => {
  test("is switched off with one event, is not asked meanwhile, and is back with one event", async () => {
    const broken = scriptedTier({ name: "broken" });
    const { clock, cache, lookup, events } = cacheBed({ tiers: [memoryTier(), broken] });
    broken.script.get = () => {
      throw new Error("engine broke");
    };
    for (let call = 0; call < 20; call++) await lookup(`prompt ${call}`);
    expect(events("tier.state")).toEqual([{ tier: "broken", state: "off", message: "engine broke" }]);
    expect(broken.calls).toHaveLength(3);
    expect(events("tier.fault")).toHaveLength(3);
    expect(cache.stats().tiers[1]).toMatchObject({ name: "broken", state: "off", faults: 20 });

    // Each probe that fails doubles the pause, up to 4 s; none of them is told.
    for (let second = 0; second < 30; second++) await lookup(`later ${second}`, 1_000);
    expect(events("tier.state")).toHaveLength(1);
    expect(broken.calls.length).toBeLessThan(20);

    broken.script = {};
    await clock.advance(4_000);
    await lookup("healed");
    expect(events("tier.state").slice(1)).toEqual([{ tier: "broken", state: "on" }]);
    expect(cache.stats().tiers[1]).toMatchObject({ state: "on" });
    await cache.close();
  });

  test("that hangs costs its deadline three times, and nothing after", async () => {
    const frozen = scriptedTier({ name: "frozen", deadline: "20ms" });
    const { cache, lookup, events } = cacheBed({ tiers: [memoryTier(), frozen] });
    frozen.script.get = hang;
    for (let call = 0; call < 3; call++) await lookup(`prompt ${call}`, 20);
    for (let call = 0; call < 50; call++) await lookup(`more ${call}`);
    expect(events("tier.fault")).toEqual(
      [1, 2, 3].map(() => expect.objectContaining({ tier: "frozen", operation: "get", code: "TIMEOUT" })),
    );
    await cache.close();
  });

  test("because its engine cannot be used at all is switched off at once", async () => {
    const absent = scriptedTier({ name: "absent" });
    const { cache, lookup, events } = cacheBed({ tiers: [memoryTier(), absent] });
    absent.script.get = () => {
      throw new StrataError("UNAVAILABLE", "no folder");
    };
    await lookup("a");
    await lookup("b");
    expect(absent.calls).toEqual(["get"]);
    expect(events("tier.state")).toEqual([{ tier: "absent", state: "off", message: "no folder" }]);
    await cache.close();
  });

  test("does not keep the other tiers from answering", async () => {
    const broken = scriptedTier({ name: "broken" });
    broken.script = { get: hang, set: hang, close: hang };
    const { clock, cache, lookup, store } = cacheBed({ tiers: [memoryTier(), broken] });
    await store("prompt", "42");
    expect(await lookup("prompt")).toBe("42");
    const closing = cache.close();
    await clock.advance(60_000);
    await closing;
    expect(clock.pending).toBe(0);
  });
});

describe("a late answer", () => {
  test("is not given to the next call, nor moved up", async () => {
    const slow = scriptedTier({ name: "slow" });
    const { clock, cache, lookup, store } = cacheBed({ tiers: [memoryTier(), slow] });
    await store("prompt", "42");
    await clock.advance(0);
    await cache.clear({ tier: "memory" });
    slow.script.get = async (pass) => {
      await sleep(clock, 200);
      return pass();
    };
    expect(await lookup("prompt", DEADLINE_MS)).toBeUndefined();
    await clock.advance(1_000);
    expect(cache.stats().tiers[0]?.entries).toBe(0);
    await cache.close();
  });
});

describe("a write", () => {
  test.each(["throws", "rejects", "throws what is no error", "hangs"])("that %s never fails the call", async (how) => {
    for (const writes of ["through", "behind", "on-demotion"] as const) {
      const broken = scriptedTier({ name: "broken", writes });
      const { clock, cache, lookup, store } = cacheBed({ tiers: [memoryTier(), broken] });
      broken.script.set = failures[how]?.(() => clock);
      const updated = store("prompt", "42");
      await clock.advance(DEADLINE_MS);
      await updated;
      expect(await lookup("prompt")).toBe("42");
      await clock.advance(10_000);
      if (writes !== "on-demotion") expect(cache.stats().tiers[1]).toMatchObject({ dropped: 1, queued: 0 });
      await cache.close();
    }
  });

  test("to a slow tier is still under way when the call goes on, and its value is there meanwhile", async () => {
    const slow = scriptedTier({ name: "slow" });
    let release: (() => void) | undefined;
    slow.script.set = async (pass) => {
      await new Promise<void>((resolve) => (release = resolve));
      pass();
    };
    const { clock, cache, lookup, store } = cacheBed({ tiers: [slow] });
    await store("prompt", "42");
    await clock.advance(5);
    expect(slow.held.size).toBe(0);
    expect(cache.stats().tiers[0]?.queued).toBe(1);
    expect(await lookup("prompt")).toBe("42");
    release?.();
    await cache.flush();
    expect(slow.held.size).toBe(1);
    expect(cache.stats().tiers[0]?.queued).toBe(0);
    await cache.close();
  });

  test("that waits for a slow tier is read before the older value that the tier has", async () => {
    const slow = scriptedTier({ name: "slow" });
    const { clock, cache, lookup, store } = cacheBed({ tiers: [slow] });
    await store("prompt", "old");
    await cache.flush();
    slow.script.set = hang;
    await store("prompt", "new");
    await clock.advance(5);
    expect(await lookup("prompt")).toBe("new");
  });

  test("that waits for a slow tier is not served past its expiry", async () => {
    const slow = scriptedTier({ name: "slow" });
    slow.script.set = hang;
    const { clock, lookup, store } = cacheBed({ tiers: [slow], ttl: "2s" });
    await store("prompt", "42");
    await clock.advance(1_900);
    expect(await lookup("prompt")).toBe("42");
    await clock.advance(100);
    expect(await lookup("prompt")).toBeUndefined();
  });
});

describe("removal", () => {
  test.each(["throws", "rejects", "hangs"])("from a tier that %s removes from the others and does not fail", async (how) => {
    const broken = scriptedTier({ name: "broken" });
    const { clock, cache, lookup, store } = cacheBed({ tiers: [memoryTier(), broken] });
    await store("prompt", "42");
    await cache.flush();
    broken.script = { clear: failures[how]?.(() => clock), get: () => [undefined] };
    const cleared = cache.clear();
    await clock.advance(10_000);
    expect(await cleared).toBe(1);
    expect(await lookup("prompt")).toBeUndefined();
    await cache.close();
  });
});

test("removal by a pattern ends when a tier hangs in the middle of its entries", async () => {
  const frozen = scriptedTier({ name: "frozen" });
  const { clock, cache, events } = cacheBed({ tiers: [memoryTier(), frozen] });
  await cache.set("key", 1, { tags: ["red"] });
  await cache.flush();
  let isAborted = false;
  frozen.entries = (options) => {
    options?.signal?.addEventListener("abort", () => (isAborted = true));
    return { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
  };
  const removed = cache.invalidate("re*");
  await clock.advance(10_000);
  expect(await removed).toBe(1);
  expect(isAborted).toBe(true);
  expect(events("tier.fault")).toEqual([expect.objectContaining({ tier: "frozen", operation: "clear", code: "TIMEOUT" })]);
  await cache.close();
});

describe("closing", () => {
  test.each(["throws", "rejects", "hangs"])("a tier that %s closes the others, and ends", async (how) => {
    const broken = scriptedTier({ name: "broken" });
    const sound = scriptedTier({ name: "sound" });
    const { clock, cache, events } = cacheBed({ tiers: [broken, sound] });
    broken.script.close = failures[how]?.(() => clock);
    const closing = cache.close();
    await clock.advance(10_000);
    await closing;
    expect(sound.calls).toContain("close");
    expect(events("tier.fault")).toEqual([expect.objectContaining({ tier: "broken", operation: "close" })]);
    expect(clock.pending).toBe(0);
  });

  test("happens once, however often it is asked for, and every call after it is bypassed", async () => {
    const tier = scriptedTier({ name: "tier" });
    const { cache, events, store } = cacheBed({ tiers: [tier] });
    await Promise.all([cache.close(), cache.close(), cache.close()]);
    expect(tier.calls).toEqual(["close"]);
    expect(await cache.lookup("prompt", KEY)).toBeNull();
    await store("prompt", "42");
    expect(events("cache.bypass")).toEqual([{ reason: "closed" }, { reason: "closed" }]);
    await expect(cache.set("key", 1)).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("writes what waits", async () => {
    const tier = scriptedTier({ name: "tier" });
    const { cache, store } = cacheBed({ tiers: [tier] });
    await store("prompt", "42");
    expect(tier.held.size).toBe(0);
    await cache.close();
    expect(tier.held.size).toBe(1);
  });
});

describe("functions of the user's", () => {
  test("an observer that throws is reported once and changes nothing", async () => {
    const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const { cache, lookup, store } = cacheBed({
      tiers: [memoryTier()],
      observer: () => {
        throw new Error("observer broke");
      },
    });
    await store("prompt", "42");
    for (let call = 0; call < 5; call++) expect(await lookup("prompt")).toBe("42");
    expect(warnings).toHaveBeenCalledTimes(1);
    expect(warnings).toHaveBeenCalledWith(
      expect.stringContaining("observer broke"),
      expect.objectContaining({ code: "STRATA_OBSERVER" }),
    );
    await cache.close();
  });

  test("`admit` that throws leaves the answer unstored", async () => {
    const { cache, lookup, events, store } = cacheBed({
      tiers: [memoryTier()],
      admit: () => {
        throw new Error("admit broke");
      },
    });
    await store("prompt", "42");
    expect(await lookup("prompt")).toBeUndefined();
    expect(events("cache.bypass")).toEqual([{ reason: "unstorable" }]);
    await cache.close();
  });

  test("a scope function that throws is no scope", async () => {
    const { cache, lookup, events, store } = cacheBed({
      tiers: [memoryTier()],
      scope: () => {
        throw new Error("scope broke");
      },
    });
    await store("prompt", "42");
    expect(await lookup("prompt")).toBeUndefined();
    expect(events("cache.bypass").map(({ reason }) => reason)).toEqual(["no-scope", "no-scope"]);
    await cache.close();
  });
});

test("a tier that gives another key's entry by reference is not believed", async () => {
  const memory = memoryTier();
  const { cache, lookup, events, store } = cacheBed({
    tiers: [{ ...memory, get: async (keys) => memory.get(other === undefined ? keys : [other]) }],
  });
  let other: string | undefined;
  await store("one", "1");
  for await (const { key } of memory.entries()) other = key;
  await store("two", "2");
  expect(await lookup("two")).toBeUndefined();
  expect(events("entry.rejected")).toEqual([expect.objectContaining({ reason: expect.stringContaining("another key") })]);
  expect(hitOf(messageOf(await cache.lookup("one", KEY))).tier).toBe("memory");
  await cache.close();
});
