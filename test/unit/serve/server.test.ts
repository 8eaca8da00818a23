import { connect } from "node:net";
import { afterAll, describe, expect, test } from "vitest";
import { LocalEmbeddings } from "../../../src/embeddings/local-embeddings.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { lateInteractionReranker } from "../../../src/rerank/rerankers/late-interaction.ts";
import { lexicalReranker } from "../../../src/rerank/rerankers/lexical.ts";
import { cohereReranker, teiReranker } from "../../../src/rerank/rerankers/hosted.ts";
import type { Reranker } from "../../../src/rerank/reranker.ts";
import { RerankQueue } from "../../../src/serve/rerank-queue.ts";
import { asProbability } from "../../../src/serve/routes/rerank.ts";
import { startServer } from "../../../src/serve/start-server.ts";
import { describeReranker } from "../../../src/testing/describe-reranker.ts";
import { question, SECRET, serveBed } from "../../support/serve-bed.ts";

const JSON_TYPE = { "content-type": "application/json" };

function post(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { ...JSON_TYPE, ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

// One model for all: each test would load it anew.
const lateInteraction = lateInteractionReranker();
afterAll(() => lateInteraction.close());

describe("our own rerankers over a server of ours", () => {
  const open = async (): Promise<string> => (await serveBed({ parts: { reranker: lexicalReranker() } })).server.url;
  describeReranker("cohereReranker", async () => cohereReranker({ apiKey: "any", baseUrl: await open() }));
  describeReranker("teiReranker, the late-interaction model behind it", async () => {
    const { server } = await serveBed({ parts: { reranker: { ...lateInteraction, close: () => Promise.resolve() } } });
    return teiReranker({ baseUrl: server.url });
  });
  describeReranker("teiReranker", async () => teiReranker({ baseUrl: await open() }));
});

describe("reranking", () => {
  const ask = async (path: string, body: unknown): Promise<Response> => {
    const { server } = await serveBed({ parts: { reranker: lexicalReranker() } });
    return post(server.url + path, body);
  };
  const documents = ["cats sleep", "reset your password", "trains to Porto"];

  test("answers as Cohere does", async () => {
    const answer = await ask("/v2/rerank", { model: "rerank-v3.5", query: "password reset", documents, top_n: 1 });
    expect(await answer.json()).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      results: [{ index: 1, relevance_score: expect.any(Number) as number }],
      meta: { api_version: { version: "2" } },
    });
  });

  test("answers as TEI does", async () => {
    const answer = await ask("/rerank", { query: "password reset", texts: documents, return_text: true });
    const rows = (await answer.json()) as { index: number; score: number; text: string }[];
    expect(rows.map(({ index }) => index)[0]).toBe(1);
    expect(rows[0]?.text).toBe("reset your password");
    expect(rows).toHaveLength(3);
  });

  test.each([
    ["/v2/rerank", { model: "rerank-v3.5", query: "q", documents: [] }, 400, "list of documents must not be empty"],
    ["/v2/rerank", { model: "rerank-v3.5", query: " ", documents }, 400, "query must not be empty"],
    ["/v2/rerank", { model: "rerank-v3.5", query: "q", documents: ["a", ""] }, 400, "document at index 1 cannot be empty"],
    ["/v2/rerank", { model: "gpt", query: "q", documents }, 404, "model not found"],
    ["/v2/rerank", { model: "rerank-v3.5", query: "q", documents: [{ text: "a" }] }, 422, "list of strings"],
    ["/v2/rerank", { model: "rerank-v3.5", query: "q", documents, top_n: 0 }, 400, "top_n"],
    ["/v2/rerank", "{", 400, "no JSON"],
    ["/rerank", { query: "q", texts: [] }, 400, "cannot be empty"],
    ["/rerank", { query: "q", texts: Array.from({ length: 1_001 }, () => "a") }, 422, "maximum allowed batch size"],
    ["/rerank", { texts: documents }, 422, "query"],
  ])("%s refuses what it must, in its own words", async (path, body, status, words) => {
    const answer = await ask(path, body);
    expect(answer.status).toBe(status);
    const said = (await answer.json()) as Record<string, string>;
    expect(said[path === "/rerank" ? "error" : "message"]).toContain(words);
  });

  test("keeps the order of scores of every kind, between 0 and 1", () => {
    const scores = [-30, -1, -0.2, 0, 0.2, 1, 30];
    for (const kind of ["similarity", "logit", "ordinal"] as const) {
      const mapped = scores.map((score) => asProbability(score, kind));
      expect(mapped).toEqual(mapped.toSorted((a, b) => a - b));
      expect(Math.min(...mapped)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...mapped)).toBeLessThanOrEqual(1);
    }
  });
});

