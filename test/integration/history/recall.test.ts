import { Embeddings } from "@langchain/core/embeddings";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { describe, expect, test } from "vitest";
import { AdaptiveMemoryRetriever, type ConversationStore, type Strategy, type TurnSource } from "../../../src/index.ts";
import { conversationBed, ENGINES } from "../../support/conversation-bed.ts";

const NOW = Date.UTC(2026, 4, 20, 12);
const DAY = 86_400_000;

describe.each(ENGINES)("recall from %s", (engine) => {
  const bed = conversationBed(engine);

  test("finds what was said, as it is now", async () => {
    const store = await bed.store();
    const say = async (sessionId: string, text: string, at: number) =>
      store.history({ ownerId: "ana", sessionId }).addMessages([new HumanMessage({ id: text.slice(0, 8), content: text })], {
        createdAt: new Date(at),
      });
    await say("old", "Configurações do meu roteador: canal 11", NOW - 40 * DAY);
    await say("now", "Reservei o voo para Lisboa", NOW - DAY);
    await store.history({ ownerId: "bob", sessionId: "now" }).addMessages([new AIMessage("Configurações do Bob")]);
    await store.drain();
    const memory = new AdaptiveMemoryRetriever({ store, ownerId: "ana", exploration: 0 });
    const find = async (query: string) =>
      (await memory.recall(query, { now: new Date(NOW) })).documents.map(({ pageContent }) => pageContent);
    expect(await find("quais eram as configuracoes do roteador?")).toEqual(["Configurações do meu roteador: canal 11"]);
    expect(await find("o que falamos ontem?")).toEqual(["Reservei o voo para Lisboa"]);
    await say("now", "O hotel em Lisboa custa 90 euros", NOW - DAY / 2);
    await store.drain();
    expect((await find("hotel em Lisboa"))[0]).toBe("O hotel em Lisboa custa 90 euros");
    expect(await memory.correct("Reservei", "Reservei o trem para o Porto", { sessionId: "now" })).toBe(true);
    expect((await find("trem para o Porto"))[0]).toBe("Reservei o trem para o Porto");
    expect((await find("qual voo eu reservei?")).join()).not.toMatch(/voo/);
    expect(await memory.remove("Reservei", { sessionId: "now" })).toBe(true);
    expect((await find("trem para o Porto")).join()).not.toMatch(/trem/);
    const page = await memory.inspect();
    expect(page.messages.map(({ text }) => text)).toEqual([
      "Configurações do meu roteador: canal 11",
      "O hotel em Lisboa custa 90 euros",
    ]);
    await store.forget({ ownerId: "ana" });
    expect(await find("hotel em Lisboa")).toEqual([]);
    await memory.close();
  });

  test("an owner with too many messages is searched by the words in the database, any of them, with or without accents", async () => {
    const store = await bed.store();
    const history = store.history({ ownerId: "ana", sessionId: "s" });
    const texts = Array.from({ length: 60 }, (_, at) => `mensagem comum ${at}`);
    await history.addMessages(texts.map((text) => new HumanMessage(text)));
    await history.addMessages([new HumanMessage("As configurações do servidor estão na wiki"), new AIMessage("Certo, anotado.")]);
    await store.history({ ownerId: "bob", sessionId: "s" }).addMessages([new HumanMessage("configurações secretas do Bob")]);
    await store.drain();
    const memory = new AdaptiveMemoryRetriever({ store, ownerId: "ana", exploration: 0, maxTurns: 20, strategy: "hybrid" });
    const recall = await memory.recall("onde ficam as configuracoes do xyzzy?");
    expect(recall.degraded).toEqual(["large-owner"]);
    expect(recall.documents[0]?.pageContent).toBe("As configurações do servidor estão na wiki");
    expect(recall.documents.every(({ metadata }) => metadata.ownerId === "ana")).toBe(true);
    expect(recall.documents.map(({ pageContent }) => pageContent).join()).not.toMatch(/Bob/);
    for (const query of ["a & b | !c <-> 'd' \\", "https://x.example/?a=1&b=2", "''", "%_\\", ":*"]) await memory.recall(query);
    await memory.close();
  });
});

