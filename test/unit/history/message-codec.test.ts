import { AIMessage, AIMessageChunk, HumanMessage, RemoveMessage, ToolMessage, type BaseMessage } from "@langchain/core/messages";
import { Document } from "@langchain/core/documents";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeMessage, encodeMessage, readableText, withText } from "../../../src/history/message-codec.ts";
import { anyMessage, contentsOf } from "../../support/any-message.ts";
import { seeded } from "../core/seeded.ts";

const PLACE = { id: "id", createdAt: 0 };

function again(message: BaseMessage): BaseMessage {
  return decodeMessage(encodeMessage(message, PLACE));
}

describe("a message that was stored", () => {
  test("is equal in all that is read from it, whatever it holds", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const before = structuredClone(contentsOf(message));
        const decoded = again(message);
        expect(structuredClone(contentsOf(decoded))).toEqual(before);
        expect(decoded.id).toBe("id");
        expect(decoded.constructor.name).toBe(message.constructor.name.replace(/Chunk$/, ""));
        // Storing changes nothing of the caller's.
        expect(structuredClone(contentsOf(message))).toEqual(before);
      }),
      seeded(1_000),
    );
  });

  test("is stored again as the same bytes", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const stored = encodeMessage(message, PLACE);
        expect(encodeMessage(decodeMessage(stored), PLACE)).toEqual(stored);
      }),
      seeded(),
    );
  });

  test("keeps content blocks, which LangChain's own stored form loses", () => {
    const message = new AIMessage({
      contentBlocks: [
        { type: "reasoning", reasoning: "hm" },
        { type: "text", text: "hi" },
        { type: "tool_call", id: "1", name: "f", args: { lc: 1 } },
      ],
    });
    expect(again(message).contentBlocks).toEqual(message.contentBlocks);
    expect((again(message) as AIMessage).tool_calls).toEqual(message.tool_calls);
    expect(again(message).text).toBe("hi");
  });

  test("keeps R1's reasoning where its blocks are read from", () => {
    const message = new AIMessage({
      content: "42",
      additional_kwargs: { reasoning_content: "six times seven" },
      response_metadata: { model_provider: "deepseek" },
    });
    expect(again(message).contentBlocks).toEqual([
      { type: "reasoning", reasoning: "six times seven" },
      { type: "text", text: "42" },
    ]);
  });

  test("keeps the documents that a retriever gave as an artifact", () => {
    const artifact = [new Document({ pageContent: "p", metadata: { a: 1 }, id: "d" }), { pageContent: "plain" }];
    const kept = (again(new ToolMessage({ content: "", tool_call_id: "1", artifact })) as ToolMessage).artifact as unknown[];
    expect(kept[0]).toBeInstanceOf(Document);
    expect(kept).toEqual(artifact);
    expect(kept[1]).not.toBeInstanceOf(Document);
  });

  test("is read by LangChain's own toDict as what it is", () => {
    const data = again(new AIMessage({ content: "a", tool_calls: [{ name: "f", args: {}, id: "1" }] })).toDict().data;
    expect(data).toMatchObject({ content: "a", id: "id", tool_calls: [{ name: "f", args: {}, id: "1" }] });
  });
});

describe("refused before anything is stored", () => {
  test.each<[string, () => BaseMessage, string]>([
    ["a class", () => new HumanMessage({ content: "", additional_kwargs: { at: new Date(0) } }), "additional_kwargs.at"],
    ["a function", () => new ToolMessage({ content: "", tool_call_id: "1", artifact: { f: () => 1 } }), "artifact.f"],
    [
      "a number that JSON does not know",
      () => new AIMessage({ content: "", response_metadata: { p: Number.NaN } }),
      "response_metadata.p",
    ],
    ["bytes", () => new HumanMessage({ content: [{ type: "x", data: new Uint8Array(2) }] }), "content[0].data"],
    ["a command to remove", () => new RemoveMessage({ id: "1" }), '"remove"'],
    ["what is no message", () => ({ content: "hi" }) as unknown as BaseMessage, "no message"],
  ])("%s", (_what, make, named) => {
    const refused = expect(() => encodeMessage(make(), PLACE));
    refused.toThrow(expect.objectContaining({ code: "UNSTORABLE" }));
    expect(() => encodeMessage(make(), PLACE)).toThrow(named);
  });
});

describe("stored bytes", () => {
  test.each([
    "",
    "null",
    "[]",
    '"text"',
    "{}",
    '{"v":2,"type":"human","content":""}',
    '{"v":1,"type":"remove","content":""}',
    '{"v":1,"type":"constructor","content":""}',
    '{"v":1,"type":"human"}',
    '{"v":1,"type":"human","content":{"lc":1}}',
    '{"v":1,"type":"ai","content":"","tool_calls":{}}',
    '{"v":1,"type":"ai","content":"","additional_kwargs":[]}',
    '{"v":1,"type":"ai","content":"","name":1}',
  ])("that are no message are refused: %s", (payload) => {
    expect(() => decodeMessage({ id: "1", payload })).toThrow(expect.objectContaining({ code: "CORRUPT" }));
  });

  test("never set a prototype", () => {
    const payload = '{"v":1,"type":"human","content":"","additional_kwargs":{"__proto__":{"polluted":true},"a":1}}';
    const { additional_kwargs } = decodeMessage({ id: "1", payload });
    expect(additional_kwargs).toEqual({ a: 1 });
    expect((additional_kwargs as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe("what search reads", () => {
  test("is what was said, without thoughts and data", () => {
    expect(readableText(new AIMessage("<think>\nhm</think>\n\nyes"))).toBe("yes");
    expect(readableText(new HumanMessage("<think>mine</think>"))).toBe("<think>mine</think>");
    const blocks = [
      { type: "reasoning", reasoning: "hm" },
      { type: "text", text: "a" },
      { type: "image_url", image_url: { url: "x" } },
      { type: "text", text: "b" },
    ];
    expect(readableText(new HumanMessage({ content: blocks }))).toBe("a\nb");
    expect(encodeMessage(new AIMessageChunk("hi"), PLACE)).toMatchObject({ role: "ai", text: "hi" });
  });

  test("is replaced by a correction, and nothing else is", () => {
    const image = { type: "image_url", image_url: { url: "x" } };
    const stored = encodeMessage(
      new AIMessage({ content: [image, { type: "text", text: "a" }, { type: "text", text: "b" }], name: "bot" }),
      PLACE,
    );
    const corrected = decodeMessage({ id: "id", payload: withText(stored, "c") });
    expect(corrected).toMatchObject({ content: [image, { type: "text", text: "c" }], name: "bot" });
    const plain = encodeMessage(new HumanMessage("a"), PLACE);
    expect(decodeMessage({ id: "id", payload: withText(plain, "b") }).content).toBe("b");
  });
});
