/**
 * Any answer that a provider's class could make either comes back equal, through memory and through a disk that was closed and
 * opened again, or is refused before anything is written.
 */
import type { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import type { ChatGeneration } from "@langchain/core/outputs";
import * as fc from "fast-check";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import { diskTier } from "../../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { aiChunk, aiMessage, hitOf, llmKey, messageOf } from "../../support/model-answers.ts";
import { seeded } from "../core/seeded.ts";

const KEY = llmKey();

/** Any UTF-16, lone halves of surrogate pairs and NUL included. */
const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: "binary" }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom("\ud800", "a\udc00b", "\0", "\u2028", "__proto__", '"', "\\"),
);
const someText = text.filter((made) => made.trim() !== "");
const key = fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom("lc", "id", "type", "constructor", "toJSON", "", "\ud800"));

/** Plain JSON, with `lc` objects such as LangChain's own loader would build classes from. */
const json = fc.letrec<{ value: unknown; object: Record<string, unknown> }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (Object.is(number, -0) ? 0 : number)),
    fc.boolean(),
    fc.constant(null),
    fc.constant({ lc: 1, type: "constructor", id: ["langchain_core", "messages", "HumanMessage"], kwargs: { content: "x" } }),
    fc.constant({ lc: 2, type: "secret", id: ["OPENAI_API_KEY"] }),
    fc.array(tie("value"), { maxLength: 4 }),
    tie("object"),
  ),
  object: fc
    .dictionary(key, tie("value"), { maxKeys: 5, noNullPrototype: true })
    .filter((made) => !Object.hasOwn(made, "__proto__")),
}));

const block = fc.oneof(
  text.map((made) => ({ type: "text", text: made })),
  text.map((made) => ({ type: "reasoning", reasoning: made })),
  json.object.map((made) => ({ ...made, type: "custom" })),
);
const toolCall = fc.record({ name: text, args: json.object, id: text, type: fc.constant("tool_call") });
const usage = fc
  .tuple(fc.nat(), fc.nat())
  .map(([input_tokens, output_tokens]) => ({ input_tokens, output_tokens, total_tokens: input_tokens + output_tokens }));

const fields = fc.record(
  {
    content: fc.oneof(someText, fc.array(block, { minLength: 1, maxLength: 4 })),
    additional_kwargs: json.object,
    response_metadata: json.object.filter((made) => !("finish_reason" in made)),
    tool_calls: fc.array(toolCall, { minLength: 1, maxLength: 3 }),
    invalid_tool_calls: fc.array(
      fc.record({ name: text, args: text, id: text, error: text, type: fc.constant("invalid_tool_call") }),
    ),
    usage_metadata: usage,
    name: text,
    id: text,
  },
  { requiredKeys: ["content", "tool_calls"] },
);
const toolCallChunk = fc.record({
  name: text,
  args: fc.oneof(
    text,
    json.object.map((made) => JSON.stringify(made)),
  ),
  id: text,
  index: fc.nat(3),
  type: fc.constant("tool_call_chunk"),
});

const answer = fc
  .tuple(fields, fc.option(fc.array(toolCallChunk, { maxLength: 3 })), fc.option(json.object), fc.boolean())
  .map(([made, chunks, info, isV1]): ChatGeneration => {
    const response_metadata = { ...made.response_metadata, ...(isV1 && { output_version: "v1" }) };
    const message = (
      chunks === null
        ? aiMessage({ ...made, response_metadata })
        : aiChunk({ ...made, response_metadata, tool_call_chunks: chunks })
    ) as AIMessage;
    // A provider's parser may have made other calls of its chunks than LangChain's own does.
    if (chunks !== null) message.tool_calls = made.tool_calls;
    return {
      text: typeof made.content === "string" ? made.content : "",
      message,
      ...(info !== null && { generationInfo: info }),
    };
  });

/** All that is read from a message and from what came with it, without what a hit changes on purpose. */
function contentsOf(generation: ChatGeneration): unknown {
  const message = generation.message as AIMessage & Partial<AIMessageChunk>;
  const { strata: _strata, ...response_metadata } = message.response_metadata;
  return {
    class: message.constructor.name,
    text: generation.text,
    info: generation.generationInfo ?? {},
    content: message.content,
    blocks: message.contentBlocks,
    additional_kwargs: message.additional_kwargs,
    response_metadata,
    tool_calls: message.tool_calls,
    invalid_tool_calls: message.invalid_tool_calls,
    tool_call_chunks: message.tool_call_chunks,
    name: message.name,
  };
}

