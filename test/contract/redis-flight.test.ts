/** Processes that share a Redis tier ask a model once for the same prompt. Each cache here stands for a process, but for the first test. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage } from "@langchain/core/messages";
import type { ChatResult } from "@langchain/core/outputs";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { DistributedFlight } from "../../src/cache/distributed-flight.ts";
import type { CacheTier, TierEntry } from "../../src/cache/tier.ts";
import type { TieredCacheOptions } from "../../src/cache/cache-options.ts";
import { cached } from "../../src/cache/cached.ts";
import { cacheModel } from "../../src/cache/model/cached-model.ts";
import { TieredCache } from "../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import { redisTier } from "../../src/cache/tiers/redis.ts";
import { systemClock } from "../../src/core/clock.ts";
import { digest } from "../../src/core/key.ts";
import { scriptedTier } from "../support/scripted-tier.ts";
import { startRedis } from "../support/servers/routes.ts";
import type { TestServer } from "../support/servers/test-server.ts";
import { calmest, durationOf } from "../support/calmest.ts";

const LLM_KEY = JSON.stringify({ _type: "openai", model_name: "m", _model: "m" });
const MODEL_MS = 150;
const MAX_WAIT_MS = 500;

let server: TestServer;
let redis: Redis;
const opened: Array<{ close(): unknown }> = [];

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
  await redis.flushall();
});

function process(options: TieredCacheOptions = {}): TieredCache {
  const tiers = [memoryTier(), redisTier({ client: server.url, deadline: "1s" })];
  const cache = new TieredCache({ tiers, modelId: "m", ...options });
  opened.push(cache);
  return cache;
}

/** Asks as LangChain does; `model` is called on a miss. */
async function ask(cache: TieredCache, prompt: string, model: () => Promise<string>): Promise<string | undefined> {
  const hit = await cache.lookup(prompt, LLM_KEY);
  if (hit !== null) return hit[0]?.text;
  const text = await model();
  await cache.update(prompt, LLM_KEY, [{ text }]);
  return text;
}

function slowModel(): { calls: number; readonly call: () => Promise<string> } {
  const model = {
    calls: 0,
    call: async () => {
      const call = ++model.calls;
      await new Promise((resolve) => setTimeout(resolve, MODEL_MS));
      return `answer ${call}`;
    },
  };
  return model;
}

test("four processes that ask the same at once cost one model call", async () => {
  const script = fileURLToPath(new URL("redis-flight-process.ts", import.meta.url));
  const children = Array.from({ length: 4 }, () => fork(script, [server.url, "four"], { execArgv: ["--import", "tsx"] }));
  await Promise.all(children.map((child) => once(child, "message")));
  const answers = children.map(async (child) => (await once(child, "message"))[0] as { calls: number; texts: string[] });
  for (const child of children) child.send("Why is the sky blue?");
  const told = await Promise.all(answers);
  expect(told.reduce((total, { calls }) => total + calls, 0)).toBe(1);
  expect(new Set(told.flatMap(({ texts }) => texts)).size).toBe(1);
  expect(told.flatMap(({ texts }) => texts)).toHaveLength(100);
}, 240_000);

test("a function that is memoised runs once for all processes, and again when it failed", async () => {
  const model = slowModel();
  const memos = [process(), process()].map((cache) => cached(model.call, { cache, keyPrefix: "slow" }));
  expect(await Promise.all(memos.map((memo) => memo()))).toEqual(["answer 1", "answer 1"]);
  expect(model.calls).toBe(1);
  let tries = 0;
  const failing = [process(), process()].map((cache) => {
    const once = async (): Promise<number> => (++tries === 1 ? Promise.reject(new Error("once")) : tries);
    return cached(once, { cache, keyPrefix: "failing" });
  });
  const outcomes = await Promise.allSettled(failing.map((memo) => memo()));
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
});

