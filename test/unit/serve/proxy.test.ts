import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { onAbort } from "../../../src/core/abort.ts";
import { Exchange } from "../../../src/serve/chat/exchange.ts";
import { staticPolicy } from "../../../src/cache/semantic/policies/static.ts";
import { LocalEmbeddings } from "../../../src/embeddings/local-embeddings.ts";
import { door } from "../../support/scripted-model.ts";
import { chunksIn, question, said, serveBed } from "../../support/serve-bed.ts";

type Answer = {
  id: string;
  model: string;
  usage: Record<string, number>;
  choices: { finish_reason: string; message: { content: string; reasoning_content?: string; tool_calls?: unknown[] } }[];
};

const TOOLS = [
  {
    type: "function",
    function: {
      name: "get_price",
      description: "price",
      parameters: { type: "object", properties: { symbol: { type: "string" } } },
    },
  },
];

describe("an answer in one piece", () => {
  test("is the upstream's the first time, and the cache's the second", async () => {
    const { ask, api } = await serveBed();
    const first = await ask(question("What is an order block?"));
    expect(first.headers.get("x-strata-cache")).toBe("miss");
    const made = (await first.json()) as Answer;
    const second = await ask(question("What is an order block?"));
    expect(second.headers.get("x-strata-cache")).toBe("hit");
    expect(second.headers.get("x-strata-tier")).toBe("memory");
    expect(Number(second.headers.get("x-strata-saved-tokens"))).toBe(made.usage["total_tokens"]);
    const kept = (await second.json()) as Answer;
    expect(api.calls).toHaveLength(1);
    expect(kept.choices).toEqual(made.choices);
    expect(kept.choices[0]?.message.reasoning_content).toMatch(/\w/);
    expect(kept.id).toMatch(/^strata-/);
    expect(kept.usage["total_tokens"]).toBe(0);
  });

  test("is asked anew for another model, parameter or question, and not for what changes no answer", async () => {
    const { ask, api } = await serveBed();
    await (await ask(question("What is a cache?", { temperature: 0.5 }))).text();
    for (const more of [{ temperature: 0.6 }, { model: "deepseek-chat" }, { max_tokens: 50 }]) {
      const answer = await ask(question("What is a cache?", { temperature: 0.5, ...more }));
      expect(answer.headers.get("x-strata-cache"), JSON.stringify(more)).toBe("miss");
      await answer.text();
    }
    const same = await ask({ temperature: 0.5, ...question("What is a cache?", { metadata: { run: "7" } }) });
    expect(same.headers.get("x-strata-cache")).toBe("hit");
    expect(api.calls).toHaveLength(4);
  });

  test("keeps calls of tools", async () => {
    const { ask, api } = await serveBed();
    const body = { ...question("Use get_price for BTC", { tools: TOOLS }), model: "deepseek-chat" };
    const first = (await (await ask(body)).json()) as Answer;
    const second = await ask(body);
    expect(second.headers.get("x-strata-cache")).toBe("hit");
    expect(((await second.json()) as Answer).choices).toEqual(first.choices);
    expect(first.choices[0]?.message.tool_calls, JSON.stringify(first)).toHaveLength(1);
    expect(api.calls).toHaveLength(1);
  });
});