describe("the queue of a shared model", () => {
  function counting(): { readonly reranker: Reranker; readonly calls: (readonly string[])[] } {
    const calls: (readonly string[])[] = [];
    const inner = lexicalReranker();
    return {
      calls,
      reranker: {
        ...inner,
        listwise: false,
        rerank: (query, texts, call) => (calls.push(texts), inner.rerank(query, texts, call)),
      },
    };
  }

  test("makes one call of those that ask the same query at the same time, each text once", async () => {
    const clock = manualClock();
    const { reranker, calls } = counting();
    const queue = new RerankQueue({ reranker, clock });
    const { signal } = new AbortController();
    const asked = [
      queue.rerank("cats", ["a", "cats"], signal),
      queue.rerank("cats", ["cats", "b"], signal),
      queue.rerank("dogs", ["a"], signal),
    ];
    await clock.advance(5);
    const answers = await Promise.all(asked);
    expect(calls).toEqual([["a", "cats", "b"], ["a"]]);
    expect(answers.map(([best]) => best?.index)).toEqual([1, 0, 0]);
    expect(queue.stats()).toEqual({ calls: 3, batches: 2, waitingTexts: 0 });
  });

  test("lets one caller go without the others, and refuses what is too much", async () => {
    const clock = manualClock();
    const { reranker, calls } = counting();
    const queue = new RerankQueue({ reranker, clock, maxTexts: 3 });
    const leaving = new AbortController();
    const one = queue.rerank("cats", ["a"], leaving.signal);
    const two = queue.rerank("cats", ["cats"], new AbortController().signal);
    await expect(queue.rerank("cats", ["c", "d"], leaving.signal)).rejects.toMatchObject({ code: "QUEUE_FULL" });
    leaving.abort(new Error("left"));
    await expect(one).rejects.toThrow("left");
    await clock.advance(5);
    expect(await two).toHaveLength(1);
    const [gone, alone] = [new AbortController(), calls.length];
    const third = queue.rerank("birds", ["a"], gone.signal);
    gone.abort(new Error("left"));
    await expect(third).rejects.toThrow("left");
    await clock.advance(5);
    expect(calls).toHaveLength(alone);
  });

  test("whoever asks what somebody has just stopped asking has an answer", async () => {
    const clock = manualClock();
    const queue = new RerankQueue({ reranker: lexicalReranker(), clock });
    const gone = new AbortController();
    const left = queue.rerank("cats", ["cats", "dogs"], gone.signal);
    gone.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    const next = queue.rerank("cats", ["cats", "dogs"], new AbortController().signal);
    await clock.advance(5);
    expect(await next).toHaveLength(2);
  });

  test("no caller's scores depend on what another asked beside", async () => {
    const scores = async (...beside: readonly string[][]): Promise<unknown> => {
      const clock = manualClock();
      const queue = new RerankQueue({ reranker: lexicalReranker(), clock });
      const asked = [["cats and dogs", "dogs"], ...beside].map((texts) =>
        queue.rerank("cats", texts, new AbortController().signal),
      );
      await clock.advance(5);
      return (await Promise.all(asked))[0];
    };
    expect(await scores(["cats", "cats again", "more cats"])).toEqual(await scores());
  });
});

describe("embeddings", () => {
  const open = async (): Promise<{ url: string; embeddings: LocalEmbeddings; model: string }> => {
    const embeddings = new LocalEmbeddings();
    const model = embeddings.info.model;
    const { server } = await serveBed({ parts: { embeddings: { model, embeddings } } });
    return { url: `${server.url}/v1/embeddings`, embeddings, model };
  };

  test("are OpenAI's, as numbers and as bytes", async () => {
    const { url, embeddings, model } = await open();
    const plain = (await (await post(url, { model, input: ["one", "two"] })).json()) as { data: { embedding: number[] }[] };
    const expected = await embeddings.embedDocuments(["one", "two"]);
    expect(plain.data.map(({ embedding }) => embedding)).toEqual(expected);
    const coded = (await (await post(url, { model, input: "one", encoding_format: "base64" })).json()) as {
      data: { embedding: string }[];
    };
    const bytes = Buffer.from(coded.data[0]?.embedding ?? "", "base64");
    expect(bytes.readFloatLE(0)).toBeCloseTo(expected[0]?.[0] ?? Number.NaN, 6);
  });

  test.each([
    [{ input: "x" }, 400],
    [{ model: "text-embedding-3-small", input: "x" }, 404],
    [{ model: "", input: [] }, 400],
    [{ model: undefined, input: [[1, 2]] }, 400],
  ])("refuse %j", async (body, status) => {
    const { url } = await open();
    expect((await post(url, body)).status).toBe(status);
  });
});

