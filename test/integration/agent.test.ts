import { ChatDeepSeek } from "@langchain/deepseek";
import { AIMessage, AIMessageChunk, HumanMessage, ToolMessage, type BaseMessage } from "@langchain/core/messages";
import { MemorySaver } from "@langchain/langgraph";
import { createAgent, createMiddleware, tool } from "langchain";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { cacheModel, memoryTier, TieredCache } from "../../src/index.ts";
import { responseCacheMiddleware } from "../../src/middleware.ts";
import type { DeepSeekStandInOptions } from "../../src/testing/deepseek-stand-in/options.ts";
import { startDeepSeekStandIn, type DeepSeekStandIn } from "../../src/testing/deepseek-stand-in/start.ts";
import { hitOf } from "../support/model-answers.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((resource) => resource.close()));
});

async function start(
  options: DeepSeekStandInOptions = {},
): Promise<{ api: DeepSeekStandIn; cache: TieredCache; model: (name?: string, cache?: TieredCache) => ChatDeepSeek }> {
  const api = await startDeepSeekStandIn({ delay: 0, strictThinking: false, ...options });
  const cache = new TieredCache({ tiers: [memoryTier()] });
  open.push(api, cache);
  const model = (name = "deepseek-reasoner", own?: TieredCache): ChatDeepSeek =>
    new ChatDeepSeek({
      model: name,
      apiKey: "none",
      maxRetries: 0,
      configuration: { baseURL: api.url },
      ...(own && { cache: own }),
    });
  return { api, cache, model };
}

const QUESTION = "What is a moving average?";
const WEATHER = "Use the get_weather tool: what is the weather in Lisbon?";

function ask(text: string): { messages: HumanMessage[] } {
  return { messages: [new HumanMessage(text)] };
}

function onThread(id: string): { configurable: { thread_id: string } } {
  return { configurable: { thread_id: id } };
}

function kindsOf(messages: readonly BaseMessage[]): string[] {
  return messages.map(({ type }) => type);
}

function lastOf(messages: readonly BaseMessage[]): AIMessage {
  const last = messages.at(-1);
  if (!AIMessage.isInstance(last)) throw new Error("The last message is not the model's.");
  return last;
}

const weather = tool(({ city }: { city: string }) => `20 °C in ${city}`, {
  name: "get_weather",
  description: "The weather in a city",
  schema: z.object({ city: z.string() }),
});

/** The three ways of caching the model of an agent. */
const WAYS = ["in the cache field", "as a cached model", "as middleware"] as const;

/** What these tests give to `createAgent`, whose own types depend on every option. */
interface AgentOptions {
  readonly systemPrompt?: string;
  readonly tools?: readonly object[];
  readonly middleware?: readonly object[];
  readonly responseFormat?: z.ZodObject;
}

interface Agent {
  invoke(input: object, config: object): Promise<{ messages: BaseMessage[]; structuredResponse?: unknown }>;
  stream(input: object, config: object): Promise<AsyncIterable<[BaseMessage, object]>>;
  streamEvents(
    input: object,
    config: object,
  ): Promise<{ messages: AsyncIterable<{ text: AsyncIterable<string>; reasoning: AsyncIterable<string> }> }>;
}

function agentWith(
  way: (typeof WAYS)[number],
  bed: Awaited<ReturnType<typeof start>>,
  options: AgentOptions = {},
  name?: string,
): Agent {
  const { cache, model } = bed;
  const create = (more: object): Agent =>
    createAgent({ checkpointer: new MemorySaver(), ...options, ...more } as never) as unknown as Agent;
  if (way === "in the cache field") return create({ model: model(name, cache) });
  if (way === "as a cached model") return create({ model: cacheModel(model(name), { cache }) });
  return create({ model: model(name), middleware: [...(options.middleware ?? []), responseCacheMiddleware({ cache })] });
}

describe.each(WAYS)("an agent whose model is cached %s", (way) => {
  it("asks the model once for five identical requests", async () => {
    const bed = await start();
    const agent = agentWith(way, bed, { systemPrompt: "You are brief." });
    const answers: BaseMessage[] = [];
    for (let time = 0; time < 5; time++) {
      const { messages } = await agent.invoke(ask(QUESTION), onThread(`thread-${time}`));
      answers.push(lastOf(messages));
    }
    expect(bed.api.calls).toHaveLength(1);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(new Set(answers.map(({ additional_kwargs }) => additional_kwargs["reasoning_content"])).size).toBe(1);
    expect(answers[0]?.additional_kwargs["reasoning_content"]).toEqual(expect.stringMatching(/\w/));
    expect(bed.cache.stats()).toMatchObject({ hits: 4, misses: 1 });
  });

  it("keeps every message of the thread, also when the same answer comes twice", async () => {
    const bed = await start();
    // Forgets all but the last question, so that the second request of the thread is the first again.
    const forgetful = createMiddleware({
      name: "Forgetful",
      wrapModelCall: (request, handler) => handler({ ...request, messages: request.messages.slice(-1) }),
    });
    const agent = agentWith(way, bed, { middleware: [forgetful] });
    await agent.invoke(ask(QUESTION), onThread("one"));
    const { messages } = await agent.invoke(ask(QUESTION), onThread("one"));
    expect(bed.api.calls).toHaveLength(1);
    expect(kindsOf(messages)).toEqual(["human", "ai", "human", "ai"]);
    expect(new Set(messages.map(({ id }) => id)).size).toBe(4);
    expect(messages[3]?.text).toBe(messages[1]?.text);
  });

  it("finds both steps of a tool loop in a second run", async () => {
    const bed = await start();
    const agent = agentWith(way, bed, { tools: [weather] }, "deepseek-chat");
    const first = await agent.invoke(ask(WEATHER), onThread("one"));
    const callsOfOneRun = bed.api.calls.length;
    expect(kindsOf(first.messages)).toEqual(["human", "ai", "tool", "ai"]);
    const second = await agent.invoke(ask(WEATHER), onThread("two"));
    expect(bed.api.calls).toHaveLength(callsOfOneRun);
    expect(kindsOf(second.messages)).toEqual(["human", "ai", "tool", "ai"]);
    expect(second.messages.at(-1)?.text).toBe(first.messages.at(-1)?.text);
    expect(hitOf(second.messages[1] as AIMessage).hit && hitOf(second.messages[3] as AIMessage).hit).toBe(true);
  });

  it("does not answer for another system prompt, other tools, or another user's scope", async () => {
    const bed = await start();
    await agentWith(way, bed, { systemPrompt: "You are brief." }).invoke(ask(QUESTION), onThread("1"));
    await agentWith(way, bed, { systemPrompt: "You are long." }).invoke(ask(QUESTION), onThread("2"));
    await agentWith(way, bed, { systemPrompt: "You are brief.", tools: [weather] }).invoke(ask(QUESTION), onThread("3"));
    const asAnn = { configurable: { thread_id: "4", strata: { scope: { user: "ann" } } } };
    await agentWith(way, bed, { systemPrompt: "You are brief." }).invoke(ask(QUESTION), asAnn);
    expect(bed.cache.stats().hits).toBe(0);
    expect(bed.api.calls.length).toBeGreaterThanOrEqual(4);
  });
});

