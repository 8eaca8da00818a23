import type { ChatGeneration, Generation } from "@langchain/core/outputs";
import { describe, expect, test } from "vitest";
import { admitAnswer } from "../../../src/cache/admission.ts";
import { encodeAnswer } from "../../../src/cache/response-codec.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { cacheBed } from "../../support/cache-bed.ts";
import { aiMessage, chatAnswer, llmKey, type Fields } from "../../support/model-answers.ts";

function admits(generations: Generation[]): boolean {
  return admitAnswer(encodeAnswer(generations), undefined, generations);
}

/** The places in which providers say why an answer ended. */
const places: Record<string, (said: Fields) => Generation[]> = {
  generationInfo: (generationInfo) => [{ ...(chatAnswer("text")[0] as Generation), generationInfo }],
  response_metadata: (response_metadata) => chatAnswer("text", { response_metadata }),
  additional_kwargs: (additional_kwargs) => chatAnswer("text", { additional_kwargs }),
  "generationInfo of a text model": (generationInfo) => [{ text: "text", generationInfo }],
};

describe("an answer that was cut off or withheld is not stored", () => {
  const cutOff: [provider: string, said: Fields][] = [
    ["OpenAI, DeepSeek", { finish_reason: "length" }],
    ["OpenAI, DeepSeek", { finish_reason: "content_filter" }],
    ["DeepSeek", { finish_reason: "insufficient_system_resource" }],
    ["OpenAI Responses", { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }],
    ["Anthropic", { stop_reason: "max_tokens" }],
    ["Anthropic", { stop_reason: "refusal" }],
    ["Anthropic", { stop_reason: "pause_turn" }],
    ["Anthropic", { stop_reason: "model_context_window_exceeded" }],
    ["Google", { finishReason: "MAX_TOKENS" }],
    ["Google", { finishReason: "SAFETY" }],
    ["Google", { finishReason: "RECITATION" }],
    ["Google", { finishReason: "MALFORMED_FUNCTION_CALL" }],
    ["Mistral", { finish_reason: "model_length" }],
    ["Mistral", { finishReason: "error" }],
    ["Ollama", { done_reason: "length" }],
    ["Ollama", { done: false }],
    ["Bedrock", { stopReason: "guardrail_intervened" }],
    ["Bedrock", { stopReason: "max_tokens" }],
    ["Cohere", { finish_reason: "ERROR_TOXIC" }],
  ];
  for (const [place, answer] of Object.entries(places)) {
    test.each(cutOff)(`said by %s in ${place}: %j`, (_provider, said) => {
      expect(admits(answer(said))).toBe(false);
    });
  }
});

describe("an answer that ended well is stored", () => {
  const whole: Fields[] = [
    {},
    { finish_reason: "stop" },
    { finish_reason: "tool_calls" },
    { finish_reason: null },
    { finish_reason: "" },
    { finish_reason: "something new" },
    { stop_reason: "end_turn" },
    { stop_reason: "stop_sequence" },
    { finishReason: "STOP" },
    { done_reason: "stop", done: true },
    { status: "completed" },
    { length: "length", reason: "length" },
  ];
  for (const [place, answer] of Object.entries(places)) {
    test.each(whole)(`said in ${place}: %j`, (said) => {
      expect(admits(answer(said))).toBe(true);
    });
  }
});

describe("an empty answer is not stored", () => {
  const content = (blocks: unknown): Generation[] => [{ text: "", message: aiMessage({ content: blocks }) } as ChatGeneration];

  test.each<[string, Generation[]]>([
    ["no candidate", []],
    ["no text", chatAnswer("")],
    ["blanks", chatAnswer(" \n\t")],
    ["reasoning that came to no answer", chatAnswer("", { additional_kwargs: { reasoning_content: "hm" } })],
    ["no blocks", content([])],
    ["a blank text block", content([{ type: "text", text: " " }])],
    ["a reasoning block alone", content([{ type: "reasoning", reasoning: "hm" }])],
    [
      "a thinking block and a blank text block",
      content([
        { type: "thinking", thinking: "hm" },
        { type: "text", text: "" },
      ]),
    ],
    ["a tool call that could not be parsed", chatAnswer("", { invalid_tool_calls: [{ name: "t", args: "{", id: "1" }] })],
    ["an empty text of a text model", [{ text: "" }]],
  ])("%s", (_name, generations) => {
    expect(admits(generations)).toBe(false);
  });

  test.each<[string, Generation[]]>([
    ["a tool call alone", chatAnswer("", { tool_calls: [{ name: "t", args: {}, id: "1", type: "tool_call" }] })],
    ["a text block", content([{ type: "text", text: "42" }])],
    ["an image", content([{ type: "image", url: "u" }])],
    ["a block of another kind", content([{ type: "server_tool_call", id: "1" }])],
    ["a zero", chatAnswer("0")],
  ])("but %s is", (_name, generations) => {
    expect(admits(generations)).toBe(true);
  });
});

test("one bad candidate among several keeps all of them from being stored", () => {
  const cutOff = { ...(chatAnswer("b")[0] as Generation), generationInfo: { finish_reason: "length" } };
  expect(admits([...chatAnswer("a"), cutOff])).toBe(false);
  expect(admits([...chatAnswer("a"), ...chatAnswer("")])).toBe(false);
  expect(admits([...chatAnswer("a"), ...chatAnswer("b")])).toBe(true);
});

describe("the user's `admit`", () => {
  const KEY = llmKey();

  test("is asked with the generations and with what would be stored, after the built-in rules", async () => {
    const asked: unknown[] = [];
    const { cache } = cacheBed({ tiers: [memoryTier()], admit: (request, response) => asked.push([request, response]) > 0 });
    const generations = chatAnswer("42", { response_metadata: { finish_reason: "stop" } });
    await cache.update("prompt", KEY, generations);
    await cache.update("cut off", KEY, chatAnswer("42", { response_metadata: { finish_reason: "length" } }));
    expect(asked).toEqual([
      [{ generations }, [expect.objectContaining({ message: expect.objectContaining({ content: "42" }) })]],
    ]);
    await cache.close();
  });

  test.each<[string, () => unknown]>([
    ["the promise of a no", async () => false],
    ["the promise of a yes, for which nobody waits", async () => true],
    ["a promise that fails, which does not end the process", () => Promise.reject(new Error("mine"))],
    ["nothing, for want of a `return`", () => undefined],
  ])("takes %s for a no", async (_what, admit) => {
    const { cache, store, lookup } = cacheBed({ tiers: [memoryTier()], admit: admit as () => boolean });
    await store("prompt", "text");
    expect(await lookup("prompt")).toBeUndefined();
    expect(cache.stats().bypassed).toEqual({ "not-admitted": 1 });
    await cache.close();
  });

  test("can refuse what the built-in rules admit, and cannot admit what they refuse", async () => {
    const { cache, store, lookup, events } = cacheBed({
      tiers: [memoryTier()],
      admit: ({ generations }) => generations[0]?.text !== "no",
    });
    await store("refused", "no");
    await store("admitted", "yes");
    await cache.update("cut off", KEY, chatAnswer("yes", { response_metadata: { finish_reason: "length" } }));
    expect(await lookup("refused")).toBeUndefined();
    expect(await lookup("admitted")).toBe("yes");
    expect(await lookup("cut off")).toBeUndefined();
    expect(events("cache.bypass")).toEqual([{ reason: "not-admitted" }, { reason: "not-admitted" }]);
    await cache.close();
  });
});
