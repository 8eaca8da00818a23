import { describe, expect, it } from "vitest";
import type { StrataEvent } from "../../../../src/core/events.ts";
import { cacheModel } from "../../../../src/cache/model/cached-model.ts";
import { TieredCache } from "../../../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../../../src/cache/tiers/memory.ts";
import { settled } from "../../../support/scripted-model.ts";
import { ListIndex, semanticBed, WordEmbeddings } from "../../../support/semantic-bed.ts";

const FIRST = "How do I reset my account password please";
const NEAR = "How do I reset my account password";

function faults(events: readonly StrataEvent[]): unknown[] {
  return events.flatMap((event) => (event.type === "semantic.fault" ? [[event.part, event.code]] : []));
}

describe("an embedding model that", () => {
  it.each<[string, (usual: number[]) => number[]]>([
    ["gives NaN", (usual) => usual.with(0, Number.NaN)],
    ["gives nothing but zeros", (usual) => usual.map(() => 0)],
    ["gives other dimensions", (usual) => usual.slice(1)],
    ["gives an empty vector", () => []],
    ["gives infinity", (usual) => usual.with(0, Infinity)],
    ["gives no vector", () => null as unknown as number[]],
  ])("%s is passed by and counted, and nothing is served", async (_name, answer) => {
    const { ask, embeddings, cache, events } = semanticBed();
    await ask(FIRST);
    embeddings.answer = (text) => answer(embeddings.vector(text));
    expect((await ask(NEAR)).text).toBe("answer 2");
    expect(cache.stats().semantic).toMatchObject({ hits: 0, reasons: { "embeddings-failed": 1 }, faults: { embeddings: 1 } });
    expect(faults(events)).toEqual([["embeddings", "CORRUPT"]]);
    embeddings.answer = undefined;
    expect((await ask(NEAR + " ")).strata).toMatchObject({ source: "semantic" });
  });

  it("throws is passed by, and after three times not asked for a while", async () => {
    const { ask, embeddings, cache, clock, events } = semanticBed();
    await ask(FIRST);
    embeddings.answer = () => {
      throw new Error("a text of the user's");
    };
    for (const word of ["one", "two", "three", "four", "five"]) await ask(`${NEAR} ${word}`);
    expect(embeddings.texts).toHaveLength(4);
    expect(cache.stats().semantic).toMatchObject({ hits: 0, reasons: { "embeddings-failed": 5 }, faults: { embeddings: 5 } });
    expect(faults(events)).toEqual(Array.from({ length: 3 }, () => ["embeddings", "ENGINE"]));
    expect(events).toContainEqual({ type: "semantic.state", part: "embeddings", state: "off" });
    expect(JSON.stringify(events)).not.toContain("a text of the user's");
    embeddings.answer = undefined;
    await clock.advance(5_000);
    expect((await ask(NEAR)).strata).toMatchObject({ source: "semantic" });
    expect(events).toContainEqual({ type: "semantic.state", part: "embeddings", state: "on" });
  });

  it("hangs costs the deadline and no more", async () => {
    const { model, embeddings, clock, cache } = semanticBed();
    embeddings.answer = () => new Promise<number[]>(() => undefined);
    let answer: string | undefined;
    void model.invoke(NEAR).then((message) => (answer = message.text));
    await clock.advance(499);
    await settled();
    expect(answer).toBeUndefined();
    await clock.advance(2);
    await settled();
    expect(answer).toBe("answer 1");
    expect(cache.stats().semantic?.reasons).toEqual({ "embeddings-failed": 1 });
  });
});

