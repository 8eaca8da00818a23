/** TieredCache inside agents, graphs and lambdas, where LangChain makes the config of a call known. */
import { HumanMessage, type BaseMessage } from "@langchain/core/messages";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { RunnableLambda } from "@langchain/core/runnables";
import { tool } from "@langchain/core/tools";
import { ChatDeepSeek } from "@langchain/deepseek";
import { MemorySaver } from "@langchain/langgraph";
import { createAgent, type ReactAgent } from "langchain";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import type { TieredCacheOptions } from "../../src/cache/cache-options.ts";
import type { CallContext, CallControl } from "../../src/cache/call-control.ts";
import { TieredCache } from "../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import type { Scope } from "../../src/core/scope.ts";
import { startDeepSeekStandIn, type DeepSeekStandIn } from "../../src/testing/deepseek-stand-in/start.ts";

const QUESTION = "What is an order block?";

const weather = tool(({ city }) => `18 °C and clear in ${city}`, {
  name: "get_weather",
  description: "The weather now",
  schema: z.object({ city: z.string() }),
});

interface Bed {
  readonly standIn: DeepSeekStandIn;
  readonly cache: TieredCache;
  readonly model: ChatDeepSeek;
}

async function bed(options: TieredCacheOptions = {}): Promise<Bed> {
  const standIn = await startDeepSeekStandIn({ delay: 0 });
  const cache = new TieredCache({ tiers: [memoryTier()], ...options });
  onTestFinished(async () => {
    await cache.close();
    await standIn.close();
  });
  const configuration = { baseURL: standIn.url };
  return {
    standIn,
    cache,
    model: new ChatDeepSeek({ model: "deepseek-chat", apiKey: "none", maxRetries: 0, cache, configuration }),
  };
}

interface Answered {
  readonly messages: BaseMessage[];
}

/** Asks an agent on a thread of its own. */
async function ask(
  agent: ReactAgent,
  thread: string,
  question = QUESTION,
  more: Record<string, unknown> = {},
): Promise<Answered> {
  const config = { configurable: { thread_id: thread, ...more } };
  return agent.invoke({ messages: [new HumanMessage(question)] }, config);
}

describe("createAgent with a checkpointer", () => {
  test("asks the model once for five identical requests on fresh threads, and each thread has every message", async () => {
    const { standIn, cache, model } = await bed();
    const agent = createAgent({ model, tools: [], checkpointer: new MemorySaver() }) as unknown as ReactAgent;
    const states: Answered[] = [];
    for (let thread = 0; thread < 5; thread++) states.push(await ask(agent, `thread ${thread}`));
    expect(standIn.calls).toHaveLength(1);
    expect(cache.stats()).toMatchObject({ hits: 4, misses: 1, writes: 1 });
    expect(cache.stats().tiers[0]?.entries).toBe(1);
    for (const { messages } of states) expect(messages.map(({ type }) => type)).toEqual(["human", "ai"]);
    expect(new Set(states.map(({ messages }) => messages[1]?.content)).size).toBe(1);
    expect(new Set(states.map(({ messages }) => messages[1]?.id)).size).toBe(5);
  });

  test("keeps both answers of a thread in which the same was asked by two threads before", async () => {
    const { standIn, model } = await bed();
    const agent = createAgent({ model, tools: [], checkpointer: new MemorySaver() }) as unknown as ReactAgent;
    for (const thread of ["one", "two", "three"]) {
      await ask(agent, thread);
      const { messages } = await ask(agent, thread, "Why?");
      expect(messages.map(({ type }) => type)).toEqual(["human", "ai", "human", "ai"]);
      expect(new Set(messages.map(({ id }) => id)).size).toBe(4);
    }
    expect(standIn.calls).toHaveLength(2);
  });

  test("replays a tool call, the tool's run and the answer after it", async () => {
    const { standIn, model } = await bed();
    const agent = createAgent({ model, tools: [weather], checkpointer: new MemorySaver() }) as unknown as ReactAgent;
    const question = "Use get_weather for the weather in Porto.";
    const first = await ask(agent, "one", question);
    const calls = standIn.calls.length;
    expect(first.messages.map(({ type }) => type)).toEqual(["human", "ai", "tool", "ai"]);
    for (const thread of ["two", "three"]) {
      const again = await ask(agent, thread, question);
      expect(again.messages.map(({ content }) => content)).toEqual(first.messages.map(({ content }) => content));
    }
    expect(standIn.calls).toHaveLength(calls);
  });

  test("asks once for twenty identical requests at the same time", async () => {
    const { standIn, model } = await bed();
    const agent = createAgent({ model, tools: [], checkpointer: new MemorySaver() }) as unknown as ReactAgent;
    const states = await Promise.all(Array.from({ length: 20 }, (_, thread) => ask(agent, `thread ${thread}`)));
    expect(standIn.calls).toHaveLength(1);
    expect(states.every(({ messages }) => messages.length === 2)).toBe(true);
  });
});