describe("waiting for another process", () => {
  test("ends with its answer, soon after it is there", async () => {
    let prompts = 0;
    const both = async (): Promise<void> => {
      const [one, other, model] = [process(), process(), slowModel()];
      const prompt = `p ${prompts++}`;
      const answers = await Promise.all([ask(one, prompt, model.call), ask(other, prompt, model.call)]);
      expect(answers).toEqual(["answer 1", "answer 1"]);
      expect(model.calls).toBe(1);
    };
    expect(await calmest(MODEL_MS + 400, () => durationOf(both))).toBeLessThan(MODEL_MS + 400);
  });

  test("does not make two prompts wait for each other", async () => {
    const [one, other, model] = [process(), process(), slowModel()];
    await Promise.all([ask(one, "p", model.call), ask(other, "q", model.call)]);
    expect(model.calls).toBe(2);
  });

  test("ends when that process closes", async () => {
    const [one, other, model] = [process(), process(), slowModel()];
    expect(await one.lookup("p", LLM_KEY)).toBeNull();
    const waiting = ask(other, "p", model.call);
    await one.close();
    expect(await waiting).toBe("answer 1");
  });

  test("ends with maxWait when that process never comes back, and is not done again before an answer is seen", async () => {
    const [one, other] = [process(), process({ coalesce: { maxWait: MAX_WAIT_MS } })];
    const timed = async (prompt: string): Promise<number> => {
      expect(await one.lookup(prompt, LLM_KEY)).toBeNull();
      return durationOf(async () => expect(await other.lookup(prompt, LLM_KEY)).toBeNull());
    };
    // A timer may be early by a millisecond.
    expect(await timed("p")).toBeGreaterThanOrEqual(MAX_WAIT_MS - 10);
    let prompts = 0;
    const unasked = (): Promise<number> => timed(`q ${prompts++}`);
    expect(await calmest(0.8 * MAX_WAIT_MS, unasked)).toBeLessThan(0.8 * MAX_WAIT_MS);
    await other.update("q 0", LLM_KEY, [{ text: "an answer" }]);
    expect(await timed("r")).toBeGreaterThanOrEqual(MAX_WAIT_MS - 10);
  });

  test("ends when that process has an answer that is not kept", async () => {
    const [one, other, model] = [process({ admit: () => false }), process(), slowModel()];
    expect(await one.lookup("p", LLM_KEY)).toBeNull();
    const waiting = ask(other, "p", model.call);
    await one.update("p", LLM_KEY, [{ text: "refused" }]);
    expect(await waiting).toBe("answer 1");
  });

  test("is left out where nobody coalesces", async () => {
    const [one, other, model] = [process({ coalesce: false }), process({ coalesce: false }), slowModel()];
    await Promise.all([ask(one, "p", model.call), ask(other, "p", model.call)]);
    expect(model.calls).toBe(2);
  });

  test("does not stop the process that leads from asking again", async () => {
    const [one, model] = [process(), slowModel()];
    expect(await ask(one, "other prompt", model.call)).toBe("answer 1");
    let prompts = 0;
    const again = async (): Promise<number> => {
      const prompt = `p ${prompts++}`;
      expect(await one.lookup(prompt, LLM_KEY)).toBeNull();
      return durationOf(async () => expect(await one.lookup(prompt, LLM_KEY)).toBeNull());
    };
    expect(await calmest(2 * MODEL_MS + 400, again)).toBeLessThan(2 * MODEL_MS + 400);
  });
});

