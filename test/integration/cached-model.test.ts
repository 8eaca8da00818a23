import { ChatDeepSeek } from "@langchain/deepseek";
import { ChatOpenAI } from "@langchain/openai";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AIMessageChunk, type AIMessage } from "@langchain/core/messages";
import type { StreamEvent } from "@langchain/core/tracers/log_stream";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { StringOutputParser } from "@langchain/core/output_parsers";
import { initChatModel } from "langchain";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { cacheModel, diskTier, memoryTier, TieredCache } from "../../src/index.ts";
import type { DeepSeekStandInOptions } from "../../src/testing/deepseek-stand-in/options.ts";
import { startDeepSeekStandIn, type DeepSeekStandIn } from "../../src/testing/deepseek-stand-in/start.ts";
import { hitOf } from "../support/model-answers.ts";

const QUESTION = "Why do markets crash?";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const resource of open.splice(0).toReversed()) await resource.close();
});

type Chat = ChatDeepSeek | ChatOpenAI;

/** The same API through two of LangChain's classes. */
const CLIENTS: readonly (readonly [string, (url: string, model: string, more?: object) => Chat])[] = [
  [
    "ChatDeepSeek",
    (url, model, more) => new ChatDeepSeek({ model, apiKey: "none", maxRetries: 0, configuration: { baseURL: url }, ...more }),
  ],
  [
    "ChatOpenAI",
    (url, model, more) => new ChatOpenAI({ model, apiKey: "none", maxRetries: 0, configuration: { baseURL: url }, ...more }),
  ],
];

async function start(options: DeepSeekStandInOptions = {}): Promise<{ api: DeepSeekStandIn; cache: TieredCache }> {
  const api = await startDeepSeekStandIn({ delay: 0, strictThinking: false, ...options });
  const cache = new TieredCache({ tiers: [memoryTier()] });
  open.push(api, cache);
  return { api, cache };
}

async function joined(stream: AsyncIterable<AIMessageChunk>): Promise<AIMessageChunk> {
  let whole: AIMessageChunk | undefined;
  for await (const chunk of stream) whole = whole === undefined ? chunk : whole.concat(chunk);
  if (whole === undefined) throw new Error("The stream was empty.");
  return whole;
}

