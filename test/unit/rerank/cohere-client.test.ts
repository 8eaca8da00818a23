import { createRequire } from "node:module";
import { inspect } from "node:util";
import { CohereRerank } from "@langchain/cohere";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { cohereClientReranker, type CohereRerankClient } from "../../../src/rerank/rerankers/cohere-client.ts";
import { RerankCompressor } from "../../../src/rerank/rerank-compressor.ts";
import type { RerankUsage } from "../../../src/rerank/reranker.ts";
import { describeReranker } from "../../../src/testing/describe-reranker.ts";
import { FAKE_KEY, startRerankFake, type RerankFake } from "../../support/rerank-fakes.ts";

/** The client of Cohere that `@langchain/cohere` brings along. */
const { CohereClient } = createRequire(import.meta.resolve("@langchain/cohere"))("cohere-ai") as {
  CohereClient: new (options: { token: string; environment: string }) => CohereRerankClient;
};

function client(fake: RerankFake, token = FAKE_KEY): CohereRerankClient {
  return new CohereClient({ token, environment: fake.url });
}

async function open(): Promise<RerankFake> {
  const fake = await startRerankFake("cohere");
  onTestFinished(() => fake.close());
  return fake;
}

const documents = (texts: readonly string[]): { pageContent: string; metadata: object }[] =>
  texts.map((pageContent) => ({ pageContent, metadata: {} }));

let shared: RerankFake;
beforeAll(async () => {
  shared = await startRerankFake("cohere");
});
afterAll(() => shared.close());
describeReranker("cohere through the client of LangChain", () =>
  cohereClientReranker(new CohereRerank({ client: client(shared), model: "rerank-v3.5" })),
);

describe("a client", () => {
  test("is asked with the model of the CohereRerank, for every text, and its documents stay as they are", async () => {
    const fake = await open();
    const cohere = new CohereRerank({ client: client(fake), model: "rerank-v4.0-fast", topN: 1 });
    const reranker = cohereClientReranker(cohere, { maxTokensPerDoc: 512 });
    const given = documents(["a password", "a cat", ""]);
    const kept = await new RerankCompressor({ reranker }).compressDocuments(given, "password");
    expect(fake.requests).toMatchObject([
      {
        path: "/v2/rerank",
        headers: { authorization: `Bearer ${FAKE_KEY}` },
        body: {
          ...{ model: "rerank-v4.0-fast", query: "password", documents: ["a password", "a cat"], top_n: 2 },
          max_tokens_per_doc: 512,
        },
      },
    ]);
    expect(kept).toHaveLength(3);
    expect(given).toEqual(documents(["a password", "a cat", ""]));
  });

  test("counts what the provider counts", async () => {
    const counted: RerankUsage[] = [];
    const reranker = cohereClientReranker(client(await open()), { model: "m", pricePerSearch: 0.002 });
    await reranker.rerank("q", ["a"], { onUsage: (usage) => counted.push(usage) });
    expect(counted).toEqual([{ searches: 1, cost: 0.002 }]);
  });

  test("does not try again by itself, and tells how long the provider asked to wait", async () => {
    const fake = await open();
    const reranker = cohereClientReranker(client(fake), { model: "m" });
    fake.next.push({ status: 429, headers: { "retry-after": "7" }, body: { message: "You are past the per minute limit." } });
    fake.next.push({ status: 429, body: { message: "You are past the per minute limit." } });
    fake.next.push({ status: 500, body: { message: "internal server error" } });
    await expect(reranker.rerank("q", ["a"])).rejects.toMatchObject({
      ...{ code: "UNAVAILABLE", status: 429, retryAfterMs: 7_000 },
      message: "The reranker cohere answered with 429: You are past the per minute limit.",
    });
    await expect(reranker.rerank("q", ["a"])).rejects.toMatchObject({ status: 429, retryAfterMs: undefined });
    await expect(reranker.rerank("q", ["a"])).rejects.toMatchObject({ status: 500 });
    expect(fake.requests).toHaveLength(3);
  });

  test.each([
    ["no list of results", { id: "x" }],
    ["scores for 1 of 2 texts", { results: [{ index: 0, relevance_score: 0.5 }] }],
    ["an index that was not asked for", { results: [{ index: 7, relevance_score: 0.5 }] }],
    ["a score that is no number", { results: [{ index: 0, relevance_score: "NaN" }] }],
  ])("that answers with %s reorders nothing", async (what, body) => {
    const fake = await open();
    fake.next.push({ status: 200, body });
    const call = cohereClientReranker(client(fake), { model: "m" }).rerank("q", ["a", "b"]);
    await expect(call).rejects.toMatchObject({ code: "BAD_ANSWER", message: expect.stringContaining(what) as string });
  });

  test("never shows its key, also where the provider repeats it, and a server that is away is told as such", async () => {
    const fake = await open();
    const key = "Zk3nRb7QwX9pLm2VtY5cHd8JfGs1AeUo4iNzKx6B";
    fake.next.push({ status: 401, body: { message: `invalid api token ${key}` } });
    const reranker = cohereClientReranker(client(fake, key), { model: "m" });
    const error: unknown = await reranker.rerank("q", ["a"]).catch((thrown: unknown) => thrown);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(key);
    expect(error).toMatchObject({ status: 401, message: "The reranker cohere answered with 401: invalid api token ***" });
    expect(inspect(reranker, { depth: 9 }) + JSON.stringify(reranker)).not.toContain(key);
    await fake.close();
    await expect(reranker.rerank("q", ["a"])).rejects.toThrow("The reranker cohere cannot be reached.");
  });
});

test.each<[string, unknown, object]>([
  ["cohere", undefined, {}],
  ["cohere", { client: { token: FAKE_KEY } }, { model: "m" }],
  ["model", { v2: { rerank: () => undefined } }, {}],
  ["batchSize", { v2: { rerank: () => undefined } }, { model: "m", batchSize: 0 }],
  ["maxTokensPerDoc", { v2: { rerank: () => undefined } }, { model: "m", maxTokensPerDoc: 0.5 }],
  ["pricePerSearch", { v2: { rerank: () => undefined } }, { model: "m", pricePerSearch: -1 }],
  ["topN", { v2: { rerank: () => undefined } }, { model: "m", topN: 3 }],
])("%s is refused by name: %o, %o", (option, cohere, options) => {
  const make = (): unknown => cohereClientReranker(cohere as CohereRerankClient, options);
  expect(make).toThrow(expect.objectContaining({ code: "CONFIG", option: expect.stringContaining(option) as string }) as Error);
  expect(make).not.toThrow(FAKE_KEY);
});
