/** The semantic step under real LangChain models: ChatDeepSeek over HTTP, local embeddings, agents, streams. */
import { HumanMessage } from "@langchain/core/messages";
import { ChatDeepSeek } from "@langchain/deepseek";
import { createAgent } from "langchain";
import { afterEach, describe, expect, it } from "vitest";
import {
  cacheModel,
  llmAdapter,
  llmVerifier,
  memoryTier,
  staticPolicy,
  TieredCache,
  type SemanticOptions,
} from "../../src/index.ts";
import { LocalEmbeddings } from "../../src/local.ts";
import { responseCacheMiddleware } from "../../src/middleware.ts";
import { startDeepSeekStandIn, type DeepSeekStandIn } from "../../src/testing/deepseek-stand-in/start.ts";
import { hitOf } from "../support/model-answers.ts";

const FIRST = "What is an order block?";
const NEAR = "what is an order block";
const ASIDE = "What is an order block, in short?";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((resource) => resource.close()));
});

/** The types of `ChatDeepSeek` know nothing of it. */
function tokensOf(message: object): number | undefined {
  return (message as { usage_metadata?: { total_tokens?: number } }).usage_metadata?.total_tokens;
}

interface Bed {
  readonly api: DeepSeekStandIn;
  readonly cache: TieredCache;
  readonly model: (name: string, cache?: TieredCache) => ChatDeepSeek;
  readonly models: () => string[];
}

async function start(semantic: (model: Bed["model"]) => Partial<SemanticOptions>): Promise<Bed> {
  const replies = (request: { messages: readonly { content?: unknown }[] }): string | undefined => {
    const text = JSON.stringify(request.messages);
    if (text.includes("You compare two questions")) return "YES";
    return text.includes("Rewrite") ? "In short: the last opposite candle before a strong move." : undefined;
  };
  const api = await startDeepSeekStandIn({ delay: 0, strictThinking: false, replies });
  const model: Bed["model"] = (name, cache) =>
    new ChatDeepSeek({
      model: name,
      apiKey: "none",
      maxRetries: 0,
      configuration: { baseURL: api.url },
      ...(cache && { cache }),
    });
  const cache = new TieredCache({
    ...{ tiers: [memoryTier()], scope: { tenant: "acme" } },
    semantic: { embeddings: new LocalEmbeddings(), ...semantic(model) },
  });
  open.push(api, cache);
  return { api, cache, model, models: () => api.calls.map(({ body }) => (body as { model: string }).model) };
}

describe("with ChatDeepSeek and local embeddings", () => {
  it("a near question is answered from the cache, reasoning included, invoked and streamed", async () => {
    const { cache, model, models } = await start(() => ({}));
    const reasoner = cacheModel(model("deepseek-reasoner"), { cache });
    const first = await reasoner.invoke(FIRST);
    await cache.flush();
    const hit = await reasoner.invoke(NEAR);
    expect(hit.text).toBe(first.text);
    expect(hit.additional_kwargs["reasoning_content"]).toBe(first.additional_kwargs["reasoning_content"]);
    expect(hitOf(hit)).toMatchObject({ source: "semantic", savedUsage: { total_tokens: tokensOf(first) } });
    expect(tokensOf(hit)).toBe(0);
    let [text, reasoning] = ["", ""];
    for await (const chunk of await reasoner.stream(NEAR)) {
      text += chunk.text;
      reasoning += (chunk.additional_kwargs["reasoning_content"] as string | undefined) ?? "";
    }
    expect([text, reasoning]).toEqual([first.text, first.additional_kwargs["reasoning_content"]]);
    expect(models()).toEqual(["deepseek-reasoner"]);
  });

  it("as a BaseCache, too", async () => {
    const { cache, model, models } = await start(() => ({}));
    const reasoner = model("deepseek-reasoner", cache);
    const first = await reasoner.invoke(FIRST);
    await cache.flush();
    const hit = await reasoner.invoke(NEAR);
    expect(hit.text).toBe(first.text);
    expect(hitOf(hit)).toMatchObject({ source: "semantic" });
    expect(models()).toEqual(["deepseek-reasoner"]);
  });

  it("in the zone for it, a small model rewrites the answer; the original stays as it was", async () => {
    const policy = staticPolicy({ similarity: 0.999, adapt: 0.5 });
    const { cache, model, models } = await start((small) => ({ policy, adapt: llmAdapter(small("deepseek-chat")) }));
    const reasoner = cacheModel(model("deepseek-reasoner"), { cache });
    const first = await reasoner.invoke(FIRST);
    await cache.flush();
    const adapted = await reasoner.invoke(ASIDE);
    expect(adapted.text).toBe("In short: the last opposite candle before a strong move.");
    expect(hitOf(adapted)).toMatchObject({ source: "adapted", tier: "memory" });
    expect(adapted.additional_kwargs["reasoning_content"]).toBeUndefined();
    expect(hitOf(adapted).savedUsage.total_tokens).toBeLessThan(tokensOf(first) ?? 0);
    expect((await reasoner.invoke(FIRST)).text).toBe(first.text);
    expect(models()).toEqual(["deepseek-reasoner", "deepseek-chat"]);
    let text = "";
    for await (const chunk of await reasoner.stream(ASIDE)) text += chunk.text;
    expect(text).toBe(adapted.text);
    expect(models()).toEqual(["deepseek-reasoner", "deepseek-chat", "deepseek-chat"]);
    expect(cache.stats().semantic).toMatchObject({ adapted: 2, hits: 0 });
  });

  it("a model as the judge lets a paraphrase in, once", async () => {
    const policy = {
      ...staticPolicy(),
      name: "unsure",
      decide: () => ({ action: "verify", candidate: 0, reason: "Unsure." }) as const,
    };
    const { cache, model, models } = await start((small) => ({ policy, verifier: llmVerifier(small("deepseek-chat")) }));
    const reasoner = cacheModel(model("deepseek-reasoner"), { cache });
    const first = await reasoner.invoke(FIRST);
    await cache.flush();
    for (let time = 0; time < 3; time++) expect((await reasoner.invoke(ASIDE)).text).toBe(first.text);
    expect(models()).toEqual(["deepseek-reasoner", "deepseek-chat"]);
  });

  it("an agent's first answer is found by another agent that is asked the same in other words", async () => {
    const { cache, model, models } = await start(() => ({}));
    const agent = () =>
      createAgent({
        model: model("deepseek-chat"),
        tools: [],
        systemPrompt: "You explain.",
        middleware: [responseCacheMiddleware({ cache })],
      });
    const ask = async (text: string): Promise<string> => {
      const { messages } = await agent().invoke({ messages: [new HumanMessage(text)] });
      await cache.flush();
      return messages.at(-1)?.text ?? "";
    };
    const first = await ask(FIRST);
    expect(await ask(NEAR)).toBe(first);
    expect(models()).toEqual(["deepseek-chat"]);
  });
});