describe("an index that", () => {
  it("throws is passed by", async () => {
    const { ask, index, cache } = semanticBed();
    await ask(FIRST);
    index.before = () => {
      throw new Error("down");
    };
    expect((await ask(NEAR)).text).toBe("answer 2");
    expect(cache.stats().semantic).toMatchObject({ hits: 0, reasons: { "index-failed": 1 }, dropped: 1 });
  });

  it("hangs costs the deadline and no more", async () => {
    const { model, cache, index, clock } = semanticBed();
    index.before = (operation) => (operation === "search" ? new Promise(() => undefined) : undefined);
    let answer: string | undefined;
    void model.invoke(NEAR).then((message) => (answer = message.text));
    await clock.advance(201);
    await settled();
    expect(answer).toBe("answer 1");
    expect(cache.stats().semantic?.reasons).toEqual({ "index-failed": 1 });
  });

  it("gives what it should not is not believed", async () => {
    const embeddings = new WordEmbeddings();
    const index = new ListIndex();
    const shared = { embeddings, index };
    const acme = semanticBed({ semantic: shared, scope: { tenant: "acme" } });
    const globex = semanticBed({ semantic: shared, scope: { tenant: "globex" } });
    await acme.ask(FIRST);
    // Every search finds every vector, whosever it is.
    index.found = () =>
      [...index.partitions.values()].flatMap((records) => [...records.keys()].map((id) => ({ id, similarity: 1 })));
    expect((await globex.ask(NEAR)).strata).toBeUndefined();
    index.found = () => [
      { id: "not an id of ours", similarity: 1 },
      { id: "x", similarity: Number.NaN },
    ];
    expect((await globex.ask(`${NEAR} now`)).strata).toBeUndefined();
  });

  it("mixes up the partitions of one store is not believed", async () => {
    const index = new ListIndex();
    const semantic = { embeddings: new WordEmbeddings(), index };
    const scope = ({ config }: { config?: { configurable?: Record<string, unknown> } }) => ({
      tenant: String(config?.configurable?.["tenant"]),
    });
    const { model, cache } = semanticBed({ semantic, scope });
    await model.invoke(FIRST, { configurable: { tenant: "acme" } });
    await cache.flush();
    index.found = () =>
      [...index.partitions.values()].flatMap((records) => [...records.keys()].map((id) => ({ id, similarity: 1 })));
    const other = await model.invoke(NEAR, { configurable: { tenant: "globex" } });
    expect(other.text).toBe("answer 2");
    const same = await model.invoke(`${NEAR} thanks`, { configurable: { tenant: "acme" } });
    expect(same.response_metadata["strata"]).toMatchObject({ source: "semantic" });
  });
});

describe("a question that", () => {
  it.each([
    ["is empty", "", "empty"],
    ["is white space", " \n\t ", "empty"],
    ["has a megabyte", "a".repeat(1 << 20), "too-long"],
  ])("%s is not compared: %s", async (_name, question, reason) => {
    const { ask, embeddings, cache } = semanticBed();
    expect((await ask(question)).text).toBe("answer 1");
    expect(embeddings.texts).toEqual([]);
    expect(cache.stats().semantic).toMatchObject({ lookups: 0, written: 0, reasons: { [reason]: 1 } });
    expect((await ask(question)).strata).toMatchObject({ source: "exact" });
  });
});

describe("another part that fails", () => {
  it("a policy that throws is passed by", async () => {
    const policy = {
      name: "broken",
      decide: () => {
        throw new Error("no");
      },
    };
    const { ask, cache } = semanticBed({ semantic: { policy } });
    await ask(FIRST);
    expect((await ask(NEAR)).text).toBe("answer 2");
    expect(cache.stats().semantic?.reasons).toMatchObject({ "policy-failed": 1 });
  });

  it("a changed embedding model never meets the vectors of the one before", async () => {
    const index = new ListIndex();
    const tier = memoryTier();
    const open = (embeddings: WordEmbeddings) => {
      const cache = new TieredCache({ tiers: [tier], scope: "global", coalesce: false, semantic: { embeddings, index } });
      return { cache, model: cacheModel(semanticBed().original, { cache }) };
    };
    const before = open(new WordEmbeddings("words-1"));
    await before.model.invoke(FIRST);
    await before.cache.flush();
    const [renamed, resized] = [new WordEmbeddings("words-2"), new WordEmbeddings("words-1", 256)];
    for (const [changed, question] of [
      [renamed, `${NEAR} now`],
      [resized, `${NEAR} soon`],
    ] as const) {
      const after = open(changed);
      const asked = index.searches;
      expect((await after.model.invoke(question)).response_metadata["strata"]).toBeUndefined();
      expect(index.searches).toBe(asked + 1);
    }
  });
});