describe("hostile requests", () => {
  test("are refused with a reason, and the server goes on", async () => {
    const { server, ask, api } = await serveBed({ maxBody: "64kb" });
    const url = `${server.url}/v1/chat/completions`;
    expect((await post(url, "{ not json")).status).toBe(400);
    expect((await post(url, "[]")).status).toBe(400);
    expect((await post(url, "{}", { "content-type": "text/plain" })).status).toBe(415);
    expect((await post(url, `{"model":"${"x".repeat(70_000)}"}`)).status).toBe(413);
    expect((await fetch(`${server.url}/nothing`)).status).toBe(404);
    // Nested too deeply to be compared: the upstream may say what it thinks of it, and nothing is kept.
    const deep = await post(url, `{"model":"m","x":${"[".repeat(9_000)}${"]".repeat(9_000)}}`, { authorization: "Bearer sk-a" });
    expect(deep.headers.get("x-strata-cache")).toBe("bypass");
    await deep.text();
    const polluted = await post(
      url,
      '{"__proto__":{"stream":true},"model":"deepseek-chat","messages":[{"role":"user","content":"x"}]}',
      { authorization: "Bearer sk-a" },
    );
    expect(polluted.headers.get("content-type")).toContain("application/json");
    await polluted.text();
    expect((await ask(question("What is a cache?"))).status).toBe(200);
    expect(api.calls.length).toBeGreaterThan(0);
  });

  test("a body of 100 MB is not read to its end", async () => {
    const { server } = await serveBed({ maxBody: "1mb" });
    const { hostname, port } = new URL(server.url);
    const sent = await new Promise<{ bytes: number; answer: string }>((resolve, reject) => {
      const socket = connect(Number(port), hostname);
      let [bytes, answer] = [0, ""];
      const piece = Buffer.concat([Buffer.from("40000\r\n"), Buffer.alloc(0x40000, 120), Buffer.from("\r\n")]);
      const pump = (): void => {
        while (bytes < 100 * 1024 * 1024 && !socket.destroyed) {
          bytes += piece.length;
          if (!socket.write(piece)) return void socket.once("drain", pump);
        }
      };
      socket.on("data", (data) => (answer += data.toString("latin1")));
      socket.on("close", () => resolve({ bytes, answer }));
      socket.on("error", (error: NodeJS.ErrnoException) =>
        ["EPIPE", "ECONNRESET"].includes(error.code ?? "") ? undefined : reject(error),
      );
      socket.write(
        `POST /v1/chat/completions HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`,
      );
      pump();
    });
    // Whoever goes on sending may be cut off before it reads why.
    expect(sent.answer).toMatch(/^(?:$|HTTP\/1\.1 413)/);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    expect(sent.bytes).toBeLessThan(100 * 1024 * 1024);
  }, 240_000);
});

