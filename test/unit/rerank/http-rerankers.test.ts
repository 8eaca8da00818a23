import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { HttpDialectName } from "../../../src/rerank/rerankers/http-dialects.ts";
import {
  cohereReranker,
  infinityReranker,
  jinaReranker,
  mixedbreadReranker,
  teiReranker,
  vllmReranker,
  voyageReranker,
} from "../../../src/rerank/rerankers/hosted.ts";
import type { HttpRerankerOptions } from "../../../src/rerank/rerankers/http-reranker.ts";
import { RerankCompressor } from "../../../src/rerank/rerank-compressor.ts";
import type { Reranker, RerankUsage } from "../../../src/rerank/reranker.ts";
import { describeReranker } from "../../../src/testing/describe-reranker.ts";
import { FAKE_KEY, startRerankFake, type RerankFake } from "../../support/rerank-fakes.ts";

type Options = HttpRerankerOptions & { apiKey: string; baseUrl: string };
const MAKERS: Readonly<Record<HttpDialectName, (options: Options) => Reranker>> = {
  cohere: cohereReranker,
  jina: jinaReranker,
  voyage: voyageReranker,
  mixedbread: mixedbreadReranker,
  tei: teiReranker,
  vllm: vllmReranker,
  infinity: infinityReranker,
};

for (const [name, make] of Object.entries(MAKERS)) {
  let fake: RerankFake;
  beforeAll(async () => {
    fake = await startRerankFake(name as HttpDialectName);
  });
  afterAll(() => fake.close());
  describeReranker(`${name} over HTTP`, () => make({ apiKey: FAKE_KEY, baseUrl: fake.url }));
}

describe("requests", () => {
  test.each<[HttpDialectName, object]>([
    ["cohere", { model: "rerank-v3.5", query: "q", documents: ["a", "b"], top_n: 2 }],
    [
      "jina",
      { model: "jina-reranker-v2-base-multilingual", query: "q", documents: ["a", "b"], top_n: 2, return_documents: false },
    ],
    ["voyage", { model: "rerank-2.5", query: "q", documents: ["a", "b"], return_documents: false, truncation: true }],
    [
      "mixedbread",
      { model: "mixedbread-ai/mxbai-rerank-large-v2", query: "q", input: ["a", "b"], top_k: 2, return_input: false },
    ],
    ["tei", { query: "q", texts: ["a", "b"], raw_scores: false, return_text: false, truncate: true }],
    ["vllm", { query: "q", documents: ["a", "b"], top_n: 0, truncate_prompt_tokens: -1 }],
    ["infinity", { query: "q", documents: ["a", "b"], return_documents: false, raw_scores: false }],
  ])("are those of %s, with the key in its header alone", async (name, body) => {
    const fake = await open(name);
    await MAKERS[name]({ apiKey: FAKE_KEY, baseUrl: `${fake.url}/` }).rerank("q", ["a", "b"]);
    expect(fake.requests[0]?.body).toEqual(body);
    expect(fake.requests[0]?.headers).toMatchObject({ authorization: `Bearer ${FAKE_KEY}`, "content-type": "application/json" });
  });

  test("come in batches that the server takes, put together in the order of the texts", async () => {
    const fake = await open("tei");
    const texts = Array.from({ length: 70 }, (_, index) => (index === 69 ? "password password" : `text ${index}`));
    const answer = await teiReranker({ baseUrl: fake.url }).rerank("password", texts);
    expect(fake.requests.map(({ body }) => (body["texts"] as string[]).length)).toEqual([32, 32, 6]);
    expect(answer[0]?.index).toBe(69);
    expect(answer).toHaveLength(70);
  });

  test("do not hold more of a text than the model reads, and never an empty one", async () => {
    const fake = await open("cohere");
    const answer = await cohereReranker({ apiKey: FAKE_KEY, baseUrl: fake.url }).rerank("x", ["", "x".repeat(10_000_000), " "]);
    const sent = fake.requests.map(({ body }) => body["documents"] as string[]);
    expect(sent[0]?.map(({ length }) => length)).toEqual([131_072]);
    expect(answer.map(({ index }) => index)).toEqual([1, 0, 2]);
    expect(await cohereReranker({ apiKey: FAKE_KEY, baseUrl: fake.url }).rerank("x", ["", ""])).toHaveLength(2);
    expect(fake.requests).toHaveLength(1);
  });

  test("are bounded in all that they hold, and put together in the order of the texts", async () => {
    const fake = await open("voyage");
    const texts = Array.from({ length: 20 }, (_, index) => `${index === 17 ? "password " : ""}${"x ".repeat(1_000_000)}`);
    const answer = await voyageReranker({ apiKey: FAKE_KEY, baseUrl: fake.url }).rerank("password", texts);
    expect(fake.requests.map(({ body }) => (body["documents"] as string[]).length).toSorted()).toEqual([6, 7, 7]);
    expect(answer[0]?.index).toBe(17);
    expect(answer).toHaveLength(20);
  });

  test("ask for the key each time where it is a function", async () => {
    const fake = await open("voyage");
    const keys = ["wrong", FAKE_KEY];
    const reranker = voyageReranker({ apiKey: () => keys.shift() ?? "", baseUrl: fake.url });
    await expect(reranker.rerank("q", ["a"])).rejects.toMatchObject({ status: 401 });
    expect(await reranker.rerank("q", ["a"])).toHaveLength(1);
  });

  test("are counted as the provider counts, with their price", async () => {
    const counted: RerankUsage[] = [];
    const onUsage = (usage: RerankUsage): number => counted.push(usage);
    const [cohere, jina] = [await open("cohere"), await open("jina")];
    const options = { apiKey: FAKE_KEY, price: { perSearch: 0.002, perMillionTokens: 50 } };
    await cohereReranker({ ...options, baseUrl: cohere.url }).rerank("q", ["a"], { onUsage });
    await jinaReranker({ ...options, baseUrl: jina.url }).rerank("q", ["a"], { onUsage });
    expect(counted).toEqual([
      { searches: 1, tokens: undefined, cost: 0.002 },
      { searches: undefined, tokens: 42, cost: expect.closeTo(0.0021, 8) as number },
    ]);
  });
});