describe.each(["PostgreSQL", "PGlite"] as const)("an owner too large for memory, with embeddings, from %s", (engine) => {
  const bed = conversationBed(engine);
  /** One axis for each topic that a text is about, whatever its words. */
  const topics = [/dog|cachorro|puppy/, /trip|viagem|lisbon/, /invoice|fatura/];
  class Topics extends Embeddings {
    isDown = false;
    async embedDocuments(texts: string[]): Promise<number[][]> {
      return texts.map((text) => [...topics.map((topic) => (topic.test(text.toLowerCase()) ? 1 : 0)), 0.1]);
    }
    async embedQuery(text: string): Promise<number[]> {
      if (this.isDown) throw new Error("down");
      return (await this.embedDocuments([text]))[0] as number[];
    }
  }
  const embeddings = new Topics({});

  test("is searched by meaning in the database too, by the strategies that there are", async () => {
    const store = await bed.store();
    const say = (ownerId: string, sessionId: string, texts: string[]) =>
      store.history({ ownerId, sessionId }).addMessages(texts.map((text) => new HumanMessage(text)));
    await say("ana", "old", [...Array.from({ length: 30 }, (_, at) => `filler ${at}`), "My puppy is called Rex", "Right."]);
    await say("ana", "now", [...Array.from({ length: 300 }, (_, at) => `filler ${at}`), "The invoice is due", "Fine."]);
    await say("bob", "old", ["My puppy is called Bello"]);
    await store.drain();
    const options = { store, embeddings, embeddingModel: "topics", ownerId: "ana", exploration: 0, maxTurns: 20 };
    const memory = new AdaptiveMemoryRetriever(options);
    const find = (query: string, strategy: Strategy) => memory.recall(query, { strategy, sessionId: "now", k: 3 });
    const early = await find("cachorro", "hybrid");
    expect(early.degraded).toEqual(["large-owner", "vectors-incomplete"]);
    await memory.settled();

    const recall = await find("cachorro", "hybrid");
    expect(recall.degraded).toEqual(["large-owner"]);
    expect(recall.documents[0]).toMatchObject({
      pageContent: "My puppy is called Rex",
      metadata: { ownerId: "ana", source: "semantic" },
    });
    expect(recall.documents.map(({ pageContent }) => pageContent).join()).not.toMatch(/Bello/);
    expect((await find("fatura", "semantic_search")).documents[0]?.pageContent).toBe("The invoice is due");
    const elsewhere = await find("cachorro", "semantic_search");
    expect(elsewhere.documents.every(({ metadata }) => metadata.sessionId === "now")).toBe(true);
    expect((await find("cachorro", "recent_history")).documents.map(({ pageContent }) => pageContent)).toEqual([
      "Fine.",
      "The invoice is due",
      "filler 299",
    ]);
    expect((await find("cachorro", "session_only")).documents).toEqual([]);

    // Stored a moment ago: neither its words nor its vector are there yet.
    await say("ana", "third", ["The parcel arrived"]);
    expect((await find("parcel", "cross_conversation")).documents[0]?.pageContent).toBe("The parcel arrived");
    expect((await find("cachorro", "hybrid")).degraded).toEqual(["large-owner", "vectors-incomplete"]);

    embeddings.isDown = true;
    const down = await find("invoice", "hybrid");
    embeddings.isDown = false;
    expect(down.degraded).toEqual(["large-owner", "embeddings"]);
    expect(down.documents[0]?.pageContent).toBe("The invoice is due");
    await memory.close();
  });

  test("finds nothing by a message that was removed, and nothing by vectors of another model", async () => {
    const store = await bed.store();
    const texts = Array.from({ length: 30 }, (_, at) => `filler ${at}`);
    await store.history({ ownerId: "ana", sessionId: "s" }).addMessages(texts.map((text) => new HumanMessage(text)));
    await store
      .history({ ownerId: "ana", sessionId: "s" })
      .addMessages([new HumanMessage({ id: "rex", content: "My puppy is called Rex" })]);
    await store.drain();
    const options = { store, embeddings, ownerId: "ana", exploration: 0, maxTurns: 20, strategy: "hybrid" } as const;
    const memory = new AdaptiveMemoryRetriever({ ...options, embeddingModel: "topics" });
    await memory.warm();
    const other = new AdaptiveMemoryRetriever({ ...options, store: { ...plain(store) }, embeddingModel: "other" });
    const find = async (retriever: AdaptiveMemoryRetriever) =>
      (await retriever.recall("cachorro")).documents.map(({ pageContent }) => pageContent).join();
    expect(await find(memory)).toMatch(/Rex/);
    expect(await find(other)).not.toMatch(/Rex/);
    await memory.remove("rex");
    expect(await find(memory)).not.toMatch(/Rex/);
    await Promise.all([memory.close(), other.close()]);
  });
});

/** A source that makes no vectors. */
function plain(store: ConversationStore): TurnSource {
  return {
    position: (ownerId) => store.position(ownerId),
    sessions: (ownerId) => store.sessions(ownerId),
    turns: (filter) => store.turns(filter),
    search: (search) => store.search(search),
    nearest: (search) => store.nearest(search),
  };
}

describe("recall of what is acknowledged in Redis, while no writer stores it", () => {
  const bed = conversationBed("Redis first");

  test.each([
    ["held in memory", 20_000],
    ["too large for memory", 5],
  ])("finds it at once, and once, for an owner who is %s", async (_, maxTurns) => {
    const store = await bed.store({ writer: false });
    const elsewhere = await bed.store({ writer: false });
    const memory = new AdaptiveMemoryRetriever({
      store: elsewhere,
      ownerId: "ana",
      exploration: 0,
      strategy: "hybrid",
      maxTurns,
    });
    const say = (sessionId: string, text: string, ownerId = "ana") =>
      store.history({ ownerId, sessionId }).addMessages([new HumanMessage(text)]);
    const find = async (query: string) => (await memory.recall(query)).documents.map(({ pageContent }) => pageContent);
    expect(await find("parcel")).toEqual([]);
    for (let at = 0; at < 8; at++) await say("old", `filler ${at}`);
    await say("a", "the parcel went to Lisbon");
    await say("a", "a secret parcel", "bob");
    expect(await find("parcel")).toEqual(["the parcel went to Lisbon"]);
    await say("a", "the second parcel went to Porto");
    await say("b", "a third parcel, in another conversation");
    expect((await find("parcel")).toSorted()).toEqual([
      "a third parcel, in another conversation",
      "the parcel went to Lisbon",
      "the second parcel went to Porto",
    ]);
    const positions = new Set([await elsewhere.position("ana")]);

    // A writer comes: the same is found, once.
    const writing = await bed.store();
    await writing.drain();
    positions.add(await elsewhere.position("ana"));
    expect(positions.size).toBe(2);
    expect((await find("parcel")).toSorted()).toHaveLength(3);
    expect(await elsewhere.position("ana")).toBe([...positions][1]);
    await writing.close();
    await say("a", "a fourth parcel");
    expect(await find("fourth parcel")).toContain("a fourth parcel");
    await store.forget({ ownerId: "ana" });
    expect(await find("parcel")).toEqual([]);
    expect((await elsewhere.sessions("ana")).length).toBe(0);
    await memory.close();
  });
});