describe("who may call", () => {
  test("everybody on this machine, by a name of this machine, from no other site", async () => {
    const { server } = await serveBed();
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    expect((await fetch(`${server.url}/stats`, { headers: { origin: "https://evil.test" } })).status).toBe(403);
    const { hostname, port } = new URL(server.url);
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), hostname, () =>
        socket.write("GET /stats HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n"),
      );
      socket.once("data", (data) => resolve(data.toString()));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 403/);
  });

  test("whoever has the token, where there is one; each protocol says no in its own words", async () => {
    const { server, ask } = await serveBed({ token: "t0k3n", parts: { reranker: lexicalReranker() } });
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
    expect((await fetch(`${server.url}/stats`)).status).toBe(401);
    expect((await fetch(`${server.url}/stats`, { headers: { authorization: "Bearer t0k3n" } })).status).toBe(200);
    expect(await (await post(`${server.url}/v2/rerank`, {})).json()).toEqual({ message: "invalid api token" });
    expect((await post(`${server.url}/rerank`, {})).status).toBe(401);
    // The proxy's `Authorization` is the upstream's.
    expect((await ask(question("x"), { key: "t0k3n" })).status).toBe(401);
    expect((await ask(question("What is a cache?"), { headers: { "x-strata-token": "t0k3n" } })).status).toBe(200);
  });

  test("another address than this machine's needs a token, and an upstream a secret", async () => {
    const { cache } = await serveBed();
    for (const token of [undefined, "short"])
      await expect(startServer({ parts: { cache }, host: "0.0.0.0", token })).rejects.toMatchObject({ option: "token" });
    await expect(startServer({ parts: { cache }, upstream: "http://x" })).rejects.toMatchObject({ option: "secret" });
    await expect(startServer({ parts: { cache }, upstream: "http://u:p@x", secret: SECRET })).rejects.toMatchObject({
      option: "upstream",
    });
    await expect(startServer({ parts: { cache }, prot: 1 } as never)).rejects.toMatchObject({ code: "CONFIG" });
    await expect(serveBed({ upstream: "https://:hunter2@api.example.com/v1" })).rejects.toThrow(/^(?!.*hunter2).*`upstream`/);
  });

  test("no key of a caller is in what is stored, shown or said", async () => {
    const stored: string[] = [];
    const { memoryTier } = await import("../../../src/cache/tiers/memory.ts");
    const tier = memoryTier();
    const seen = {
      ...tier,
      set: (...given: Parameters<typeof tier.set>) => (
        stored.push(
          JSON.stringify(
            given[0].map((entry) => [entry.key, entry.scope, entry.tags, Buffer.from(entry.value).toString("latin1")]),
          ),
        ),
        tier.set(...given)
      ),
    };
    const { ask, server } = await serveBed({ cache: { tiers: [seen], observer: (event) => stored.push(JSON.stringify(event)) } });
    const canary = "sk-canary-7f3a91";
    await (await ask(question("What is a cache?"), { key: canary })).text();
    await (await ask(question("What is a cache?"), { key: canary })).text();
    stored.push(await (await fetch(`${server.url}/stats`)).text());
    expect(stored.length).toBeGreaterThan(3);
    expect(stored.join("\n")).not.toContain("canary");
    expect(stored.join("\n")).not.toContain(Buffer.from(canary).toString("base64"));
  });
});

describe("ending", () => {
  test("says that it is not ready, finishes what is under way, and takes nothing new", async () => {
    const { server, ask } = await serveBed({ api: { delay: { firstToken: 400, perToken: 0, jitter: 0 } } });
    const under = ask(question("What is a cache?"));
    await expect
      .poll(async () => ((await (await fetch(`${server.url}/stats`)).json()) as { server: { inFlight: number } }).server.inFlight)
      .toBe(2);
    server.drain();
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(503);
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
    const closing = server.close();
    expect((await under).status).toBe(200);
    await closing;
    await expect(fetch(`${server.url}/health/live`)).rejects.toThrow();
    await server.close();
  });

  test("a port that is in use is named", async () => {
    const { server, cache } = await serveBed();
    await expect(startServer({ parts: { cache }, port: server.port })).rejects.toThrow(
      `Port ${server.port} of 127.0.0.1 is in use`,
    );
  });
});

test("clearing everything has to be said, and recall needs to know whose memory", async () => {
  const { server, ask } = await serveBed();
  await (await ask(question("What is a cache?"))).text();
  expect((await post(`${server.url}/clear`, {})).status).toBe(400);
  expect((await post(`${server.url}/clear`, { tagg: "x" })).status).toBe(400);
  expect(await (await post(`${server.url}/clear`, { all: true })).json()).toEqual({ removed: 1 });
  expect((await post(`${server.url}/recall`, { query: "x" })).status).toBe(404);
  const asked: unknown[] = [];
  const memory = {
    recall: (...given: unknown[]) => (asked.push(given), Promise.resolve({ documents: [], strategy: "hybrid" })),
  } as never;
  const other = await serveBed({ parts: { memory } });
  expect((await post(`${other.server.url}/recall`, { query: "x" })).status).toBe(400);
  expect(await (await post(`${other.server.url}/recall`, { query: "x", ownerId: "o", k: 3 })).json()).toEqual({
    documents: [],
    strategy: "hybrid",
  });
  expect(asked[0]).toMatchObject(["x", { ownerId: "o", k: 3 }]);
});

test("a server without an upstream says so where a proxy is asked for", async () => {
  const { server, ask } = await serveBed({ upstream: undefined });
  const answer = await ask(question("What is a cache?"));
  expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining("start it with --upstream URL")]);
  expect(await (await fetch(`${server.url}/nothing`)).text()).toContain("There is nothing here.");
});
