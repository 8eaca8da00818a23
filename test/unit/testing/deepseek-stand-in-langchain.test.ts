import { HumanMessage, SystemMessage } from "@langchain/core/messages";
import type { AIMessage, AIMessageChunk, BaseMessage, ToolMessage, UsageMetadata } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatDeepSeek } from "@langchain/deepseek";
import { ChatOpenAI } from "@langchain/openai";
import { createAgent } from "langchain";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";

import { manualClock } from "../../../src/core/clock.ts";
import { startDeepSeekStandIn, type DeepSeekStandIn } from "../../../src/testing/deepseek-stand-in/start.ts";

let standIn: DeepSeekStandIn;
beforeAll(async () => {
  standIn = await startDeepSeekStandIn({ delay: 0 });
});
beforeEach(() => standIn.reset());
afterAll(() => standIn.close());

function deepSeek(model: string, at: DeepSeekStandIn = standIn): ChatDeepSeek {
  return new ChatDeepSeek({ model, apiKey: "sk-secret", maxRetries: 0, configuration: { baseURL: at.url } });
}

const weather = tool(({ city }) => `18 °C and clear in ${city}`, {
  name: "get_weather",
  description: "The weather now",
  schema: z.object({ city: z.string() }),
});

/** What the server notes comes a few turns of the event loop after what the client sees. */
function eventually(check: () => void): Promise<void> {
  return vi.waitFor(check, { timeout: 20_000, interval: 5 });
}

/** The types of core 1.2 make `never` of a property that is there. */
function usageOf(message: { usage_metadata?: unknown }): UsageMetadata | undefined {
  return message.usage_metadata as UsageMetadata | undefined;
}

async function fold(stream: AsyncIterable<AIMessageChunk>): Promise<{ message: AIMessageChunk; chunks: number }> {
  let message: AIMessageChunk | undefined;
  let chunks = 0;
  for await (const chunk of stream) {
    message = message === undefined ? chunk : message.concat(chunk);
    chunks++;
  }
  return { message: message as AIMessageChunk, chunks };
}

