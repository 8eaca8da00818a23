import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Document } from "@langchain/core/documents";
import type { BaseRetriever } from "@langchain/core/retrievers";
import { RunnableLambda, type RunnableConfig } from "@langchain/core/runnables";
import { FakeVectorStore } from "@langchain/core/utils/testing";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import { diskTier } from "../../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { systemClock } from "../../../src/core/clock.ts";
import type { StrataEvent } from "../../../src/core/events.ts";
import {
  AdaptiveMemoryRetriever,
  type AdaptiveMemoryRetrieverOptions,
  type MemoryMetadata,
  type Strategy,
} from "../../../src/index.ts";
import { CachedRetriever, type CachedRetrieverOptions } from "../../../src/rag/cached-retriever.ts";
import { DocumentStore } from "../../../src/rag/document-store.ts";
import type { DocumentStoreOptions } from "../../../src/rag/document-places.ts";
import { RerankCompressor } from "../../../src/rerank/rerank-compressor.ts";
import { scoredRetriever } from "../../../src/rerank/scored-retriever.ts";
import { Knowledge } from "../../../src/system/documents/knowledge.ts";
import { fakeReranker } from "../../support/fake-reranker.ts";
import { CountingEmbeddings } from "../../support/counting-embeddings.ts";
import { TurnSourceFake } from "../../support/turn-source-fake.ts";

/** One for all retrievers of a test, as an application has it. */
let cache: TieredCache;

beforeEach(() => {
  cache = new TieredCache({ tiers: [memoryTier()] });
});

afterEach(() => cache.close());

type Asked = Omit<CachedRetrieverOptions, "cache">;
const over = (retriever: CachedRetrieverOptions["retriever"], options: Omit<Asked, "retriever"> = {}): CachedRetriever =>
  new CachedRetriever({ ...options, cache, retriever });
const textsOf = (documents: readonly Document[]): string[] => documents.map(({ pageContent }) => pageContent);
const ask = async (retriever: BaseRetriever, query: string, config?: RunnableConfig): Promise<string[]> =>
  textsOf((await retriever.invoke(query, config)) as Document[]);

