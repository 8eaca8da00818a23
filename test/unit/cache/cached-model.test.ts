import { AIMessage, AIMessageChunk, HumanMessage, ToolMessage, type BaseMessage } from "@langchain/core/messages";
import { RunnableLambda, type RunnableConfig } from "@langchain/core/runnables";
import { tool } from "@langchain/core/tools";
import { InMemoryCache } from "@langchain/core/caches";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { cacheModel, type CacheModelOptions } from "../../../src/cache/model/cached-model.ts";
import { manualClock, memoryTier, TieredCache, type StrataEvent } from "../../../src/index.ts";
import { hitOf } from "../../support/model-answers.ts";
import { ScriptedModel, type Script } from "../../support/scripted-model.ts";

const caches: TieredCache[] = [];
afterEach(async () => {
  await Promise.all(caches.splice(0).map((cache) => cache.close()));
});

type CacheSettings = ConstructorParameters<typeof TieredCache>[0];

function newCache(settings: CacheSettings = {}): TieredCache {
  const cache = new TieredCache({ tiers: [memoryTier()], ...settings });
  caches.push(cache);
  return cache;
}

function newModel(
  script: Script = {},
  options: Partial<CacheModelOptions> = {},
): { original: ScriptedModel; model: ScriptedModel; cache: TieredCache } {
  const original = new ScriptedModel({ model: "scripted-1", reply: ({ number }) => `answer ${number}`, ...script });
  const cache = options.cache ?? newCache();
  return { original, model: cacheModel(original, { cache, ...options }), cache };
}

async function textsOf(stream: AsyncIterable<{ content: unknown }>): Promise<string[]> {
  const texts: string[] = [];
  for await (const chunk of stream) texts.push(String(chunk.content));
  return texts;
}

async function joined(stream: AsyncIterable<AIMessageChunk>): Promise<AIMessageChunk> {
  let whole: AIMessageChunk | undefined;
  for await (const chunk of stream) whole = whole === undefined ? chunk : whole.concat(chunk);
  if (whole === undefined) throw new Error("The stream was empty.");
  return whole;
}