describe("ChatDeepSeek", () => {
  test("invoke gives content, reasoning and usage", async () => {
    const message = await deepSeek("deepseek-reasoner").invoke([
      new SystemMessage("Be brief."),
      new HumanMessage("O que é um order block?"),
    ]);
    expect(message.content).toContain("order block");
    expect(message.additional_kwargs["reasoning_content"]).toContain("O usuário pergunta");
    expect(message.contentBlocks.map((block) => block.type)).toEqual(["reasoning", "text"]);
    expect(message.response_metadata).toMatchObject({ model_provider: "deepseek", model_name: "deepseek-reasoner" });
    const { usage } = standIn.calls[0] ?? {};
    expect(message.usage_metadata).toMatchObject({
      input_tokens: usage?.prompt_tokens,
      output_tokens: usage?.completion_tokens,
      total_tokens: usage?.total_tokens,
      output_token_details: { reasoning: usage?.completion_tokens_details?.reasoning_tokens },
      input_token_details: { cache_read: 0 },
    });
    expect((await deepSeek("deepseek-chat").invoke("hi")).additional_kwargs).not.toHaveProperty("reasoning_content");
  });

  test("stream gives the same message in many chunks, with usage and finish reason", async () => {
    const model = deepSeek("deepseek-reasoner");
    const whole = await model.invoke("What is market structure?");
    const { message, chunks } = await fold(await model.stream("What is market structure?"));
    expect(chunks).toBeGreaterThan(100);
    expect(message.content).toBe(whole.content);
    expect(message.additional_kwargs["reasoning_content"]).toBe(whole.additional_kwargs["reasoning_content"]);
    expect(message.response_metadata["finish_reason"]).toBe("stop");
    expect(message.usage_metadata).toMatchObject({
      input_tokens: usageOf(whole)?.input_tokens,
      output_tokens: usageOf(whole)?.output_tokens,
      output_token_details: { reasoning: usageOf(whole)?.output_token_details?.reasoning },
    });
  });

  test("counts a stream twice in response_metadata, as usage comes with the finish reason, once in usage_metadata", async () => {
    const { message } = await fold(await deepSeek("deepseek-chat").stream("What is risk?"));
    const total = standIn.calls[0]?.usage?.total_tokens ?? 0;
    expect(usageOf(message)?.total_tokens).toBe(total);
    expect(message.response_metadata["usage"]).toMatchObject({ total_tokens: 2 * total });
  });

  test("streams content blocks through streamEvents", async () => {
    const model = deepSeek("deepseek-reasoner");
    const whole = await model.invoke("What is risk?");
    const message = await model.streamEvents("What is risk?");
    expect(message.contentBlocks).toMatchObject([
      { type: "reasoning", reasoning: whole.additional_kwargs["reasoning_content"] },
      { type: "text", text: whole.content },
    ]);
    expect(usageOf(message)?.total_tokens).toBe(usageOf(whole)?.total_tokens);
  });

  test("reads the prompt cache as cache_read, streamed or not", async () => {
    const model = deepSeek("deepseek-chat");
    const prompt = [new SystemMessage("Stable prefix. ".repeat(60)), new HumanMessage("What is risk?")];
    expect(usageOf(await model.invoke(prompt))?.input_token_details?.cache_read).toBe(0);
    expect(usageOf(await model.invoke(prompt))?.input_token_details?.cache_read).toBe(192);
    const { message } = await fold(await model.stream(prompt));
    expect(usageOf(message)?.input_token_details?.cache_read).toBe(192);
  });

  test("carries a tool call there and back, streamed and not", async () => {
    const model = deepSeek("deepseek-chat").bindTools([weather]);
    const question = new HumanMessage("What is the weather in Porto Alegre?");
    const asked = await model.invoke([question]);
    expect(asked.tool_calls).toEqual([
      {
        type: "tool_call",
        id: expect.stringMatching(/^call_00_/) as string,
        name: "get_weather",
        args: { city: "Porto Alegre" },
      },
    ]);
    expect(asked.response_metadata["finish_reason"]).toBe("tool_calls");
    const { message } = await fold(await model.stream([question]));
    expect(message.tool_calls).toMatchObject([{ name: "get_weather", args: { city: "Porto Alegre" } }]);

    const result = (await weather.invoke(asked.tool_calls?.[0] as never)) as ToolMessage;
    const answered = await model.invoke([question, asked, result]);
    expect(answered.content).toContain("18 °C and clear in Porto Alegre");
    expect(answered.tool_calls).toEqual([]);
  });

  test("gets structured output through a forced call, that passes its schema", async () => {
    const schema = z.object({
      bias: z.enum(["long", "short"]),
      confidence: z.number().min(0).max(1),
      levels: z.array(z.object({ price: z.number(), kind: z.string() })).min(1),
      note: z.string().nullable(),
    });
    const model = deepSeek("deepseek-chat").withStructuredOutput(schema, { name: "setup" });
    const first = await model.invoke("Give me a setup for gold");
    expect(schema.parse(first)).toEqual(first);
    expect(await model.invoke("Give me a setup for gold")).toEqual(first);
    expect(standIn.calls[0]?.body).toMatchObject({ tool_choice: { function: { name: "setup" } } });
  });

  test("is refused in thinking mode as by the live API: a forced call, and a tool loop without its reasoning", async () => {
    const reasoner = deepSeek("deepseek-reasoner");
    const forced = reasoner.withStructuredOutput(z.object({ a: z.string() }));
    await expect(forced.invoke("x")).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining("tool_choice") as string,
    });

    const model = reasoner.bindTools([weather]);
    const question = new HumanMessage("What is the weather in Lisbon?");
    const asked = await model.invoke([question]);
    expect(asked.additional_kwargs["reasoning_content"]).toBeTruthy();
    const result = (await weather.invoke(asked.tool_calls?.[0] as never)) as ToolMessage;
    await expect(model.invoke([question, asked, result])).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining("must be passed back") as string,
    });
  });

  test("finishes a tool loop in thinking mode where that rule is off", async () => {
    const lenient = await startDeepSeekStandIn({ delay: 0, strictThinking: false });
    const agent = createAgent({ model: deepSeek("deepseek-reasoner", lenient), tools: [weather] });
    const { messages } = await agent.invoke({ messages: [new HumanMessage("What is the weather in Lisbon?")] });
    expect((messages as BaseMessage[]).map((message) => message.type)).toEqual(["human", "ai", "tool", "ai"]);
    expect((messages.at(-1) as AIMessage).content).toContain("18 °C and clear in Lisbon");
    expect(lenient.calls).toHaveLength(2);
    await lenient.close();
  });

  test("gets JSON in JSON mode", async () => {
    const model = deepSeek("deepseek-chat").withConfig({ response_format: { type: "json_object" } });
    const message = await model.invoke("What is risk? Answer in JSON.");
    expect(JSON.parse(message.content as string)).toHaveProperty("answer");
  });

  test.each([
    [401, { lc_error_code: "MODEL_AUTHENTICATION" }],
    [402, {}],
    [429, { lc_error_code: "MODEL_RATE_LIMIT" }],
    [500, {}],
    [503, {}],
  ] as const)("maps status %i to an error that carries it", async (status, more) => {
    standIn.fail({ status });
    await expect(deepSeek("deepseek-chat").invoke("x")).rejects.toMatchObject({ status, ...more });
    expect(standIn.calls).toHaveLength(1);
  });

  test("tries again after an overload, and each try counts", async () => {
    standIn.fail({ status: 503 });
    const model = new ChatDeepSeek({
      model: "deepseek-chat",
      apiKey: "x",
      maxRetries: 1,
      configuration: { baseURL: standIn.url },
    });
    expect((await model.invoke("hi")).content).not.toBe("");
    expect(standIn.calls.map((call) => call.status)).toEqual([503, 200]);
  });

  test("fails when the stream is dropped, and takes one that ends early for the whole answer", async () => {
    const model = deepSeek("deepseek-chat");
    standIn.fail({ cut: 9 });
    await expect(fold(await model.stream("x"))).rejects.toThrow();
    standIn.fail({ cut: 9, how: "end" });
    const { message } = await fold(await model.stream("x"));
    expect(message.content).toHaveLength(8 * 4);
    expect(message.response_metadata).not.toHaveProperty("finish_reason");
  });

  test("reads past keep-alives, streamed and not", async () => {
    const busy = await startDeepSeekStandIn({
      keepAlive: 1,
      delay: { firstToken: 30, perToken: 0, jitter: 0 },
      replies: () => "done",
    });
    const model = deepSeek("deepseek-chat", busy);
    expect((await model.invoke("x")).content).toBe("done");
    expect((await fold(await model.stream("x"))).message.content).toBe("done");
    await busy.close();
  });

  test("an aborted call ends the work behind it", async () => {
    const clock = manualClock();
    const slow = await startDeepSeekStandIn({ clock, delay: { firstToken: 60_000 } });
    const abort = new AbortController();
    const call = deepSeek("deepseek-reasoner", slow).invoke("x", { signal: abort.signal });
    const outcome = expect(call).rejects.toThrow(/abort/i);
    await eventually(() => expect(clock.pending).toBe(1));
    abort.abort();
    await outcome;
    await eventually(() => expect(slow.calls[0]?.outcome).toBe("aborted"));
    expect(clock.pending).toBe(0);
    await slow.close();
  });
});

