import { ChatAnthropic } from "@langchain/anthropic";
import { ChatDeepSeek } from "@langchain/deepseek";
import { ChatGoogleGenerativeAI } from "@langchain/google-genai";
import { ChatGroq } from "@langchain/groq";
import { ChatMistralAI } from "@langchain/mistralai";
import { ChatOllama } from "@langchain/ollama";
import { ChatOpenAI } from "@langchain/openai";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import type { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { cacheModel, memoryTier, TieredCache } from "../../src/index.ts";
import { hitOf } from "../support/model-answers.ts";
import { ANTHROPIC } from "../support/wires/anthropic.ts";
import { GOOGLE } from "../support/wires/google.ts";
import { OLLAMA } from "../support/wires/ollama.ts";
import { openAIWire } from "../support/wires/openai.ts";
import { startWireServer, type Wire, type WireReply, type WireServer } from "../support/wires/wire.ts";

interface Provider {
  readonly name: string;
  readonly wire: Wire;
  readonly make: (url: string, model: string, key?: string, more?: object) => BaseChatModel;
  /** Whether what the model thinks reaches LangChain. */
  readonly thinks?: boolean;
}

const NO_RETRY = { maxRetries: 0 };

/** One family of formats each, through LangChain's own classes and, below them, the providers' own clients. */
const PROVIDERS: readonly Provider[] = [
  {
    name: "ChatOpenAI",
    wire: openAIWire(/^\/chat\/completions$/, "call_abc123"),
    make: (url, model, apiKey = "sk-1", more = {}) =>
      new ChatOpenAI({ model, apiKey, configuration: { baseURL: url }, ...NO_RETRY, ...more }),
  },
  {
    name: "ChatDeepSeek",
    wire: openAIWire(/^\/chat\/completions$/, "call_00_abc123", "reasoning_content"),
    thinks: true,
    make: (url, model, apiKey = "sk-1", more = {}) =>
      new ChatDeepSeek({ model, apiKey, configuration: { baseURL: url }, ...NO_RETRY, ...more }),
  },
  {
    name: "ChatAnthropic",
    wire: ANTHROPIC,
    thinks: true,
    make: (url, model, apiKey = "sk-1", more = {}) =>
      new ChatAnthropic({
        model,
        apiKey,
        anthropicApiUrl: url,
        thinking: { type: "enabled", budget_tokens: 1_024 },
        maxTokens: 2_048,
        ...NO_RETRY,
        ...more,
      }),
  },
  {
    name: "ChatOllama",
    wire: OLLAMA,
    thinks: true,
    make: (url, model, _key, more = {}) => new ChatOllama({ model, baseUrl: url, think: true, ...NO_RETRY, ...more }),
  },
  {
    name: "ChatGroq",
    wire: openAIWire(/^\/openai\/v1\/chat\/completions$/, "call_abc"),
    make: (url, model, apiKey = "sk-1", more = {}) => new ChatGroq({ model, apiKey, baseUrl: url, ...NO_RETRY, ...more }),
  },
  {
    name: "ChatMistralAI",
    wire: openAIWire(/^\/v1\/chat\/completions/, "AbC123xyz"),
    make: (url, model, apiKey = "sk-1", more = {}) => new ChatMistralAI({ model, apiKey, serverURL: url, ...NO_RETRY, ...more }),
  },
  {
    name: "ChatGoogleGenerativeAI",
    wire: GOOGLE,
    thinks: true,
    make: (url, model, apiKey = "sk-1", more = {}) =>
      new ChatGoogleGenerativeAI({ model, apiKey, baseUrl: url, ...NO_RETRY, ...more }),
  },
];

const THOUGHT = "The user wants to know why. Rayleigh, then.";
const TEXT = "Because blue light is scattered more than red light is.";
const weather = tool(() => "20 °C", { name: "weather", description: "the weather", schema: z.object({ city: z.string() }) });

describe.each(PROVIDERS)("$name, cached", ({ wire, make, thinks }) => {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((resource) => resource.close()));
  });

  async function start(
    reply: WireReply | ((model: string) => WireReply) = { thinking: THOUGHT, text: TEXT },
  ): Promise<{ server: WireServer; cache: TieredCache }> {
    const server = await startWireServer(wire, typeof reply === "function" ? reply : () => reply);
    const cache = new TieredCache({ tiers: [memoryTier()] });
    open.push(server, cache);
    return { server, cache };
  }

  it("gives an invoked answer again: text, reasoning, usage at zero", async () => {
    const { server, cache } = await start();
    const model = cacheModel(make(server.url, "m-1"), { cache });
    const made = await model.invoke("Why is the sky blue?");
    const hit = await model.invoke("Why is the sky blue?");
    expect(server.requests).toHaveLength(1);
    expect(made.text).toContain(TEXT);
    expect(hit.constructor).toBe(made.constructor);
    expect([hit.content, hit.contentBlocks]).toEqual([made.content, made.contentBlocks]);
    expect(hit.usage_metadata).toMatchObject({ input_tokens: 0, output_tokens: 0, total_tokens: 0 });
    expect(hitOf(hit).savedUsage).toEqual(made.usage_metadata ?? {});
    if (thinks) expect(JSON.stringify([hit.content, hit.additional_kwargs])).toContain("Rayleigh");
  });

  it("gives a streamed answer again, reasoning first, whole or in chunks", async () => {
    const { server, cache } = await start();
    const model = cacheModel(make(server.url, "m-1"), { cache });
    const made = await joined(await model.stream("Why is the sky blue?"));
    const again = await joined(await model.stream("Why is the sky blue?"));
    const whole = await model.invoke("Why is the sky blue?");
    expect(server.requests).toHaveLength(1);
    expect(made.whole.text).toBe(TEXT);
    for (const { text, contentBlocks, content } of [again.whole, whole]) {
      expect(text).toBe(TEXT);
      expect(contentBlocks).toEqual(made.whole.contentBlocks);
      expect(content).toEqual(made.whole.content);
    }
    if (thinks)
      expect([made.kinds, again.kinds].map((kinds) => kinds.filter((kind, at) => kind !== kinds[at - 1]))).toEqual([
        ["thought", "said"],
        ["thought", "said"],
      ]);
  });

  it("streams what was invoked", async () => {
    const { server, cache } = await start();
    const model = cacheModel(make(server.url, "m-1"), { cache });
    const made = await model.invoke("Why is the sky blue?");
    const { whole } = await joined(await model.stream("Why is the sky blue?"));
    expect(server.requests).toHaveLength(1);
    expect(whole.text).toBe(made.text);
    expect(whole.contentBlocks.map(({ type }) => type)).toEqual(made.contentBlocks.map(({ type }) => type));
  });

  it("gives tool calls again, whole and in chunks", async () => {
    const { server, cache } = await start({ tool: { name: "weather", args: { city: "São Paulo", days: [1, 2] } } });
    const model = cacheModel(make(server.url, "m-1"), { cache }).bindTools?.([weather]);
    if (model === undefined) throw new Error("This model takes no tools.");
    const made = (await model.invoke("weather?")) as AIMessage;
    const hit = (await model.invoke("weather?")) as AIMessage;
    const streamed = await joined((await model.stream("weather?")) as AsyncIterable<AIMessageChunk>);
    expect(server.requests).toHaveLength(1);
    expect(made.tool_calls).toMatchObject([{ name: "weather", args: { city: "São Paulo", days: [1, 2] } }]);
    expect(hit.tool_calls).toEqual(made.tool_calls);
    const calls = (message: AIMessage | AIMessageChunk): unknown =>
      message.tool_calls?.map(({ name, args, id }) => ({ name, args, id }));
    expect(calls(streamed.whole)).toEqual(calls(made));
  });

  it("gives the same events from the model and from the cache", async () => {
    const { server, cache } = await start();
    const original = make(server.url, "m-1");
    const model = cacheModel(original, { cache });
    const own = await original.streamEvents("Why is the sky blue?");
    const made = await model.streamEvents("Why is the sky blue?");
    const hit = await model.streamEvents("Why is the sky blue?");
    expect(server.requests).toHaveLength(2);
    expect(texts(made)).toEqual(texts(own));
    expect(texts(hit)).toEqual(texts(own));
    expect(hitOf(hit)).toMatchObject({ hit: true });
    expect(hit.usage_metadata).toMatchObject({ total_tokens: 0 });
  });

  it("never lets two models share an answer, and does not ask again for a new key", async () => {
    const { server, cache } = await start((name) => ({ text: `I am ${name}.` }));
    const ask = async (name: string, key?: string, more?: object): Promise<string> =>
      (await cacheModel(make(server.url, name, key, more), { cache }).invoke("Who are you?")).text;
    expect([await ask("m-1"), await ask("m-2")]).toEqual(["I am m-1.", "I am m-2."]);
    expect([await ask("m-1", "sk-rotated"), await ask("m-2", "sk-rotated")]).toEqual(["I am m-1.", "I am m-2."]);
    expect(server.requests).toHaveLength(2);
    await ask("m-1", "sk-1", { thinking: undefined, topP: 0.5 });
    expect(server.requests).toHaveLength(3);
  });

  it("keeps no truncated answer, invoked or streamed", async () => {
    const { server, cache } = await start({ text: TEXT, truncated: true });
    const model = cacheModel(make(server.url, "m-1"), { cache });
    for (let time = 0; time < 2; time++) await model.invoke("Why?");
    for (let time = 0; time < 2; time++) await joined(await model.stream("Why?"));
    expect(server.requests).toHaveLength(4);
    expect(cache.stats().writes).toBe(0);
  });

  it("keeps no stream that ends before its time", async () => {
    const { server, cache } = await start();
    const model = cacheModel(make(server.url, "m-1"), { cache });
    server.cutNext(5);
    // Some clients notice, most do not.
    await joined(await model.stream("Why?")).catch(() => undefined);
    expect(cache.stats().writes).toBe(0);
    expect((await joined(await model.stream("Why?"))).whole.text).toBe(TEXT);
    expect(server.requests).toHaveLength(2);
    expect(cache.stats().writes).toBe(1);
  });

  it("keeps nothing of a stream that is left", async () => {
    const { server, cache } = await start();
    const model = cacheModel(make(server.url, "m-1"), { cache });
    for (let time = 0; time < 2; time++) for await (const _chunk of await model.stream("Why?")) break;
    expect(server.requests).toHaveLength(2);
    expect(cache.stats().writes).toBe(0);
  });

  it("asks once for many at the same time", async () => {
    const { server, cache } = await start();
    const model = cacheModel(make(server.url, "m-1"), { cache });
    const answers = await Promise.all(Array.from({ length: 50 }, () => model.invoke("Why?")));
    expect(server.requests).toHaveLength(1);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  });

  // Google's client leaves a rejected promise behind when a stream is aborted, with or without a cache.
  if (wire === GOOGLE) return;
  it("keeps nothing of a stream that is aborted", async () => {
    const { server, cache } = await start();
    server.holdFrom(5);
    const controller = new AbortController();
    const model = cacheModel(make(server.url, "m-1"), { cache });
    const reading = joined(await model.stream("Why?", { signal: controller.signal }));
    setTimeout(() => controller.abort(new Error("enough")), 50);
    await expect(reading).rejects.toThrow();
    expect(cache.stats().writes).toBe(0);
  });
});

async function joined(stream: AsyncIterable<AIMessageChunk>): Promise<{ whole: AIMessageChunk; kinds: ("thought" | "said")[] }> {
  let whole: AIMessageChunk | undefined;
  const kinds: ("thought" | "said")[] = [];
  for await (const chunk of stream) {
    for (const { type } of chunk.contentBlocks) {
      if (type === "reasoning") kinds.push("thought");
      if (type === "text" && chunk.text !== "") kinds.push("said");
    }
    whole = whole === undefined ? chunk : whole.concat(chunk);
  }
  if (whole === undefined) throw new Error("The stream was empty.");
  return { whole, kinds };
}

/** What was said and thought; which fields a block has besides differs between LangChain's own ways of making it. */
function texts({ contentBlocks }: AIMessage): unknown {
  return contentBlocks.map((block) => [
    block.type,
    (block as { text?: string }).text ?? (block as { reasoning?: string }).reasoning,
  ]);
}
