import { AIMessage, AIMessageChunk, HumanMessage } from "@langchain/core/messages";
import type { ChatGeneration, Generation } from "@langchain/core/outputs";
import { afterEach, describe, expect, test } from "vitest";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { aiChunk, aiMessage, chatAnswer, hitOf, llmKey, messageOf } from "../../support/model-answers.ts";
import { scriptedTier } from "../../support/scripted-tier.ts";

const KEY = llmKey();
const USAGE = {
  input_tokens: 12,
  output_tokens: 340,
  total_tokens: 352,
  output_token_details: { reasoning: 300 },
  input_token_details: { cache_read: 8 },
};

const open: TieredCache[] = [];
afterEach(() => Promise.all(open.splice(0).map((cache) => cache.close())));

/** Over tiers that give an entry back by reference, and as bytes alone. */
const ways = {
  "from memory": () => [memoryTier()],
  "from bytes": () => [scriptedTier({ name: "bytes", writes: "through" })],
};

function cacheOver(way: keyof typeof ways): TieredCache {
  const cache = new TieredCache({ tiers: ways[way]() });
  open.push(cache);
  return cache;
}

async function stored(cache: TieredCache, generations: Generation[]): Promise<(prompt?: string) => Promise<Generation[]>> {
  await cache.update("prompt", KEY, generations);
  return async () => {
    const hit = await cache.lookup("prompt", KEY);
    if (hit === null) throw new Error("It is a miss.");
    return hit;
  };
}