/** What a hit has in place of the counts that it did not use. */
function withoutUsage(generation: ChatGeneration): ChatGeneration {
  for (const name of ["usage", "tokenUsage", "token_usage"]) delete generation.message.response_metadata[name];
  return generation;
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "strata-codec-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

test("any answer comes back equal from memory, with the usage that it saved", async () => {
  const cache = new TieredCache({ tiers: [memoryTier()] });
  let prompt = 0;
  await fc.assert(
    fc.asyncProperty(answer, async (generation) => {
      const expected = structuredClone(contentsOf(withoutUsage(generation)));
      await cache.update(`prompt ${++prompt}`, KEY, [generation]);
      for (let hit = 0; hit < 2; hit++) {
        const found = await cache.lookup(`prompt ${prompt}`, KEY);
        expect(contentsOf(found?.[0] as ChatGeneration)).toEqual(expected);
        expect(hitOf(messageOf(found)).savedUsage).toEqual((generation.message as AIMessage).usage_metadata ?? {});
      }
    }),
    seeded(400),
  );
  expect(cache.stats().bypassed).toEqual({});
  await cache.close();
});

test("any answer comes back equal from a disk that was closed and opened again", async () => {
  const path = await folder();
  const answers = fc.sample(answer, { seed: 20_260_714, numRuns: 250 });
  const expected = answers.map((generation) => structuredClone(contentsOf(withoutUsage(generation))));
  const before = new TieredCache({ tiers: [diskTier({ path })] });
  for (const [index, generation] of answers.entries()) await before.update(`prompt ${index}`, KEY, [generation]);
  await before.close();
  expect(before.stats()).toMatchObject({ writes: answers.length, bypassed: {} });

  const after = new TieredCache({ tiers: [diskTier({ path })] });
  for (const [index, contents] of expected.entries()) {
    const found = await after.lookup(`prompt ${index}`, KEY);
    expect(contentsOf(found?.[0] as ChatGeneration)).toEqual(contents);
  }
  expect(after.stats()).toMatchObject({ hits: answers.length, misses: 0, rejected: 0 });
  await after.close();
});

test("whatever cannot come back equal is refused before it is written, and counted", async () => {
  const cache = new TieredCache({ tiers: [memoryTier()] });
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const poison = fc.constantFrom<unknown>(
    ...[
      Number.NaN,
      Infinity,
      -Infinity,
      -0,
      10n,
      Symbol("s"),
      () => 1,
      new Date(0),
      new Map(),
      new Set([1]),
      /x/,
      new Error("e"),
    ],
    ...[Buffer.from("x"), new Uint8Array(2), new URL("a:b"), circle, [circle], Array(2), [undefined]],
    JSON.parse('{"__proto__":{"polluted":true}}'),
    JSON.parse(`${'{"a":'.repeat(200)}1${"}".repeat(200)}`),
  );
  const place = fc.constantFrom("additional_kwargs", "response_metadata", "args", "content", "generationInfo");
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(poison, place, json.object, async (value, where, around) => {
      const holder = { ...around, poison: value };
      const message = aiMessage({
        content: where === "content" ? [{ type: "text", text: "t", extra: holder }] : "t",
        additional_kwargs: where === "additional_kwargs" ? holder : {},
        response_metadata: where === "response_metadata" ? holder : {},
        tool_calls: where === "args" ? [{ name: "t", args: holder, id: "1", type: "tool_call" }] : [],
      });
      const generation = { text: "t", message, ...(where === "generationInfo" && { generationInfo: holder }) } as ChatGeneration;
      await cache.update("poison", KEY, [generation]);
      expect(await cache.lookup("poison", KEY)).toBeNull();
      expect(cache.stats().bypassed).toEqual({ unstorable: ++refused });
    }),
    seeded(300),
  );
  expect(cache.stats()).toMatchObject({ writes: 0, hits: 0 });
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  await cache.close();
});
