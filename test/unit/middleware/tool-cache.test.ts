import { AIMessage, HumanMessage, ToolMessage, type BaseMessage } from "@langchain/core/messages";
import type { ClientTool } from "@langchain/core/tools";
import { Command, MemorySaver } from "@langchain/langgraph";
import { createAgent, tool, toolErrorMiddleware } from "langchain";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { requestsOf } from "../../../src/cache/request-cache.ts";
import { prepareReplay } from "../../../src/cache/response-codec.ts";
import { manualClock, memoryTier, TieredCache } from "../../../src/index.ts";
import { toolCacheMiddleware, type PlainMiddleware, type ToolCacheOptions } from "../../../src/middleware.ts";
import { ToolResults } from "../../../src/middleware/tool-results.ts";
import { door, ScriptedModel } from "../../support/scripted-model.ts";

const caches: TieredCache[] = [];
afterEach(async () => {
  await Promise.all(caches.splice(0).map((cache) => cache.close()));
});

function newCache(settings: ConstructorParameters<typeof TieredCache>[0] = {}): TieredCache {
  const cache = new TieredCache({ tiers: [memoryTier()], ...settings });
  caches.push(cache);
  return cache;
}

it("a stored result that is none is a miss, not an error of the agent's", async () => {
  const requests = requestsOf(newCache());
  const results = new ToolResults(requests, (config) => requests.control(config));
  const call = results.open({ name: "weather", description: "", schema: {}, args: {}, ttlMs: undefined }, {});
  for (const text of ["not JSON", "7", "null", ""]) {
    const answer = [{ text }];
    if (call !== undefined) await requests.store(call.request, { answer, value: prepareReplay(answer), generations: [], ms: 1 });
    expect(call && (await results.find(call, "id"))).toBeUndefined();
  }
});

interface Bed {
  readonly cache: TieredCache;
  /** What the tools were called with. */
  readonly runs: unknown[];
  /** Lets an agent call a tool as often as there are arguments, all in one step; gives what the tools said. */
  readonly call: (name: string, args: readonly object[], config?: object) => Promise<ToolMessage[]>;
}

type Answer = (args: Record<string, unknown>, config: { toolCall?: { id?: string } }) => unknown;

function newBed(
  options: Partial<ToolCacheOptions> = {},
  answer: Answer = ({ city }) => `20 °C in ${String(city)}`,
  settings: Parameters<typeof newCache>[0] = {},
  outer: readonly PlainMiddleware[] = [],
): Bed {
  const cache = options.cache ?? newCache(settings);
  const runs: unknown[] = [];
  const middleware = toolCacheMiddleware({ cache, tools: ["weather"], ...options });
  const make = (name: string): ClientTool =>
    tool(
      async (args: Record<string, unknown>, config: object) => {
        runs.push(args);
        return (await answer(args, config)) as string;
      },
      { name, description: `The ${name}`, schema: z.looseObject({}) },
    );
  let turn = 0;
  return {
    cache,
    runs,
    async call(name, args, config = {}) {
      turn++;
      const calls = args.map((given, at) => ({ name, args: { ...given }, id: `call-${turn}-${at}` }));
      const model = new ScriptedModel({
        reply: ({ messages }) => (messages.at(-1)?.type === "human" ? { content: "", tool_calls: calls } : "done"),
      });
      const tools = [make("weather"), make("send_mail")];
      const agent = createAgent({ model, tools, middleware: [...outer, middleware] as const, checkpointer: new MemorySaver() });
      const given = { configurable: { thread_id: `t-${turn}`, ...(config as { configurable?: object }).configurable } };
      const { messages } = (await agent.invoke({ messages: [new HumanMessage("go")] }, { ...config, ...given } as never)) as {
        messages: BaseMessage[];
      };
      return messages.filter((message): message is ToolMessage => ToolMessage.isInstance(message));
    },
  };
}

