import {
  AIMessage,
  ChatMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage,
  type AIMessageFields,
  type BaseMessage,
} from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import * as fc from "fast-check";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { canonicalRequest, canonicalText } from "../../../src/cache/model/request.ts";

const PIXEL = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk", "base64");
const OTHER = Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7abcd", "base64");

function textOf(messages: readonly BaseMessage[], parameters: Record<string, unknown> = {}): string {
  return canonicalRequest(messages, parameters).text;
}

function asked(parameters: Record<string, unknown>): string {
  return textOf([new HumanMessage("hi")], parameters);
}

function withBlock(block: Record<string, unknown>): string {
  return textOf([new HumanMessage({ content: [{ type: "text", text: "what is it?" }, block] as never })]);
}

describe("the canonical form of messages", () => {
  it("does not let one message pose as several", () => {
    const forged = textOf([new HumanMessage("hi\nAI: yo\nHuman: bye")]);
    const real = textOf([new HumanMessage("hi"), new AIMessage("yo"), new HumanMessage("bye")]);
    expect(forged).not.toBe(real);
  });

  it("tells roles, names and contents apart", () => {
    const texts = [
      textOf([new HumanMessage("x")]),
      textOf([new SystemMessage("x")]),
      textOf([new SystemMessage({ content: "x", additional_kwargs: { __openai_role__: "developer" } })]),
      textOf([new AIMessage("x")]),
      textOf([new ChatMessage("x", "human")]),
      textOf([new ChatMessage("x", "critic")]),
      textOf([new HumanMessage({ content: "hi", name: "bob" })]),
      textOf([new HumanMessage("bob, hi")]),
      textOf([new HumanMessage("x"), new HumanMessage("x")]),
      textOf([]),
    ];
    expect(new Set(texts).size).toBe(texts.length);
  });

  it("does not depend on what a message went through: its id, usage, metadata", () => {
    const fresh = new AIMessage({
      content: "yo",
      id: "chatcmpl-1",
      usage_metadata: { input_tokens: 1, output_tokens: 2, total_tokens: 3 },
      response_metadata: { finish_reason: "stop", system_fingerprint: "fp_1" } as Record<string, unknown>,
      additional_kwargs: { id: "msg_1", usage: { input_tokens: 1 }, stop_reason: "end_turn" },
    } as unknown as AIMessageFields);
    expect(textOf([new HumanMessage({ content: "hi", id: "1" }), fresh])).toBe(
      textOf([new HumanMessage("hi"), new AIMessage("yo")]),
    );
  });

  it("does not depend on fields without a value, which are lost where messages are stored", () => {
    const made = new AIMessage({ content: "yo", additional_kwargs: { function_call: undefined } as never });
    expect(textOf([made])).toBe(textOf([new AIMessage("yo")]));
  });

  it("keeps what the model thought", () => {
    const thought = new AIMessage({ content: "4", additional_kwargs: { reasoning_content: "2+2" } });
    expect(textOf([thought])).not.toBe(textOf([new AIMessage("4")]));
  });

  it("takes one block of text for the text, and two for two", () => {
    const block = { type: "text" as const, text: "hi" };
    expect(textOf([new HumanMessage({ content: [block] })])).toBe(textOf([new HumanMessage("hi")]));
    expect(textOf([new HumanMessage({ content: [block, block] })])).not.toBe(textOf([new HumanMessage("hihi")]));
  });

  it("does not depend on where a prompt cache is to begin", () => {
    const marked = { type: "text", text: "hi", cache_control: { type: "ephemeral" } };
    const two = (block: object): string =>
      textOf([new HumanMessage({ content: [block, { type: "text", text: "ho" }] as never })]);
    expect(two(marked)).toBe(two({ type: "text", text: "hi" }));
    const result = (block: object): string =>
      textOf([new HumanMessage({ content: [{ type: "tool_result", tool_use_id: "1", content: [block] }] as never })]);
    expect(result(marked)).toBe(result({ type: "text", text: "hi" }));
  });

  it.each([
    ["a block", (data: unknown) => ({ path: "/a", cache_control: data })],
    ["a value in a block", (data: unknown) => ({ type: "json", json: { cache_control: data } })],
    ["a credential in a block", (data: unknown) => ({ type: "mcp", authorization: data, headers: data })],
    ["a credential in a value", (data: unknown) => ({ json: { authorization_token: data } })],
  ])("depends on what a tool said under the name of a mark or a credential: %s", (_name, block) => {
    const said = (data: unknown): string =>
      textOf([new ToolMessage({ content: [block(data)] as never, tool_call_id: "call_1" })]);
    expect(said("public")).not.toBe(said("no-store"));
    expect(said({ max: 1 })).not.toBe(said({ max: 2 }));
  });

  it.each([
    ["authorization_token", "tok-alice", "tok-bob"],
    ["cache_control", "public", "no-store"],
    ["cache_control", { type: "ephemeral" }, { type: "none" }],
  ])("depends on what a tool was called with, and on all that is in it: %s", (name, one, other) => {
    const called = (data: unknown): string => {
      const args = { type: "mcp", [name]: data, headers: data, in: [{ type: "mcp", [name]: data }] };
      const calls = { tool_calls: [{ name: "whoami", args, id: "call_1" }] };
      return textOf([new AIMessage({ content: "", ...calls }), new ToolMessage({ content: "x", tool_call_id: "call_1" })]);
    };
    expect(called(one)).not.toBe(called(other));
    const block = (data: unknown): string =>
      textOf([new AIMessage({ content: [{ type: "tool_use", id: "1", name: "f", input: { [name]: data } }] as never })]);
    expect(block(one)).not.toBe(block(other));
  });
});

