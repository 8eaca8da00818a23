import { Embeddings } from "@langchain/core/embeddings";
import { MemoryVectorStore } from "@langchain/classic/vectorstores/memory";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { manualClock } from "../../../src/core/clock.ts";
import type { StrataEvent } from "../../../src/core/events.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { CachedEmbeddings } from "../../../src/embeddings/cached-embeddings.ts";
import type { CachedEmbeddingsOptions } from "../../../src/embeddings/cached-embeddings-options.ts";
import { CountingEmbeddings, vectorOf } from "../../support/counting-embeddings.ts";

const HOUR = 3_600_000;

function bed(options: Partial<CachedEmbeddingsOptions> = {}): { provider: CountingEmbeddings; cached: CachedEmbeddings } {
  const provider = new CountingEmbeddings();
  return { provider, cached: new CachedEmbeddings({ embeddings: provider, model: "test", tiers: [memoryTier()], ...options }) };
}

/** A provider that waits until it is let go. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

describe("a batch", () => {
  test("asks the provider once, for each distinct text that is missing", async () => {
    const { provider, cached } = bed();
    await cached.embedDocuments(["b"]);
    const vectors = await cached.embedDocuments(["a", "b", "a", "c"]);
    expect(provider.calls.map(({ texts }) => texts)).toEqual([["b"], ["a", "c"]]);
    expect(vectors).toEqual(["a", "b", "a", "c"].map((text) => vectorOf(`document:${text}`, 16)));
  });

  test("of 10,000 texts of which half are repeats sends each distinct one once", async () => {
    const { provider, cached } = bed();
    const texts = Array.from({ length: 10_000 }, (_, index) => `text ${index % 5_000}`);
    await Promise.all([0, 1, 2, 3].map((part) => cached.embedDocuments(texts.filter((_, index) => index % 4 === part))));
    await cached.embedDocuments(texts);
    expect(provider.sent).toBe(5_000);
    expect(cached.stats()).toMatchObject({ texts: 20_000, textsSaved: 15_000 });
  });

  test("that is empty asks nothing", async () => {
    const { provider, cached } = bed();
    expect(await cached.embedDocuments([])).toEqual([]);
    expect(provider.calls).toEqual([]);
  });

  test("any sequence of calls gives what the provider gives", async () => {
    const batch = fc.array(fc.string({ maxLength: 3, unit: "binary" }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), batch), { maxLength: 8 }), async (calls) => {
        const { provider, cached } = bed();
        const plain = new CountingEmbeddings();
        await Promise.all(
          calls.map(async ([isQuery, texts]) => {
            if (isQuery && texts[0] !== undefined) {
              expect(await cached.embedQuery(texts[0])).toEqual(await plain.embedQuery(texts[0]));
            } else expect(await cached.embedDocuments(texts)).toEqual(await plain.embedDocuments(texts));
          }),
        );
        const asked = provider.calls.flatMap(({ kind, texts }) => texts.map((text) => `${kind}:${text}`));
        expect(new Set(asked).size).toBe(asked.length);
      }),
      { numRuns: 50 },
    );
  });
});

describe("what is kept", () => {
  test("is a fresh array for each caller, with the numbers of a miss", async () => {
    const { cached } = bed();
    const first = await cached.embedQuery("a");
    const copy = [...first];
    first.fill(7);
    expect(await cached.embedQuery("a")).toEqual(copy);
  });

  test("keeps queries and documents apart", async () => {
    const { provider, cached } = bed();
    expect(await cached.embedQuery("a")).not.toEqual((await cached.embedDocuments(["a"]))[0]);
    expect(provider.calls.map(({ kind }) => kind)).toEqual(["query", "document"]);
  });

  test.each([
    ["model", { model: "other" }],
    ["scope", { scope: { user: "u" } }],
    ["dimensions", { dimensions: 16 }],
  ])("is not found under another %s", async (_name, other) => {
    const tier = memoryTier();
    const provider = new CountingEmbeddings();
    await new CachedEmbeddings({ embeddings: provider, model: "test", tiers: [tier] }).embedQuery("a");
    await new CachedEmbeddings({ embeddings: provider, model: "test", tiers: [tier], ...other }).embedQuery("a");
    await new CachedEmbeddings({ embeddings: provider, model: "test", tiers: [tier] }).embedQuery("a");
    expect(provider.calls.length).toBe(2);
  });

  test("lives for the ttl after its last use, and is written anew only when a part of it has passed", async () => {
    const clock = manualClock();
    const { provider, cached } = bed({ ttl: "8h", clock, tiers: [memoryTier()] });
    await cached.embedQuery("used");
    await cached.embedQuery("unused");
    for (let hour = 0; hour < 20; hour++) {
      await clock.advance(HOUR);
      await cached.embedQuery("used");
    }
    expect(provider.calls.map(({ texts }) => texts[0])).toEqual(["used", "unused"]);
    await cached.embedQuery("unused");
    await clock.advance(8 * HOUR);
    await cached.embedQuery("used");
    expect(provider.calls.map(({ texts }) => texts[0])).toEqual(["used", "unused", "unused", "used"]);
  });

  test("a hit within the first eighth of the ttl writes nothing", async () => {
    const clock = manualClock();
    const tier = memoryTier();
    let writes = 0;
    const counted = Object.create(tier, {
      set: { value: (entries: never) => (writes++, tier.set(entries)) },
    }) as typeof tier;
    const { cached } = bed({ ttl: "8h", clock, tiers: [counted] });
    await cached.embedQuery("a");
    await cached.flush();
    for (let call = 0; call < 5; call++) await cached.embedQuery("a");
    await cached.flush();
    expect(writes).toBe(1);
    await clock.advance(HOUR);
    for (let call = 0; call < 5; call++) await cached.embedQuery("a");
    await cached.flush();
    expect(writes).toBe(2);
  });

  test("goes with clear()", async () => {
    const { provider, cached } = bed();
    await cached.embedDocuments(["a", "b"]);
    await cached.flush();
    expect(await cached.clear()).toBe(2);
    await cached.embedDocuments(["a"]);
    expect(provider.calls.length).toBe(2);
  });
});

describe("an answer that cannot be right", () => {
  test.each<[string, unknown]>([
    ["too few vectors", [[1, 2]]],
    ["too many vectors", [[1], [2], [3]]],
    ["no list", "oops"],
    [
      "NaN",
      [
        [1, Number.NaN],
        [1, 2],
      ],
    ],
    [
      "a number beyond float32",
      [
        [1e300, 1],
        [1, 2],
      ],
    ],
    [
      "zeros",
      [
        [0, 0],
        [1, 2],
      ],
    ],
    ["an empty vector", [[], [1, 2]]],
    [
      "a text in a vector",
      [
        ["1", 2],
        [1, 2],
      ],
    ],
    [
      "dimensions that differ",
      [
        [1, 2, 3],
        [1, 2],
      ],
    ],
  ])("is refused and not kept: %s", async (_name, answer) => {
    const { provider, cached } = bed({ retries: 0 });
    provider.embedDocuments = () => Promise.resolve(answer as number[][]);
    await expect(cached.embedDocuments(["a", "b"])).rejects.toMatchObject({ code: "BAD_ANSWER" });
    provider.embedDocuments = (texts) => Promise.resolve(texts.map(() => [4, 5]));
    if (_name !== "dimensions that differ") expect(await cached.embedDocuments(["a"])).toEqual([[4, 5]]);
  });

  test("vectors of other dimensions than the option are refused", async () => {
    const { cached } = bed({ dimensions: 8 });
    await expect(cached.embedQuery("a")).rejects.toMatchObject({ code: "BAD_ANSWER" });
    expect(cached.stats()).toMatchObject({ providerCalls: 1, providerFailures: 1 });
  });
});

describe("callers at the same time", () => {
  test("share one call for a text", async () => {
    const { provider, cached } = bed();
    const door = gate();
    provider.before = () => door.opened;
    const both = Promise.all([
      cached.embedDocuments(["a", "b"]),
      cached.embedDocuments(["b", "c"]),
      cached.embedDocuments(["b"]),
    ]);
    door.open();
    const [, [b]] = await both;
    expect(provider.calls.map(({ texts }) => texts.join()).toSorted()).toEqual(["a,b", "c"]);
    expect(b).toEqual(vectorOf("document:b", 16));
    expect(cached.stats().coalesced).toBe(2);
  });

  test("one who aborts leaves the others their vector", async () => {
    const { provider, cached } = bed();
    const door = gate();
    provider.before = () => door.opened;
    const control = new AbortController();
    const leader = cached.embedDocuments(["a"], { signal: control.signal });
    const other = cached.embedDocuments(["a"]);
    control.abort(new Error("left"));
    await expect(leader).rejects.toThrow("left");
    expect(provider.calls[0]?.signal?.aborted).toBe(false);
    door.open();
    expect(await other).toEqual([vectorOf("document:a", 16)]);
    expect(provider.calls.length).toBe(1);
  });

  test("the last one who aborts ends the call, and the next one begins another", async () => {
    const { provider, cached } = bed();
    const door = gate();
    provider.before = () => door.opened;
    const control = new AbortController();
    const only = cached.embedDocuments(["a"], { signal: control.signal });
    await Promise.resolve();
    await new Promise<void>((resolve) => setImmediate(resolve));
    control.abort(new Error("left"));
    await expect(only).rejects.toThrow("left");
    expect(provider.calls[0]?.signal?.aborted).toBe(true);
    door.open();
    expect(await cached.embedDocuments(["a"])).toEqual([vectorOf("document:a", 16)]);
  });

  test("a failure that another's text brought about is not theirs", async () => {
    const { provider, cached } = bed({ retries: 0 });
    const door = gate();
    provider.before = async (texts) => {
      await door.opened;
      if (texts.includes("poison")) throw Object.assign(new Error("bad request"), { status: 400 });
    };
    const poisoned = cached.embedDocuments(["a", "poison"]);
    const innocent = cached.embedDocuments(["a"]);
    door.open();
    await expect(poisoned).rejects.toThrow("bad request");
    expect(await innocent).toEqual([vectorOf("document:a", 16)]);
    expect(provider.calls.map(({ texts }) => texts)).toEqual([["a", "poison"], ["a"]]);
  });

  test("a failure of the very call that they would have made is theirs too", async () => {
    const { provider, cached } = bed({ retries: 0 });
    provider.before = () => Promise.reject(Object.assign(new Error("no"), { status: 400 }));
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => cached.embedQuery("a")));
    expect(outcomes.every(({ status }) => status === "rejected")).toBe(true);
    expect(provider.calls.length).toBe(1);
  });
});

describe("a provider that fails", () => {
  test("is tried again, with a wait", async () => {
    const clock = manualClock();
    const { provider, cached } = bed({ clock, random: () => 1 });
    let failures = 2;
    provider.before = () => {
      if (failures-- > 0) throw new Error("busy");
    };
    const answer = cached.embedQuery("a");
    await clock.advance(400);
    expect(provider.calls.length).toBe(1);
    await clock.advance(2_000);
    expect(await answer).toEqual(vectorOf("query:a", 16));
    expect(provider.calls.length).toBe(3);
    expect(cached.stats()).toMatchObject({ providerCalls: 1, providerFailures: 0 });
  });

  test("is given up after the deadline", async () => {
    const clock = manualClock();
    const { provider, cached } = bed({ clock, deadline: "2s", retries: 0 });
    provider.before = () => new Promise(() => undefined);
    const answer = cached.embedQuery("a").catch((error: unknown) => error);
    await clock.advance(2_000);
    expect(await answer).toMatchObject({ code: "TIMEOUT" });
  });
});

describe("life of the object", () => {
  test("works as LangChain embeddings inside a vector store", async () => {
    const { provider, cached } = bed();
    expect(cached).toBeInstanceOf(Embeddings);
    const store = new MemoryVectorStore(cached);
    await store.addDocuments([
      { pageContent: "a", metadata: {} },
      { pageContent: "b", metadata: {} },
    ]);
    await store.similaritySearch("a", 1);
    await store.similaritySearch("a", 1);
    expect(provider.calls.map(({ kind }) => kind)).toEqual(["document", "query"]);
  });

  test("warm() makes in batches what is missing", async () => {
    const { provider, cached } = bed();
    await cached.embedDocuments(["1"]);
    const report = await cached.warm(["0", "1", "2", "3", "2"], { batchSize: 2 });
    expect(report).toEqual({ texts: 5, sent: 3 });
    expect(provider.calls.map(({ texts }) => texts)).toEqual([["1"], ["0"], ["2", "3"]]);
  });

  test("close() ends calls under way, refuses new ones, and may be called twice", async () => {
    const { provider, cached } = bed();
    provider.before = () => new Promise(() => undefined);
    const waiting = cached.embedQuery("a").catch((error: unknown) => error);
    await new Promise<void>((resolve) => setImmediate(resolve));
    await Promise.all([cached.close(), cached.close()]);
    expect(await waiting).toMatchObject({ code: "CLOSED" });
    await expect(cached.embedQuery("a")).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("tells what happens, and no text", async () => {
    const events: StrataEvent[] = [];
    const { cached } = bed({ observer: (event) => void events.push(event) });
    await cached.embedDocuments(["secret", "secret"]);
    await cached.embedDocuments(["secret"]);
    expect(events).toMatchObject([
      { type: "embeddings.call", kind: "document", outcome: "ok", texts: 1 },
      { type: "embeddings.lookup", kind: "document", texts: 2, hits: 0, near: 0, coalesced: 0 },
      { type: "embeddings.lookup", kind: "document", texts: 1, hits: 1, near: 0, coalesced: 0 },
    ]);
    expect(JSON.stringify(events)).not.toContain("secret");
  });

  test.each<[string, object]>([
    ["embeddings", { embeddings: {} }],
    ["model", { model: "" }],
    ["dimensions", { dimensions: 0.5 }],
    ["tiers", { tiers: [] }],
    ["ttl", { ttl: "soon" }],
    ["nearDuplicate", { nearDuplicate: 3 }],
    ["nearDuplicate.similarity", { nearDuplicate: { similarity: 0.5 } }],
    ["retries", { retries: -1 }],
    ["CachedEmbeddings.modle", { modle: "x" }],
  ])("refuses a bad %s", (option, wrong) => {
    expect(() => bed(wrong)).toThrow(expect.objectContaining({ code: "CONFIG", option }) as Error);
  });
});