describe("ChatOpenAI", () => {
  const openAI = (more: object = {}): ChatOpenAI =>
    new ChatOpenAI({
      model: "deepseek-chat",
      apiKey: "sk-x",
      maxRetries: 0,
      configuration: { baseURL: `${standIn.url}/v1` },
      ...more,
    });

  test("invokes, streams and counts", async () => {
    const message = await openAI().invoke("What is an order block?");
    expect(message.content).toContain("order block");
    const { message: streamed } = await fold(await openAI().stream("What is an order block?"));
    expect(streamed.content).toBe(message.content);
    expect(usageOf(streamed)?.total_tokens).toBe(usageOf(message)?.total_tokens);
    expect(standIn.calls[0]?.path).toBe("/v1/chat/completions");
  });

  test("is told that schemas as a response format, and images, are not to be had", async () => {
    const structured = openAI().withStructuredOutput(z.object({ a: z.string() }), { method: "jsonSchema" });
    await expect(structured.invoke("x")).rejects.toMatchObject({ status: 400 });
    const image = new HumanMessage({ content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }] });
    await expect(openAI().invoke([image])).rejects.toMatchObject({ status: 400 });
  });

  test("shows images to a model that takes them, and two images get two answers", async () => {
    const gallery = await startDeepSeekStandIn({ delay: 0, models: [{ id: "sees", thinks: false, images: true }] });
    const model = openAI({ model: "sees", configuration: { baseURL: gallery.url } });
    const ask = (data: string): Promise<{ content: unknown }> => {
      const url = `data:image/png;base64,${data}`;
      return model.invoke([
        new HumanMessage({
          content: [
            { type: "text", text: "What is this?" },
            { type: "image_url", image_url: { url } },
          ],
        }),
      ]);
    };
    const [first, second, again] = [await ask("AAAA"), await ask("BBBB"), await ask("AAAA")];
    expect(first.content).not.toBe(second.content);
    expect(again.content).toBe(first.content);
    await gallery.close();
  });
});
