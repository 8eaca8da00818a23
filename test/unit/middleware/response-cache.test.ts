import { HumanMessage, type AIMessage, type BaseMessage } from "@langchain/core/messages";
import { createAgent, createMiddleware, modelFallbackMiddleware, toolStrategy } from "langchain";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { cacheModel, memoryTier, TieredCache } from "../../../src/index.ts";
import { responseCacheMiddleware } from "../../../src/middleware.ts";
import { hitOf } from "../../support/model-answers.ts";
import { ScriptedModel, type Script } from "../../support/scripted-model.ts";

const caches: TieredCache[] = [];
afterEach(async () => {
  await Promise.all(caches.splice(0).map((cache) => cache.close()));
});

function newCache(): TieredCache {
  const cache = new TieredCache({ tiers: [memoryTier()] });
  caches.push(cache);
  return cache;
}

function newModel(script: Script = {}): ScriptedModel {
  return new ScriptedModel({ model: "scripted-1", reply: ({ number }) => `answer ${number}`, ...script });
}

const go = (): { messages: BaseMessage[] } => ({ messages: [new HumanMessage("go")] });

describe("the response cache", () => {
  it("answers an agent from the cache, and says so in the message", async () => {
    const [cache, model] = [newCache(), newModel()];
    const agent = createAgent({ model, middleware: [responseCacheMiddleware({ cache })] });
    await agent.invoke(go());
    const { messages } = await agent.invoke(go());
    expect(model.calls).toHaveLength(1);
    expect(hitOf(messages.at(-1) as AIMessage)).toMatchObject({ hit: true, tier: "memory" });
  });

  it("takes a model with a config bound to it", async () => {
    const [cache, model] = [newCache(), newModel()];
    const agent = createAgent({
      model: model.withConfig({ tags: ["mine"] }) as never,
      middleware: [responseCacheMiddleware({ cache })],
    });
    for (let time = 0; time < 2; time++) await agent.invoke(go());
    expect(model.calls).toHaveLength(1);
  });

  it("replaces the cache of a model that is cached already", async () => {
    const [inner, outer, model] = [newCache(), newCache(), newModel()];
    const agent = createAgent({
      model: cacheModel(model, { cache: inner }),
      middleware: [responseCacheMiddleware({ cache: outer })],
    });
    for (let time = 0; time < 2; time++) await agent.invoke(go());
    expect(model.calls).toHaveLength(1);
    expect([inner.stats().misses, outer.stats().misses]).toEqual([0, 1]);
  });

  it("sees the model that a middleware before it has chosen", async () => {
    const cache = newCache();
    const [first, second] = [newModel({ model: "a", reply: () => "I am a" }), newModel({ model: "b", reply: () => "I am b" })];
    let chosen = first;
    const chooser = createMiddleware({
      name: "Chooser",
      wrapModelCall: (request, handler) => handler({ ...request, model: chosen }),
    });
    const agent = createAgent({ model: first, middleware: [chooser, responseCacheMiddleware({ cache })] });
    const ask = async (): Promise<unknown> => (await agent.invoke(go())).messages.at(-1)?.content;
    expect(await ask()).toBe("I am a");
    chosen = second;
    expect(await ask()).toBe("I am b");
    expect([first.calls.length, second.calls.length]).toEqual([1, 1]);
  });

  it("lets another model stand in for one that fails, and does not keep the failure", async () => {
    const cache = newCache();
    const failing = newModel({ model: "a", maxRetries: 0, reply: () => Promise.reject(new Error("overloaded")) });
    const spare = newModel({ model: "b", reply: () => "from the spare" });
    const agent = createAgent({
      model: failing,
      middleware: [modelFallbackMiddleware(spare), responseCacheMiddleware({ cache })],
    });
    for (let time = 0; time < 2; time++) expect((await agent.invoke(go())).messages.at(-1)?.content).toBe("from the spare");
    expect([failing.calls.length, spare.calls.length]).toEqual([2, 1]);
  });

  it("keeps a structured response that is given through a tool, under the tool's new name each time", async () => {
    const cache = newCache();
    const names: string[] = [];
    const model = newModel({
      reply: ({ options }) => {
        const [{ name }] = (options["tools"] as { function: { name: string } }[]).map((tool) => tool.function) as [
          { name: string },
        ];
        names.push(name);
        return { content: "", tool_calls: [{ name, args: { age: 7 }, id: "1" }] };
      },
    });
    const agent = createAgent({
      model,
      responseFormat: toolStrategy(z.object({ age: z.number() })),
      middleware: [responseCacheMiddleware({ cache })],
    });
    const again = createAgent({
      model,
      responseFormat: toolStrategy(z.object({ age: z.number() })),
      middleware: [responseCacheMiddleware({ cache })],
    });
    for (const each of [agent, again, agent]) expect((await each.invoke(go())).structuredResponse).toEqual({ age: 7 });
    expect(names).toEqual([expect.stringMatching(/^extract-\d+$/)]);
  });

  it("keeps a structured response that the model gives by itself", async () => {
    const cache = newCache();
    const model = newModel({ reply: () => '{"age":7}' });
    Object.defineProperty(model, "profile", { value: { structuredOutput: true } });
    const agent = createAgent({
      model,
      responseFormat: z.object({ age: z.number() }),
      middleware: [responseCacheMiddleware({ cache })],
    });
    for (let time = 0; time < 2; time++) expect((await agent.invoke(go())).structuredResponse).toEqual({ age: 7 });
    expect(model.calls).toHaveLength(1);
  });

  it("refuses options that are none, when it is made", () => {
    expect(() => responseCacheMiddleware({ cache: {} as never })).toThrow(/`cache`.*TieredCache/);
    expect(() => responseCacheMiddleware({ cache: newCache(), ttl: "soon" as never })).toThrow(/`ttl`/);
  });
});
