import { afterEach, describe, expect, test } from "vitest";

import { manualClock } from "../../../src/core/clock.ts";
import type { DeepSeekStandInOptions } from "../../../src/testing/deepseek-stand-in/options.ts";
import { startDeepSeekStandIn, type DeepSeekStandIn } from "../../../src/testing/deepseek-stand-in/start.ts";

const started: DeepSeekStandIn[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((standIn) => standIn.close()));
});

async function start(options: DeepSeekStandInOptions = {}): Promise<DeepSeekStandIn> {
  const standIn = await startDeepSeekStandIn({ delay: 0, ...options });
  started.push(standIn);
  return standIn;
}

const USER = [{ role: "user", content: "What is an order block?" }];
const WEATHER_TOOL = {
  type: "function",
  function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } },
};

function post(standIn: DeepSeekStandIn, body: unknown, path = "/chat/completions"): Promise<Response> {
  return fetch(standIn.url + path, {
    method: "POST",
    headers: { authorization: "Bearer sk-secret", "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

// oxlint-disable-next-line typescript/no-explicit-any -- the wire is read as a client in JavaScript would
type Wire = any;

async function answer(standIn: DeepSeekStandIn, body: object): Promise<Wire> {
  const response = await post(standIn, body);
  expect(response.status).toBe(200);
  return response.json();
}

async function chunks(standIn: DeepSeekStandIn, body: object): Promise<Wire[]> {
  const response = await post(standIn, { stream: true, ...body });
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const events = (await response.text()).split("\n\n").filter((event) => event.startsWith("data: "));
  expect(events.pop()).toBe("data: [DONE]");
  return events.map((event) => JSON.parse(event.slice("data: ".length)));
}

describe("an answer that is not streamed", () => {
  test("has the fields of the API, and usage that adds up", async () => {
    const standIn = await start({ clock: manualClock(1_700_000_000_000) });
    const body = await answer(standIn, { model: "deepseek-chat", messages: USER });

    expect(body).toMatchObject({
      object: "chat.completion",
      created: 1_700_000_000,
      model: "deepseek-chat",
      choices: [{ index: 0, message: { role: "assistant" }, logprobs: null, finish_reason: "stop" }],
      system_fingerprint: "fp_local_stand_in",
    });
    expect(body.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(body.choices[0].message).not.toHaveProperty("reasoning_content");
    const { usage } = body;
    expect(usage.completion_tokens).toBe(Math.ceil(body.choices[0].message.content.length / 4));
    expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens);
    expect(usage.prompt_cache_hit_tokens + usage.prompt_cache_miss_tokens).toBe(usage.prompt_tokens);
    expect(usage).not.toHaveProperty("completion_tokens_details");
  });

  test("of the reasoner carries its reasoning, counted apart", async () => {
    const body = await answer(await start(), { model: "deepseek-reasoner", messages: USER });
    const { message } = body.choices[0];
    expect(message.reasoning_content.length).toBeGreaterThan(100);
    expect(body.usage.completion_tokens_details.reasoning_tokens).toBe(Math.ceil(message.reasoning_content.length / 4));
  });

  test("is thought about or not as the request says", async () => {
    const standIn = await start();
    const off = await answer(standIn, { model: "deepseek-v4-pro", messages: USER, thinking: { type: "disabled" } });
    const none = await answer(standIn, { model: "deepseek-v4-pro", messages: USER, reasoning_effort: "none" });
    const on = await answer(standIn, { model: "deepseek-chat", messages: USER, thinking: { type: "enabled" } });
    expect(off.choices[0].message).not.toHaveProperty("reasoning_content");
    expect(none.choices[0].message).not.toHaveProperty("reasoning_content");
    expect(on.choices[0].message).toHaveProperty("reasoning_content");
  });

  test("stops at max_tokens, which the reasoning uses up first", async () => {
    const standIn = await start();
    const body = await answer(standIn, { model: "deepseek-reasoner", messages: USER, max_tokens: 10 });
    expect(body.choices[0]).toMatchObject({ finish_reason: "length", message: { content: "" } });
    expect(body.choices[0].message.reasoning_content).toHaveLength(40);
    expect(body.usage).toMatchObject({ completion_tokens: 10, completion_tokens_details: { reasoning_tokens: 10 } });
  });

  test("ends before a stop sequence", async () => {
    const standIn = await start({ replies: () => "one, two, three" });
    const body = await answer(standIn, { model: "deepseek-chat", messages: USER, stop: [" three", ", two"] });
    expect(body.choices[0]).toMatchObject({ finish_reason: "stop", message: { content: "one" } });
  });

  test("calls a tool whose name the question mentions", async () => {
    const messages = [{ role: "user", content: "What is the weather in San Francisco today?" }];
    const body = await answer(await start(), { model: "deepseek-chat", messages, tools: [WEATHER_TOOL] });
    expect(body.choices[0]).toMatchObject({ finish_reason: "tool_calls", message: { content: "" } });
    expect(body.choices[0].message.tool_calls).toEqual([
      {
        index: 0,
        id: expect.stringMatching(/^call_00_[A-Za-z0-9]{24}$/) as string,
        type: "function",
        function: { name: "get_weather", arguments: '{"city":"San Francisco"}' },
      },
    ]);
  });
});

describe("a stream", () => {
  test("of the reasoner opens with the role, then reasons, then answers, then ends", async () => {
    const standIn = await start();
    const body = await answer(standIn, { model: "deepseek-reasoner", messages: USER });
    const stream = await chunks(standIn, { model: "deepseek-reasoner", messages: USER });
    const deltas = stream.map((chunk) => chunk.choices[0].delta);

    expect(deltas[0]).toEqual({ role: "assistant", content: null, reasoning_content: "" });
    expect(deltas.at(-1)).toEqual({ content: "", reasoning_content: null });
    expect(stream.map((chunk) => chunk.choices[0].finish_reason).filter(Boolean)).toEqual(["stop"]);
    const inner = deltas.slice(1, -1);
    const firstText = inner.findIndex((delta) => delta.content !== null);
    expect(inner.slice(0, firstText).every((delta) => delta.content === null && delta.reasoning_content !== "")).toBe(true);
    expect(inner.slice(firstText).every((delta) => delta.reasoning_content === null && delta.content !== "")).toBe(true);
    expect(inner.map((delta) => delta.reasoning_content ?? "").join("")).toBe(body.choices[0].message.reasoning_content);
    expect(inner.map((delta) => delta.content ?? "").join("")).toBe(body.choices[0].message.content);
    expect(new Set(stream.map((chunk) => chunk.id)).size).toBe(1);
    expect(stream[0].object).toBe("chat.completion.chunk");
  });

  test("of the chat model knows no reasoning", async () => {
    const stream = await chunks(await start(), { model: "deepseek-chat", messages: USER });
    expect(stream[0].choices[0].delta).toEqual({ role: "assistant", content: "" });
    expect(stream.every((chunk) => !("reasoning_content" in chunk.choices[0].delta))).toBe(true);
  });

  test("carries usage only when asked: in the last chunk, as the live API, or in one of its own, as the reference", async () => {
    const request = { model: "deepseek-chat", messages: USER, stream_options: { include_usage: true } };
    const asLive = await chunks(await start(), request);
    expect(asLive.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
    expect(asLive.at(-1).choices[0].finish_reason).toBe("stop");
    expect(asLive.at(-1).usage.completion_tokens).toBe(asLive.length - 2);

    const asReference = await chunks(await start({ usageChunk: "separate" }), request);
    expect(asReference.at(-2).choices[0].finish_reason).toBe("stop");
    expect(asReference.at(-1).choices).toEqual([]);
    expect(asReference.at(-1).usage).toEqual(asLive.at(-1).usage);

    const without = await chunks(await start(), { model: "deepseek-chat", messages: USER });
    expect(without.every((chunk) => !("usage" in chunk))).toBe(true);
  });

  test("names a tool call once, and sends its arguments in pieces", async () => {
    const messages = [{ role: "user", content: "What is the weather in San Francisco today?" }];
    const stream = await chunks(await start(), { model: "deepseek-chat", messages, tools: [WEATHER_TOOL] });
    const calls = stream.flatMap((chunk) => chunk.choices[0].delta.tool_calls ?? []);
    expect(calls[0]).toMatchObject({ index: 0, type: "function", function: { name: "get_weather", arguments: "" } });
    expect(calls[0].id).toMatch(/^call_00_/);
    expect(calls.slice(1).every((call) => Object.keys(call).join() === "index,function")).toBe(true);
    expect(calls.map((call) => call.function.arguments).join("")).toBe('{"city":"San Francisco"}');
    expect(calls.length).toBeGreaterThan(3);
    expect(stream.at(-1).choices[0].finish_reason).toBe("tool_calls");
  });
});

describe("the prompt cache", () => {
  const long = (tail: string): object => ({
    model: "deepseek-chat",
    messages: [
      { role: "system", content: "You are careful. ".repeat(100) },
      { role: "user", content: tail },
    ],
  });

  test("finds whole blocks of 64 tokens with which an earlier prompt of the model began", async () => {
    const standIn = await start();
    const first = await answer(standIn, long("one"));
    const second = await answer(standIn, long("two"));
    const other = await answer(standIn, { ...long("two"), model: "deepseek-reasoner" });
    expect(first.usage).toMatchObject({ prompt_cache_hit_tokens: 0, prompt_tokens_details: { cached_tokens: 0 } });
    const hit = second.usage.prompt_cache_hit_tokens;
    expect(hit % 64).toBe(0);
    expect(hit).toBeGreaterThan(second.usage.prompt_tokens - 3 * 64);
    expect(second.usage.prompt_tokens_details.cached_tokens).toBe(hit);
    expect(other.usage.prompt_cache_hit_tokens).toBe(0);
  });

  test("finds nothing when the prompts differ at the start, nor in a prompt below one block", async () => {
    const standIn = await start();
    await answer(standIn, long("one"));
    const messages = [{ role: "system", content: "X" }, ...(long("one") as { messages: object[] }).messages];
    expect((await answer(standIn, { model: "deepseek-chat", messages })).usage.prompt_cache_hit_tokens).toBe(0);
    await answer(standIn, { model: "deepseek-chat", messages: USER });
    expect((await answer(standIn, { model: "deepseek-chat", messages: USER })).usage.prompt_cache_hit_tokens).toBe(0);
  });
});

describe("what the API refuses", () => {
  const chat = { model: "deepseek-chat", messages: USER };
  const call = { id: "call_1", type: "function", function: { name: "get_weather", arguments: "{}" } };
  const cases: ReadonlyArray<readonly [string, unknown, number, string]> = [
    ["a body that is no JSON", "{", 400, "Failed to parse the request body as JSON"],
    ["no messages", { model: "deepseek-chat" }, 422, "missing field `messages`"],
    ["no model", { messages: USER }, 422, "missing field `model`"],
    ["an unknown model", { ...chat, model: "gpt-4o" }, 400, "Model Not Exist"],
    ["an unknown role", { ...chat, messages: [{ role: "developer", content: "x" }] }, 400, "unknown variant `developer`"],
    ["an image", { ...chat, messages: [{ role: "user", content: [{ type: "image_url" }] }] }, 400, "unknown variant `image_url`"],
    ["several answers", { ...chat, n: 2 }, 400, "Invalid n value (currently only n = 1 is supported)"],
    ["a temperature above 2", { ...chat, temperature: 3 }, 400, "Invalid temperature value"],
    ["too many tokens", { ...chat, max_tokens: 0 }, 400, "Invalid max_tokens value"],
    [
      "a response schema",
      { ...chat, response_format: { type: "json_schema" } },
      400,
      "This response_format type is unavailable now",
    ],
    [
      "JSON that the prompt does not ask for",
      { ...chat, response_format: { type: "json_object" } },
      400,
      "must contain the word 'json'",
    ],
    [
      "a tool result without a call",
      { ...chat, messages: [...USER, { role: "tool", content: "x", tool_call_id: "call_1" }] },
      400,
      "preceding message",
    ],
    [
      "a call without its result",
      { ...chat, messages: [...USER, { role: "assistant", tool_calls: [call] }, ...USER] },
      400,
      "insufficient tool messages",
    ],
    [
      "a forced call while thinking",
      { ...chat, model: "deepseek-reasoner", tools: [WEATHER_TOOL], tool_choice: "required" },
      400,
      "does not support this tool_choice",
    ],
    [
      "a tool loop without its reasoning",
      {
        ...chat,
        model: "deepseek-reasoner",
        messages: [
          ...USER,
          { role: "assistant", content: "", tool_calls: [call] },
          { role: "tool", content: "18", tool_call_id: "call_1" },
        ],
      },
      400,
      "must be passed back",
    ],
  ];
  test.each(cases)("%s", async (_, body, status, message) => {
    const standIn = await start();
    const response = await post(standIn, body);
    expect(response.status).toBe(status);
    const { error } = (await response.json()) as Wire;
    expect(error).toEqual({
      message: expect.stringContaining(message) as string,
      type: "invalid_request_error",
      param: null,
      code: "invalid_request_error",
    });
    expect(standIn.calls).toMatchObject([{ outcome: "refused", status }]);
  });

  test("a body above 8 MiB, after it was sent", async () => {
    const standIn = await start();
    const response = await post(standIn, {
      model: "deepseek-chat",
      messages: [{ role: "user", content: "x".repeat(9 * 1024 * 1024) }],
    });
    expect(response.status).toBe(413);
    expect(standIn.calls[0]?.body).toBeUndefined();
  });

  test("a request without a key, in plain text, and one with another scheme", async () => {
    const standIn = await start();
    const body = JSON.stringify(chat);
    const bare = await fetch(`${standIn.url}/chat/completions`, { method: "POST", body });
    expect([bare.status, await bare.text()]).toEqual([401, "Authentication Fails (governor)"]);
    const basic = await fetch(`${standIn.url}/chat/completions`, {
      method: "POST",
      body,
      headers: { authorization: "Basic eDp5" },
    });
    expect([basic.status, ((await basic.json()) as Wire).error.type]).toEqual([401, "authentication_error"]);
  });

  test("what thinking mode refuses is let through on request", async () => {
    const standIn = await start({ strictThinking: false });
    const body = await answer(standIn, {
      model: "deepseek-reasoner",
      messages: USER,
      tools: [WEATHER_TOOL],
      tool_choice: "required",
    });
    expect(body.choices[0].finish_reason).toBe("tool_calls");
    expect(body.choices[0].message.reasoning_content).not.toBe("");
  });
});

describe("the server", () => {
  test("answers under /, /v1 and /beta, lists its models, and says what it is", async () => {
    const standIn = await start();
    for (const path of ["/chat/completions", "/v1/chat/completions", "/beta/chat/completions"]) {
      const response = await post(standIn, { model: "deepseek-chat", messages: USER }, path);
      expect(response.status).toBe(200);
      expect(response.headers.get("server")).toBe("langchain-strata-deepseek-stand-in");
    }
    const models = await fetch(`${standIn.url}/v1/models`, { headers: { authorization: "Bearer x" } });
    expect(((await models.json()) as Wire).data.map((model: Wire) => model.id)).toContain("deepseek-reasoner");
    expect((await fetch(`${standIn.url}/models`)).status).toBe(401);
    expect(await (await fetch(standIn.url)).text()).toMatch(/stand-in of the DeepSeek API/);
    expect((await fetch(`${standIn.url}/chat/completions`)).status).toBe(405);
    expect((await fetch(`${standIn.url}/embeddings`, { method: "POST", body: "{}" })).status).toBe(404);
  });

  test("records every request, without the key", async () => {
    const standIn = await start();
    await post(standIn, { model: "deepseek-chat", messages: USER, temperature: 0.3 }, "/v1/chat/completions");
    expect(standIn.calls).toHaveLength(1);
    expect(standIn.calls[0]).toMatchObject({
      path: "/v1/chat/completions",
      authorized: true,
      body: { messages: USER, temperature: 0.3 },
      outcome: "answered",
      status: 200,
    });
    expect(standIn.calls[0]?.usage?.completion_tokens).toBe(standIn.calls[0]?.sentTokens);
    expect(JSON.stringify(standIn.calls)).not.toContain("sk-secret");
  });

  test("forgets calls and prompts when it is reset", async () => {
    const standIn = await start({ failures: [{ status: 500 }] });
    const body = { model: "deepseek-chat", messages: [{ role: "user", content: "x".repeat(2_000) }] };
    expect((await post(standIn, body)).status).toBe(500);
    await answer(standIn, body);
    standIn.reset();
    expect(standIn.calls).toHaveLength(0);
    expect((await post(standIn, body)).status).toBe(500);
    expect((await answer(standIn, body)).usage.prompt_cache_hit_tokens).toBe(0);
  });

  test("takes turns from a custom reply, and falls back to its own", async () => {
    const standIn = await start({
      replies: (request) =>
        request.messages.length === 1 ? { reasoning: "r", content: "mine", finish: "content_filter" } : undefined,
    });
    const custom = await answer(standIn, { model: "deepseek-reasoner", messages: USER });
    expect(custom.choices[0]).toMatchObject({
      finish_reason: "content_filter",
      message: { content: "mine", reasoning_content: "r" },
    });
    const own = await answer(standIn, { model: "deepseek-chat", messages: [{ role: "system", content: "s" }, ...USER] });
    expect(own.choices[0].message.content).toMatch(/order block/);
  });

  test("answers 500 with the message of a custom reply that throws", async () => {
    const standIn = await start({
      replies: () => {
        throw new Error("no idea");
      },
    });
    const response = await post(standIn, { model: "deepseek-chat", messages: USER });
    expect([response.status, ((await response.json()) as Wire).error.message]).toEqual([500, "no idea"]);
  });

  test("refuses options that it does not know or cannot use", async () => {
    await expect(startDeepSeekStandIn({ delay: { firstToken: -1 } })).rejects.toThrow(/delay\.firstToken/);
    await expect(startDeepSeekStandIn({ latency: 5 } as DeepSeekStandInOptions)).rejects.toThrow(/latency/);
  });
});
