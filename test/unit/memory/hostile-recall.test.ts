/** What nobody asks in good faith: each gets a clear result or a clear error, soon. */
import { describe, expect, test } from "vitest";
import { AdaptiveMemoryRetriever, StrataConfigError } from "../../../src/index.ts";
import type { TurnSource } from "../../../src/memory/turns/turn-source.ts";
import { QueryCache } from "../../../src/memory/query-cache.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { CountingEmbeddings } from "../../support/counting-embeddings.ts";
import { TurnSourceFake } from "../../support/turn-source-fake.ts";
import { calmest, durationOf } from "../../support/calmest.ts";

const NOW = Date.UTC(2026, 4, 20, 12);

function ana(): TurnSourceFake {
  const store = new TurnSourceFake();
  for (let at = 0; at < 40; at++) {
    store.say("ana", `s${at % 4}`, `the invoice of the dog ${at}`, {
      createdAt: NOW - at * 3_600_000,
      role: at % 2 ? "ai" : "human",
    });
  }
  return store;
}

describe("a query made to hurt", () => {
  const long = 100_000;
  test.each([
    ["one letter", "a".repeat(long)],
    ["times", "yesterday ".repeat(long / 10)],
    ["tempos", "há três dias e ontem ".repeat(long / 20)],
    ["the beginning of a stretch", "between ".repeat(long / 8)],
    ["numbers", "1 ".repeat(long / 2)],
    ["one number", "9".repeat(long)],
    ["sessions", "999999999999 sessions ago ".repeat(long / 25)],
    ["blanks", `${" ".repeat(long)}x`],
    ["other conversations", "all of our other previous ".repeat(long / 25)],
    ["combining marks", `e${"\u0301".repeat(long)}`],
    ["distinct words", Array.from({ length: long / 7 }, (_, at) => `w${at}`).join(" ")],
    ["lone surrogates", "\ud800".repeat(long)],
    ["names of what objects inherit", "__proto__ constructor toString hasOwnProperty valueOf"],
  ])("is answered within seconds: %s", async (_, query) => {
    const memory = new AdaptiveMemoryRetriever({ store: ana(), ownerId: "ana", sessionId: "s1", exploration: 0 });
    const recallBoth = async (): Promise<void> => {
      for (const strategy of ["auto", "hybrid"] as const) {
        const recall = await memory.recall(query, { strategy, now: new Date(NOW) });
        expect(recall.documents.length).toBeLessThanOrEqual(10);
      }
    };
    expect(await calmest(8_000, () => durationOf(recallBoth), 3)).toBeLessThan(8_000);
  });

  test.each([
    "what did we discuss on 99/99/9999?",
    "what did we discuss in 0000?",
    "o que falamos há 999999999999999999 dias?",
    "what did we discuss 99999999999999 years ago?",
    "o que falamos em 31 de fevereiro de 2026?",
    "what did we discuss -5 days ago?",
    "what did we discuss between 9999-12-31 and 0001-01-01?",
    "what did we discuss 0 sessions ago?",
    "what did we discuss 1e308 sessions ago?",
  ])("may name a date that there is not: %s", async (query) => {
    const memory = new AdaptiveMemoryRetriever({ store: ana(), ownerId: "ana", exploration: 0 });
    for (const timeZone of ["UTC", "America/Sao_Paulo", "Pacific/Apia"]) {
      const recall = await memory.recall(query, { now: new Date(NOW), timeZone });
      expect(recall.documents.every(({ metadata }) => metadata.ownerId === "ana")).toBe(true);
    }
  });

  test.each([8.64e15, -8.64e15, 0, -62_135_596_800_000])("may be asked at the end of time: %d", async (now) => {
    const memory = new AdaptiveMemoryRetriever({ store: ana(), ownerId: "ana", exploration: 0 });
    for (const query of ["what did we discuss yesterday?", "o que falamos há três dias?", "the invoice", "next week"]) {
      await expect(memory.recall(query, { now: new Date(now) })).resolves.toMatchObject({ degraded: [] });
    }
    await expect(memory.recall("x", { now: new Date(Number.NaN) })).rejects.toThrow(StrataConfigError);
  });

  test("is not kept when it is long, and the results that are kept have a bound", async () => {
    const cache = new QueryCache<number>(manualClock(), { maxEntries: 10, ttlMs: 1_000 });
    const place = (position: number) => ({ ownerId: "ana", position: String(position), options: [] });
    cache.keep(place(0), "x".repeat(3_000), 1);
    expect(cache.find(place(0), "x".repeat(3_000), () => false)).toBeUndefined();
    for (let position = 0; position < 10; position++) {
      for (let query = 0; query < 64; query++) cache.keep(place(position), `question number ${query}`, query);
    }
    let kept = 0;
    for (let position = 0; position < 10; position++) {
      for (let query = 0; query < 64; query++) {
        if (cache.find(place(position), `question number ${query}`, () => false) !== undefined) kept++;
      }
    }
    expect(kept).toBeGreaterThanOrEqual(64);
    expect(kept).toBeLessThanOrEqual(80);
  });
});