describe.each(Object.keys(ways) as (keyof typeof ways)[])("a hit %s", (way) => {
  test("is a message of its own, with an id of its own", async () => {
    const hit = await stored(cacheOver(way), chatAnswer("42"));
    const hits = await Promise.all(Array.from({ length: 100 }, async () => messageOf(await hit())));
    expect(new Set(hits).size).toBe(100);
    expect(new Set(hits.map(({ id }) => id)).size).toBe(100);
    for (const message of hits) {
      expect(message.id).toBe(`strata-${hitOf(message).hitId}`);
      expect(message.id).not.toBe("run-1");
    }
  });

  test("says what it is in response_metadata.strata, and what it saved", async () => {
    const hit = await stored(cacheOver(way), chatAnswer("42", { usage_metadata: USAGE }));
    const message = messageOf(await hit());
    expect(hitOf(message)).toEqual({
      hit: true,
      hitId: expect.stringMatching(/^[\w-]{12}-\w+$/),
      source: "exact",
      tier: way === "from memory" ? "memory" : "bytes",
      ms: expect.any(Number),
      savedUsage: USAGE,
    });
    expect(hitOf(message).ms).toBeGreaterThanOrEqual(0);
  });

  test("has used no tokens, in none of the places where providers report them", async () => {
    const response_metadata = {
      tokenUsage: { promptTokens: 12, completionTokens: 340, totalTokens: 352 },
      usage: { prompt_tokens: 12, completion_tokens_details: { reasoning_tokens: 300 }, service: "default" },
      model_name: "deepseek-reasoner",
      created: 1_700_000_000,
    };
    const hit = await stored(cacheOver(way), chatAnswer("42", { usage_metadata: USAGE, response_metadata }));
    const message = messageOf(await hit());
    expect(message.usage_metadata).toEqual({ input_tokens: 0, output_tokens: 0, total_tokens: 0 });
    const { strata: _strata, ...rest } = message.response_metadata;
    expect(rest).toEqual({
      tokenUsage: { promptTokens: 0, completionTokens: 0, totalTokens: 0 },
      usage: { prompt_tokens: 0, completion_tokens_details: { reasoning_tokens: 0 }, service: "default" },
      model_name: "deepseek-reasoner",
      created: 1_700_000_000,
    });
  });

  test("that the provider counted nothing for saved nothing that is known", async () => {
    const hit = await stored(cacheOver(way), chatAnswer("42"));
    expect(hitOf(messageOf(await hit())).savedUsage).toEqual({});
  });

  test("can be changed at any depth without the next caller seeing it", async () => {
    const make = (): AIMessage =>
      aiMessage({
        content: [{ type: "text", text: "42", annotations: [{ url: "u" }] }],
        additional_kwargs: { reasoning_content: "so", audio: { data: { bytes: [1] } } },
        response_metadata: { logprobs: [{ token: "4" }], nested: { deep: { list: [1, 2] } } },
        tool_calls: [{ name: "t", args: { where: { city: "Porto" } }, id: "call_1", type: "tool_call" }],
        invalid_tool_calls: [{ name: "i", args: "{", id: "call_2", error: "e", type: "invalid_tool_call" }],
        usage_metadata: structuredClone(USAGE),
      });
    const given = [
      { text: "42", message: make(), generationInfo: { finish_reason: "stop", extra: { a: [1] } } } as ChatGeneration,
    ];
    const hit = await stored(cacheOver(way), given);
    const before = JSON.stringify(await hit(), withoutHit);
    scribble(given);
    scribble(await hit());
    const second = await hit();
    expect(JSON.stringify(second, withoutHit)).toBe(before);
    expect(hitOf(messageOf(second)).savedUsage).toEqual(USAGE);
    expect(before).toContain("Porto");
  });

  test("keeps the reasoning of R1, tool calls, invalid tool calls and the name", async () => {
    const fields = {
      additional_kwargs: { reasoning_content: "first, then" },
      tool_calls: [{ name: "t", args: { a: 1 }, id: "call_1", type: "tool_call" as const }],
      invalid_tool_calls: [{ name: "i", args: "{", id: "call_2", error: "e", type: "invalid_tool_call" as const }],
      name: "agent",
    };
    const hit = await stored(cacheOver(way), chatAnswer("", fields));
    const message = messageOf(await hit());
    expect(message).toMatchObject(fields);
    expect(message.contentBlocks.map((block) => block.type)).toContain("tool_call");
  });

  test("of a streamed answer is an AIMessageChunk with its tool call chunks, to which others can be added", async () => {
    const chunk = aiChunk({
      content: "42",
      id: "run-1",
      additional_kwargs: { reasoning_content: "so" },
      tool_call_chunks: [{ name: "t", args: '{"a":1}', id: "call_1", index: 0, type: "tool_call_chunk" }],
      usage_metadata: USAGE,
    });
    const hit = await stored(cacheOver(way), [{ text: "42", message: chunk } as ChatGeneration]);
    const message = messageOf(await hit()) as unknown as AIMessageChunk;
    expect(AIMessageChunk.isInstance(message) && message instanceof AIMessageChunk).toBe(true);
    expect(message.constructor).toBe(AIMessageChunk);
    expect(message.tool_call_chunks).toEqual(chunk.tool_call_chunks);
    expect(message.tool_calls).toEqual(chunk.tool_calls);
    expect(message.concat(new AIMessageChunk("!")).content).toBe("42!");
  });

  test("of an answer that is no chunk is no chunk", async () => {
    const hit = await stored(cacheOver(way), chatAnswer("42"));
    expect(messageOf(await hit()).constructor).toBe(AIMessage);
  });

  test("in the v1 form has the same content blocks each time, and does not grow", async () => {
    const message = aiMessage({
      contentBlocks: [
        { type: "reasoning", reasoning: "so" },
        { type: "text", text: "42" },
        { type: "tool_call", name: "t", args: { a: 1 }, id: "call_1" },
      ],
    });
    expect(message.response_metadata["output_version"]).toBe("v1");
    const hit = await stored(cacheOver(way), [{ text: "42", message } as ChatGeneration]);
    const sizes = new Set<number>();
    for (let round = 0; round < 20; round++) {
      const again = messageOf(await hit());
      expect(again.contentBlocks).toEqual(message.contentBlocks);
      expect(again.content).toEqual(message.content);
      expect(again.tool_calls).toEqual(message.tool_calls);
      sizes.add(JSON.stringify(again.contentBlocks).length + JSON.stringify(again.tool_calls).length);
    }
    expect(sizes.size).toBe(1);
  });

  test("keeps generationInfo, and the text where it differs from the content", async () => {
    const generationInfo = { finish_reason: "stop", logprobs: { content: [{ token: "4", logprob: -0.5 }] } };
    const message = aiMessage({
      content: [
        { type: "text", text: "4" },
        { type: "text", text: "2" },
      ],
    });
    const hit = await stored(cacheOver(way), [{ text: "42", message, generationInfo } as ChatGeneration]);
    const [generation] = await hit();
    expect(generation?.text).toBe("42");
    expect(generation?.generationInfo).toEqual(generationInfo);
    expect(messageOf([generation as Generation]).content).toEqual(message.content);
  });

  test("of several candidates has all of them in order, each with its own id, and the saved tokens of each", async () => {
    const candidates = ["a", "b", "c"].map((text, index) => ({
      ...(chatAnswer(text, { usage_metadata: { ...USAGE, total_tokens: index } })[0] as ChatGeneration),
      generationInfo: { index },
    }));
    const cache = cacheOver(way);
    const hit = await stored(cache, candidates);
    const hits = (await hit()) as ChatGeneration[];
    expect(hits.map(({ text }) => text)).toEqual(["a", "b", "c"]);
    expect(hits.map(({ generationInfo }) => generationInfo)).toEqual([{ index: 0 }, { index: 1 }, { index: 2 }]);
    expect(new Set(hits.map(({ message }) => message.id)).size).toBe(3);
    expect(cache.stats().saved.tokens).toBe(0 + 1 + 2);
  });

  test("of a text model has its text and generationInfo, with what it is in generationInfo.strata", async () => {
    const key = llmKey({ _model: "base_llm", _type: "openai" });
    const cache = cacheOver(way);
    await cache.update("prompt", key, [{ text: "one", generationInfo: { finishReason: "stop" } }, { text: "two" }]);
    const hit = await cache.lookup("prompt", key);
    expect(hit).toEqual([
      { text: "one", generationInfo: { finishReason: "stop", strata: expect.objectContaining({ hit: true, savedUsage: {} }) } },
      { text: "two", generationInfo: { strata: expect.objectContaining({ hit: true }) } },
    ]);
  });

  test("does not repeat what an earlier hit said of itself, when a hit is stored again", async () => {
    const cache = cacheOver(way);
    const hit = await stored(cache, chatAnswer("42", { usage_metadata: USAGE }));
    const again = await hit();
    await cache.update("another prompt", KEY, again);
    const message = messageOf(await cache.lookup("another prompt", KEY));
    expect(hitOf(message).hitId).not.toBe(hitOf(messageOf(again)).hitId);
    expect(Object.keys(hitOf(message))).not.toContain("strata");
  });
});

