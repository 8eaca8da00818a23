/**
 * The wall clock of one process is set, by an hour, while Redis keeps the time. An entry is never served past the absolute expiry
 * that it carries, as the reader's clock has it; and it is not lost before.
 */
import { expect, inject, test } from "vitest";
import { TieredCache } from "../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import { redisTier } from "../../src/cache/tiers/redis.ts";
import { systemClock, type Clock } from "../../src/core/clock.ts";
import { freshPrefix } from "../support/fresh.ts";

const HOUR = 3_600_000;
const LLM_KEY = JSON.stringify({ _type: "openai", model_name: "m" });

test.each([
  ["ahead", HOUR],
  ["back", -HOUR],
])("an hour %s", async (_name, jump) => {
  let set = 0;
  const clock: Clock = { ...systemClock, now: () => Date.now() + set };
  const prefix = freshPrefix();
  const open = (tiers = [redisTier({ client: inject("redisUrl"), prefix, deadline: "5s" })]): TieredCache =>
    new TieredCache({ tiers, modelId: "m", ttl: "90m", clock, random: () => 0, coalesce: false });
  const both = open([memoryTier(), redisTier({ client: inject("redisUrl"), prefix, deadline: "5s" })]);
  const shared = open();
  const textOf = async (cache: TieredCache, prompt: string): Promise<string | undefined> =>
    (await cache.lookup(prompt, LLM_KEY))?.[0]?.text;

  await both.update("before", LLM_KEY, [{ text: "stored before" }]);
  await both.flush();
  set = jump;
  // 90 minutes are longer than the jump: it is there in both tiers.
  expect(await textOf(both, "before")).toBe("stored before");
  expect(await textOf(shared, "before")).toBe("stored before");
  await both.update("after", LLM_KEY, [{ text: "stored after" }]);
  await both.flush();
  expect(await textOf(shared, "after")).toBe("stored after");

  // A minute before its end, and a minute after, by the clock that it was stored with.
  set = 1.5 * HOUR - 60_000;
  expect(await textOf(shared, "before")).toBe("stored before");
  set = 1.5 * HOUR + 60_000;
  expect(await textOf(shared, "before")).toBeUndefined();
  // What was stored by the clock that was set lives by that clock.
  set = jump + 1.5 * HOUR - 60_000;
  expect(await textOf(shared, "after")).toBe("stored after");
  set = jump + 1.5 * HOUR + 60_000;
  expect(await textOf(shared, "after")).toBeUndefined();

  // Back where it was: what was stored meanwhile is neither for ever nor gone.
  set = 0;
  await both.update("again", LLM_KEY, [{ text: "stored again" }]);
  await both.flush();
  expect(await textOf(shared, "again")).toBe("stored again");
  await Promise.all([both.close(), shared.close()]);
});
