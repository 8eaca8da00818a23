import { Document } from "@langchain/core/documents";
import { BaseRetriever } from "@langchain/core/retrievers";
import type { RunnableConfig } from "@langchain/core/runnables";
import { afterEach, describe, expect, test } from "vitest";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { manualClock } from "../../../src/core/clock.ts";
import type { StrataEvent } from "../../../src/core/events.ts";
import { CachedRetriever, type CachedRetrieverOptions } from "../../../src/rag/cached-retriever.ts";
import { DocumentStore } from "../../../src/rag/document-store.ts";

const opened: TieredCache[] = [];

afterEach(async () => {
  for (const cache of opened.splice(0)) await cache.close();
});

function newCache(options: ConstructorParameters<typeof TieredCache>[0] = {}): TieredCache {
  const cache = new TieredCache({ tiers: [memoryTier()], ...options });
  opened.push(cache);
  return cache;
}

/** Says what it was asked, and by whom. */
class Finder extends BaseRetriever {
  override lc_namespace = ["test"];
  asked: string[] = [];
  k = 4;
  filter: unknown;
  answer: (query: string, user: string) => Promise<Document[]> = async (query, user) => [
    new Document({ pageContent: `${query} for ${user}`, metadata: { nested: { list: [1, null, "é"] } }, id: "d1" }),
  ];

  override async invoke(query: string, config?: Partial<RunnableConfig>): Promise<Document[]> {
    this.asked.push(query);
    return this.answer(query, String(config?.configurable?.["user_id"] ?? "nobody"));
  }
}

function make(options: Partial<CachedRetrieverOptions> = {}): { finder: Finder; retriever: CachedRetriever; cache: TieredCache } {
  const finder = new Finder();
  const cache = options.cache ?? newCache();
  return { finder, cache, retriever: new CachedRetriever({ retriever: finder, cache, ...options }) };
}

const texts = (documents: readonly Document[]): string[] => documents.map(({ pageContent }) => pageContent);
const as = (user: string): RunnableConfig => ({ configurable: { user_id: user } });

describe("the same question", () => {
  test("is answered from the cache, with equal documents that are the caller's own", async () => {
    const { finder, retriever } = make();
    const [first] = await retriever.invoke("q");
    if (first !== undefined) first.metadata["nested"] = "spoilt";
    const [second] = await retriever.invoke("q");
    expect(second).toBeInstanceOf(Document);
    expect(second).toEqual(
      new Document({ pageContent: "q for nobody", metadata: { nested: { list: [1, null, "é"] } }, id: "d1" }),
    );
    if (second !== undefined) second.pageContent = "spoilt";
    expect(texts(await retriever.invoke("q"))).toEqual(["q for nobody"]);
    expect(finder.asked).toEqual(["q"]);
    expect(retriever.stats()).toEqual({ hits: 2, misses: 1, bypassed: 0 });
  });

  test("that overlaps itself is asked once, and nobody shares a document", async () => {
    const { finder, retriever } = make();
    const all = await Promise.all([retriever.invoke("q"), retriever.invoke("q"), retriever.invoke("q")]);
    expect(finder.asked).toEqual(["q"]);
    expect(new Set(all.flat()).size).toBe(3);
    expect(new Set(all.flat().map(({ metadata }) => metadata)).size).toBe(3);
  });

  test("is asked again after another version of the index, another filter, or its time", async () => {
    const clock = manualClock();
    let version = "1";
    const { finder, retriever } = make({ cache: newCache({ clock }), indexVersion: () => version, ttl: "1m" });
    await retriever.invoke("q");
    version = "2";
    await retriever.invoke("q");
    finder.filter = { lang: "pt" };
    await retriever.invoke("q");
    finder.k = 9;
    await retriever.invoke("q");
    await retriever.invoke("q");
    expect(finder.asked).toHaveLength(4);
    await clock.advance(61_000);
    await retriever.invoke("q");
    expect(finder.asked).toHaveLength(5);
  });

  test("is not kept for ever where nothing tells of changes of the index", async () => {
    const clock = manualClock();
    const { finder, retriever } = make({ cache: newCache({ clock }) });
    await retriever.invoke("q");
    await clock.advance(11 * 60_000);
    await retriever.invoke("q");
    expect(finder.asked).toHaveLength(2);
  });

  test("can pass the cache by, refresh it, and be removed by tag", async () => {
    const { finder, retriever, cache } = make({ cacheTags: ["handbook"] });
    const asking = (strata: object): RunnableConfig => ({ configurable: { strata } });
    await retriever.invoke("q", asking({ bypass: true }));
    await retriever.invoke("q", asking({ refresh: true }));
    await retriever.invoke("q");
    expect(finder.asked).toHaveLength(2);
    await cache.invalidate("handbook");
    await retriever.invoke("q");
    expect(finder.asked).toHaveLength(3);
  });

  test("over a document store is asked again after a change", async () => {
    const store = new DocumentStore();
    await store.put([{ id: "a", chunks: [{ text: "zebra" }] }]);
    const retriever = new CachedRetriever({
      retriever: store.asRetriever(),
      cache: newCache(),
      indexVersion: () => store.version(),
    });
    await retriever.invoke("zebra lion");
    await store.put([{ id: "b", chunks: [{ text: "lion" }] }]);
    expect(await retriever.invoke("zebra lion")).toHaveLength(2);
    expect(await retriever.invoke("zebra lion")).toHaveLength(2);
    expect(retriever.stats()).toMatchObject({ hits: 1, misses: 2 });
    await store.close();
  });
});