describe("the tool cache", () => {
  it("calls a named tool once, and answers each call by its own id", async () => {
    const { runs, call, cache } = newBed();
    const [first] = await call("weather", [{ city: "Rome" }]);
    const [second] = await call("weather", [{ city: "Rome" }]);
    expect(runs).toHaveLength(1);
    expect([first?.content, second?.content]).toEqual(["20 °C in Rome", "20 °C in Rome"]);
    expect([first?.tool_call_id, second?.tool_call_id]).toEqual(["call-1-0", "call-2-0"]);
    expect(second).toMatchObject({
      name: "weather",
      status: "success",
      response_metadata: { strata: { hit: true, source: "exact", tier: "memory" } },
    });
    expect(first?.response_metadata["strata"]).toBeUndefined();
    expect(cache.stats()).toMatchObject({ hits: 1, misses: 1, writes: 1 });
  });

  it("never touches a tool that is not named", async () => {
    const { runs, call, cache } = newBed();
    for (let time = 0; time < 2; time++) await call("send_mail", [{ to: "ann" }]);
    expect(runs).toHaveLength(2);
    expect(cache.stats()).toMatchObject({ hits: 0, misses: 0, bypassed: {} });
  });

  it("tells arguments apart, whatever their order, without those that do not count", async () => {
    const { runs, call } = newBed({ tools: { weather: { ignoreArgs: ["request_id"] } }, ignoreArgs: ["now"] });
    await call("weather", [{ city: "Rome", days: 1, request_id: "a", now: 1 }]);
    await call("weather", [{ days: 1, city: "Rome", request_id: "b", now: 2 }]);
    expect(runs).toHaveLength(1);
    await call("weather", [{ city: "Rome", days: 2 }]);
    await call("weather", [{ city: "Rome", days: "1" }]);
    await call("weather", [{ city: "Rome", days: 1, state: "x" }]);
    expect(runs).toHaveLength(4);
  });

  it.each([
    ["authorization_token", "tok-alice", "tok-bob"],
    ["cache_control", "public", "no-store"],
    ["cache_control", { type: "ephemeral" }, null],
  ])("gives nobody the result of a call with another %s", async (name, one, other) => {
    const { runs, call } = newBed({}, (args) => `for ${JSON.stringify(args[name])}`);
    const [first] = await call("weather", [{ city: "Rome", [name]: one }]);
    const [second] = await call("weather", [{ city: "Rome", [name]: other }]);
    expect(runs).toHaveLength(2);
    expect([first?.content, second?.content]).toEqual([one, other].map((value) => `for ${JSON.stringify(value)}`));
    await call("weather", [{ city: "Rome", [name]: one }]);
    expect(runs).toHaveLength(2);
  });

  it("runs identical calls of one step once", async () => {
    const { runs, call } = newBed({}, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return "slow";
    });
    const results = await call("weather", [{ city: "Rome" }, { city: "Oslo" }, { city: "Rome" }]);
    expect(runs).toHaveLength(2);
    expect(results.map(({ content }) => content)).toEqual(["slow", "slow", "slow"]);
    expect(results.map(({ tool_call_id }) => tool_call_id)).toEqual(["call-1-0", "call-1-1", "call-1-2"]);
  });

  it("runs every call where the rollout serves nobody", async () => {
    const gate = door();
    const { runs, call, cache } = newBed({}, () => gate.opened.then(() => "slow"), { rollout: { mode: "shadow" } });
    const asked = call("weather", [{ city: "Rome" }, { city: "Rome" }]);
    await expect.poll(() => runs).toHaveLength(2);
    gate.open();
    expect((await asked).some(({ response_metadata }) => "strata" in response_metadata)).toBe(false);
    expect(cache.stats()).toMatchObject({ hits: 0, misses: 2, coalesced: 0 });
  });

  it("keeps no failure, whether thrown or told", async () => {
    let fails = true;
    const thrown = newBed({}, () => {
      if (fails) throw new Error("offline");
      return "20 °C";
    });
    await expect(thrown.call("weather", [{ city: "Rome" }])).rejects.toThrow(/offline/);
    fails = false;
    expect((await thrown.call("weather", [{ city: "Rome" }])).map(({ content }) => content)).toEqual(["20 °C"]);

    const told = newBed(
      {},
      (_args, { toolCall }) => new ToolMessage({ content: "no such city", tool_call_id: toolCall?.id ?? "", status: "error" }),
    );
    for (let time = 0; time < 2; time++) await told.call("weather", [{ city: "Atlantis" }]);
    expect(told.runs).toHaveLength(2);
    expect(told.cache.stats()).toMatchObject({ writes: 0, bypassed: { "not-admitted": 2 } });
  });

  it("lets others run by themselves when the first call fails", async () => {
    let count = 0;
    const { runs, call } = newBed({}, async () => {
      const mine = ++count;
      await new Promise((resolve) => setImmediate(resolve));
      return mine === 1 ? Promise.reject(new Error("offline")) : "20 °C";
    });
    await expect(call("weather", [{ city: "Rome" }, { city: "Rome" }])).rejects.toThrow(/offline/);
    expect(runs).toHaveLength(2);
  });

  it("leaves failures to other middleware", async () => {
    const errors = toolErrorMiddleware({ onError: (error) => `It failed: ${(error as Error).message}` });
    const { runs, call } = newBed({}, () => Promise.reject(new Error("offline")), {}, [errors]);
    for (let time = 0; time < 2; time++) {
      expect(await call("weather", [{ city: "Rome" }])).toMatchObject([{ content: "It failed: offline", status: "error" }]);
    }
    expect(runs).toHaveLength(2);
  });

  it("keeps no command, which changes the state of one graph", async () => {
    const { runs, call } = newBed(
      {},
      (_args, { toolCall }) =>
        new Command({ update: { messages: [new ToolMessage({ content: "moved", tool_call_id: toolCall?.id ?? "" })] } }),
    );
    for (let time = 0; time < 2; time++) expect((await call("weather", [{ city: "Rome" }]))[0]?.content).toBe("moved");
    expect(runs).toHaveLength(2);
  });

  it("keeps content blocks and artifacts, and refuses what would not come back equal", async () => {
    let artifact: unknown = { rows: [1, 2] };
    const answer: Answer = (_args, { toolCall }) =>
      new ToolMessage({ content: [{ type: "text", text: "two rows" }], artifact, tool_call_id: toolCall?.id ?? "" });
    const { runs, call, cache } = newBed({}, answer);
    await call("weather", [{ city: "Rome" }]);
    expect((await call("weather", [{ city: "Rome" }]))[0]).toMatchObject({
      content: [{ type: "text", text: "two rows" }],
      artifact: { rows: [1, 2] },
    });
    expect(runs).toHaveLength(1);
    artifact = new Map();
    for (let time = 0; time < 2; time++) await call("weather", [{ city: "Oslo" }]);
    expect(runs).toHaveLength(3);
    expect(cache.stats().bypassed).toEqual({ unstorable: 2 });
  });

  it("keeps results for as long as the tool's rule, the middleware or the cache says", async () => {
    const clock = manualClock();
    const { runs, call } = newBed({ tools: { weather: { ttl: "1m" } }, ttl: "1h" }, undefined, { clock, random: () => 0 });
    await call("weather", [{ city: "Rome" }]);
    await clock.advance(59_000);
    await call("weather", [{ city: "Rome" }]);
    expect(runs).toHaveLength(1);
    await clock.advance(2_000);
    await call("weather", [{ city: "Rome" }]);
    expect(runs).toHaveLength(2);
  });

  it("obeys what a call asks of the cache, and separates scopes", async () => {
    const { runs, call, cache } = newBed({
      scope: ({ config }) => ({ user: String(config?.configurable?.["user"] ?? "nobody") }),
    });
    const as = (user: string, strata: object = {}): object => ({ configurable: { user, strata } });
    await call("weather", [{ city: "Rome" }], as("ann"));
    await call("weather", [{ city: "Rome" }], as("bob"));
    await call("weather", [{ city: "Rome" }], as("ann"));
    expect(runs).toHaveLength(2);
    await call("weather", [{ city: "Rome" }], as("ann", { bypass: true }));
    await call("weather", [{ city: "Rome" }], as("ann", { refresh: true }));
    expect(runs).toHaveLength(4);
    await cache.forget({ user: "ann" });
    await call("weather", [{ city: "Rome" }], as("ann"));
    await call("weather", [{ city: "Rome" }], as("bob"));
    expect(runs).toHaveLength(5);
  });

  it("does not answer for a tool that was described to the model in another way", async () => {
    const cache = newCache();
    const runs: string[] = [];
    for (const description of ["in °C", "in °F"]) {
      const weather = tool(
        () => {
          runs.push(description);
          return description;
        },
        { name: "weather", description, schema: z.object({}) },
      );
      const model = new ScriptedModel({
        reply: ({ messages }) =>
          messages.length === 1 ? { content: "", tool_calls: [{ name: "weather", args: {}, id: "1" }] } : "done",
      });
      const agent = createAgent({ model, tools: [weather], middleware: [toolCacheMiddleware({ cache, tools: ["weather"] })] });
      const { messages } = await agent.invoke({ messages: [new HumanMessage("go")] });
      expect(AIMessage.isInstance(messages.at(-1))).toBe(true);
    }
    expect(runs).toEqual(["in °C", "in °F"]);
  });

  it("refuses options that are none, naming them", () => {
    const cache = newCache();
    expect(() => toolCacheMiddleware({ cache, tools: [] })).toThrow(/`tools`.*\["search"\]/);
    expect(() => toolCacheMiddleware({ cache, tools: "weather" as never })).toThrow(/`tools`/);
    expect(() => toolCacheMiddleware({ cache, tools: { weather: { tll: 1 } as never } })).toThrow(/tools\.weather\.tll/);
    expect(() => toolCacheMiddleware({ cache, tools: { weather: { ttl: "soon" as never } } })).toThrow(/`tools\.weather\.ttl`/);
    expect(() => toolCacheMiddleware({ cache, tools: ["weather"], ignoreArgs: "now" as never })).toThrow(/`ignoreArgs`/);
    expect(() => toolCacheMiddleware({ cache: {} as never, tools: ["weather"] })).toThrow(/`cache`/);
  });
});