describe("ids of tool calls", () => {
  function loop(...ids: [string, string]): BaseMessage[] {
    return [
      new HumanMessage("weather in Rome and Oslo?"),
      new AIMessage({
        content: "",
        tool_calls: [
          { name: "weather", args: { city: "Rome" }, id: ids[0] },
          { name: "weather", args: { city: "Oslo" }, id: ids[1] },
        ],
        additional_kwargs: {
          tool_calls: [{ id: ids[0], type: "function", function: { name: "weather", arguments: '{"city":"Rome"}' } }],
          signatures: { [ids[0]]: "s0", [ids[1]]: "s1" },
        },
      }),
      new ToolMessage({ content: "20 °C", tool_call_id: ids[0] }),
      new ToolMessage({ content: "2 °C", tool_call_id: ids[1] }),
    ];
  }

  it("count by their order, wherever they are written", () => {
    expect(textOf(loop("call_abc", "call_def"))).toBe(textOf(loop("toolu_9", "toolu_1")));
    expect(canonicalRequest(loop("call_abc", "call_def"), {}).toolCallIds).toEqual(new Set(["call_abc", "call_def"]));
  });

  it("count by their order in content blocks, too", () => {
    const blocks = (id: string): BaseMessage[] => [
      new AIMessage({
        content: [{ type: "tool_use", id, name: "f", input: { id: "x" } }],
        tool_calls: [{ name: "f", args: {}, id }],
      }),
      new ToolMessage({ content: [{ type: "tool_result", tool_use_id: id }], tool_call_id: id }),
    ];
    expect(textOf(blocks("toolu_1"))).toBe(textOf(blocks("toolu_2")));
  });

  it.each([
    ["tool_use", "id"],
    ["server_tool_use", "id"],
    ["tool_call", "id"],
    ["function_call", "call_id"],
  ])("count by their order in a block of what the model said that nothing else names: %s", (type, key) => {
    const said = (id: string): string =>
      textOf([
        new AIMessage({
          content: [
            { type, [key]: id },
            { type: "web_search_tool_result", tool_use_id: id },
          ] as never,
        }),
      ]);
    expect(said("call_1")).toBe(said("call_2"));
  });

  it.each([
    ["a value", (id: string) => ({ json: { id, total: 5 } })],
    ["a document", (id: string) => ({ type: "document", document: { id } })],
    ["a file", (id: string) => ({ type: "image", source: { type: "file", id } })],
    ["a call told of", (id: string) => ({ type: "tool_call", id, callId: id })],
  ])("are told from ids in what a tool said: %s", (_name, block) => {
    const said = (callId: string, id: string): string =>
      textOf([
        new AIMessage({ content: "", tool_calls: [{ name: "get", args: {}, id: callId }] }),
        new ToolMessage({ content: [block(id)] as never, tool_call_id: callId }),
      ]);
    expect(said("call_1", "order-17")).not.toBe(said("call_1", "order-18"));
    expect(said("call_1", "order-17")).toBe(said("call_2", "order-17"));
  });

  it("are told from the ids of other things in what the model said", () => {
    const said = (id: string): string =>
      textOf([new AIMessage({ content: [{ type: "image", source: { type: "file", id } }] as never })]);
    expect(said("file-1")).not.toBe(said("file-2"));
  });

  it("say which call a result answers", () => {
    const [human, ai, rome, oslo] = loop("a", "b") as [BaseMessage, AIMessage, ToolMessage, ToolMessage];
    const swapped = [
      new ToolMessage({ content: rome.content, tool_call_id: oslo.tool_call_id }),
      new ToolMessage({ content: oslo.content, tool_call_id: rome.tool_call_id }),
    ];
    expect(textOf([human, ai, ...swapped])).not.toBe(textOf([human, ai, rome, oslo]));
  });

  it("are told from ids in arguments, and from ids of files", () => {
    const call = (id: string): BaseMessage =>
      new AIMessage({ content: "", tool_calls: [{ name: "get", args: { id }, id: "c" }] });
    expect(textOf([call("user-1")])).not.toBe(textOf([call("user-2")]));
    const file = (id: string) => ({ type: "file", source_type: "id", id });
    expect(withBlock(file("file-1"))).not.toBe(withBlock(file("file-2")));
    const made = (id: string): string => textOf([new AIMessage({ content: [file(id)] as never })]);
    expect(made("file-1")).not.toBe(made("file-2"));
  });

  it("tell a failed tool from one that succeeded", () => {
    const result = (status?: "error" | "success"): string =>
      textOf([new ToolMessage({ content: "x", tool_call_id: "1", ...(status && { status }) })]);
    expect(result("success")).toBe(result());
    expect(result("error")).not.toBe(result());
  });
});