describe("refusals", () => {
  test.each<[HttpDialectName, number, unknown, string]>([
    [
      "cohere",
      429,
      { message: "You are past the per minute request limit, please wait and try again later." },
      "past the per minute",
    ],
    ["jina", 403, { detail: { code: "AUTHZ_INSUFFICIENT_BALANCE", message: "Insufficient balance" } }, "Insufficient balance"],
    ["voyage", 400, { detail: "The model is not supported." }, "The model is not supported."],
    ["infinity", 422, { detail: [{ loc: ["body"], msg: "field required", type: "missing" }] }, "field required"],
    ["tei", 429, { error: "Model is overloaded", error_type: "Overloaded" }, "Model is overloaded"],
    [
      "vllm",
      404,
      { error: { message: "The model `x` does not exist.", type: "NotFoundError", param: null, code: 404 } },
      "does not exist",
    ],
    ["mixedbread", 502, "<html><body>Bad Gateway</body></html>", "answered with 502"],
    ["tei", 401, undefined, "answered with 401"],
  ])("of %s with %i say why", async (name, status, body, message) => {
    const fake = await open(name);
    fake.next.push({ status, body });
    const call = MAKERS[name]({ apiKey: FAKE_KEY, baseUrl: fake.url }).rerank("q", ["a"]);
    await expect(call).rejects.toMatchObject({
      code: "UNAVAILABLE",
      status,
      message: expect.stringContaining(message) as string,
    });
  });

  test("tell how long to wait, in seconds or as a date", async () => {
    const fake = await open("cohere");
    const reranker = cohereReranker({ apiKey: FAKE_KEY, baseUrl: fake.url });
    const date = "Sat, 21 Nov 2026 13:00:00 GMT";
    fake.next.push({ status: 429, headers: { "retry-after": "7" } });
    fake.next.push({ status: 503, headers: { date, "retry-after": "Sat, 21 Nov 2026 13:00:09 GMT" } });
    await expect(reranker.rerank("q", ["a"])).rejects.toMatchObject({ retryAfterMs: 7_000 });
    await expect(reranker.rerank("q", ["a"])).rejects.toMatchObject({ retryAfterMs: 9_000 });
  });

  test("never show the key, also where the provider repeats it", async () => {
    const fake = await open("cohere");
    fake.next.push({ status: 401, body: { message: `invalid api token ${FAKE_KEY} (Bearer ${FAKE_KEY})` } });
    const reranker = cohereReranker({ apiKey: FAKE_KEY, baseUrl: fake.url });
    const error: unknown = await reranker.rerank("q", ["a"]).catch((thrown: unknown) => thrown);
    expect(inspect(error, { depth: 9 })).toContain("invalid api token ***");
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(FAKE_KEY);
    expect(inspect(reranker, { depth: 9 }) + JSON.stringify(reranker)).not.toContain(FAKE_KEY);
    fake.next.push({ status: 401, body: { message: FAKE_KEY } });
    const report = await new RerankCompressor({ reranker }).explain("q", [
      { pageContent: "a", metadata: {} },
      { pageContent: "b", metadata: {} },
    ]);
    expect(report.faults).toEqual([{ reranker: "cohere", code: "UNAVAILABLE", status: 401 }]);
    expect(JSON.stringify(report)).not.toContain(FAKE_KEY);
  });

  test("of a server that is not there, and of one that sends elsewhere", async () => {
    const fake = await open("tei");
    fake.next.push({ status: 307, headers: { location: "http://127.0.0.1:1/elsewhere" } });
    await expect(teiReranker({ baseUrl: fake.url }).rerank("q", ["a"])).rejects.toMatchObject({
      code: "UNAVAILABLE",
      status: undefined,
    });
    await fake.close();
    await expect(teiReranker({ baseUrl: fake.url }).rerank("q", ["a"])).rejects.toThrow("ECONNREFUSED");
  });

  test("are also answers without an end", async () => {
    let pieces = 0;
    const endless = new ReadableStream({
      pull: (controller) => {
        pieces++;
        controller.enqueue(new Uint8Array(8 * 1024 * 1024).fill(32));
      },
    });
    const fetch = (): Promise<Response> => Promise.resolve(new Response(endless));
    await expect(teiReranker({ baseUrl: "http://127.0.0.1", fetch }).rerank("q", ["a"])).rejects.toThrow("more than 33554432");
    expect(pieces).toBeLessThan(8);
  });

  test.each<[string, unknown]>([
    ["what is no JSON", "<html>"],
    ["no list of results", { data: [] }],
    ["no list of results", null],
    ["scores for 1 of 2 texts", { results: [{ index: 0, relevance_score: 0.5 }] }],
    ["an index that was not asked for", { results: [{ index: 2, relevance_score: 0.5 }] }],
    ["the same index twice", { results: [0, 0].map((index) => ({ index, relevance_score: 0.5 })) }],
    ["a score that is no number", { results: [{ index: 0, relevance_score: "0.5" }] }],
  ])("are also answers with %s", async (what, body) => {
    const fake = await open("cohere");
    fake.next.push({ status: 200, body: body === null ? "null" : body });
    const call = cohereReranker({ apiKey: FAKE_KEY, baseUrl: fake.url }).rerank("q", ["a", "b"]);
    await expect(call).rejects.toMatchObject({ code: "BAD_ANSWER", message: expect.stringContaining(what) as string });
  });
});

describe("options", () => {
  test.each<[string, object]>([
    ["apiKey", {}],
    ["apiKey", { apiKey: "" }],
    ["apiKey", { apiKey: "two words" }],
    ["apiKey", { apiKey: "line\nbreak" }],
    ["baseUrl", { apiKey: "k", baseUrl: "file:///etc" }],
    ["baseUrl", { apiKey: "k", baseUrl: "https://user:secret@host" }],
    ["model", { apiKey: "k", model: "" }],
    ["batchSize", { apiKey: "k", batchSize: 0 }],
    ["price.perSearch", { apiKey: "k", price: { perSearch: -1 } }],
    ["key", { apiKey: "k", key: "k" }],
  ])("%s of %o is refused by name, its value not shown", (option, options) => {
    const make = (): Reranker => cohereReranker(options as { apiKey: string });
    expect(make).toThrow(expect.objectContaining({ code: "CONFIG", option: `cohereReranker.${option}` }) as Error);
    expect(make).not.toThrow("secret");
  });
});

async function open(name: HttpDialectName): Promise<RerankFake> {
  const fake = await startRerankFake(name);
  onTestFinished(() => fake.close());
  return fake;
}
