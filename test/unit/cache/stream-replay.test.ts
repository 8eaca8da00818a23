import { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import type { ChatGenerationChunk } from "@langchain/core/outputs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventsOf } from "../../../src/cache/model/chunk-events.ts";
import { encodeAnswer, prepareReplay, type Replay } from "../../../src/cache/response-codec.ts";
import { replayChunks, type ReplayOptions } from "../../../src/cache/model/stream-replay.ts";
import { manualClock } from "../../../src/index.ts";
import { ChatModelStream } from "@langchain/core/language_models/stream";

const HIT = { hit: true, hitId: "h-1", source: "exact", tier: "memory", ms: 1 } as const;

function answer(fields: Record<string, unknown>, generationInfo?: Record<string, unknown>): Replay {
  const message = new AIMessage(fields);
  const text = typeof message.content === "string" ? message.content : "";
  return prepareReplay(encodeAnswer([{ text, message, ...(generationInfo && { generationInfo }) } as never]));
}

function replay(stored: Replay, options: Partial<ReplayOptions> = {}): AsyncGenerator<ChatGenerationChunk> {
  const clock = options.clock ?? manualClock();
  return replayChunks(stored.build(HIT) as never, { pace: "instant", signal: undefined, tookMs: undefined, ...options, clock });
}

async function chunksOf(stored: Replay): Promise<ChatGenerationChunk[]> {
  const chunks: ChatGenerationChunk[] = [];
  for await (const chunk of replay(stored)) chunks.push(chunk);
  return chunks;
}

function joined(chunks: readonly ChatGenerationChunk[]): AIMessageChunk {
  const [first, ...others] = chunks as [ChatGenerationChunk, ...ChatGenerationChunk[]];
  return others.reduce((whole, chunk) => whole.concat(chunk), first).message as AIMessageChunk;
}

const LONG = "Rayleigh scattering, of course. ".repeat(40);

describe("a stored answer as a stream", () => {
  it("gives what the model thought before what it said, each in several chunks", async () => {
    const stored = answer({
      content: LONG,
      additional_kwargs: { reasoning_content: `${LONG}?` },
      response_metadata: { model_provider: "deepseek" },
    });
    const chunks = await chunksOf(stored);
    const kinds = chunks.map(({ message }) =>
      message.additional_kwargs["reasoning_content"] ? "thought" : message.content === "" ? "end" : "said",
    );
    expect(kinds.filter((kind, at) => kind !== kinds[at - 1])).toEqual(["thought", "said", "end"]);
    expect(kinds.filter((kind) => kind === "said").length).toBeGreaterThan(3);
    expect(joined(chunks).content).toBe(LONG);
    expect(joined(chunks).additional_kwargs).toEqual({ reasoning_content: `${LONG}?` });
    // What LangChain makes of one chunk depends on the provider's name in it.
    expect(chunks[0]?.message.contentBlocks).toMatchObject([{ type: "reasoning" }]);
  });

  it("cuts behind white space, and never inside a character", () => {
    return fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme", maxLength: 1_500 }), async (content) => {
        const chunks = await chunksOf(answer({ content }));
        expect(joined(chunks).content).toBe(content);
        expect(chunks.every(({ text }) => text.length <= 201)).toBe(true);
        if (content.isWellFormed()) expect(chunks.every(({ text }) => text.isWellFormed())).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it("cuts texts without white space between characters", async () => {
    const content = `.${"🙂".repeat(400)}`;
    const chunks = await chunksOf(answer({ content }));
    expect(chunks.length).toBeGreaterThan(3);
    expect(chunks.every(({ text }) => text.isWellFormed())).toBe(true);
    expect(joined(chunks).content).toBe(content);
  });

  it.each<[string, Record<string, unknown>]>([
    ["text", { content: "yes" }],
    ["nothing but reasoning", { content: "", additional_kwargs: { reasoning_content: "hm" } }],
    [
      "a tool call",
      { content: "", tool_calls: [{ name: "f", args: { a: [1, { b: "ü" }], c: null }, id: "1", type: "tool_call" }] },
    ],
    [
      "tool calls, and one that was not understood",
      {
        content: "Let me see.",
        tool_calls: [
          { name: "f", args: {}, id: "1", type: "tool_call" },
          { name: "f", args: { x: 1 }, id: "2", type: "tool_call" },
        ],
        invalid_tool_calls: [{ name: "g", args: "nonsense", id: "3", error: "Malformed args.", type: "invalid_tool_call" }],
      },
    ],
    ["a tool call without an id", { content: "", tool_calls: [{ name: "f", args: { a: 1 }, type: "tool_call" }] }],
    [
      "a custom tool of OpenAI's",
      { content: "", tool_calls: [{ name: "f", args: { input: "raw {" }, id: "1", type: "tool_call", isCustomTool: true }] },
    ],
    [
      "content blocks",
      {
        content: [
          { type: "thinking", thinking: "hm", signature: "s" },
          { type: "text", text: "yes", citations: [{ url: "https://a.example" }] },
          { type: "image", data: "QUJD", mimeType: "image/png" },
          { type: "text", text: "no" },
        ],
      },
    ],
    [
      "metadata of its own",
      {
        content: "x",
        name: "bot",
        additional_kwargs: { refusal: null, audio: { id: "a" } },
        response_metadata: { model_name: "m", logprobs: { content: [1] } },
      },
    ],
    ["no content at all", { content: [], tool_calls: [{ name: "f", args: {}, id: "1", type: "tool_call" }] }],
  ])("joins to the stored message: %s", async (_name, fields) => {
    const stored = answer(fields);
    const [whole] = stored.build(HIT) as unknown as [{ message: AIMessage }];
    const again = joined(await chunksOf(stored));
    const { content, tool_calls, invalid_tool_calls, additional_kwargs, response_metadata, id } = whole.message;
    const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
    const withoutMark = (calls: unknown): unknown =>
      (plain(calls) as object[]).map((call) => ({ ...call, isCustomTool: undefined }));
    expect(again.content).toEqual(content);
    expect(withoutMark(again.tool_calls)).toEqual(withoutMark(tool_calls));
    expect(again.invalid_tool_calls).toEqual(invalid_tool_calls);
    expect(again.additional_kwargs).toEqual(additional_kwargs);
    expect(again.response_metadata).toEqual(response_metadata);
    expect(again.id).toBe(id);
    expect(again.usage_metadata).toMatchObject({ total_tokens: 0 });
  });

  it("puts long blocks together again, with what belongs to them", async () => {
    const content = [
      { type: "thinking", thinking: LONG, signature: "s" },
      { type: "text", text: LONG, citations: [{ url: "https://a.example" }] },
      { type: "tool_use", id: "1", name: "f", input: {} },
    ];
    const chunks = await chunksOf(answer({ content }));
    expect(chunks.length).toBeGreaterThan(10);
    const blocks = joined(chunks).content as unknown as Record<string, unknown>[];
    expect(blocks).toEqual(content.map((block, index) => (index < 2 ? { ...block, index } : block)));
  });

  it("keeps apart the candidates of an answer", async () => {
    const candidates = ["one", "two"].map((content) => ({
      text: content,
      message: new AIMessage(content),
      generationInfo: { finish_reason: "stop" },
    }));
    const chunks = await chunksOf(prepareReplay(encodeAnswer(candidates)));
    const texts = new Map<unknown, string>();
    for (const { text, generationInfo } of chunks)
      texts.set(generationInfo?.["completion"], (texts.get(generationInfo?.["completion"]) ?? "") + text);
    expect([...texts]).toEqual([
      [0, "one"],
      [1, "two"],
    ]);
    expect(chunks.filter(({ generationInfo }) => generationInfo?.["finish_reason"] === "stop")).toHaveLength(2);
  });
});

describe("a paced replay", () => {
  async function paced(chars: number, tookMs: number | undefined): Promise<{ ms: number; chunks: number }> {
    const clock = manualClock();
    const stored = answer({ content: "four ".repeat(chars / 5) });
    let chunks = 0;
    let endedAt: number | undefined;
    const reading = (async () => {
      for await (const _chunk of replay(stored, { pace: "paced", clock, tookMs })) chunks++;
      endedAt = clock.monotonic();
    })();
    await clock.advance(60_000);
    await reading;
    return { ms: endedAt ?? NaN, chunks };
  }

  it("takes as long as a quick model would", async () => {
    const { ms, chunks } = await paced(4_000, undefined);
    expect(ms).toBeCloseTo(10_000);
    expect(chunks).toBeGreaterThan(300);
  });

  it("never takes longer than the model took", async () => {
    expect((await paced(4_000, 500)).ms).toBeCloseTo(500);
    expect((await paced(40, 60_000)).ms).toBeCloseTo(100);
  });

  it("ends at once when its reader aborts", async () => {
    const clock = manualClock();
    const controller = new AbortController();
    const stream = replay(answer({ content: LONG }), { pace: "paced", clock, signal: controller.signal });
    const next = stream.next();
    controller.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");
    expect(clock.pending).toBe(0);
  });
});

describe("chunks as events", () => {
  async function messageOf(stored: Replay): Promise<AIMessage> {
    return await new ChatModelStream(eventsOf(replay(stored)));
  }

  it("tell reasoning, text and tool calls apart, also where LangChain's own bridge mixes them", async () => {
    const stored = answer(
      {
        content: LONG,
        additional_kwargs: { reasoning_content: LONG },
        tool_calls: [{ name: "f", args: { a: 1 }, id: "1" }],
        response_metadata: { model_provider: "deepseek", model_name: "m" },
        usage_metadata: { input_tokens: 1, output_tokens: 2, total_tokens: 3 },
      },
      { finish_reason: "tool_calls" },
    );
    const message = await messageOf(stored);
    expect(message.content).toEqual([
      { type: "reasoning", reasoning: LONG },
      { type: "text", text: LONG },
      { type: "tool_call", id: "1", name: "f", args: { a: 1 } },
    ]);
    expect(message.tool_calls).toMatchObject([{ name: "f", args: { a: 1 }, id: "1" }]);
    expect(message.response_metadata).toMatchObject({
      finish_reason: "tool_use",
      model_name: "m",
      strata: { hit: true, savedUsage: { total_tokens: 3 } },
    });
    expect(message.usage_metadata).toMatchObject({ total_tokens: 0 });
    expect(message.id).toBe("strata-h-1");
  });

  it("give the streams of the protocol: text, reasoning, tool calls", async () => {
    const stream = new ChatModelStream(
      eventsOf(
        replay(
          answer({
            content: LONG,
            additional_kwargs: { reasoning_content: "hm" },
            tool_calls: [{ name: "f", args: {}, id: "1" }],
          }),
        ),
      ),
    );
    expect([await stream.text, await stream.reasoning, (await stream.toolCalls).map(({ name }) => name)]).toEqual([
      LONG,
      "hm",
      ["f"],
    ]);
  });

  it("go on with blocks that carry no index, as long as no other comes between", async () => {
    const chunk = (content: object[]): ChatGenerationChunk =>
      ({ text: "", message: new AIMessageChunk({ content: content as never }) }) as never;
    async function* chunks(): AsyncGenerator<ChatGenerationChunk> {
      yield chunk([{ type: "text", text: "a" }]);
      yield chunk([{ type: "text", text: "b" }]);
      yield chunk([{ type: "image", url: "https://a.example/1.png" }]);
      yield chunk([{ type: "text", text: "c" }]);
    }
    const message = await new ChatModelStream(eventsOf(chunks()));
    expect(message.content).toMatchObject([{ type: "text", text: "ab" }, { type: "image" }, { type: "text", text: "c" }]);
  });
});