describe("scopes", () => {
  test("what one user's configuration found, another's does not get", async () => {
    const { retriever, finder } = make();
    expect(texts(await retriever.invoke("q", as("ana")))).toEqual(["q for ana"]);
    expect(texts(await retriever.invoke("q", as("rui")))).toEqual(["q for rui"]);
    expect(texts(await retriever.invoke("q", as("ana")))).toEqual(["q for ana"]);
    expect(finder.asked).toHaveLength(2);
  });

  test("overlapping questions of two users are two questions", async () => {
    const { retriever } = make();
    const [ana, rui] = await Promise.all([retriever.invoke("q", as("ana")), retriever.invoke("q", as("rui"))]);
    expect([texts(ana), texts(rui)]).toEqual([["q for ana"], ["q for rui"]]);
  });

  test("a scope of its own decides alone; where it gives none, nothing is kept", async () => {
    const shared = make({ scope: "global" });
    await shared.retriever.invoke("q", as("ana"));
    await shared.retriever.invoke("q", as("rui"));
    expect(shared.finder.asked).toHaveLength(1);
    const own = make({ scope: ({ config }) => (config?.configurable?.["user_id"] === "ana" ? { user: "ana" } : undefined) });
    for (const user of ["ana", "ana", "rui", "rui"]) await own.retriever.invoke("q", as(user));
    expect(own.finder.asked).toHaveLength(3);
    expect(own.retriever.stats()).toEqual({ hits: 1, misses: 3, bypassed: 2 });
  });

  test("the cache's own scope holds, and is forgotten with", async () => {
    const cache = newCache({
      scope: ({ config }) =>
        config?.configurable?.["user_id"] === undefined ? undefined : { user: String(config.configurable["user_id"]) },
    });
    const { retriever, finder } = make({ cache });
    await retriever.invoke("q", as("ana"));
    await retriever.invoke("q", as("ana"));
    expect(finder.asked).toHaveLength(1);
    await cache.forget({ user: "ana" });
    await retriever.invoke("q", as("ana"));
    expect(finder.asked).toHaveLength(2);
    await retriever.invoke("q");
    await retriever.invoke("q");
    expect(finder.asked).toHaveLength(4);
  });
});

describe("what goes wrong", () => {
  test("a result that is no data is given and not kept, and an event tells", async () => {
    const events: StrataEvent[] = [];
    const { retriever, finder } = make({ observer: (event) => events.push(event) });
    const when = new Date(0);
    finder.answer = async () => [new Document({ pageContent: "x", metadata: { when } })];
    expect((await retriever.invoke("q"))[0]?.metadata["when"]).toBe(when);
    await retriever.invoke("q");
    expect(finder.asked).toHaveLength(2);
    expect(events[0]).toEqual({ type: "rag.fault", part: "cache", code: "UNSTORABLE" });
  });

  test("a filter that is a function is not guessed at", async () => {
    const { retriever, finder } = make();
    finder.filter = () => true;
    await retriever.invoke("q");
    await retriever.invoke("q");
    expect(finder.asked).toHaveLength(2);
    const told = new CachedRetriever({ retriever: finder, cache: newCache(), filters: { only: "pt" } });
    await told.invoke("q");
    await told.invoke("q");
    expect(finder.asked).toHaveLength(3);
  });

  test("a closed cache, and an index that cannot tell its version, send every question to the retriever", async () => {
    const { retriever, finder, cache } = make();
    await cache.close();
    expect(await retriever.invoke("q")).toHaveLength(1);
    const blind = new CachedRetriever({
      retriever: finder,
      cache: newCache(),
      indexVersion: () => {
        throw new Error("no database");
      },
    });
    expect(await blind.invoke("q")).toHaveLength(1);
    expect(await blind.invoke("q")).toHaveLength(1);
    expect(finder.asked).toHaveLength(3);
  });

  test("a failure of the retriever is everybody's who waits, and nobody's afterwards", async () => {
    const { retriever, finder } = make();
    const { answer } = finder;
    finder.answer = () => Promise.reject(new Error("index down"));
    const outcomes = await Promise.allSettled([retriever.invoke("q"), retriever.invoke("q")]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    finder.answer = answer;
    expect(await retriever.invoke("q")).toHaveLength(1);
  });
});

test("warms questions ahead of time, and passes failures by", async () => {
  const { retriever, finder } = make();
  const { answer } = finder;
  finder.answer = (query, user) => (query === "bad" ? Promise.reject(new Error("no")) : answer(query, user));
  expect(await retriever.warm(["a", "bad", "b"])).toBe(2);
  await retriever.invoke("a");
  expect(finder.asked.toSorted()).toEqual(["a", "b", "bad"]);
});

test.each([
  [{ retriever: {} }, "CachedRetriever.retriever"],
  [{ cache: {} }, "cache"],
  [{ ttl: "soon" }, "CachedRetriever.ttl"],
  [{ indexVersion: 3 }, "CachedRetriever.indexVersion"],
  [{ filters: new Date() }, "CachedRetriever.filters"],
  [{ tll: "1h" }, "CachedRetriever.tll"],
])("a wrong option is named: %#", (options, name) => {
  const right = { retriever: new Finder(), cache: newCache() };
  expect(() => new CachedRetriever({ ...right, ...options } as CachedRetrieverOptions)).toThrow(name);
});