describe("an owner too large for memory", () => {
  function large(nearest: TurnSource["nearest"], embed?: TurnSource["embed"]): TurnSource {
    const fake = ana();
    return {
      position: (ownerId) => fake.position(ownerId),
      sessions: (ownerId) => fake.sessions(ownerId),
      turns: (filter) => fake.turns(filter),
      search: async ({ ownerId }) => (await fake.turns({ ownerId })).turns,
      ...(nearest && { nearest }),
      ...(embed && { embed }),
    };
  }
  const given = {
    embeddings: new CountingEmbeddings(),
    embeddingModel: "counting",
    ownerId: "ana",
    exploration: 0,
    maxTurns: 3,
    strategy: "hybrid",
  } as const;

  test.each([
    ["fails", async () => Promise.reject(new Error("down"))],
    ["never answers", () => new Promise<never>(() => undefined)],
  ])("is served by words, within the deadline, when the search by meaning %s", async (_, nearest) => {
    const events: unknown[] = [];
    const memory = new AdaptiveMemoryRetriever({
      ...given,
      store: large(nearest, async () => 0),
      deadline: 100,
      observer: (event) => void events.push(event),
    });
    const began = performance.now();
    const recall = await memory.recall("invoice");
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(recall.degraded).toEqual(["large-owner", "index"]);
    expect(recall.documents).toHaveLength(10);
    expect(events).toContainEqual(expect.objectContaining({ type: "memory.fault", part: "index" }));
    await memory.close();
  });

  test("is found by words alone with embeddings that show no model: their vectors could be taken for another one's", async () => {
    let asked = 0;
    const store = large(async () => (asked++, []));
    const memory = new AdaptiveMemoryRetriever({ ...given, embeddingModel: undefined, store });
    expect((await memory.recall("invoice")).degraded).toEqual(["large-owner"]);
    expect(asked).toBe(0);
    await memory.close();
  });

  test("waits for no vectors, also not when they never come, and closes", async () => {
    const store = large(
      async () => [],
      () => new Promise<never>(() => undefined),
    );
    const memory = new AdaptiveMemoryRetriever({ ...given, store });
    expect((await memory.recall("invoice")).degraded).toEqual(["large-owner", "vectors-incomplete"]);
    await memory.close();
  });

  test("has its vectors made once for each state of the history, not once a recall", async () => {
    let made = 0;
    const memory = new AdaptiveMemoryRetriever({
      ...given,
      store: large(
        async () => [],
        async () => ++made,
      ),
    });
    await memory.recall("invoice");
    await memory.settled();
    for (let at = 0; at < 5; at++) expect((await memory.recall(`dog ${at}`)).degraded).toEqual(["large-owner"]);
    expect(made).toBe(1);
    await memory.close();
  });
});