async function storeOf(
  texts: Readonly<Record<string, readonly string[]>>,
  options: DocumentStoreOptions = {},
): Promise<DocumentStore> {
  const store = new DocumentStore(options);
  onTestFinished(() => store.close());
  for (const [tenant, list] of Object.entries(texts)) {
    const documents = list.map((text, at) => ({ id: `d${at}`, chunks: [{ text }], metadata: { at } }));
    await store.put(documents, tenant === "global" ? {} : { scope: { tenant } });
  }
  return store;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "strata-identity-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A collection of LangChain, which finds all it has. */
function collection(...texts: string[]): FakeVectorStore {
  const store = new FakeVectorStore(new CountingEmbeddings());
  store.similaritySearchWithScore = async (_query, k = 4) =>
    texts.slice(0, k).map((text) => [new Document({ pageContent: text }), 1]);
  store.similaritySearch = async (_query, k = 4) => texts.slice(0, k).map((pageContent) => new Document({ pageContent }));
  return store;
}

describe("memories", () => {
  function pins(): TurnSourceFake {
    const store = new TurnSourceFake();
    for (const owner of ["ana", "bob"]) {
      store.say(owner, "s1", `my PIN is of ${owner} in s1`);
      store.say(owner, "s2", `my PIN is of ${owner} in s2`);
    }
    return store;
  }

  const common = { exploration: 0, strategy: "cross_conversation" as Strategy };

  function memory(options: AdaptiveMemoryRetrieverOptions): AdaptiveMemoryRetriever {
    const made = new AdaptiveMemoryRetriever({ ...common, ...options });
    onTestFinished(() => made.close());
    return made;
  }

  test("of two owners, fixed in their retrievers, are two results", async () => {
    const store = pins();
    const [ana, bob] = ["ana", "bob"].map((ownerId) => over(memory({ store, ownerId }))) as [CachedRetriever, CachedRetriever];
    const hers = await ask(ana, "my PIN");
    expect(hers.length).toBeGreaterThan(0);
    expect(hers.filter((text) => !text.includes("of ana"))).toEqual([]);
    const his = await ask(bob, "my PIN");
    expect(his.length).toBeGreaterThan(0);
    expect(his.filter((text) => !text.includes("of bob"))).toEqual([]);
    expect(await ask(ana, "my PIN")).toEqual(hers);
    expect([ana.stats().hits, bob.stats().hits]).toEqual([1, 0]);
  });

  test("are two results where everything is shared by a scope and by a name, too", async () => {
    const store = pins();
    const shared = { scope: "global", name: "memory", indexVersion: "1" } as const;
    await ask(over(memory({ store, ownerId: "ana" }), shared), "my PIN");
    const his = await ask(over(memory({ store, ownerId: "bob" }), shared), "my PIN");
    expect(his.filter((text) => !text.includes("of bob"))).toEqual([]);
    const any = over(memory({ store }), shared);
    const config = (user_id: string): RunnableConfig => ({ configurable: { user_id } });
    expect((await ask(any, "my PIN", config("ana"))).join()).not.toContain("of bob");
    expect((await ask(any, "my PIN", config("bob"))).join()).not.toContain("of ana");
    await expect(any.invoke("my PIN")).rejects.toThrow("ownerId");
  });

  test.each<[string, Partial<AdaptiveMemoryRetrieverOptions>, Partial<AdaptiveMemoryRetrieverOptions>]>([
    ["sessionId", { sessionId: "s1" }, { sessionId: "s2" }],
    ["k", { k: 1 }, { k: 10 }],
    ["strategy", { strategy: "hybrid" }, {}],
    ["lookback", { lookback: "1h" }, { lookback: "2h" }],
    ["tokenBudget", { tokenBudget: 5 }, {}],
    ["timeZone", { timeZone: "America/Sao_Paulo" }, {}],
    ["rerank", { rerank: new RerankCompressor({ reranker: fakeReranker() }) }, {}],
    ["strategies", { strategies: { cross_conversation: { find: async () => [] } as never } }, {}],
    ["store", { store: pins() }, {}],
  ])("of two settings of %s are two results, and of equal settings one", async (_name, one, other) => {
    const store = pins();
    const first = over(memory({ store, ownerId: "ana", ...one }));
    const second = over(memory({ store, ownerId: "ana", ...other }));
    const third = over(memory({ store, ownerId: "ana", ...one }));
    for (const each of [first, second, third]) await each.invoke("my PIN");
    expect([first, second, third].map((each) => each.stats().hits)).toEqual([0, 0, 1]);
  });

  test("of a class that somebody derived belong to the object", async () => {
    class Mine extends AdaptiveMemoryRetriever {
      readonly mark: string;
      constructor(mark: string, options: AdaptiveMemoryRetrieverOptions) {
        super(options);
        this.mark = mark;
      }
      override async invoke(): Promise<Document<MemoryMetadata>[]> {
        return [new Document({ pageContent: this.mark, metadata: {} as MemoryMetadata })];
      }
    }
    const store = pins();
    const [one, two] = ["one", "two"].map((mark) => new Mine(mark, { ...common, store, ownerId: "ana" })) as [Mine, Mine];
    onTestFinished(async () => {
      await Promise.all([one.close(), two.close()]);
    });
    expect(await ask(over(one), "q")).toEqual(["one"]);
    expect(await ask(over(two), "q")).toEqual(["two"]);
  });
});

describe("documents", () => {
  test.each([
    ["without a version", () => ({})],
    [
      "with the version of each scope",
      (docs: DocumentStore, tenant: string) => ({ indexVersion: () => docs.version({ scope: { tenant } }) }),
    ],
    ["with a name", () => ({ name: "handbook" })],
    ["with filters", () => ({ filters: { lang: "pt" } })],
    ["with a shared scope", () => ({ scope: "global" as const })],
  ])("of two scopes are two results, %s", async (_how, options) => {
    const docs = await storeOf({ acme: ["secret of acme"], globex: ["secret of globex"] });
    for (const round of [1, 2]) {
      for (const tenant of ["acme", "globex"]) {
        const retriever = over(docs.asRetriever({ k: 5, scope: { tenant } }), options(docs, tenant));
        expect([round, await ask(retriever, "secret")]).toEqual([round, [`secret of ${tenant}`]]);
        expect(retriever.stats().hits).toBe(round - 1);
      }
    }
  });

  test("of a scope that the call's configuration gives are its own, though the results are said to be everybody's", async () => {
    const scope = ({ config }: { config?: RunnableConfig | undefined }): { tenant: string } | undefined =>
      config?.configurable?.["tenant"] === undefined ? undefined : { tenant: String(config.configurable["tenant"]) };
    const docs = await storeOf({ acme: ["secret of acme"], globex: ["secret of globex"] }, { scope });
    const retriever = over(docs.asRetriever(), { scope: "global" });
    for (const tenant of ["acme", "globex"]) {
      expect(await ask(retriever, "secret", { configurable: { tenant } })).toEqual([`secret of ${tenant}`]);
    }
    await expect(retriever.invoke("secret")).rejects.toThrow("scope");
    const inside = RunnableLambda.from(() => retriever._getRelevantDocuments("secret"));
    for (const tenant of ["acme", "globex"]) {
      expect(textsOf(await inside.invoke("", { configurable: { tenant } }))).toEqual([`secret of ${tenant}`]);
    }
  });

  test("of another k, filter or threshold are another result; of the same, by another retriever, the same", async () => {
    const docs = await storeOf({ global: ["secret one", "secret two", "secret three"] });
    const searches = [{ k: 1 }, { k: 5 }, { filter: { at: 1 } }, { filter: { at: 2 } }, { threshold: 0.5 }];
    const expected = [1, 3, 1, 1, 0];
    for (const round of [1, 2]) {
      for (const [index, search] of searches.entries()) {
        const retriever = over(docs.asRetriever(search));
        expect(await ask(retriever, "secret")).toHaveLength(expected[index] ?? -1);
        expect(retriever.stats().hits).toBe(round - 1);
      }
    }
  });

  test("of two stores are two results, though both are at the same version", async () => {
    const stores = [await storeOf({ global: ["secret one"] }), await storeOf({ global: ["secret two"] })] as const;
    expect(await stores[0].version()).toBe(await stores[1].version());
    for (const [index, store] of stores.entries()) {
      const retriever = over(store.asRetriever(), { indexVersion: () => store.version() });
      expect(await ask(retriever, "secret")).toEqual([`secret ${index === 0 ? "one" : "two"}`]);
    }
  });

  test("in a folder are found again after a restart, and those of another folder are not", async () => {
    const [path, elsewhere, tier] = [folder(), folder(), folder()];
    const run = async (at: string, text: string): Promise<{ found: string[]; hits: number }> => {
      const own = new TieredCache({ tiers: [diskTier({ path: tier })] });
      const store = new DocumentStore({ path: at });
      if ((await store.list()).length === 0) await store.put([{ id: "a", chunks: [{ text }] }]);
      const retriever = new CachedRetriever({ cache: own, retriever: store.asRetriever(), indexVersion: () => store.version() });
      const found = await ask(retriever, "secret");
      await own.close();
      await store.close();
      return { found, hits: retriever.stats().hits };
    };
    expect(await run(path, "secret one")).toEqual({ found: ["secret one"], hits: 0 });
    expect(await run(path, "secret one")).toEqual({ found: ["secret one"], hits: 1 });
    expect(await run(elsewhere, "secret two")).toEqual({ found: ["secret two"], hits: 0 });
  });

  test("of two systems over one cache are two results", async () => {
    for (const text of ["secret one", "secret two"]) {
      const store = await storeOf({ global: [text] });
      const rerank = new RerankCompressor({ reranker: fakeReranker() });
      const knowledge = new Knowledge({
        ...{ store, cache, rerank, reranksByDefault: false, config: {}, observer: undefined, clock: systemClock },
      });
      for (let round = 0; round < 2; round++) {
        expect((await knowledge.search("secret")).map(({ pageContent }) => pageContent)).toEqual([text]);
      }
    }
  });
});

describe("vector stores of LangChain", () => {
  test("give two results where there are two collections, whatever else is said of them", async () => {
    const said: Omit<Asked, "retriever">[] = [{}, { indexVersion: "1" }, { filters: { lang: "pt" } }, { scope: "global" }];
    for (const options of said) {
      for (const text of ["one", "two"]) {
        expect(await ask(over(collection(text).asRetriever(), options), "q")).toEqual([text]);
        expect(await ask(over(scoredRetriever(collection(text)), options), "q")).toEqual([text]);
      }
    }
  });

  test("share results through the same retriever object", async () => {
    const retriever = collection("one").asRetriever();
    await over(retriever).invoke("q");
    const again = over(retriever);
    await again.invoke("q");
    expect(again.stats().hits).toBe(1);
  });

  test("with a name are found again after a restart; another name, or k, is another result", async () => {
    const path = folder();
    const run = async (text: string, name: string, make = (store: FakeVectorStore): BaseRetriever => store.asRetriever(2)) => {
      const own = new TieredCache({ tiers: [diskTier({ path })] });
      const retriever = new CachedRetriever({ cache: own, name, retriever: make(collection(text, `${text} more`)) });
      const found = await ask(retriever, "q");
      await own.close();
      return { found, hits: retriever.stats().hits };
    };
    expect(await run("one", "handbook")).toEqual({ found: ["one", "one more"], hits: 0 });
    expect(await run("one", "handbook")).toEqual({ found: ["one", "one more"], hits: 1 });
    expect(await run("two", "prices")).toEqual({ found: ["two", "two more"], hits: 0 });
    expect(await run("one", "handbook", (store) => store.asRetriever(1))).toEqual({ found: ["one"], hits: 0 });
    const scored = (k: number) => (store: FakeVectorStore) => scoredRetriever(store, { k });
    expect(await run("one", "handbook", scored(1))).toEqual({ found: ["one"], hits: 0 });
    expect(await run("one", "handbook", scored(2))).toEqual({ found: ["one", "one more"], hits: 0 });
    expect(await run("one", "handbook", scored(2))).toEqual({ found: ["one", "one more"], hits: 1 });
  });

  test("with filters in words of the user's are still told apart by what they show", async () => {
    const told = (k: number): CachedRetriever =>
      over(collection("one", "two").asRetriever({ k, filter: (() => true) as never }), { name: "n", filters: { only: "pt" } });
    expect(await ask(told(1), "q")).toEqual(["one"]);
    expect(await ask(told(2), "q")).toEqual(["one", "two"]);
  });
});

test("a name that says nothing is refused", () => {
  for (const name of ["", 3]) {
    expect(() => over(collection("one").asRetriever(), { name: name as string })).toThrow("CachedRetriever.name");
  }
});

test("nobody's name is in what a tier is given, but for the documents", async () => {
  const events: StrataEvent[] = [];
  const tier = memoryTier();
  const set = vi.spyOn(tier, "set");
  const own = new TieredCache({ tiers: [tier], observer: (event) => events.push(event) });
  const store = new TurnSourceFake();
  store.say("ana@example.org", "private-session", "hello there");
  const memory = new AdaptiveMemoryRetriever({ store, ownerId: "ana@example.org", sessionId: "private-session" });
  const observer = (event: StrataEvent): number => events.push(event);
  const retriever = new CachedRetriever({ cache: own, retriever: memory, name: "memory-of-ana", observer });
  await retriever.invoke("hello");
  await retriever.invoke("hello");
  expect(retriever.stats()).toEqual({ hits: 1, misses: 1, bypassed: 0 });
  await Promise.all([own.close(), memory.close()]);
  const given = set.mock.calls.flatMap(([entries]) => entries.map(({ key, scope, tags }) => ({ key, scope, tags })));
  expect(given).toHaveLength(1);
  expect(JSON.stringify([given, events])).not.toMatch(/ana@example|private-session|memory-of-ana/);
});