describe.each(CLIENTS)("%s, cached, over HTTP", (_name, make) => {
  it("asks once for a thousand identical calls at the same time", async () => {
    const { api, cache } = await start({ delay: { firstToken: 50, perToken: 0, jitter: 0 } });
    const model = cacheModel(make(api.url, "deepseek-reasoner"), { cache });
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => model.invoke(QUESTION)));
    expect(api.calls).toHaveLength(1);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(cache.stats()).toMatchObject({ hits: 999, coalesced: 999 });
  });

  it("streams to many at the same time from one call", async () => {
    const { api, cache } = await start({ delay: { firstToken: 20, perToken: 0.1, jitter: 0 } });
    const model = cacheModel(make(api.url, "deepseek-reasoner"), { cache });
    const answers = await Promise.all(Array.from({ length: 50 }, async () => joined(await model.stream(QUESTION))));
    expect(api.calls).toHaveLength(1);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter((answer) => hitOf(answer as never)?.tier === "coalesced")).toHaveLength(49);
  });

  it("gives chains, tags and traces as it does without a cache", async () => {
    const { api, cache } = await start();
    const original = make(api.url, "deepseek-chat");
    const events = async (model: Chat): Promise<string[]> => {
      const chain = ChatPromptTemplate.fromMessages([["human", "{question}"]])
        .pipe(model)
        .pipe(new StringOutputParser());
      const names: string[] = [];
      for await (const { event, name, tags } of chain.streamEvents(
        { question: QUESTION },
        { version: "v2", tags: ["mine"] },
      ) as AsyncIterable<StreamEvent>) {
        names.push(`${event} ${name} ${(tags ?? []).includes("mine")}`);
      }
      return names.filter((each, at) => each !== names[at - 1] || !each.includes("_stream"));
    };
    const own = await events(original);
    const model = cacheModel(original, { cache });
    const kinds = (names: readonly string[]): string[] => [...new Set(names)].toSorted();
    expect(kinds(await events(model))).toEqual(kinds(own));
    expect(kinds(await events(model))).toEqual(kinds(own));
    expect(api.calls).toHaveLength(2);
  });

  it("keeps structured output, by each method that the client has for it", async () => {
    const { api, cache } = await start();
    const model = cacheModel(make(api.url, "deepseek-chat"), { cache });
    const schema = z.object({ topic: z.string(), points: z.array(z.string()) });
    const functions = model.withStructuredOutput(schema, { method: "functionCalling" });
    const first = await functions.invoke(QUESTION);
    expect(await functions.invoke(QUESTION)).toEqual(first);
    expect(api.calls).toHaveLength(1);
    const raw = model.withStructuredOutput(schema, { method: "functionCalling", includeRaw: true });
    const { raw: message, parsed } = await raw.invoke(QUESTION);
    expect(parsed).toEqual(first);
    expect(hitOf(message as AIMessage).hit).toBe(true);
    const json = model.withStructuredOutput(z.looseObject({}), { method: "jsonMode" });
    const object = await json.invoke(`${QUESTION} Answer in JSON.`);
    expect(await json.invoke(`${QUESTION} Answer in JSON.`)).toEqual(object);
    expect(api.calls).toHaveLength(2);
  });

  it("is retried by the client, and keeps the answer of the try that worked", async () => {
    const { api, cache } = await start({ failures: [{ status: 503 }, { status: 500 }] });
    const model = cacheModel(make(api.url, "deepseek-chat", { maxRetries: 3 }), { cache });
    const answers = await Promise.all([model.invoke(QUESTION), model.invoke(QUESTION)]);
    expect(api.calls).toHaveLength(3);
    expect(answers[0]?.text).toBe(answers[1]?.text);
    await model.invoke(QUESTION);
    expect(api.calls).toHaveLength(3);
  }, 240_000);

  it("gives the error of the API to all who wait, and asks again the next time", async () => {
    const { api, cache } = await start({ failures: [{ status: 400, message: "no" }] });
    const model = cacheModel(make(api.url, "deepseek-chat"), { cache });
    const outcomes = await Promise.allSettled([model.invoke(QUESTION), model.invoke(QUESTION), model.invoke(QUESTION)]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(api.calls).toHaveLength(1);
    await model.invoke(QUESTION);
    expect(api.calls).toHaveLength(2);
  });

  it.each([
    ["cut off by the limit of tokens", { finish: "length" }],
    ["filtered", { finish: "content_filter" }],
    ["without content", { empty: true }],
    ["ended in good order before its time", { cut: 20, how: "end" }],
    ["whose connection broke", { cut: 20, how: "reset" }],
  ] as const)("keeps no stream %s", async (_what, failure) => {
    const { api, cache } = await start({ failures: [failure] });
    const model = cacheModel(make(api.url, "deepseek-reasoner"), { cache });
    await joined(await model.stream(QUESTION)).catch(() => undefined);
    expect(cache.stats().writes).toBe(0);
    await joined(await model.stream(QUESTION));
    expect(api.calls).toHaveLength(2);
    expect(cache.stats().writes).toBe(1);
  });

  it("tells the API when the last caller has gone", async () => {
    const { api, cache } = await start({ delay: { firstToken: 0, perToken: 2, jitter: 0 } });
    const model = cacheModel(make(api.url, "deepseek-reasoner"), { cache });
    const controllers = [new AbortController(), new AbortController()];
    const asked = Promise.allSettled(controllers.map(({ signal }) => model.invoke(QUESTION, { signal })));
    await expect.poll(() => api.calls.length).toBe(1);
    controllers[0]?.abort(new Error("enough"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(api.calls[0]?.outcome).toBe("running");
    controllers[1]?.abort(new Error("enough"));
    expect((await asked).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await expect.poll(() => api.calls[0]?.outcome).toBe("aborted");
    expect(cache.stats().writes).toBe(0);
  });

  it("finds its answers again after a restart, also those that were streamed", async () => {
    const { api } = await start();
    const folder = await mkdtemp(join(tmpdir(), "strata-restart-"));
    const run = async <T>(use: (model: Chat) => Promise<T>): Promise<T> => {
      const cache = new TieredCache({ tiers: [memoryTier(), diskTier({ path: folder })] });
      try {
        return await use(cacheModel(make(api.url, "deepseek-reasoner"), { cache }));
      } finally {
        await cache.close();
      }
    };
    try {
      const made = await run(async (model) => joined(await model.stream(QUESTION)));
      const hit = await run((model) => model.invoke(QUESTION));
      const again = await run(async (model) => joined(await model.stream(QUESTION)));
      expect(api.calls).toHaveLength(1);
      expect([hit.text, again.text]).toEqual([made.text, made.text]);
      expect(hit.additional_kwargs["reasoning_content"]).toBe(made.additional_kwargs["reasoning_content"]);
      expect(hitOf(hit).tier).toBe("disk");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe("a model of initChatModel, cached", () => {
  it("answers from the cache, whichever model a call configures", async () => {
    const { api, cache } = await start();
    const configured = await initChatModel("deepseek-chat", {
      modelProvider: "deepseek",
      apiKey: "none",
      maxRetries: 0,
      configuration: { baseURL: api.url },
      configurableFields: ["model"],
    });
    const model = cacheModel(configured as never, { cache }) as unknown as ChatDeepSeek;
    const ask = async (name: string): Promise<AIMessage> => model.invoke(QUESTION, { configurable: { model: name } });
    await ask("deepseek-chat");
    await ask("deepseek-reasoner");
    expect(hitOf(await ask("deepseek-chat")).hit && hitOf(await ask("deepseek-reasoner")).hit).toBe(true);
    expect(api.calls.map(({ body }) => (body as { model: string }).model)).toEqual(["deepseek-chat", "deepseek-reasoner"]);
    const structured = model.withStructuredOutput(z.object({ topic: z.string() }));
    const first = await structured.invoke(QUESTION);
    expect(await structured.invoke(QUESTION)).toEqual(first);
    expect(api.calls).toHaveLength(3);
    expect(await joined(await model.stream(QUESTION))).toBeInstanceOf(AIMessageChunk);
    expect(api.calls).toHaveLength(3);
  });
});
