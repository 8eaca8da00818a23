import type { InMemoryCache } from "@langchain/core/caches";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { HumanMessage } from "@langchain/core/messages";
import { ChatGroq } from "@langchain/groq";
import { ChatMistralAI } from "@langchain/mistralai";
import { ChatOllama } from "@langchain/ollama";
import { createAgent, toolStrategy } from "langchain";
import { expect } from "vitest";
import { z } from "zod";
import { cacheModel, type TieredCache, type TieredCacheOptions } from "../../../src/index.ts";
import { deepSeek, hitOf, plainCache, section, standIn, tieredCache, WatchedCache } from "./bed.ts";

section("What tells models apart", (note) => {
  note("The key of a model holds its API key", async () => {
    const cache = new WatchedCache();
    await deepSeek({ cache }).invoke("What is risk?");
    expect(cache.keys[0]).toContain('apiKey:"sk-secret"');

    // A rotated key, the same entries: the credential is no part of what identifies an answer.
    const same = tieredCache();
    await deepSeek({ cache: same, apiKey: "sk-secret" }).invoke("What is risk?");
    const hit = await deepSeek({ cache: same, apiKey: "sk-rotated" }).invoke("What is risk?");
    expect(hitOf(hit)).toMatchObject({ hit: true, tier: "memory" });
  });

  note("The key of some models does not name the model", async () => {
    // Nothing listens there: the calls fail after the lookup.
    const nowhere = "http://127.0.0.1:9";
    const key = async (make: (cache: WatchedCache) => BaseChatModel): Promise<string | undefined> => {
      const cache = new WatchedCache();
      await make(cache)
        .invoke("hi")
        .catch(() => undefined);
      return cache.keys[0];
    };
    const rest = { maxRetries: 0, apiKey: "none" };
    const makers = {
      ollama: (model, temperature) => key((cache) => new ChatOllama({ model, temperature, cache, baseUrl: nowhere, ...rest })),
      groq: (model, temperature) => key((cache) => new ChatGroq({ model, temperature, cache, baseUrl: nowhere, ...rest })),
      mistral: (model, temperature) =>
        key((cache) => new ChatMistralAI({ model, temperature, cache, serverURL: nowhere, ...rest })),
    } satisfies Record<string, (model: string, temperature: number) => Promise<string | undefined>>;
    for (const [provider, keyOf] of Object.entries(makers)) {
      const small = await keyOf("small", 0);
      expect(small, provider).toContain("_type");
      expect(small, provider).toBe(await keyOf("large", 1));
    }

    const ask = async (options: TieredCacheOptions): Promise<TieredCache> => {
      const cache = tieredCache(options);
      await new ChatOllama({ model: "llama3", cache, baseUrl: nowhere, maxRetries: 0 }).invoke("hi").catch(() => undefined);
      return cache;
    };
    expect((await ask({})).stats()).toMatchObject({ misses: 0, bypassed: { "model-unidentified": 1 } });
    expect((await ask({ modelId: "llama3" })).stats()).toMatchObject({ misses: 1, bypassed: {} });
  });

  note("The key of a model does not say in which form it answers", async () => {
    const keys = await Promise.all(
      (["v0", "v1"] as const).map(async (outputVersion) => {
        const cache = new WatchedCache();
        await deepSeek({ cache, outputVersion }).invoke("What is risk?");
        return cache.keys[0];
      }),
    );
    expect(keys[0]).toBe(keys[1]);
    standIn.reset();

    const forms = async (make: (cache: TieredCache, outputVersion: "v0" | "v1") => BaseChatModel): Promise<unknown[]> => {
      const cache = tieredCache();
      const given: unknown[] = [];
      for (const version of ["v1", "v0", "v1"] as const) {
        const { content } = await make(cache, version).invoke("What is risk?");
        given.push(typeof content === "string" ? "v0" : "v1");
      }
      return given;
    };
    expect(await forms((cache, outputVersion) => deepSeek({ cache, outputVersion }))).toEqual(["v1", "v1", "v1"]);
    expect(await forms((cache, outputVersion) => cacheModel(deepSeek({ outputVersion }), { cache }))).toEqual(["v1", "v0", "v1"]);
    // Each of the two asked once.
    expect(standIn.calls).toHaveLength(2);
  });

  note("Inside an agent every call has another key", async () => {
    const run = async (cache: InMemoryCache | TieredCache): Promise<void> => {
      const agent = createAgent({ model: deepSeek({ cache }), tools: [] });
      await agent.invoke({ messages: [new HumanMessage("What is risk?")] });
      await agent.invoke({ messages: [new HumanMessage("What is risk?")] });
    };
    const watched = new WatchedCache();
    await run(watched);
    expect(standIn.calls).toHaveLength(2);
    expect(watched.keys[0]).toContain("executionInfo");
    expect(watched.keys[0]).not.toBe(watched.keys[1]);
    standIn.reset();
    await run(tieredCache());
    expect(standIn.calls).toHaveLength(1);
  });

  note("An agent that is made anew names its output tools anew", async () => {
    const toolNames = async (cache: InMemoryCache | TieredCache, agents: number): Promise<string[]> => {
      standIn.reset();
      const make = () => {
        const responseFormat = toolStrategy(z.object({ bias: z.enum(["long", "short"]) }));
        return createAgent({ model: deepSeek({ cache }), tools: [], responseFormat });
      };
      let agent = make();
      for (let run = 0; run < 2; run++) {
        if (agents > 1) agent = make();
        const { structuredResponse } = await agent.invoke({ messages: [new HumanMessage("Long or short?")] });
        expect(structuredResponse.bias).toMatch(/long|short/);
      }
      return standIn.calls.map(({ body }) => (body as { tools: [{ function: { name: string } }] }).tools[0].function.name);
    };
    const [first, second] = await toolNames(tieredCache(), 2);
    expect(first).toMatch(/^extract-\d+$/);
    expect(second).toMatch(/^extract-\d+$/);
    expect(second).not.toBe(first);
    // One agent for both requests asks once.
    expect(await toolNames(tieredCache(), 1)).toHaveLength(1);
    expect(await toolNames(plainCache(), 1)).toHaveLength(2);
  });
});