describe("a stream", () => {
  test("is passed on, kept, and given again with its reasoning; also in one piece", async () => {
    const { ask, api } = await serveBed();
    const first = await ask(question("What is a JWT?", { stream: true }));
    expect(first.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const made = said(await first.text());
    expect(made.finish).toBe("stop");
    const second = await ask(question("What is a JWT?", { stream: true }));
    expect(second.headers.get("x-strata-cache")).toBe("hit");
    const text = await second.text();
    expect(said(text)).toEqual(made);
    expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
    const whole = (await (await ask(question("What is a JWT?"))).json()) as Answer;
    expect(whole.choices[0]?.message).toMatchObject({ content: made.content, reasoning_content: made.reasoning });
    expect(api.calls).toHaveLength(1);
  });

  test("is made of an answer that was asked for in one piece, with the usage when that is asked for", async () => {
    const { ask } = await serveBed();
    const made = (await (await ask(question("What is a JWT?"))).json()) as Answer;
    const plain = await (await ask(question("What is a JWT?", { stream: true }))).text();
    expect(said(plain).content).toBe(made.choices[0]?.message.content);
    expect(chunksIn(plain).some((chunk) => "usage" in chunk)).toBe(false);
    const counted = chunksIn(
      await (await ask(question("What is a JWT?", { stream: true, stream_options: { include_usage: true } }))).text(),
    );
    expect(counted.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 0 } });
  });

  test("keeps calls of tools", async () => {
    const { ask, api } = await serveBed();
    const body = { ...question("Use get_price for BTC", { tools: TOOLS, stream: true }), model: "deepseek-chat" };
    const first = await (await ask(body)).text();
    const second = await (await ask(body)).text();
    const calls = (text: string): string =>
      chunksIn(text)
        .flatMap(
          (chunk) =>
            (chunk["choices"] as { delta: { tool_calls?: { function: { arguments?: string } }[] } }[])[0]?.delta.tool_calls ?? [],
        )
        .map((call) => call.function.arguments ?? "")
        .join("");
    expect(calls(second)).toBe(calls(first));
    expect(JSON.parse(calls(second))).toBeTypeOf("object");
    expect(api.calls).toHaveLength(1);
  });

  test("that breaks off is an error for who reads it, and is not kept", async () => {
    const { ask, api } = await serveBed();
    api.fail({ cut: 5, how: "reset" });
    await expect(ask(question("What is a JWT?", { stream: true })).then((answer) => answer.text())).rejects.toThrow();
    const again = await ask(question("What is a JWT?", { stream: true }));
    expect(again.headers.get("x-strata-cache")).toBe("miss");
    expect(said(await again.text()).finish).toBe("stop");
  });

  test("that ends without its last word is passed on as it came, and is not kept", async () => {
    const { ask, api } = await serveBed();
    api.fail({ cut: 5, how: "end" });
    const cut = await (await ask(question("What is a JWT?", { stream: true }))).text();
    expect(cut).not.toContain("[DONE]");
    const again = await ask(question("What is a JWT?", { stream: true }));
    expect(again.headers.get("x-strata-cache")).toBe("miss");
    await again.text();
  });
});

describe("whose answers these are", () => {
  test("each credential's own, and each user's of the request", async () => {
    const { ask, api } = await serveBed();
    await (await ask(question("What is a cache?"))).text();
    for (const [options, more] of [
      [{ key: "sk-b" }, {}],
      [{ headers: { "openai-organization": "org" } }, {}],
      [{}, { user: "maria" }],
    ] as const) {
      const answer = await ask(question("What is a cache?", more), options);
      expect(answer.headers.get("x-strata-cache"), JSON.stringify([options, more])).toBe("miss");
      await answer.text();
    }
    expect(api.calls).toHaveLength(4);
  });

  test("nobody's without a credential: nothing is kept", async () => {
    const { ask, cache } = await serveBed();
    const answer = await ask(question("What is a cache?"), { key: null });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("x-strata-cache")).toBe("bypass");
    await answer.text();
    expect(cache.stats().bypassed).toEqual({ "no-scope": 1 });
  });

  test("everybody's when that is said", async () => {
    const { ask } = await serveBed({ sharing: "global" });
    await (await ask(question("What is a cache?"))).text();
    const other = await ask(question("What is a cache?"), { key: "sk-b" });
    expect(other.headers.get("x-strata-cache")).toBe("hit");
    await other.text();
  });

  test("the cache steps aside, or asks anew, when the caller says so", async () => {
    const { ask, api } = await serveBed();
    const body = question("What is a cache?");
    const outcomes: (string | null)[] = [];
    for (const control of ["no-store", "max-age=0", "no-cache", "no-store"]) {
      const answer = await ask(body, { headers: { "cache-control": control } });
      outcomes.push(answer.headers.get("x-strata-cache"));
      await answer.text();
    }
    expect(outcomes).toEqual(["bypass", "miss", "refresh", "bypass"]);
    expect(api.calls).toHaveLength(4);
  });

  test("an answer can be labelled, and cleared by its label", async () => {
    const { ask, server } = await serveBed();
    await (
      await ask(question("What is a cache?"), { headers: { "x-strata-tags": "handbook, v2", "x-strata-ttl": "1h" } })
    ).text();
    const cleared = await fetch(`${server.url}/clear`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ tag: "v2" }),
    });
    expect(await cleared.json()).toEqual({ removed: 1 });
    const again = await ask(question("What is a cache?"));
    expect(again.headers.get("x-strata-cache")).toBe("miss");
    await again.text();
  });
});