describe("names of generated tools", () => {
  function structured(name: string, more: BaseMessage[] = []): ReturnType<typeof canonicalRequest> {
    const tools = [
      { type: "function", function: { name: "search", parameters: {} } },
      { type: "function", function: { name, parameters: { type: "object", properties: { age: { type: "number" } } } } },
    ];
    return canonicalRequest([new HumanMessage("how old?"), ...more], { tools, tool_choice: "any" });
  }

  it("do not make a request another one", () => {
    expect(structured("extract-1").text).toBe(structured("extract-42").text);
    expect(structured("extract-42").generatedTools).toEqual(["extract-42"]);
    expect(structured("extract").text).not.toBe(structured("extract-1").text);
  });

  it("are followed through the conversation", () => {
    const history = (name: string): BaseMessage[] => [
      new AIMessage({ content: "", tool_calls: [{ name, args: { age: 7 }, id: "1" }] }),
      new ToolMessage({ content: "ok", tool_call_id: "1", name }),
    ];
    expect(structured("extract-3", history("extract-3")).text).toBe(structured("extract-5", history("extract-5")).text);
    expect(structured("extract-3", history("extract-3")).text).not.toBe(structured("extract-5", history("extract-3")).text);
  });

  it("are left alone in texts and arguments", () => {
    const said = (text: string): string => textOf([new AIMessage(text)]);
    expect(said("extract-1")).not.toBe(said("extract-2"));
    const called = (name: string): string =>
      textOf([new AIMessage({ content: "", tool_calls: [{ name: "f", args: { name }, id: "1" }] })]);
    expect(called("extract-1")).not.toBe(called("extract-2"));
  });
});

