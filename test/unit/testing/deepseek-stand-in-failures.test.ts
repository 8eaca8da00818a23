import { afterEach, describe, expect, test, vi } from "vitest";

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

/** What the server notes comes a few turns of the event loop after what the client sees. */
function eventually(check: () => void): Promise<void> {
  return vi.waitFor(check, { timeout: 20_000, interval: 5 });
}

interface Ask {
  readonly model?: string;
  readonly stream?: boolean;
  readonly signal?: AbortSignal;
}

function ask(standIn: DeepSeekStandIn, { model = "deepseek-reasoner", stream = false, signal }: Ask = {}): Promise<Response> {
  return fetch(`${standIn.url}/chat/completions`, {
    method: "POST",
    headers: { authorization: "Bearer sk-x" },
    body: JSON.stringify({ model, stream, messages: [{ role: "user", content: "What is an order block?" }] }),
    signal: signal ?? null,
  });
}

async function read(response: Response, until: RegExp): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of response.body ?? []) {
    text += decoder.decode(piece as Uint8Array, { stream: true });
    if (until.test(text)) break;
  }
  return text;
}

describe("scripted failures", () => {
  test("come call by call, and end", async () => {
    const standIn = await start({ failures: [{ status: 503 }, null, { status: 429, retryAfter: 2 }] });
    const statuses = [];
    for (let call = 0; call < 4; call++) statuses.push((await ask(standIn)).status);
    expect(statuses).toEqual([503, 200, 429, 200]);
    standIn.fail({ status: 402 });
    expect((await ask(standIn)).status).toBe(402);
    expect(standIn.calls.map((call) => call.outcome)).toEqual(["refused", "answered", "refused", "answered", "refused"]);
  });

  test.each([
    [401, "authentication_error", "invalid_request_error", /Authentication Fails/],
    [402, "unknown_error", "invalid_request_error", /^Insufficient Balance$/],
    [422, "invalid_request_error", "invalid_request_error", /deserialize/],
    [429, "rate_limit_error", "invalid_request_error", /^Too many requests/],
    [500, "internal_error", "invalid_request_error", /Internal Server Error/],
    [503, "service_unavailable_error", "service_unavailable_error", /^Service is too busy/],
  ] as const)("of status %i have the body of the API, streamed or not", async (status, type, code, message) => {
    const standIn = await start({ failures: [{ status, retryAfter: 7 }, { status }] });
    const response = await ask(standIn);
    expect(response.status).toBe(status);
    expect(response.headers.get("retry-after")).toBe("7");
    expect(await response.json()).toEqual({
      error: { message: expect.stringMatching(message) as string, type, param: null, code },
    });
    const streamed = await ask(standIn, { stream: true });
    expect([streamed.status, streamed.headers.get("retry-after")]).toEqual([status, null]);
  });

  test("break an answer off with a finish reason, the reasoning whole and the rest in part", async () => {
    const standIn = await start();
    const whole = (await (await ask(standIn)).json()) as { choices: Array<{ message: Record<string, string> }> };
    const message = whole.choices[0]?.message ?? {};
    for (const finish of ["length", "content_filter", "insufficient_system_resource"] as const) {
      standIn.fail({ finish });
      const body = (await (await ask(standIn)).json()) as typeof whole & { choices: Array<{ finish_reason: string }> };
      const cut = body.choices[0];
      expect(cut?.finish_reason).toBe(finish);
      expect(cut?.message["reasoning_content"]).toBe(message["reasoning_content"]);
      expect(message["content"]?.startsWith(cut?.message["content"] ?? "none")).toBe(true);
      expect(cut?.message["content"]?.length).toBeLessThan((message["content"]?.length ?? 0) / 2);
    }
  });

  test("leave an answer empty", async () => {
    const standIn = await start({ failures: [{ empty: true }] });
    const body = (await (await ask(standIn, { model: "deepseek-chat" })).json()) as { usage: object; choices: unknown[] };
    expect(body.choices).toEqual([
      { index: 0, message: { role: "assistant", content: "" }, logprobs: null, finish_reason: "stop" },
    ]);
    expect(body.usage).toMatchObject({ completion_tokens: 0 });
  });

  test("cut a stream after the chunks that were to come before, and an answer in its middle", async () => {
    const standIn = await start({ failures: [{ cut: 5 }, { cut: 0 }, { cut: 5 }] });
    const response = await ask(standIn, { stream: true });
    let text = "";
    const reading = async (): Promise<void> => {
      for await (const piece of response.body ?? []) text += Buffer.from(piece as Uint8Array).toString();
    };
    await expect(reading()).rejects.toThrow();
    expect(text.match(/^data: /gm)).toHaveLength(5);
    expect(text).not.toContain("[DONE]");

    const whole = await ask(standIn);
    await expect(whole.text()).rejects.toThrow();
    expect(standIn.calls.map((call) => [call.outcome, call.sentTokens])).toEqual([
      ["cut", 4],
      ["cut", 0],
    ]);
  });

  test("end a stream in good order before its finish reason", async () => {
    const standIn = await start({ failures: [{ cut: 5, how: "end" }] });
    const text = await (await ask(standIn, { stream: true })).text();
    expect(text.match(/^data: /gm)).toHaveLength(5);
    expect(text).not.toMatch(/\[DONE\]|"finish_reason":"/);
  });

  test("hang until the client goes, with or without signs of life", async () => {
    const standIn = await start({ failures: [{ hang: "silent" }, { hang: "keep-alive" }], keepAlive: 5 });
    const silent = new AbortController();
    const first = ask(standIn, { signal: silent.signal });
    await eventually(() => expect(standIn.calls[0]?.outcome).toBe("hung"));
    silent.abort();
    await expect(first).rejects.toThrow();
    await eventually(() => expect(standIn.calls[0]?.outcome).toBe("aborted"));

    const alive = new AbortController();
    const response = await ask(standIn, { stream: true, signal: alive.signal });
    expect(await read(response, /(: keep-alive\n\n){3}/)).toMatch(/^(: keep-alive\n\n){3,}$/);
    alive.abort();
    await eventually(() => expect(standIn.calls[1]?.outcome).toBe("aborted"));
  });
});

describe("time", () => {
  test("passes on the clock: first token, then token by token", async () => {
    const clock = manualClock();
    const standIn = await start({ clock, delay: { firstToken: 100, perToken: 10, jitter: 0 }, replies: () => "abcdefgh" });
    const response = ask(standIn, { model: "deepseek-chat", stream: true });
    await eventually(() => expect(clock.pending).toBe(1));
    expect(standIn.calls[0]).toMatchObject({ status: 200, sentTokens: 0, outcome: "running" });
    await clock.advance(100);
    await eventually(() => expect(standIn.calls[0]?.sentTokens).toBe(1));
    await eventually(() => expect(clock.pending).toBe(1));
    await clock.advance(10);
    await eventually(() => expect(standIn.calls[0]?.sentTokens).toBe(2));
    await eventually(() => expect(clock.pending).toBe(1));
    await clock.advance(10);
    expect((await (await response).text()).endsWith("data: [DONE]\n\n")).toBe(true);
  });

  test("holds a whole answer back until its last token, and fills the wait with blank lines", async () => {
    const clock = manualClock();
    const standIn = await start({
      clock,
      keepAlive: 60,
      delay: { firstToken: 100, perToken: 10, jitter: 0 },
      replies: () => "abcdefgh",
    });
    const response = ask(standIn, { model: "deepseek-chat" });
    await eventually(() => expect(clock.pending).toBe(1));
    await clock.advance(60);
    await eventually(() => expect(standIn.calls[0]?.status).toBe(200));
    await eventually(() => expect(clock.pending).toBe(1));
    await clock.advance(59);
    expect(standIn.calls[0]?.outcome).toBe("running");
    await clock.advance(1);
    const text = await (await response).text();
    expect(text).toMatch(/^\n\{/);
    expect(JSON.parse(text)).toMatchObject({ choices: [{ message: { content: "abcdefgh" } }] });
  });

  test("lets the default delay differ from call to call within its jitter", async () => {
    const clock = manualClock();
    const shares = [0, 0.999];
    const standIn = await start({
      clock,
      delay: { firstToken: 1_000, perToken: 0, jitter: 0.5 },
      random: () => shares[standIn.calls.length - 1] ?? 0,
      replies: () => "x",
    });
    const first = ask(standIn);
    await eventually(() => expect(clock.pending).toBe(1));
    await clock.advance(500);
    expect((await first).status).toBe(200);
    const second = ask(standIn);
    await eventually(() => expect(clock.pending).toBe(1));
    await clock.advance(1_400);
    expect(standIn.calls[1]?.outcome).toBe("running");
    await clock.advance(100);
    expect((await second).status).toBe(200);
  });
});

describe("a client that goes away", () => {
  test("stops the work on its answer", async () => {
    const clock = manualClock();
    const standIn = await start({ clock, delay: { firstToken: 0, perToken: 10, jitter: 0 } });
    const client = new AbortController();
    const response = await ask(standIn, { stream: true, signal: client.signal });
    await read(response, /"reasoning_content":"[^"]/);
    client.abort();
    await eventually(() => expect(standIn.calls[0]?.outcome).toBe("aborted"));
    const sent = standIn.calls[0]?.sentTokens;
    expect(clock.pending).toBe(0);
    await clock.advance(10_000);
    expect(standIn.calls[0]?.sentTokens).toBe(sent);
    expect(sent).toBeLessThan(standIn.calls[0]?.usage?.completion_tokens ?? 0);
  });
});

describe("close", () => {
  test("ends open calls at once, and may be called again", async () => {
    const clock = manualClock();
    const standIn = await start({ clock, delay: { firstToken: 60_000 } });
    const waiting = ask(standIn);
    const outcome = expect(waiting).rejects.toThrow();
    await eventually(() => expect(clock.pending).toBe(1));
    const [first, second] = [standIn.close(), standIn.close()];
    await Promise.all([first, second, outcome]);
    await standIn.close();
    await eventually(() => expect(standIn.calls[0]?.outcome).toBe("closed"));
    expect(clock.pending).toBe(0);
    await expect(ask(standIn)).rejects.toThrow();
  });
});