describe("what is under way", () => {
  test("is shared by all who ask the same, in whatever form", async () => {
    const { ask, api, cache } = await serveBed({ api: { delay: { firstToken: 150, perToken: 1, jitter: 0 } } });
    const answers = await Promise.all(
      [true, true, false, true, false].map((stream) => ask(question("What is a JWT?", { stream }))),
    );
    const texts = await Promise.all(answers.map((answer) => answer.text()));
    expect(api.calls).toHaveLength(1);
    expect(answers.map((answer) => answer.headers.get("x-strata-cache")).toSorted()).toEqual([
      "miss",
      "shared",
      "shared",
      "shared",
      "shared",
    ]);
    const contents = texts.map((text, index) =>
      [0, 1, 3].includes(index) ? said(text).content : (JSON.parse(text) as Answer).choices[0]?.message.content,
    );
    expect(new Set(contents).size).toBe(1);
    expect(cache.stats().coalesced).toBe(4);
  });

  test("goes on while one of those who wait for it is there, and ends with the last", async () => {
    const { ask, api } = await serveBed({ api: { delay: { firstToken: 300, perToken: 5, jitter: 0 } } });
    const [first, second] = [new AbortController(), new AbortController()];
    const one = ask(question("What is a JWT?", { stream: true }), { signal: first.signal });
    const two = ask(question("What is a JWT?", { stream: true }), { signal: second.signal });
    setTimeout(() => first.abort(), 50);
    await expect(one).rejects.toThrow();
    const answer = await two;
    const reader = answer.body?.getReader();
    expect((await reader?.read())?.value?.byteLength).toBeGreaterThan(0);
    expect(api.calls[0]?.outcome).not.toBe("aborted");
    second.abort();
    await expect.poll(() => api.calls[0]?.outcome, { timeout: 20_000 }).toBe("aborted");
    expect(api.calls).toHaveLength(1);
  });
});

describe("the usage in a stream", () => {
  const alike = [{ stream: true, stream_options: { include_usage: true } }, { stream: true }];
  const usageOf = (text: string): unknown => chunksIn(text).find(({ choices }) => (choices as unknown[]).length === 0)?.["usage"];

  /** An upstream that keeps all waiting until it is told. */
  async function heldUpstream(): Promise<{ url: string; asked: unknown[]; open: () => void }> {
    const gate = door();
    const asked: unknown[] = [];
    const url = await rawUpstream((response, body) => {
      const { stream_options: options } = JSON.parse(body) as { stream_options?: object };
      asked.push(options);
      response.writeHead(200, { "content-type": "text/event-stream" });
      const chunks = [{ choices: [{ index: 0, delta: { content: "yes" }, finish_reason: "stop" }] }];
      const usage =
        options === undefined ? [] : [{ choices: [], usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } }];
      const events = [...chunks, ...usage].map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`);
      void gate.opened.then(() => response.end(`${events.join("")}data: [DONE]\n\n`));
    });
    return { url, asked, open: () => gate.open() };
  }

  test.each([
    ["with it first", alike],
    ["without it first", alike.toReversed()],
  ])("is for those who asked for it, whoever asks at the same time: %s", async (_name, [first, second]) => {
    const { url, asked, open } = await heldUpstream();
    const { ask } = await serveBed({ upstream: url });
    const read = async (more: object | undefined): Promise<string> => (await ask(question("hi", more))).text();
    const texts = [read(first)];
    await expect.poll(() => asked).toHaveLength(1);
    texts.push(read(second), read(first), read(second));
    await expect.poll(() => asked).toHaveLength(2);
    open();
    for (const [index, text] of (await Promise.all(texts)).entries()) {
      expect(said(text)).toMatchObject({ content: "yes", finish: "stop" });
      const isAsked = (index % 2 === 0 ? first : second) === alike[0];
      expect(usageOf(text) !== undefined, `${index}: ${text}`).toBe(isAsked);
    }
    expect(asked).toHaveLength(2);
  });

  test("is zero of an answer that was stored without, and there for who asks in one piece", async () => {
    const { url, asked, open } = await heldUpstream();
    const { ask, server } = await serveBed({ upstream: url });
    const leader = ask(question("hi", { stream: true }));
    await expect.poll(() => asked).toHaveLength(1);
    const follower = ask(question("hi"));
    await expect.poll(() => inFlight(server.url)).toBe(3);
    open();
    const none = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
    expect(usageOf(await (await leader).text())).toBeUndefined();
    expect(((await (await follower).json()) as Answer).usage).toEqual(none);
    expect(usageOf(await (await ask(question("hi", alike[0]))).text())).toEqual(none);
    expect(((await (await ask(question("hi"))).json()) as Answer).usage).toEqual(none);
    expect(asked).toHaveLength(1);
  });
});

test("a rollout that serves nobody lets nobody have another one's answer", async () => {
  const gate = door();
  let number = 0;
  const upstream = await rawUpstream((response) => {
    const message = { role: "assistant", content: `answer ${++number}` };
    void gate.opened.then(() => response.end(JSON.stringify({ choices: [{ message, finish_reason: "stop" }] })));
  });
  const { ask, cache } = await serveBed({ upstream, cache: { rollout: { mode: "shadow" } } });
  const asked = [ask(question("hi")), ask(question("hi"))];
  await expect.poll(() => number).toBe(2);
  gate.open();
  const answers = await Promise.all(asked);
  expect(answers.map((answer) => answer.headers.get("x-strata-cache"))).toEqual(["miss", "miss"]);
  const contents = await Promise.all(
    answers.map(async (answer) => ((await answer.json()) as Answer).choices[0]?.message.content),
  );
  expect(contents.toSorted()).toEqual(["answer 1", "answer 2"]);
  expect(cache.stats()).toMatchObject({ hits: 0, misses: 2, coalesced: 0 });
});

/** How many requests a server has, the one that asks it included. */
async function inFlight(url: string): Promise<number> {
  return ((await (await fetch(`${url}/stats`)).json()) as { server: { inFlight: number } }).server.inFlight;
}

async function rawUpstream(answer: (response: ServerResponse, body: string, request: IncomingMessage) => void): Promise<string> {
  const upstream = createServer((request, response) => void text(request).then((body) => answer(response, body, request)));
  await once(upstream.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    upstream.closeAllConnections();
    upstream.close();
  });
  return `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`;
}

describe("what the upstream is asked", () => {
  const answer = { choices: [{ message: { role: "assistant", content: "yes" }, finish_reason: "stop" }] };

  test("is what the answer is kept under, however a parser reads what stands twice", async () => {
    const asked: string[] = [];
    const upstream = await rawUpstream((response, body) => {
      asked.push(body);
      response.end(JSON.stringify(answer));
    });
    const { server } = await serveBed({ upstream });
    const body =
      '{"model":"m","messages":[{"role":"user","content":"EVIL"}],"seed":9007199254740993,"messages":[{"role":"user","content":"good"}]}';
    await fetch(`${server.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: "Bearer sk-a" },
      body,
    });
    expect(asked).toEqual(['{"model":"m","messages":[{"role":"user","content":"good"}],"seed":9007199254740992}']);
  });

  test("with another beta header, or for a user that is no text, is another question", async () => {
    const { ask } = await serveBed();
    const outcomes: unknown[] = [];
    for (const [more, headers] of [
      [{}, {}],
      [{}, { "openai-beta": "x=v2" }],
      [{ user: 1 }, {}],
      [{ user: 2 }, {}],
    ] as const) {
      const given = await ask(question("What is a cache?", more), { headers });
      outcomes.push(given.headers.get("x-strata-cache"));
      await given.text();
    }
    expect(outcomes).toEqual(["miss", "miss", "miss", "miss"]);
  });
});

