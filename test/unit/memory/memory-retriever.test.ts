import type { Document } from "@langchain/core/documents";
import { BaseDocumentCompressor } from "@langchain/core/retrievers/document_compressors";
import { afterEach, describe, expect, test } from "vitest";
import {
  AdaptiveMemoryRetriever,
  flatIndex,
  manualClock,
  StrataConfigError,
  type AdaptiveMemoryRetrieverOptions,
  type StrataEvent,
  type Strategy,
  type VectorIndex,
} from "../../../src/index.ts";
import { CountingEmbeddings } from "../../support/counting-embeddings.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { TurnSourceFake } from "../../support/turn-source-fake.ts";

const NOW = Date.UTC(2026, 4, 20, 12);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const open: AdaptiveMemoryRetriever[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

function retriever(options: Partial<AdaptiveMemoryRetrieverOptions> & { store: AdaptiveMemoryRetrieverOptions["store"] }): {
  memory: AdaptiveMemoryRetriever;
  events: StrataEvent[];
} {
  const events: StrataEvent[] = [];
  const memory = new AdaptiveMemoryRetriever({
    ...{ clock: manualClock(NOW), random: seededRandom(7), exploration: 0, observer: (event) => events.push(event) },
    ...options,
  });
  open.push(memory);
  return { memory, events };
}

/** Three conversations of Ana's: of long ago, of yesterday, and of now. */
function ana(): TurnSourceFake {
  const store = new TurnSourceFake();
  store.say("ana", "old", "My dog Rex is afraid of thunder", { createdAt: NOW - 40 * DAY });
  store.say("ana", "old", "Keep him inside then.", { createdAt: NOW - 40 * DAY + 1_000, role: "ai" });
  store.say("ana", "yesterday", "I booked the flight to Lisbon", { createdAt: NOW - DAY });
  store.say("ana", "yesterday", "Have a good trip!", { createdAt: NOW - DAY + 1_000, role: "ai" });
  store.say("ana", "now", "The invoice number is 4711", { createdAt: NOW - HOUR });
  store.say("ana", "now", "Noted.", { createdAt: NOW - HOUR + 1_000, role: "ai" });
  store.say("bob", "now", "My dog Brutus bit the postman", { createdAt: NOW - HOUR });
  return store;
}

function textsOf(documents: readonly Document[]): string[] {
  return documents.map(({ pageContent }) => pageContent);
}

describe("strategies", () => {
  test.each<[Strategy, string, string[]]>([
    ["session_only", "dog", []],
    ["recent_history", "whatever", ["Noted.", "The invoice number is 4711"]],
    ["semantic_search", "dog invoice", ["The invoice number is 4711", "Noted."]],
    ["cross_conversation", "dog", ["My dog Rex is afraid of thunder", "Keep him inside then."]],
    ["hybrid", "dog", ["My dog Rex is afraid of thunder", "Keep him inside then."]],
  ])("%s", async (strategy, query, expected) => {
    const { memory } = retriever({ store: ana(), strategy });
    const recall = await memory.recall(query, { ownerId: "ana", sessionId: "now" });
    expect(textsOf(recall.documents)).toEqual(expected);
    expect(recall).toMatchObject({ strategy, reason: "as configured", cacheHit: false, degraded: [] });
  });

  test("recent_history looks back so far and no further, and gives the newest when there are more", async () => {
    const store = new TurnSourceFake();
    for (let day = 10; day >= 1; day--) store.say("ana", "s", `day ${day}`, { createdAt: NOW - day * DAY });
    const { memory } = retriever({ store, strategy: "recent_history", ownerId: "ana", sessionId: "s" });
    expect(textsOf((await memory.recall("?", { k: 2 })).documents)).toEqual(["day 1", "day 2"]);
    expect(textsOf((await memory.recall("?", { lookback: "3d" })).documents)).toEqual(["day 1", "day 2", "day 3"]);
    expect((await memory.recall("?")).documents).toHaveLength(7);
  });

  test("hybrid prefers the session among equals, then what is newer; cross_conversation prefers neither", async () => {
    const store = new TurnSourceFake();
    store.say("ana", "a", "The code is red", { createdAt: NOW - 3 * DAY });
    store.say("ana", "b", "The code is red", { createdAt: NOW - 2 * DAY });
    store.say("ana", "c", "The code is red", { createdAt: NOW - DAY });
    const { memory } = retriever({ store, ownerId: "ana" });
    const order = async (strategy: Strategy, sessionId: string): Promise<string[]> =>
      (await memory.recall("code", { strategy, sessionId })).documents.map(({ metadata }) => metadata.sessionId);
    expect(await order("hybrid", "a")).toEqual(["a", "c", "b"]);
    expect(await order("hybrid", "b")).toEqual(["b", "c", "a"]);
    expect(await order("cross_conversation", "c")).toEqual(["a", "b", "c"]);
  });

  test.each(["recent_history", "semantic_search"] as const)("%s without a session is refused", async (strategy) => {
    const { memory } = retriever({ store: ana(), strategy, ownerId: "ana" });
    await expect(memory.recall("dog")).rejects.toThrow(StrataConfigError);
  });
});

describe("the choice of a strategy", () => {
  test.each<[string, Strategy, RegExp]>([
    ["Oi, tudo bem?", "session_only", /fits the wording/],
    ["Thanks a lot!", "session_only", /fits the wording/],
    ["o que falamos ontem?", "cross_conversation", /"ontem"/],
    ["what did we discuss two sessions ago?", "cross_conversation", /"two sessions ago"/],
    ["in our other conversations, what was my dog called?", "cross_conversation", /other conversations/],
    ["", "recent_history", /no query/],
  ])("%j: %s", async (query, strategy, reason) => {
    const { memory } = retriever({ store: ana() });
    const recall = await memory.recall(query, { ownerId: "ana", sessionId: "now" });
    expect(recall.strategy).toBe(strategy);
    expect(recall.reason).toMatch(reason);
  });

  test("what the model is not sure of goes to hybrid", async () => {
    const even = { session_only: 0.2, recent_history: 0.2, semantic_search: 0.2, hybrid: 0.2, cross_conversation: 0.2 };
    const { memory } = retriever({ store: ana(), router: () => ({ strategy: "session_only", probabilities: even }) });
    const recall = await memory.recall("dog", { ownerId: "ana", sessionId: "now" });
    expect(recall).toMatchObject({ strategy: "hybrid", reason: expect.stringMatching(/undecided/) as string });
  });

  test("a search of the session that finds nothing is widened, and says so", async () => {
    const sure = { session_only: 0, recent_history: 0, semantic_search: 1, hybrid: 0, cross_conversation: 0 };
    const { memory } = retriever({ store: ana(), router: () => ({ strategy: "semantic_search", probabilities: sure }) });
    const recall = await memory.recall("thunder", { ownerId: "ana", sessionId: "now" });
    expect(recall.strategy).toBe("hybrid");
    expect(recall.reason).toMatch(/then hybrid/);
    expect(textsOf(recall.documents)[0]).toMatch(/thunder/);
  });

  test("verdicts move a close choice, and use alone does not", async () => {
    const close = { session_only: 0, recent_history: 0, semantic_search: 0, hybrid: 0.48, cross_conversation: 0.52 };
    const { memory } = retriever({
      store: ana(),
      queryCache: false,
      router: () => ({ strategy: "hybrid", probabilities: close }),
    });
    const ask = async () => memory.recall("dog", { ownerId: "ana", sessionId: "now" });
    for (let i = 0; i < 100; i++) expect((await ask()).strategy).toBe("cross_conversation");
    for (let i = 0; i < 30; i++) {
      const recall = await memory.recall("dog", {
        ownerId: "ana",
        sessionId: "now",
        strategy: i % 2 ? "hybrid" : "cross_conversation",
      });
      expect(await memory.report(recall.id, recall.strategy === "hybrid" ? "helpful" : "unhelpful", { ownerId: "ana" })).toBe(
        true,
      );
    }
    expect((await ask()).strategy).toBe("hybrid");
    expect((await memory.recall("dog", { ownerId: "bob", sessionId: "now" })).strategy).toBe("cross_conversation");
    expect(await memory.report("unknown", 1)).toBe(false);
  });

  test("so many undecided choices try another strategy, and are told apart", async () => {
    const sure = { session_only: 0, recent_history: 0, semantic_search: 0, hybrid: 1, cross_conversation: 0 };
    const { memory } = retriever({
      ...{ store: ana(), exploration: 0.1, queryCache: false },
      router: () => ({ strategy: "hybrid", probabilities: sure }),
    });
    for (let i = 0; i < 1_000; i++) await memory.recall("dog", { ownerId: "ana", sessionId: "now" });
    const { strategies } = await memory.stats({ ownerId: "ana" });
    const explored = strategies.reduce((sum, one) => sum + one.explored, 0);
    expect(explored).toBeGreaterThan(70);
    expect(explored).toBeLessThan(130);
  });
});

describe("time", () => {
  test("a time of the conversation is a filter, whatever the words", async () => {
    const { memory } = retriever({ store: ana() });
    const recall = await memory.recall("What did we talk about yesterday?", { ownerId: "ana" });
    expect(textsOf(recall.documents)).toEqual(["I booked the flight to Lisbon", "Have a good trip!"]);
    expect(recall.documents.every(({ metadata }) => metadata.source === "time")).toBe(true);
  });

  test("a time of something else only favours", async () => {
    const store = ana();
    store.say("ana", "now", "We flew to Porto last month", { createdAt: NOW - HOUR / 2 });
    const { memory } = retriever({ store });
    const recall = await memory.recall("Which flight did I book yesterday?", { ownerId: "ana", strategy: "cross_conversation" });
    expect(textsOf(recall.documents).join()).toMatch(/Lisbon/);
    expect(recall.documents.every(({ metadata }) => metadata.source !== "time")).toBe(true);
  });

  /** Said a month ago, at no time that any of the queries below may be taken to name; and something else, two days ago. */
  function topics(): TurnSourceFake {
    const store = new TurnSourceFake();
    const texts = [
      "Our 24/7 support is for gold customers, o suporte de ouro",
      "9 out of 10 dentists recommend the paste",
      "My three goals for the quarter are sleep, sport and study",
      "O Corolla de 2019 bebe pouco, disse o Marco",
      "A segunda opção era pagar à vista, foi o que ficou da quarta reunião",
    ];
    for (const [at, text] of texts.entries()) store.say("ana", `talk ${at}`, text, { createdAt: SPOKEN - 30 * DAY + at * HOUR });
    for (const [at, text] of ["It rains", "Chove muito"].entries()) {
      store.say("ana", `rain ${at}`, text, { createdAt: SPOKEN - 2 * DAY + at * HOUR });
    }
    return store;
  }
  const SPOKEN = Date.parse("2025-06-18T15:00:00Z");
  const asked = { ownerId: "ana", now: new Date(SPOKEN), timeZone: "America/Sao_Paulo" };

  test.each([
    ["What did I say about 24/7 support?", /gold customers/],
    ["O que eu disse sobre o suporte 24/7?", /gold customers/],
    ["What did I say about 9 out of 10 dentists?", /dentists/],
    ["what did we say when I set 3 goals", /goals/],
    ["O que eu disse sobre o Corolla de 2019?", /Corolla/],
    ["O que eu te falei do Marco?", /Marco/],
    ["O que você disse na segunda opção?", /segunda opção/],
    ["O que combinamos na quarta reunião?", /quarta reunião/],
  ])("words that look like a time hide nothing: %s", async (query, answer) => {
    const { memory } = retriever({ store: topics() });
    const recall = await memory.recall(query, asked);
    expect(textsOf(recall.documents)[0]).toMatch(answer);
  });

  describe("a date under which nothing on the topic lies", () => {
    test.each<[Strategy | "auto", string]>([
      ["auto", "What did we say on Monday about dentists?"],
      ["hybrid", "What did we say on Monday about dentists?"],
      ["cross_conversation", "O que falamos anteontem sobre dentists?"],
      ["cross_conversation", "What did we say in 2019 about dentists?"],
    ])("only favours, and the recall says so: %s, %s", async (strategy, query) => {
      const { memory } = retriever({ store: topics(), strategy });
      const { documents, reason } = await memory.recall(query, asked);
      expect(textsOf(documents)[0]).toMatch(/9 out of 10 dentists/);
      expect(documents[0]?.metadata.source).toBe("lexical");
      expect(reason).toMatch(/nothing on it was said then \(".+"\), so other times were searched$/);
    });

    test("leaves what was said then after what is on the topic", async () => {
      const { memory } = retriever({ store: topics() });
      const { documents } = await memory.recall("What did we say on Monday about dentists?", asked);
      expect(textsOf(documents).slice(-2)).toEqual(["It rains", "Chove muito"]);
      expect(documents.at(-1)?.metadata.source).toBe("time");
    });

    test("is searched at all times in the database too", async () => {
      const store = topics();
      Object.assign(store, {
        isSearchable: true,
        search: async ({ from = -Infinity, to = Infinity, limit }: { from?: number; to?: number; limit: number }) => {
          const { turns } = await store.turns({ ownerId: "ana" });
          return turns.filter(({ createdAt }) => createdAt >= from && createdAt < to).slice(0, limit);
        },
      });
      const { memory } = retriever({ store, maxTurns: 2 });
      const { documents, reason, degraded } = await memory.recall("What did we say on Monday about dentists?", asked);
      expect(degraded).toEqual(["large-owner"]);
      expect(textsOf(documents)[0]).toMatch(/9 out of 10 dentists/);
      expect(reason).toMatch(/other times were searched$/);
    });

    test.each(["What did we talk about on Monday?", "O que conversamos em 2019?"])(
      "stays a filter where it is all that was asked for: %s",
      async (query) => {
        const { memory } = retriever({ store: topics() });
        const { documents, reason } = await memory.recall(query, asked);
        expect(textsOf(documents)).toEqual(query.includes("Monday") ? ["It rains", "Chove muito"] : []);
        expect(reason).not.toMatch(/other times/);
      },
    );

    test("stays a filter where something on the topic lies in it", async () => {
      const store = topics();
      store.say("ana", "late", "The dentists called", { createdAt: SPOKEN - 2 * DAY + 2 * HOUR });
      const { memory } = retriever({ store });
      const { documents, reason } = await memory.recall("What did we say on Monday about dentists?", asked);
      expect(textsOf(documents)[0]).toBe("The dentists called");
      expect(textsOf(documents).join()).not.toMatch(/9 out of 10/);
      expect(reason).not.toMatch(/other times/);
    });

    test("is no sitting, which is counted in words of its own", async () => {
      const { memory } = retriever({ store: topics() });
      const { documents, reason } = await memory.recall("What did we say in our last conversation about dentists?", asked);
      expect(textsOf(documents).join()).not.toMatch(/dentists/);
      expect(reason).not.toMatch(/other times/);
    });
  });

  test("midnight is the user's", async () => {
    const store = new TurnSourceFake();
    store.say("ana", "s", "late at night", { createdAt: Date.UTC(2026, 4, 20, 1) });
    const { memory } = retriever({ store, ownerId: "ana" });
    const texts = async (timeZone: string) => textsOf((await memory.recall("o que falamos ontem?", { timeZone })).documents);
    expect(await texts("America/Sao_Paulo")).toEqual(["late at night"]);
    expect(await texts("UTC")).toEqual([]);
  });

  test.each(["what did we discuss on February 31st 1650?", "o que falamos há 9999999 anos?", "our 900th conversation"])(
    "a time that there is not, or nothing was said at, gives nothing wrong: %j",
    async (query) => {
      const { memory } = retriever({ store: ana() });
      const recall = await memory.recall(query, { ownerId: "ana", now: new Date(NOW) });
      expect(recall.documents.every(({ metadata }) => metadata.ownerId === "ana")).toBe(true);
    },
  );

  test("a date that is none is refused", async () => {
    const { memory } = retriever({ store: ana() });
    await expect(memory.recall("dog", { ownerId: "ana", now: new Date(Number.NaN) })).rejects.toThrow(/now/);
  });
});

describe("whose memory", () => {
  test("without an owner nothing is read", async () => {
    const store = ana();
    const { memory } = retriever({ store });
    await expect(memory.recall("dog")).rejects.toThrow(StrataConfigError);
    await expect(memory.invoke("dog")).rejects.toThrow(/user_id/);
    await expect(memory.invoke("dog", { configurable: { user_id: "" } })).rejects.toThrow(StrataConfigError);
    await expect(memory.invoke("dog", { configurable: { user_id: { $ne: 1 } } })).rejects.toThrow(StrataConfigError);
    await expect(memory.recall("dog", { ownerId: "" })).rejects.toThrow(StrataConfigError);
    expect(store.asked.position).toBe(0);
  });

  test("it comes with the call, the constructor, or the configuration, in this order", async () => {
    const store = ana();
    const { memory } = retriever({ store });
    const config = { configurable: { user_id: "bob", thread_id: "now" } };
    expect(textsOf(await memory.invoke("dog", config))).toEqual(["My dog Brutus bit the postman"]);
    const { memory: pinned } = retriever({ store, ownerId: "ana" });
    expect(textsOf(await pinned.invoke("dog", config))[0]).toMatch(/Rex/);
    expect(textsOf((await pinned.recall("dog", { ownerId: "bob" })).documents)).toEqual(["My dog Brutus bit the postman"]);
  });

  test("calls at the same time keep their owners", async () => {
    const { memory } = retriever({ store: ana() });
    const owners = Array.from({ length: 40 }, (_, at) => (at % 2 ? "ana" : "bob"));
    const found = await Promise.all(owners.map((user_id) => memory.invoke("dog", { configurable: { user_id } })));
    expect(found.map(([first]) => first?.metadata.ownerId)).toEqual(owners);
  });

  test("callbacks see a retriever with its documents", async () => {
    const { memory } = retriever({ store: ana() });
    const seen: unknown[] = [];
    await memory.invoke("dog", {
      configurable: { user_id: "ana" },
      callbacks: [
        {
          handleRetrieverStart: (serialized, query) => void seen.push(serialized.id.at(-1), query),
          handleRetrieverEnd: (documents) => void seen.push(documents.length),
        },
      ],
    });
    expect(seen).toEqual(["AdaptiveMemoryRetriever", "dog", 2]);
  });
});

describe("the log moves", () => {
  test("a message is found as soon as it is stored, by reading only what is new", async () => {
    const store = ana();
    const { memory } = retriever({ store, ownerId: "ana" });
    expect((await memory.recall("zebra")).documents).toEqual([]);
    const before = store.asked.given;
    store.say("ana", "now", "I saw a zebra");
    expect(textsOf((await memory.recall("zebra")).documents)[0]).toBe("I saw a zebra");
    expect(store.asked.given).toBe(before + 1);
  });

  test("who stores while others look finds the message all the same", async () => {
    const store = ana();
    const { memory } = retriever({ store, ownerId: "ana" });
    let release: () => void = () => undefined;
    store.before = () => new Promise<void>((resolve) => (release = resolve));
    const early = memory.recall("zebra");
    await Promise.resolve();
    store.before = () => undefined;
    store.say("ana", "now", "I saw a zebra");
    const late = memory.recall("zebra");
    release();
    expect(textsOf((await late).documents)[0]).toBe("I saw a zebra");
    await early;
  });

  test("corrected and removed messages are found as they are, and no cached result says otherwise", async () => {
    const store = ana();
    const { memory } = retriever({ store, ownerId: "ana" });
    await memory.recall("dog");
    expect((await memory.recall("dog")).cacheHit).toBe(true);
    expect(await memory.correct("m1", "My cat Tom is afraid of thunder", { sessionId: "old" })).toBe(true);
    expect(textsOf((await memory.recall("dog")).documents)).toEqual([]);
    expect(textsOf((await memory.recall("cat")).documents)[0]).toBe("My cat Tom is afraid of thunder");
    expect(await memory.remove("m1", { sessionId: "old" })).toBe(true);
    expect(await memory.remove("m1", { sessionId: "old" })).toBe(false);
    expect(textsOf((await memory.recall("thunder")).documents)).toEqual([]);
    store.forget("ana");
    expect((await memory.recall("invoice")).documents).toEqual([]);
    expect((await memory.stats({ ownerId: "ana" })).recalls).toBeLessThanOrEqual(1);
  });

  test("the same message id in two sessions is two messages", async () => {
    const store = new TurnSourceFake();
    store.say("ana", "a", "red apple", { id: "same" });
    store.say("ana", "b", "green apple", { id: "same" });
    const { memory } = retriever({ store, ownerId: "ana" });
    const { documents } = await memory.recall("apple", { strategy: "cross_conversation" });
    expect(documents.map(({ metadata }) => `${metadata.sessionId}:${metadata.messageId}`)).toEqual(["a:same", "b:same"]);
  });

  test("owners are let go when there is no room, and read again", async () => {
    const store = new TurnSourceFake();
    for (let owner = 0; owner < 20; owner++) store.say(`o${owner}`, "s", `secret ${owner} ${"x".repeat(2_000)}`);
    const { memory } = retriever({ store, maxBytes: "64kb" });
    for (let round = 0; round < 2; round++) {
      for (let owner = 0; owner < 20; owner++) {
        const { documents } = await memory.recall("secret", { ownerId: `o${owner}` });
        expect(textsOf(documents)[0]).toContain(`secret ${owner} `);
      }
    }
    expect(store.asked.given).toBeGreaterThan(20);
  });
});

describe("the query cache", () => {
  test("spellings of a query share a result, whose documents are the caller's own", async () => {
    const { memory } = retriever({ store: ana(), ownerId: "ana", sessionId: "now" });
    const first = await memory.recall("qual o número da minha invoice?");
    const second = await memory.recall("QUAL É O NUMERO DA MINHA INVOICE");
    expect([first.cacheHit, second.cacheHit]).toEqual([false, true]);
    expect(second.documents).toEqual(first.documents);
    expect(second.id).not.toBe(first.id);
    (second.documents[0] as Document).metadata["role"] = "system";
    expect((await memory.recall("qual o número da minha invoice?")).documents[0]?.metadata.role).toBe("human");
  });

  test("another number, session, owner, k or hour is another query", async () => {
    const clock = manualClock(NOW);
    const { memory } = retriever({ store: ana(), clock, queryCache: { ttl: "1d" } });
    const hit = async (query: string, rest: object = {}) =>
      (await memory.recall(query, { ownerId: "ana", sessionId: "now", ...rest })).cacheHit;
    expect(await hit("pedido #123")).toBe(false);
    expect(await hit("pedido #123")).toBe(true);
    expect(await hit("pedido #124")).toBe(false);
    expect(await hit("pedido #123", { sessionId: "old" })).toBe(false);
    expect(await hit("pedido #123", { ownerId: "bob" })).toBe(false);
    expect(await hit("pedido #123", { k: 3 })).toBe(false);
    clock.jump(HOUR);
    expect(await hit("pedido #123")).toBe(false);
  });
});

describe("what fails is left out, and said", () => {
  const broken = (name: string): VectorIndex => ({
    ...flatIndex(),
    name,
    add: async () => Promise.reject(new Error("down")),
    search: async () => Promise.reject(new Error("down")),
    remove: async () => Promise.reject(new Error("down")),
    stats: async () => ({ vectors: 0, bytes: 0 }),
    close: async () => undefined,
  });

  test("embeddings that fail: words alone", async () => {
    const embeddings = new CountingEmbeddings();
    embeddings.before = () => {
      throw new Error("no quota");
    };
    const { memory, events } = retriever({ store: ana(), embeddings, ownerId: "ana", strategy: "hybrid" });
    const recall = await memory.recall("dog");
    expect(recall.degraded).toContain("embeddings");
    expect(textsOf(recall.documents)[0]).toMatch(/Rex/);
    expect(events).toContainEqual({ type: "memory.fault", part: "embeddings", code: "ENGINE" });
    expect((await memory.recall("dog")).cacheHit).toBe(false);
  });

  test("embeddings that hang: words alone, at the deadline", async () => {
    const clock = manualClock(NOW);
    const embeddings = new CountingEmbeddings();
    const { memory } = retriever({ store: ana(), embeddings, ownerId: "ana", strategy: "hybrid", clock, deadline: "300ms" });
    await memory.warm();
    embeddings.before = () => new Promise(() => undefined);
    const recalling = memory.recall("dog");
    await clock.advance(301);
    const recall = await recalling;
    expect(recall.degraded).toEqual(["embeddings"]);
    expect(textsOf(recall.documents)[0]).toMatch(/Rex/);
  });

  test("a dead index: the second; all dead: words", async () => {
    const embeddings = new CountingEmbeddings();
    const second = flatIndex();
    const given = { store: ana(), embeddings, embeddingModel: "counting", ownerId: "ana", strategy: "hybrid" } as const;
    const { memory } = retriever({ ...given, index: [broken("one"), second] });
    await memory.warm();
    const recall = await memory.recall("dog");
    expect(recall.degraded).toEqual(["index"]);
    expect(recall.documents.some(({ metadata }) => metadata.ownerId === "ana")).toBe(true);
    expect((await second.stats()).vectors).toBe(6);
    const { memory: words } = retriever({ ...given, index: [broken("one"), broken("two")] });
    const alone = await words.recall("dog");
    expect(alone.degraded).toContain("index");
    expect(textsOf(alone.documents)[0]).toMatch(/Rex/);
  });

  test("two models of one class share no vectors, and one that shows no name is asked for it", async () => {
    class Named extends CountingEmbeddings {
      readonly model: string;

      constructor(model: string) {
        super();
        this.model = model;
      }
    }
    const index = flatIndex();
    for (const model of ["small", "large", "small"]) {
      const { memory } = retriever({ store: ana(), ownerId: "ana", index, embeddings: new Named(model) });
      await memory.warm();
      await memory.settled();
    }
    expect((await index.stats()).vectors).toBe(12);
    const unnamed = { store: ana(), embeddings: new CountingEmbeddings() };
    expect(() => retriever({ ...unnamed, index })).toThrow(/embeddingModel/);
    expect(() => retriever(unnamed)).not.toThrow();
  });

  test("the router leaves out what is far below the rest; a strategy that was named gives its k", async () => {
    const store = new TurnSourceFake();
    for (let at = 0; at < 40; at++) {
      store.say(
        "ana",
        `talk-${at}`,
        at === 20 ? "Our plumber is called Rosalind Thorne" : `The weather of day ${at} was called fine`,
      );
    }
    const { memory } = retriever({ store, ownerId: "ana" });
    const query = "what is our plumber Rosalind called?";
    const auto = await memory.recall(query);
    const named = await memory.recall(query, { strategy: auto.strategy });
    expect(textsOf(auto.documents)[0]).toMatch(/Rosalind/);
    expect(auto.documents.length).toBeLessThan(10);
    expect(named.documents).toHaveLength(10);
  });

  test("a reranker orders; one that fails leaves the order", async () => {
    class Reversing extends BaseDocumentCompressor {
      async compressDocuments(documents: Document[]): Promise<Document[]> {
        return documents.toReversed();
      }
    }
    class Failing extends BaseDocumentCompressor {
      async compressDocuments(): Promise<Document[]> {
        throw new Error("down");
      }
    }
    const given = { store: ana(), ownerId: "ana", strategy: "hybrid" } as const;
    const plain = await retriever(given).memory.recall("dog");
    const reversed = await retriever({ ...given, rerank: new Reversing() }).memory.recall("dog");
    const failed = await retriever({ ...given, rerank: new Failing() }).memory.recall("dog");
    expect(textsOf(reversed.documents)).toEqual(textsOf(plain.documents).toReversed());
    expect(textsOf(failed.documents)).toEqual(textsOf(plain.documents));
    expect(failed.degraded).toEqual(["rerank"]);
  });

  test("a reranker reads who speaks, and what is given is what was said", async () => {
    const store = new TurnSourceFake();
    store.say("ana", "talk", "I adopted a dog", { name: "Caroline" });
    store.say("ana", "talk", "the dog is called Rex");
    const read: string[][] = [];
    class Reading extends BaseDocumentCompressor {
      async compressDocuments(documents: Document[]): Promise<Document[]> {
        read.push(documents.map(({ pageContent }) => pageContent).toSorted());
        return documents.toReversed();
      }
    }
    const given = { store, ownerId: "ana", strategy: "hybrid", rerank: new Reading() } as const;
    const { documents } = await retriever(given).memory.recall("dog");
    expect(read).toEqual([["Caroline: I adopted a dog", "the dog is called Rex"]]);
    expect(textsOf(documents).toSorted()).toEqual(["I adopted a dog", "the dog is called Rex"]);
  });

  test("a history that fails fails the recall, and the next one is served", async () => {
    const store = ana();
    const { memory, events } = retriever({ store, ownerId: "ana" });
    store.before = () => {
      throw new Error("database is gone");
    };
    await expect(memory.recall("dog")).rejects.toThrow("database is gone");
    expect(events).toContainEqual({ type: "memory.fault", part: "history", code: "ENGINE" });
    store.before = () => undefined;
    expect((await memory.recall("dog")).documents.length).toBeGreaterThan(0);
  });

  test("an owner with too many messages is said to be one", async () => {
    const { memory } = retriever({ store: ana(), ownerId: "ana", sessionId: "now", maxTurns: 3 });
    const recall = await memory.recall("invoice", { strategy: "semantic_search" });
    expect(recall.degraded).toEqual(["large-owner"]);
    expect(textsOf(recall.documents)[0]).toMatch(/invoice/);
  });
});

describe("limits", () => {
  test.each(["", "   ", "?!", "\0\uD800", "😀".repeat(1_000), `dog ${"lorem ipsum ".repeat(10_000)}`])(
    "any query: %#",
    async (query) => {
      const { memory } = retriever({ store: ana(), embeddings: new CountingEmbeddings(), ownerId: "ana", sessionId: "now" });
      expect((await memory.recall(query)).documents.length).toBeLessThanOrEqual(10);
    },
  );

  test("an owner without messages has none", async () => {
    const { memory } = retriever({ store: ana(), embeddings: new CountingEmbeddings() });
    const recall = await memory.recall("what did we discuss two sessions ago?", { ownerId: "nobody", sessionId: "none" });
    expect(recall).toMatchObject({ documents: [], degraded: [], contextSummary: "Nothing was found." });
  });

  test("a budget of tokens holds", async () => {
    const store = new TurnSourceFake();
    for (let at = 0; at < 30; at++) store.say("ana", "s", `apple ${"x".repeat(at * 20)}`);
    const { memory } = retriever({ store, ownerId: "ana", k: 30, strategy: "cross_conversation" });
    const { documents } = await memory.recall("apple", { tokenBudget: 100 });
    const tokens = documents.reduce((sum, { pageContent }) => sum + Math.ceil(pageContent.length / 4), 0);
    expect(tokens).toBeLessThanOrEqual(100);
    expect(documents.length).toBeGreaterThan(1);
  });

  test("a caller who aborts leaves at once", async () => {
    const store = ana();
    store.before = () => new Promise(() => undefined);
    const { memory } = retriever({ store, ownerId: "ana" });
    const controller = new AbortController();
    const recalling = memory.recall("dog", { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(recalling).rejects.toThrow("enough");
  });

  test("closed is closed, twice too", async () => {
    const { memory } = retriever({ store: ana(), ownerId: "ana" });
    await memory.close();
    await memory.close();
    await expect(memory.recall("dog")).rejects.toMatchObject({ code: "CLOSED" });
  });

  test.each<[string, object]>([
    ["store", { store: {} }],
    ["strategy", { strategy: "best" }],
    ["k", { k: 0 }],
    ["lookback", { lookback: "soon" }],
    ["timeZone", { timeZone: "Mars/Olympus" }],
    ["index", { index: flatIndex() }],
    ["exploration", { exploration: 2 }],
    ["queryCache", { queryCache: 7 }],
    ["topK", { topK: 5 }],
    ["rerank", { rerank: {} }],
  ])("a wrong %s is named", (name, wrong) => {
    const make = () => new AdaptiveMemoryRetriever({ store: ana(), ...wrong });
    expect(make).toThrow(StrataConfigError);
    expect(make).toThrow(new RegExp(name));
  });
});

describe("what is remembered can be seen", () => {
  test("page by page, of one owner", async () => {
    const { memory } = retriever({ store: ana() });
    const texts: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await memory.inspect({ ownerId: "ana", limit: 2, cursor });
      texts.push(...page.messages.map(({ text }) => text));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(texts).toHaveLength(6);
    expect(texts.join()).not.toMatch(/Brutus/);
  });

  test("statistics, of one owner and of all", async () => {
    const { memory } = retriever({ store: ana() });
    await memory.recall("dog", { ownerId: "ana", strategy: "hybrid" });
    await memory.recall("dog", { ownerId: "ana", strategy: "hybrid" });
    await memory.recall("dog", { ownerId: "bob", strategy: "cross_conversation" });
    expect(await memory.stats()).toMatchObject({ recalls: 3, owners: 2 });
    const own = await memory.stats({ ownerId: "ana", days: 1 });
    expect(own.strategies).toMatchObject([{ strategy: "hybrid", uses: 2, share: 1, cacheHitRate: 0.5, meanResults: 2 }]);
  });
});