describe("what a call asks of the cache", () => {
  /** In an agent, and in a function that calls the model itself. */
  const callers: Record<
    string,
    (model: ChatDeepSeek) => (question: string, configurable: Record<string, unknown>) => Promise<unknown>
  > = {
    "an agent": (model) => {
      const agent = createAgent({ model, tools: [] }) as unknown as ReactAgent;
      return (question, configurable) => ask(agent, "thread", question, configurable);
    },
    "a chain inside a lambda": (model) => {
      const chain = ChatPromptTemplate.fromTemplate("Explain: {question}").pipe(model);
      const lambda = RunnableLambda.from((question: string) => chain.invoke({ question }));
      return (question, configurable) => lambda.invoke(question, { configurable });
    },
  };

  describe.each(Object.entries(callers))("through configurable.strata in %s", (_name, caller) => {
    async function asking(
      options?: TieredCacheOptions,
    ): Promise<Bed & { invoke: (question: string, strata: CallControl) => Promise<unknown> }> {
      const made = await bed(options);
      const call = caller(made.model);
      return { ...made, invoke: (question, strata) => call(question, { strata }) };
    }

    test("tags: what has the tag is removed by it, and the rest stays", async () => {
      const { standIn, cache, invoke } = await asking();
      await invoke("one", { tags: ["lesson-1"] });
      await invoke("two", { tags: ["lesson-2"] });
      expect(await cache.clear({ tag: "lesson-1" })).toBe(1);
      await invoke("one", {});
      await invoke("two", {});
      expect(standIn.calls).toHaveLength(3);
    });

    test("bypass: neither looks nor stores", async () => {
      const { standIn, cache, invoke } = await asking();
      await invoke("one", { bypass: true });
      await invoke("one", { bypass: true });
      expect(standIn.calls).toHaveLength(2);
      expect(cache.stats()).toMatchObject({ writes: 0, bypassed: { asked: 4 } });
    });

    test("refresh: asks the model and stores the new answer for the others", async () => {
      const { standIn, cache, invoke } = await asking();
      for (const refresh of [false, true, false]) await invoke("one", { refresh });
      expect(standIn.calls).toHaveLength(2);
      expect(cache.stats()).toMatchObject({ writes: 2, hits: 1 });
      expect(cache.stats().tiers[0]?.entries).toBe(1);
    });

    test("ttl: ends that answer", async () => {
      const { standIn, invoke } = await asking();
      await invoke("short", { ttl: 30 });
      await invoke("long", {});
      await new Promise((resolve) => setTimeout(resolve, 60));
      await invoke("short", {});
      await invoke("long", {});
      expect(standIn.calls).toHaveLength(3);
    });

    test("scope: keeps tenants apart, and removes one of them", async () => {
      const { standIn, cache, invoke } = await asking();
      for (const tenant of ["a", "b", "a", "b"]) await invoke("one", { scope: { tenant } });
      expect(standIn.calls).toHaveLength(2);
      expect(await cache.clear({ scope: { tenant: "a" } })).toBe(1);
      for (const tenant of ["a", "b"]) await invoke("one", { scope: { tenant } });
      expect(standIn.calls).toHaveLength(3);
    });

    test("a control that is none: the call is answered and not cached", async () => {
      const { standIn, cache, invoke } = await asking();
      await invoke("one", { ttl: "soon" as never });
      await invoke("one", { scope: {} });
      expect(standIn.calls).toHaveLength(2);
      expect(cache.stats().writes).toBe(0);
    });

    test("a scope function sees whose call it is, and nothing is cached where it does not know", async () => {
      const scope = ({ config }: CallContext): Scope | undefined => {
        const tenant: unknown = config?.configurable?.["strata"]?.tags?.[0];
        return typeof tenant === "string" ? { tenant } : undefined;
      };
      const { standIn, cache, invoke } = await asking({ scope });
      for (const tenant of ["a", "b", "a"]) await invoke("one", { tags: [tenant] });
      expect(standIn.calls).toHaveLength(2);
      await invoke("one", {});
      expect(standIn.calls).toHaveLength(3);
      expect(cache.stats().bypassed).toEqual({ "no-scope": 2 });
    });
  });
});

test("outside of agents, graphs and lambdas there is no config: a scope function that needs it turns caching off", async () => {
  const scope = ({ config }: CallContext): Scope | undefined => (config === undefined ? undefined : { tenant: "a" });
  const { standIn, cache, model } = await bed({ scope });
  const configurable = { strata: { tags: ["a"] } };
  for (let call = 0; call < 2; call++) await model.invoke("one", { configurable });
  const chain = ChatPromptTemplate.fromTemplate("{question}").pipe(model);
  for (let call = 0; call < 2; call++) await chain.invoke({ question: "two" }, { configurable });
  expect(standIn.calls).toHaveLength(4);
  expect(cache.stats()).toMatchObject({ writes: 0, bypassed: { "no-scope": 8 } });
});