test("hits of two caches never share an id", async () => {
  const messages = await Promise.all(
    (["from memory", "from memory"] as const).map(async (way) => {
      const hit = await stored(cacheOver(way), chatAnswer("42"));
      return messageOf(await hit()).id;
    }),
  );
  expect(new Set(messages).size).toBe(2);
});

test("the answer that was stored is not touched", async () => {
  const cache = cacheOver("from memory");
  const given = chatAnswer("42", { usage_metadata: USAGE, response_metadata: { usage: { total: 1 } } });
  const before = JSON.stringify(given);
  await stored(cache, given);
  expect(JSON.stringify(given)).toBe(before);
});

test("a message that is no model's answer is not stored", async () => {
  const cache = cacheOver("from memory");
  await cache.update("prompt", KEY, [{ text: "hi", message: new HumanMessage("hi") } as ChatGeneration]);
  expect(await cache.lookup("prompt", KEY)).toBeNull();
  expect(cache.stats()).toMatchObject({ writes: 0, bypassed: { unstorable: 1 } });
});

/** Leaves out what differs from hit to hit. */
function withoutHit(key: string, value: unknown): unknown {
  return key === "id" || key === "strata" ? undefined : value;
}

/** Overwrites every text and number, and adds to every list, at any depth. */
function scribble(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (typeof item === "object" && item !== null) scribble(item);
    else if (key !== "type") (value as Record<string, unknown>)[key] = "SCRIBBLED";
  }
  if (Array.isArray(value)) value.push("SCRIBBLED");
}