describe("waiting for a model that another process has wrapped", () => {
  /** A chat model that answers, or fails, after `ms`. */
  class SlowModel extends BaseChatModel {
    calls = 0;
    readonly #ms: number;
    readonly #fails: boolean;

    constructor(ms: number, fails: boolean) {
      super({});
      this.#ms = ms;
      this.#fails = fails;
    }

    _llmType(): string {
      return "slow";
    }

    override _identifyingParams(): Record<string, unknown> {
      return { model: "slow" };
    }

    async _generate(): Promise<ChatResult> {
      this.calls++;
      await new Promise((resolve) => setTimeout(resolve, this.#ms));
      if (this.#fails) throw new Error("The model failed.");
      return { generations: [{ text: "an answer", message: new AIMessage("an answer") }] };
    }
  }

  test("ends as soon as that model has failed", async () => {
    const [failing, working] = [new SlowModel(300, true), new SlowModel(10, false)];
    const one = cacheModel(failing, { cache: process() });
    const other = cacheModel(working, { cache: process() });
    const first = one.invoke("p");
    await new Promise((resolve) => setTimeout(resolve, 100));
    const start = performance.now();
    const second = other.invoke("p");
    await expect(first).rejects.toThrow("The model failed.");
    expect((await second).content).toBe("an answer");
    // Well before the 30 s that callers wait for each other at most.
    expect(performance.now() - start).toBeLessThan(2_000);
    expect([failing.calls, working.calls]).toEqual([1, 1]);
  });

  test("ends with its answer, which cost one call", async () => {
    const models = [new SlowModel(300, false), new SlowModel(300, false)] as const;
    const [one, other] = models.map((model) => cacheModel(model, { cache: process() }));
    const answers = await Promise.all([one?.invoke("p"), other?.invoke("p")]);
    expect(answers.map((answer) => answer?.content)).toEqual(["an answer", "an answer"]);
    expect(models[0].calls + models[1].calls).toBe(1);
  });
});

describe("the trip that a lookup makes", () => {
  /** The commands, without their arguments, that name a key of the tier while `work` runs. */
  async function commandsOf(work: () => Promise<unknown>): Promise<string[]> {
    // Nobody may connect meanwhile: ioredis takes what comes together with the answer to MONITOR for an answer too.
    const monitor = await redis.monitor();
    const seen: string[] = [];
    monitor.on("monitor", (_time: string, args: string[], source: string) => {
      if (source !== "lua" && args.some((arg) => /^strata:[vl]:/.test(arg))) seen.push(args[0]?.toLowerCase() ?? "");
    });
    await work();
    await redis.set("strata:v:end", "end");
    await expect.poll(() => seen.at(-1)).toBe("set");
    monitor.disconnect();
    return seen.slice(0, -1);
  }

  test("is one for a miss, lead included, and one plain read for a hit where most lookups hit", async () => {
    const cache = new TieredCache({ tiers: [redisTier({ client: server.url, deadline: "1s" })], modelId: "m" });
    opened.push(cache);
    // The first lookup of all connects.
    await cache.lookup("first", LLM_KEY);
    expect(await commandsOf(() => cache.lookup("p", LLM_KEY))).toEqual(["evalsha"]);
    expect(await redis.keys("strata:l:*")).toHaveLength(2);
    await cache.update("p", LLM_KEY, [{ text: "an answer" }]);
    await cache.flush();
    for (let hit = 0; hit < 40; hit++) expect(await cache.lookup("p", LLM_KEY)).not.toBeNull();
    expect(await commandsOf(() => cache.lookup("p", LLM_KEY))).toEqual(["get"]);
    expect(await commandsOf(() => cache.lookup("q", LLM_KEY))).toEqual(["get", "evalsha"]);
  });

  test("finds what is there also for a user who may run no scripts", async () => {
    const writer = process();
    await writer.update("p", LLM_KEY, [{ text: "an answer" }]);
    await writer.flush();
    await redis.acl("SETUSER", "reader", "on", ">secret", "~*", "+@all", "-eval", "-evalsha");
    const faults: unknown[] = [];
    const client = server.url.replace("redis://", "redis://reader:secret@");
    const reader = new TieredCache({
      ...{ tiers: [redisTier({ client, deadline: "1s" })], modelId: "m" },
      observer: (event) => event.type === "tier.fault" && faults.push(event),
    });
    opened.push(reader);
    for (let time = 0; time < 5; time++) expect((await reader.lookup("p", LLM_KEY))?.[0]?.text).toBe("an answer");
    expect(await reader.lookup("absent", LLM_KEY)).toBeNull();
    expect(faults).toEqual([]);
  });

  test("leaves no lead behind where a tier below has the answer", async () => {
    const tiers = [redisTier({ client: server.url, deadline: "1s" }), scriptedTier({ name: "below" })];
    const both = new TieredCache({ tiers, modelId: "m" });
    opened.push(both);
    await both.update("p", LLM_KEY, [{ text: "an answer" }]);
    await both.flush();
    await redis.del(...(await redis.keys("strata:[vl]:*")));
    expect((await both.lookup("p", LLM_KEY))?.[0]?.text).toBe("an answer");
    await expect.poll(() => redis.keys("strata:l:*")).toEqual([]);
  });
});

describe("a lease", () => {
  const key = digest("leased");
  const entry = (value: string): TierEntry => ({ key, value: Buffer.from(value) });
  const PATIENCE = { answerMs: 1_000, waitMs: 0, holdMs: 60_000 };

  function tier(): CacheTier & { readonly flight: DistributedFlight } {
    const made = redisTier({ client: server.url, prefix: "t", deadline: "1s" });
    made.attach?.({ clock: systemClock, random: Math.random, evicted: () => undefined, fault: () => undefined });
    opened.push(made);
    return made as CacheTier & { readonly flight: DistributedFlight };
  }

  async function valueIn(from: CacheTier): Promise<string | undefined> {
    const [found] = await from.get([key]);
    return found && Buffer.from(found.value).toString();
  }

  test("is given to one, and to another when the first has ended", async () => {
    const [one, other] = [tier(), tier()];
    expect(await one.flight.enter(key, PATIENCE)).toBe("leads");
    expect(await other.flight.enter(key, PATIENCE)).toBe("alone");
    await one.set([entry("value")]);
    expect(await other.flight.enter(key, PATIENCE)).toBe("landed");
    await one.delete([key]);
    expect(await other.flight.enter(key, PATIENCE)).toBe("leads");
  });

  test("that ran out gives no right to overwrite what its successor stored", async () => {
    const [paused, successor] = [tier(), tier()];
    expect(await paused.flight.enter(key, PATIENCE)).toBe("leads");
    await redis.pexpire(`t:l:${key}`, 1);
    await expect.poll(() => redis.exists(`t:l:${key}`)).toBe(0);
    expect(await successor.flight.enter(key, PATIENCE)).toBe("leads");
    await successor.set([entry("of the successor")]);
    await paused.set([entry("of the paused one")]);
    expect(await valueIn(paused)).toBe("of the successor");
    // What is written without a lease is newer than any.
    await paused.set([entry("refreshed")]);
    expect(await valueIn(successor)).toBe("refreshed");
  });

  test("that ran out gives no right to end that of its successor, nor to store before it", async () => {
    const [paused, successor] = [tier(), tier()];
    expect(await paused.flight.enter(key, PATIENCE)).toBe("leads");
    await redis.del(`t:l:${key}`);
    expect(await successor.flight.enter(key, PATIENCE)).toBe("leads");
    const held = await redis.get(`t:l:${key}`);
    paused.flight.abandon(key);
    await paused.get([key]);
    expect(await redis.get(`t:l:${key}`)).toBe(held);
    await successor.set([entry("of the successor")]);
    expect(await valueIn(paused)).toBe("of the successor");
  });

  test("is held for as long as the model runs, and no longer than was said", async () => {
    const one = tier();
    expect(await one.flight.enter(key, { ...PATIENCE, holdMs: 6_000 })).toBe("leads");
    const lives: number[] = [];
    for (let second = 0; second < 6; second++) {
      lives.push(await redis.pttl(`t:l:${key}`));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    expect(Math.min(...lives)).toBeGreaterThan(6_000);
    await expect.poll(() => redis.exists(`t:l:${key}`), { interval: 100 }).toBe(0);
  }, 240_000);

  test("is renewed no more by a process that died, and another one takes over", async () => {
    const [dead, other] = [tier(), tier()];
    expect(await dead.flight.enter(key, PATIENCE)).toBe("leads");
    await redis.set(`t:l:${key}`, `${(await redis.get(`t:l:${key}`))?.split(":")[0]}:of nobody`, "PX", 300);
    expect(await other.flight.enter(key, { ...PATIENCE, waitMs: 5_000 })).toBe("leads");
  });
});