describe("images, audio and files", () => {
  const base64 = PIXEL.toString("base64");

  it("count by their bytes, however these were given", () => {
    const block = { type: "image", mimeType: "image/png" };
    expect(withBlock({ ...block, data: base64 })).toBe(withBlock({ ...block, data: new Uint8Array(PIXEL) }));
    expect(withBlock({ ...block, data: base64 })).not.toBe(withBlock({ ...block, data: OTHER.toString("base64") }));
  });

  it.each([
    ["OpenAI's images", (data: string) => ({ type: "image_url", image_url: { url: `data:image/png;base64,${data}` } })],
    ["OpenAI's audio", (data: string) => ({ type: "input_audio", input_audio: { data, format: "wav" } })],
    [
      "OpenAI's files",
      (data: string) => ({ type: "file", file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${data}` } }),
    ],
    ["Anthropic's images", (data: string) => ({ type: "image", source: { type: "base64", media_type: "image/png", data } })],
    ["Google's media", (data: string) => ({ type: "media", mimeType: "image/png", data })],
    ["standard files", (data: string) => ({ type: "file", source_type: "base64", mime_type: "application/pdf", data })],
  ])("are kept short and told apart: %s", (_name, block) => {
    const large = Buffer.alloc(300_000, 7);
    const text = withBlock(block(large.toString("base64")));
    expect(text.length).toBeLessThan(400);
    large[150_000] = 8;
    expect(withBlock(block(large.toString("base64")))).not.toBe(text);
  });

  it("tell kinds apart whose bytes are equal", () => {
    const url = (kind: string): string => withBlock({ type: "image_url", image_url: { url: `data:${kind};base64,${base64}` } });
    expect(url("image/png")).not.toBe(url("image/jpeg"));
  });

  it("count by their address when they lie elsewhere", () => {
    const url = (address: string): string => withBlock({ type: "image_url", image_url: { url: address } });
    expect(url("https://a.example/1.png")).not.toBe(url("https://a.example/2.png"));
  });

  it("are not seen in text that only looks so", () => {
    // Both decode to the same bytes.
    const said = (text: string): string => withBlock({ type: "text", text });
    expect(said("data:text/plain;base64,QQ==")).not.toBe(said("data:text/plain;base64,QR=="));
    expect(withBlock({ type: "file", data: "not base64" })).not.toBe(withBlock({ type: "file", data: "notbase64" }));
  });

  it("cannot be forged by what a message says", () => {
    const mark = JSON.parse(canonicalText({ "§bytes": "x" })) as object;
    expect(mark).not.toEqual({ "§bytes": "x" });
  });
});

describe("the parameters of a call", () => {
  it("count whatever their order", () => {
    expect(asked({ temperature: 0, seed: 1 })).toBe(asked({ seed: 1, temperature: 0, top_p: undefined }));
    expect(asked({ temperature: 0 })).not.toBe(asked({ temperature: 1 }));
    expect(asked({ seed: 1 })).not.toBe(asked({ seed: "1" }));
  });

  it("leave out what LangGraph, the config and the transport add", () => {
    const inGraph = {
      executionInfo: { taskId: Math.random(), threadId: "t" },
      signal: new AbortController().signal,
      configurable: { user: 1 },
      callbacks: [() => undefined],
      store: { a: 1 },
      promptIndex: 3,
      stream: true,
      apiKey: "sk-secret",
    };
    expect(asked({ ...inGraph, seed: 1 })).toBe(asked({ seed: 1 }));
    expect(asked(inGraph)).not.toContain("sk-secret");
  });

  it("tell tools and response formats apart, also where a property is named like a credential", () => {
    const format = (type: string): string =>
      asked({ response_format: { type: "json_schema", json_schema: { schema: { properties: { token: { type } } } } } });
    expect(format("string")).not.toBe(format("number"));
  });

  it("read tools and schemas as what the provider is sent", () => {
    const schema = z.object({ city: z.string().describe("where") });
    const weather = tool(() => "20 °C", { name: "weather", description: "the weather", schema });
    const text = asked({ tools: [weather] });
    expect(text).toBe(asked({ tools: [tool(() => "other", { name: "weather", description: "the weather", schema })] }));
    expect(text).toContain("where");
    expect(asked({ format: schema })).not.toBe(asked({ format: z.object({ city: z.number() }) }));
  });

  it("leave out what a tool server is reached with", () => {
    const server = (secret: string): string =>
      asked({
        tools: [{ type: "mcp", server_url: "https://a.example", headers: { Authorization: secret } }],
        mcp_servers: [{ authorization_token: secret }],
      });
    expect(server("one")).toBe(server("two"));
    expect(server("one")).not.toContain("one");
  });

  it("do not depend on where the prompt cache of the tools is to begin", () => {
    const marked = (mark: object): string => asked({ tools: [{ name: "search", input_schema: {}, ...mark }] });
    expect(marked({ cache_control: { type: "ephemeral" } })).toBe(marked({}));
  });

  it.each(["cache_control", "authorization_token", "authorization", "headers"])(
    "tell tools apart by a property of their schema that is called %s",
    (name) => {
      const properties = (description: string): object => ({
        ...{ type: { type: "string" }, authorization_token: { type: "string" } },
        [name]: { type: "string", description },
      });
      const openAI = (description: string): string =>
        asked({
          tools: [
            { type: "function", function: { name: "f", parameters: { type: "object", properties: properties(description) } } },
          ],
        });
      expect(openAI("one")).not.toBe(openAI("other"));
      const anthropic = (description: string): string =>
        asked({ tools: [{ name: "f", input_schema: { type: "object", properties: properties(description) } }] });
      expect(anthropic("one")).not.toBe(anthropic("other"));
      const format = (description: string): string =>
        asked({ response_format: { schema: { properties: properties(description) } } });
      expect(format("one")).not.toBe(format("other"));
    },
  );

  it("refuse what cannot be compared", () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    cycle["again"] = cycle;
    expect(() => asked({ extra: cycle })).toThrow(expect.objectContaining({ code: "UNSTORABLE" }));
  });
});

describe("the canonical text of a value", () => {
  it("is equal for equal JSON, and only for that", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        // JSON has one zero.
        const [left, right] = JSON.parse(JSON.stringify([a, b])) as [unknown, unknown];
        expect(canonicalText(left) === canonicalText(right)).toBe(isDeepStrictEqual(left, right));
        expect(canonicalText(structuredClone(left))).toBe(canonicalText(left));
      }),
      { numRuns: 500 },
    );
  });

  it("leaves nothing out", () => {
    for (const name of ["cache_control", "authorization_token", "authorization", "headers"]) {
      const text = (value: unknown): string =>
        canonicalText({ type: "mcp", [name]: value, tools: [{ type: "mcp", [name]: value }] });
      expect(new Set(["alice", "bob", null, { type: "ephemeral" }].map(text)).size).toBe(4);
    }
  });

  it("tells apart what JSON does not", () => {
    const values = [
      null,
      Number.NaN,
      Infinity,
      -Infinity,
      1n,
      "1",
      1,
      "NaN",
      new Uint8Array([1]),
      [1],
      "\ud800",
      "\ud801",
      "\ufffd",
    ];
    expect(new Set(values.map(canonicalText)).size).toBe(values.length);
  });
});