test("whoever joins when the last one leaves is not left with what was taken back", async () => {
  const exchange = new Exchange({
    find: () => Promise.resolve(undefined),
    ask: (signal) => new Promise((_, reject) => onAbort(signal, () => reject(signal.reason as Error))),
    landed: () => undefined,
  });
  const leave = exchange.join();
  expect(exchange.isOver).toBe(false);
  leave();
  expect(exchange.isOver).toBe(true);
  expect(await exchange.whole).toBeUndefined();
});

describe("what goes wrong at the upstream", () => {
  test("is passed on as it is: status, body and when to come back", async () => {
    const { ask, api } = await serveBed();
    api.fail({ status: 429, retryAfter: 7, message: "slow down" });
    const answer = await ask(question("What is a cache?"));
    expect(answer.status).toBe(429);
    expect(answer.headers.get("retry-after")).toBe("7");
    expect(await answer.text()).toContain("slow down");
    const again = await ask(question("What is a cache?"));
    expect(again.status).toBe(200);
    expect(again.headers.get("x-strata-cache")).toBe("miss");
    await again.text();
  });

  test("an answer that was cut short or withheld is passed on, and not kept", async () => {
    const { ask } = await serveBed({ api: { replies: () => ({ content: "half", finish: "length" }) } as never });
    await (await ask(question("What is a cache?", { max_tokens: 3 }))).text();
    const again = await ask(question("What is a cache?", { max_tokens: 3 }));
    expect(again.headers.get("x-strata-cache")).toBe("miss");
    await again.text();
  });

  test("an error that comes with a 200, or an answer without an end, is passed on, and not kept", async () => {
    const message = { role: "assistant", content: "half" };
    for (const body of [
      { error: { message: "overloaded" }, choices: [{ message, finish_reason: "stop" }] },
      { choices: [{ message, finish_reason: null }] },
    ]) {
      const upstream = await rawUpstream((answer) => answer.end(JSON.stringify(body)));
      const { ask } = await serveBed({ upstream });
      expect(await (await ask(question("What is a cache?"))).json()).toEqual(body);
      const again = await ask(question("What is a cache?"));
      expect(again.headers.get("x-strata-cache")).toBe("miss");
      await again.text();
    }
  });

  test("an answer without a body is passed on", async () => {
    const upstream = await rawUpstream((answer) => answer.writeHead(204).end());
    const { ask } = await serveBed({ upstream });
    expect((await ask(question("What is a cache?"))).status).toBe(204);
  });

  test.each([
    [401, "no key"],
    [404, "The model does not exist or you do not have access to it."],
  ])("is nobody's but whose key it is about, also where all share answers: %i", async (status, said) => {
    const keys: unknown[] = [];
    let refuse = (): void => undefined;
    const upstream = await rawUpstream((response, _body, { headers }) => {
      keys.push(headers.authorization);
      if (headers.authorization === "Bearer sk-bad")
        refuse = () => response.writeHead(status).end(JSON.stringify({ error: { message: said } }));
      else response.end(JSON.stringify({ choices: [{ message: { role: "assistant", content: "yes" }, finish_reason: "stop" }] }));
    });
    const { ask, server } = await serveBed({ upstream, sharing: "global" });
    const bad = ask(question("What is a cache?"), { key: "sk-bad" });
    await expect.poll(() => keys).toHaveLength(1);
    const good = ask(question("What is a cache?"), { key: "sk-good" });
    await expect.poll(() => inFlight(server.url)).toBe(3);
    refuse();
    expect([(await bad).status, (await good).status]).toEqual([status, 200]);
    expect(keys).toEqual(["Bearer sk-bad", "Bearer sk-good"]);
  });

  test("hangs: the caller is told when the time is over", async () => {
    const { ask, api } = await serveBed({ deadline: "150ms", silence: "150ms" });
    api.fail({ hang: "silent" });
    const answer = await ask(question("What is a cache?"));
    expect(answer.status).toBe(504);
    expect(await answer.json()).toMatchObject({ error: { type: "upstream_timeout" } });
  });

  test("is not there", async () => {
    const { ask, api } = await serveBed();
    await api.close();
    const answer = await ask(question("What is a cache?"));
    expect(answer.status).toBe(502);
    expect(await answer.text()).toContain("ECONNREFUSED");
  });
});