describe.each(["as a cached model", "as middleware"] as const)("an agent whose model is cached %s", (way) => {
  it("streams tokens and reasoning, from the model and from the cache", async () => {
    const bed = await start();
    const agent = agentWith(way, bed);
    const runs: { thought: string; said: string; chunks: number; order: string }[] = [];
    for (const thread of ["one", "two"]) {
      const run = { thought: "", said: "", chunks: 0, order: "" };
      for await (const [chunk] of await agent.stream(ask(QUESTION), { ...onThread(thread), streamMode: "messages" })) {
        if (!AIMessageChunk.isInstance(chunk)) continue;
        const thought = (chunk.additional_kwargs["reasoning_content"] as string | null | undefined) ?? "";
        run.order += thought === "" ? (chunk.text === "" ? "" : "s") : "t";
        run.thought += thought;
        run.said += chunk.text;
        run.chunks++;
      }
      runs.push(run);
    }
    expect(bed.api.calls).toHaveLength(1);
    const [made, hit] = runs;
    expect(hit).toMatchObject({ thought: made?.thought, said: made?.said });
    expect(hit?.thought).toMatch(/\w/);
    expect(hit?.chunks).toBeGreaterThan(3);
    expect(hit?.order).toMatch(/^t+s+$/);
  });

  it("gives the events of the newest protocol, reasoning and text apart", async () => {
    const bed = await start();
    const agent = agentWith(way, bed);
    const runs: { thought: string; said: string }[] = [];
    for (const thread of ["one", "two"]) {
      const run = { thought: "", said: "" };
      const { messages } = await agent.streamEvents(ask(QUESTION), { ...onThread(thread), version: "v3" });
      for await (const message of messages) {
        for await (const text of message.text) run.said += text;
        for await (const text of message.reasoning) run.thought += text;
      }
      runs.push(run);
    }
    expect(bed.api.calls).toHaveLength(1);
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[0]?.thought && runs[0].said).toMatch(/\w/);
  });

  it("keeps the structured response, through a tool", async () => {
    const bed = await start();
    const responseFormat = z.object({ topic: z.string(), confident: z.boolean() });
    const agent = agentWith(way, bed, { responseFormat }, "deepseek-chat");
    const first = (await agent.invoke(ask(QUESTION), onThread("one"))) as {
      structuredResponse: unknown;
      messages: BaseMessage[];
    };
    expect(first.structuredResponse).toEqual({ topic: expect.any(String), confident: expect.any(Boolean) });
    for (const thread of ["two", "three"]) {
      const again = await agent.invoke(ask(QUESTION), onThread(thread));
      expect(again.structuredResponse).toEqual(first.structuredResponse);
      expect(kindsOf(again.messages)).toEqual(kindsOf(first.messages));
    }
    expect(bed.api.calls).toHaveLength(1);
  });
});

describe("an agent whose model is cached as middleware", () => {
  it("carries out a replayed tool call in a thread that has it already, though the request does not show it", async () => {
    const bed = await start();
    const runs: string[] = [];
    const logged = tool(
      ({ city }: { city: string }) => {
        runs.push(city);
        return "20 °C";
      },
      { name: "get_weather", description: "The weather in a city", schema: z.object({ city: z.string() }) },
    );
    // Sends only what belongs to the last question.
    const forgetful = createMiddleware({
      name: "Forgetful",
      wrapModelCall: (request, handler) => {
        const from = request.messages.findLastIndex((message) => HumanMessage.isInstance(message));
        return handler({ ...request, messages: request.messages.slice(from) });
      },
    });
    const agent = agentWith("as middleware", bed, { tools: [logged], middleware: [forgetful] }, "deepseek-chat");
    await agent.invoke(ask(WEATHER), onThread("one"));
    const { messages } = await agent.invoke(ask(WEATHER), onThread("one"));
    expect(bed.api.calls).toHaveLength(2);
    expect(runs).toEqual(["Lisbon", "Lisbon"]);
    expect(kindsOf(messages)).toEqual(["human", "ai", "tool", "ai", "human", "ai", "tool", "ai"]);
    const results = messages.filter((message): message is ToolMessage => ToolMessage.isInstance(message));
    expect(new Set(results.map(({ tool_call_id }) => tool_call_id)).size).toBe(2);
  });
});