describe("a cached model", () => {
  it("answers the second time without the model, as itself", async () => {
    const { original, model, cache } = newModel();
    expect(model).toBeInstanceOf(ScriptedModel);
    const first = await model.invoke("hi");
    const second = await model.invoke("hi");
    expect([first.content, second.content]).toEqual(["answer 1", "answer 1"]);
    expect(original.calls).toHaveLength(1);
    expect(first.response_metadata["strata"]).toBeUndefined();
    expect(hitOf(second)).toMatchObject({ hit: true, source: "exact", tier: "memory" });
    expect(second.id).toBe(`strata-${hitOf(second).hitId}`);
    expect(second.id).not.toBe(first.id);
    expect(cache.stats()).toMatchObject({ hits: 1, misses: 1, writes: 1 });
  });

  it("gives each caller an answer of its own", async () => {
    const { model } = newModel({
      reply: () => ({ content: [{ type: "text", text: "yes" }], additional_kwargs: { deep: { list: [1] } } }),
    });
    const first = await model.invoke("hi");
    (first.additional_kwargs["deep"] as { list: number[] }).list.push(2);
    const second = await model.invoke("hi");
    (second.content as { text: string }[])[0]!.text = "TAMPERED";
    (second.additional_kwargs["deep"] as { list: number[] }).list.push(3);
    const third = await model.invoke("hi");
    expect(third.content).toEqual([{ type: "text", text: "yes" }]);
    expect(third.additional_kwargs["deep"]).toEqual({ list: [1] });
  });

  it("uses nothing twice: usage is zero, and what it saved is told", async () => {
    const usage = { input_tokens: 10, output_tokens: 20, total_tokens: 30 };
    const { model } = newModel({
      reply: () => ({
        content: "yes",
        usage_metadata: usage,
        additional_kwargs: { usage: { output_tokens: 20 } },
        response_metadata: { usage: { total_tokens: 30 } } as Record<string, unknown>,
      }),
    });
    await model.invoke("hi");
    const hit = await model.invoke("hi");
    expect(hit.usage_metadata).toMatchObject({ input_tokens: 0, output_tokens: 0, total_tokens: 0 });
    expect(hit.response_metadata["usage"]).toEqual({ total_tokens: 0 });
    expect(hit.additional_kwargs["usage"]).toEqual({ output_tokens: 0 });
    expect(hitOf(hit).savedUsage).toEqual(usage);
  });

  it("is asked anew when anything differs: messages, options, tools, settings", async () => {
    const { original, model } = newModel();
    const add = tool(() => "3", { name: "add", schema: z.object({ a: z.number() }) });
    await model.invoke("hi");
    await model.invoke("ho");
    await model.invoke([new HumanMessage("hi"), new AIMessage("yo"), new HumanMessage("hi")]);
    await model.invoke("hi", { stop: ["x"] });
    await model.bindTools([add]).invoke("hi");
    expect(original.calls).toHaveLength(5);
    await model.bindTools([tool(() => "4", { name: "add", schema: z.object({ a: z.number() }) })]).invoke("hi");
    expect(original.calls).toHaveLength(5);
  });

  it("tells images apart, and knows one again", async () => {
    const { original, model } = newModel();
    const ask = (data: string): Promise<AIMessage> =>
      model.invoke([
        new HumanMessage({
          content: [
            { type: "text", text: "what is it?" },
            { type: "image", data, mimeType: "image/png" },
          ],
        }),
      ]);
    await ask("iVBORw0KGgo=");
    await ask("R0lGODlhAQA=");
    expect(original.calls).toHaveLength(2);
    expect(hitOf(await ask("iVBORw0KGgo=")).hit).toBe(true);
  });

  it("batches", async () => {
    const { original, model } = newModel();
    const first = await model.batch(["a", "b", "a"]);
    expect(first.map(({ content }) => content)).toEqual(["answer 1", "answer 2", "answer 1"]);
    await model.batch(["a", "c"]);
    expect(original.calls).toHaveLength(3);
  });

  it("answers several prompts at once, each at its place", async () => {
    const { original, model } = newModel();
    await model.invoke("b");
    const prompts = ["a", "b", "c"].map((text) => [new HumanMessage(text)]);
    const { generations } = await model.generate(prompts);
    expect(generations.map(([generation]) => generation?.text)).toEqual(["answer 2", "answer 1", "answer 3"]);
    expect(original.calls).toHaveLength(3);
  });

  it("stays cached with a config, with tools, with structured output", async () => {
    const { original, model } = newModel({
      reply: () =>
        new AIMessageChunk({
          content: "",
          tool_call_chunks: [{ name: "person", args: '{"age":7}', id: "1", index: 0 }],
        }),
    });
    const structured = model.withStructuredOutput(z.object({ age: z.number() }), { name: "person" });
    expect(await structured.invoke("how old?")).toEqual({ age: 7 });
    expect(await structured.invoke("how old?")).toEqual({ age: 7 });
    expect(original.calls).toHaveLength(1);
    await model.withConfig({ tags: ["x"] }).invoke("hi");
    await model.withConfig({ tags: ["y"] }).invoke("hi");
    expect(original.calls).toHaveLength(2);
  });

  it("ignores the model's own cache, so that nothing is cached twice", async () => {
    const own = new InMemoryCache();
    const { original, model } = newModel({ cache: own });
    await model.invoke("hi");
    await model.invoke("hi");
    expect(model.cache).toBeUndefined();
    expect(original.cache).toBe(own);
    expect(await own.lookup("Human: hi", original._getSerializedCacheKeyParametersForCall({}))).toBeNull();
  });

  it("serves a model whose class keeps what it is in private fields", async () => {
    class PrivateModel extends ScriptedModel {
      #name = "private-1";
      get secretName(): string {
        return this.#name;
      }
      set secretName(name: string) {
        this.#name = name;
      }
      override _identifyingParams(): Record<string, unknown> {
        return { model: this.#name };
      }
      override invocationParams(): { name: string } {
        return { name: this.#name };
      }
      override bindTools(...args: Parameters<ScriptedModel["bindTools"]>): ReturnType<ScriptedModel["bindTools"]> {
        return super.bindTools(args[0], { ...args[1], tags: [this.#name] });
      }
    }
    const original = new PrivateModel({ reply: ({ number }) => `answer ${number}` });
    const model = cacheModel(original, { cache: newCache() });
    expect([await model.invoke("q"), await model.invoke("q")].map(({ text }) => text)).toEqual(["answer 1", "answer 1"]);
    const bound = model.bindTools([]);
    expect([await bound.invoke("t"), await bound.invoke("t")].map(({ text }) => text)).toEqual(["answer 2", "answer 2"]);
    model.secretName = "private-2";
    expect(original.secretName).toBe("private-2");
    expect((await model.invoke("q")).text).toBe("answer 3");
  });

  it("is a view: what is set on it is set on the model", () => {
    const { original, model } = newModel();
    model.tags = ["mine"];
    expect(original.tags).toEqual(["mine"]);
  });

  it("can be given another cache", async () => {
    const { original, model } = newModel();
    const other = newCache();
    const again = cacheModel(model, { cache: other });
    await again.invoke("hi");
    await again.invoke("hi");
    expect(original.calls).toHaveLength(1);
    expect(other.stats()).toMatchObject({ hits: 1, misses: 1 });
  });

  it("tells LangChain's callbacks of a hit as of a call", async () => {
    const { model } = newModel();
    const seen: string[] = [];
    const callbacks = [
      {
        handleChatModelStart: () => void seen.push("start"),
        handleLLMEnd: ({ generations }: { generations: { text: string }[][] }) =>
          void seen.push(`end ${generations[0]?.[0]?.text}`),
      },
    ];
    await model.invoke("hi", { callbacks });
    await model.invoke("hi", { callbacks });
    expect(seen).toEqual(["start", "end answer 1", "start", "end answer 1"]);
  });

  it("refuses what it cannot work with, naming it", () => {
    const cache = newCache();
    expect(() => cacheModel({} as never, { cache })).toThrow(/`model`.*chat model/);
    expect(() => cacheModel(new ScriptedModel(), { cache: new InMemoryCache() as never })).toThrow(/`cache`.*TieredCache/);
    expect(() => cacheModel(new ScriptedModel(), { cache, replay: "slow" as never })).toThrow(/`replay`.*"instant", "paced"/);
    expect(() => cacheModel(new ScriptedModel(), { cache, ttl: "soon" as never })).toThrow(/`ttl`/);
    expect(() => cacheModel(new ScriptedModel(), { cache, tll: 1 } as never)).toThrow(/tll/);
  });
});

describe("what a call asks of the cache", () => {
  const asking = (strata: object): RunnableConfig => ({ configurable: { strata } });

  it("is heard where LangChain has no async storage", async () => {
    const { original, model, cache } = newModel();
    await model.invoke("hi");
    await model.invoke("hi", asking({ bypass: true }));
    expect(original.calls).toHaveLength(2);
    const refreshed = await model.invoke("hi", asking({ refresh: true }));
    expect([refreshed.content, (await model.invoke("hi")).content]).toEqual(["answer 3", "answer 3"]);
    expect(cache.stats().bypassed).toEqual({ asked: 1 });
  });

  it("is heard through chains", async () => {
    const { original, model } = newModel();
    const chain = RunnableLambda.from((text: string) => text).pipe(model);
    await chain.invoke("hi");
    await chain.invoke("hi", asking({ bypass: true }));
    const nested = RunnableLambda.from((text: string, config) => model.invoke(text, config));
    await nested.invoke("hi", asking({ bypass: true }));
    expect(original.calls).toHaveLength(3);
  });

  it("separates scopes, those of calls and those of models", async () => {
    const { original, model } = newModel();
    for (const user of ["ann", "bob", "ann"]) await model.invoke("hi", asking({ scope: { user } }));
    expect(original.calls).toHaveLength(2);

    const scoped = newModel(
      {},
      { scope: ({ config }) => (config?.configurable?.["user"] ? { user: String(config.configurable["user"]) } : undefined) },
    );
    for (const user of ["ann", "bob", "ann"]) await scoped.model.invoke("hi", { configurable: { user } });
    expect(scoped.original.calls).toHaveLength(2);
    await scoped.model.invoke("hi");
    expect(scoped.original.calls).toHaveLength(3);
    expect(scoped.cache.stats().bypassed).toEqual({ "no-scope": 1 });
  });

  it("uses the scope of the cache when it has none of its own", async () => {
    const cache = newCache({ scope: () => undefined });
    const { original, model } = newModel({}, { cache });
    await model.invoke("hi");
    await model.invoke("hi");
    expect(original.calls).toHaveLength(2);
    expect(cache.stats().bypassed).toEqual({ "no-scope": 2 });
  });

  it("lets answers live for as long as the call, the model or the cache says", async () => {
    const clock = manualClock();
    const cache = newCache({ clock, random: () => 0, tiers: [memoryTier()] });
    const { original, model } = newModel({}, { cache, ttl: "1m" });
    await model.invoke("hi");
    await model.invoke("ho", asking({ ttl: "10m" }));
    await clock.advance(61_000);
    await model.invoke("hi");
    await model.invoke("ho");
    expect(original.calls.map(({ messages }) => messages[0]?.content)).toEqual(["hi", "ho", "hi"]);
  });

  it("removes by tag", async () => {
    const { original, model, cache } = newModel();
    await model.invoke("hi", asking({ tags: ["docs"] }));
    expect(await cache.clear({ tag: "docs" })).toBe(1);
    await model.invoke("hi");
    expect(original.calls).toHaveLength(2);
  });

  it("is an error of the caller's that does not reach the model call", async () => {
    const { original, model, cache } = newModel();
    expect((await model.invoke("hi", asking({ ttl: "soon" }))).content).toBe("answer 1");
    expect(original.calls).toHaveLength(1);
    expect(cache.stats().bypassed).toEqual({ "bad-control": 1 });
  });
});

describe("which model answers", () => {
  it("is told by class, name and settings, whatever object asks", async () => {
    const cache = newCache();
    const ask = async (script: Script): Promise<unknown> => (await newModel(script, { cache }).model.invoke("who?")).content;
    expect(await ask({ model: "a", reply: () => "I am a" })).toBe("I am a");
    expect(await ask({ model: "b", reply: () => "I am b" })).toBe("I am b");
    expect(await ask({ model: "a", reply: () => "not asked" })).toBe("I am a");
    expect(await ask({ model: "a", temperature: 1, reply: () => "I am warm" } as Script)).toBe("I am warm");
  });

  it("is told by the object for models that name themselves nowhere", async () => {
    const cache = newCache();
    const one = cacheModel(new ScriptedModel({ reply: () => "one" }), { cache });
    const two = cacheModel(new ScriptedModel({ reply: () => "two" }), { cache });
    await one.invoke("who?");
    expect((await two.invoke("who?")).content).toBe("two");
    expect(hitOf(await one.invoke("who?")).hit).toBe(true);
  });

  it("is told by the user, if the user says so", async () => {
    const cache = newCache({ modelId: "mine" });
    await cacheModel(new ScriptedModel({ reply: () => "one" }), { cache }).invoke("who?");
    expect((await cacheModel(new ScriptedModel({ reply: () => "two" }), { cache }).invoke("who?")).content).toBe("one");
  });
});

describe("what is not kept", () => {
  it.each([
    ["a truncated answer", { content: "half", response_metadata: { finish_reason: "length" } }],
    ["a filtered answer", { content: "no", response_metadata: { finish_reason: "content_filter" } }],
    ["an incomplete answer of the Responses API", { content: "half", response_metadata: { status: "incomplete" } }],
    ["a broken-off answer of Ollama", { content: "half", response_metadata: { done: false } }],
    ["an empty answer", { content: " " }],
  ])("%s", async (_name, reply) => {
    const { original, model, cache } = newModel({ reply: () => reply });
    await model.invoke("hi");
    await model.invoke("hi");
    expect(original.calls).toHaveLength(2);
    expect(cache.stats()).toMatchObject({ writes: 0, bypassed: { "not-admitted": 2 } });
  });

  it("what the user does not admit", async () => {
    const cache = newCache({ admit: (_request, response) => response[0]?.message?.content !== "answer 1" });
    const { original, model } = newModel({}, { cache });
    for (let time = 0; time < 3; time++) await model.invoke("hi");
    expect(original.calls).toHaveLength(2);
  });

  it("an answer that would not come back equal", async () => {
    const { original, model, cache } = newModel({ reply: () => ({ content: "yes", additional_kwargs: { at: new Date(0) } }) });
    expect((await model.invoke("hi")).additional_kwargs["at"]).toEqual(new Date(0));
    await model.invoke("hi");
    expect(original.calls).toHaveLength(2);
    expect(cache.stats().bypassed).toEqual({ unstorable: 2 });
  });

  it("a failure", async () => {
    const { original, model } = newModel({
      maxRetries: 0,
      reply: ({ number }) => {
        if (number === 1) throw new Error("overloaded");
        return "yes";
      },
    });
    await expect(model.invoke("hi")).rejects.toThrow("overloaded");
    expect((await model.invoke("hi")).content).toBe("yes");
    expect(original.calls).toHaveLength(2);
  });

  it("a request that cannot be read; the model is asked all the same", async () => {
    const { original, model, cache } = newModel();
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    for (let time = 0; time < 2; time++) await model.invoke("hi", { extra: cycle } as never);
    expect(original.calls).toHaveLength(2);
    expect(cache.stats().bypassed).toEqual({ unstorable: 2 });
  });

  it("anything after the cache is closed", async () => {
    const { original, model, cache } = newModel();
    await model.invoke("hi");
    await cache.close();
    expect((await model.invoke("hi")).content).toBe("answer 2");
    expect(original.calls).toHaveLength(2);
  });
});

describe("tool calls in replayed answers", () => {
  const calling = {
    content: "",
    tool_calls: [{ name: "weather", args: { city: "Rome", id: "call_00_AbCdEf123" }, id: "call_00_AbCdEf123" }],
  };

  it("keep their ids", async () => {
    const { model } = newModel({ reply: () => calling });
    const first = await model.invoke("weather?");
    expect((await model.invoke("weather?")).tool_calls).toEqual(first.tool_calls);
  });

  it("get new ids of the same form in a conversation that has them already", async () => {
    const { original, model } = newModel({
      reply: () => ({
        ...calling,
        additional_kwargs: { tool_calls: [{ id: "call_00_AbCdEf123", type: "function" }], map: { call_00_AbCdEf123: "s" } },
      }),
    });
    const before = (id: string): BaseMessage[] => [
      new HumanMessage("weather?"),
      new AIMessage({ content: "", tool_calls: [{ name: "weather", args: {}, id }] }),
      new ToolMessage({ content: "20 °C", tool_call_id: id }),
      new HumanMessage("and now?"),
    ];
    await model.invoke(before("call_00_other"));
    const again = await model.invoke(before("call_00_AbCdEf123"));
    expect(original.calls).toHaveLength(1);
    const id = again.tool_calls?.[0]?.id;
    expect(id).toMatch(/^call_00_[A-F][a-f][A-F][a-f][A-F][a-f]\d{3}$/);
    expect(id).not.toBe("call_00_AbCdEf123");
    expect(again.tool_calls?.[0]?.args).toEqual({ city: "Rome", id: "call_00_AbCdEf123" });
    expect(again.additional_kwargs).toEqual({ tool_calls: [{ id, type: "function" }], map: { [String(id)]: "s" } });
  });

  it("name the generated tool of the request at hand", async () => {
    const { original, model } = newModel({
      reply: ({ options }) => {
        const [{ name } = { name: "" }] = (options["tools"] as { name: string }[] | undefined) ?? [];
        return { content: "", tool_calls: [{ name, args: { name }, id: "1" }] };
      },
    });
    const ask = async (name: string): Promise<AIMessage> =>
      await model
        .bindTools([{ name, description: "an answer", schema: { type: "object", properties: {} } } as never])
        .invoke("how old?");
    await ask("extract-1");
    const hit = await ask("extract-7");
    expect(original.calls).toHaveLength(1);
    expect(hit.tool_calls).toMatchObject([{ name: "extract-7", args: { name: "extract-1" } }]);
  });
});

describe("events of the cache", () => {
  it("tell of lookups and updates without a word of what was said", async () => {
    const events: StrataEvent[] = [];
    const { model } = newModel(
      { reply: () => "SECRET-ANSWER" },
      { cache: newCache({ observer: (event) => events.push(event) }) },
    );
    await model.invoke("SECRET-QUESTION");
    await model.invoke("SECRET-QUESTION");
    expect(events.map(({ type }) => type)).toEqual(["cache.lookup", "cache.update", "cache.lookup"]);
    expect(JSON.stringify(events)).not.toContain("SECRET");
  });
});

describe("a model that does not stream", () => {
  it("gives its answer in one piece, from the model and from the cache", async () => {
    const { original, model } = newModel();
    expect(await textsOf(await model.stream("hi"))).toEqual(["answer 1"]);
    expect(await textsOf(await model.stream("hi"))).toEqual(["answer 1"]);
    expect(original.calls).toHaveLength(1);
    expect((await joined(await newModel({ chunks: () => ["a", "b"] }).model.stream("hi"))).content).toBe("ab");
  });
});