describe("an answer to the question in other words", () => {
  test("is given with what it is, to its credential alone", async () => {
    const semantic = { embeddings: new LocalEmbeddings(), policy: staticPolicy({ similarity: 0.9 }) };
    const { ask, api, cache } = await serveBed({ cache: { scope: "global", semantic } });
    const first = await ask(question("What is an order block?"));
    const made = (await first.json()) as Answer;
    await cache.flush();
    const second = await ask(question("what is an ORDER BLOCK"));
    expect(second.headers.get("x-strata-cache")).toBe("hit");
    expect(second.headers.get("x-strata-source")).toBe("semantic");
    expect(Number(second.headers.get("x-strata-similarity"))).toBeGreaterThan(0.9);
    expect(((await second.json()) as Answer).choices).toEqual(made.choices);
    expect(api.calls).toHaveLength(1);

    const streamed = await ask(question("what is an ORDER block", { stream: true }));
    expect(streamed.headers.get("x-strata-source")).toBe("semantic");
    expect(said(await streamed.text()).content).toBe(made.choices[0]?.message.content);
    const elsewhere = await ask(question("what is an ORDER BLOCK"), { key: "sk-b" });
    expect(elsewhere.headers.get("x-strata-cache")).toBe("miss");
    await elsewhere.text();
    const other = await ask(question("What is a moving average?"));
    expect(other.headers.get("x-strata-cache")).toBe("miss");
    await other.text();
  });
});

test("lists the upstream's models", async () => {
  const { server } = await serveBed();
  const answer = await fetch(`${server.url}/v1/models`, { headers: { authorization: "Bearer sk-a" } });
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain("deepseek-reasoner");
});

test("warms the cache with the caller's credential", async () => {
  const { server, ask, api } = await serveBed();
  const warm = await fetch(`${server.url}/warm`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer sk-a" },
    body: JSON.stringify({ requests: [question("What is a cache?"), question("What is a JWT?"), question("What is a cache?")] }),
  });
  expect(await warm.json()).toEqual({ asked: 3, hits: 1, filled: 2, failed: 0 });
  const answer = await ask(question("What is a JWT?", { stream: true }));
  expect(answer.headers.get("x-strata-cache")).toBe("hit");
  await answer.text();
  expect(api.calls).toHaveLength(2);
});
