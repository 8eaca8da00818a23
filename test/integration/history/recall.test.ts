import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { describe, expect, test } from "vitest";
import { AdaptiveMemoryRetriever } from "../../../src/index.ts";
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
