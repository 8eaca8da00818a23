import { InMemoryCache } from "@langchain/core/caches";
import { HumanMessage, type AIMessageChunk } from "@langchain/core/messages";
import { createAgent } from "langchain";
import { expect, vi } from "vitest";
import { z } from "zod";
import { manualClock, memoryTier, type TieredCache } from "../../../src/index.ts";
import { startDeepSeekStandIn } from "../../../src/testing/deepseek-stand-in/start.ts";
import { deepSeek, plainCache, section, standIn, tieredCache, WatchedCache } from "./bed.ts";

section("When the cache is asked", (note) => {
  note("A stream does not ask the cache", async () => {
    for (const cache of [new WatchedCache(), tieredCache()]) {
      const model = deepSeek({ cache });
      await model.invoke("What is risk?");
      for await (const _chunk of await model.stream("What is risk?")) {
        // Only the calls count.
      }
      await model.streamEvents("What is risk?");
      expect(standIn.calls).toHaveLength(3);
      if (cache instanceof WatchedCache) expect(cache.prompts).toHaveLength(1);
      else expect(cache.stats()).toMatchObject({ hits: 0, misses: 1 });
      standIn.reset();
    }
  });

  note("A hit in a streamed graph is one chunk of text", async () => {
    const cache = tieredCache();
    const agent = createAgent({ model: deepSeek({ model: "deepseek-reasoner", cache }), tools: [] });
    const run = async (): Promise<AIMessageChunk[]> => {
      const chunks: AIMessageChunk[] = [];
      const input = { messages: [new HumanMessage("What is risk?")] };
      for await (const [chunk] of await agent.stream(input, { streamMode: "messages" })) chunks.push(chunk as AIMessageChunk);
      return chunks;
    };
    const reasoningIn = (chunks: AIMessageChunk[]): boolean =>
      chunks.some((chunk) => Boolean(chunk.additional_kwargs["reasoning_content"]));
    const asked = await run();
    expect(asked.length).toBeGreaterThan(50);
    expect(reasoningIn(asked)).toBe(true);
    const replayed = await run();
    expect(standIn.calls).toHaveLength(1);
    expect(replayed).toHaveLength(1);
    expect(reasoningIn(replayed)).toBe(false);
    const { messages } = await agent.invoke({ messages: [new HumanMessage("What is risk?")] });
    expect(standIn.calls).toHaveLength(1);
    expect(messages.at(-1)?.additional_kwargs["reasoning_content"]).toContain("risk");
  });

  note("Identical calls at the same time are all made", async () => {
    const four = (cache: InMemoryCache | TieredCache): Promise<unknown> =>
      deepSeek({ cache }).batch(["What is risk?", "What is risk?", "What is risk?", "What is risk?"]);
    await four(plainCache());
    expect(standIn.calls).toHaveLength(4);
    standIn.reset();
    await four(tieredCache());
    expect(standIn.calls).toHaveLength(1);
  });

  note("A cache is not told that the model failed", async () => {
    const cache = new WatchedCache();
    let updates = 0;
    cache.update = () => Promise.resolve(void updates++);
    standIn.fail({ status: 500 });
    await expect(deepSeek({ cache }).invoke("What is risk?")).rejects.toThrow("500");
    expect({ lookups: cache.prompts.length, updates }).toEqual({ lookups: 1, updates: 0 });

    // The next caller cannot know that the first one is gone, and waits for it: for a bounded time.
    const clock = manualClock();
    const model = deepSeek({ cache: tieredCache({ clock }) });
    standIn.fail({ status: 500 });
    await expect(model.invoke("What is risk?")).rejects.toThrow("500");
    const again = model.invoke("What is risk?");
    await vi.waitFor(() => expect(clock.pending).toBe(1), 20_000);
    const sent = standIn.calls.length;
    await clock.advance(1_000);
    expect((await again).content).toContain("risk");
    expect(standIn.calls).toHaveLength(sent + 1);
  });

  note("A cache that fails, fails the call", async () => {
    class Broken extends InMemoryCache {
      readonly #failing: "lookup" | "update";
      constructor(failing: "lookup" | "update") {
        super(new Map());
        this.#failing = failing;
      }
      override lookup(prompt: string, llmKey: string): ReturnType<InMemoryCache["lookup"]> {
        if (this.#failing === "lookup") return Promise.reject(new Error("the store is down"));
        return super.lookup(prompt, llmKey);
      }
      override update(): Promise<void> {
        return Promise.reject(new Error("the store is down"));
      }
    }
    await expect(deepSeek({ cache: new Broken("lookup") }).invoke("What is risk?")).rejects.toThrow("the store is down");
    expect(standIn.calls).toHaveLength(0);
    await expect(deepSeek({ cache: new Broken("update") }).invoke("What is risk?")).rejects.toThrow("the store is down");
    expect(standIn.calls.map(({ outcome }) => outcome)).toEqual(["answered"]);

    const down = (): never => {
      throw new Error("the store is down");
    };
    const tier = { ...memoryTier(), name: "broken", get: down, set: down };
    const cache = tieredCache({ tiers: [tier] });
    expect((await deepSeek({ cache }).invoke("What is risk?")).content).toContain("risk");
    expect(cache.stats().tiers[0]?.faults).toBeGreaterThan(0);
  });

  note("generate() with several prompts mixes up answers when some are hits", async () => {
    for (const cache of [plainCache(), tieredCache()]) {
      const model = deepSeek({ cache });
      await model.invoke("What is the second thing?");
      const prompts = ["What is the first thing?", "What is the second thing?", "What is the third thing?"];
      const { generations } = await model.generate(prompts.map((prompt) => [new HumanMessage(prompt)]));
      // The hit was put into place 0, and then overwritten there.
      expect(generations.map((generation) => generation?.[0]?.text.match(/first|second|third/)?.[0])).toEqual([
        "first",
        undefined,
        "third",
      ]);
      // `batch` makes one call for each prompt, and is right.
      const messages = await model.batch(prompts);
      expect(messages.map((message) => message.text.match(/first|second|third/)?.[0])).toEqual(["first", "second", "third"]);
    }
  });

  note("An answer that your parser refuses is kept", async () => {
    const talking = await startDeepSeekStandIn({ delay: 0, replies: () => "Sorry, no JSON today." });
    const ask = async (cache: InMemoryCache | TieredCache): Promise<void> => {
      talking.reset();
      const model = deepSeek({ cache, configuration: { baseURL: talking.url } });
      const parsing = model.withStructuredOutput(z.object({ bias: z.string() }), { method: "jsonMode" });
      await expect(parsing.invoke("The bias as json?")).rejects.toThrow("parse");
      await expect(parsing.invoke("The bias as json?")).rejects.toThrow("parse");
    };
    try {
      await ask(plainCache());
      expect(talking.calls).toHaveLength(1);
      await ask(tieredCache());
      expect(talking.calls).toHaveLength(1);
      const isJson = (text: string): boolean => text.trimStart().startsWith("{");
      await ask(tieredCache({ admit: ({ generations }) => generations.every(({ text }) => isJson(text)) }));
      expect(talking.calls).toHaveLength(2);
    } finally {
      await talking.close();
    }
  });
});
