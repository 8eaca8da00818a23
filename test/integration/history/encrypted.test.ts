import { randomBytes } from "node:crypto";
import { AIMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { describe, expect, test } from "vitest";
import type { StrataEvent } from "../../../src/core/events.ts";
import type { KeyRing } from "../../../src/encryption/key-ring.ts";
import { scopedKeys } from "../../../src/encryption/rings/scoped-keys.ts";
import { importHistory } from "../../../src/history/imports/import-history.ts";
import { AdaptiveMemoryRetriever } from "../../../src/memory/memory-retriever.ts";
import { mapStore } from "../../fixtures/broken-keys/broken-keys.ts";
import { conversationBed, type Engine } from "../../support/conversation-bed.ts";

const CANARY = "canary-of-ada-91c4";
const ring = (): KeyRing => scopedKeys({ master: { current: "m", keys: { m: randomBytes(32) } }, store: mapStore() });

describe.each<Engine>(["PostgreSQL", "Redis first"])("an encrypted history on %s", (engine) => {
  const bed = conversationBed(engine);

  async function tablesText(): Promise<string> {
    const sql = await bed.sql();
    const tables = ["strata_messages", "strata_summaries", "strata_message_words", "strata_archived_messages"];
    const read = await Promise.all(tables.map((table) => sql.query(`SELECT t::text AS row FROM ${table} t`)));
    return JSON.stringify(read);
  }

  test("gives back every message, and the tables hold none of them", async () => {
    const store = await bed.store({ encryption: { keys: ring(), required: true } });
    const history = store.history({ sessionId: "s", ownerId: "ada" });
    await history.addMessages([
      new SystemMessage(`Answer Ada, ${CANARY}.`),
      new HumanMessage({ content: `What is ${CANARY}?`, name: "Ada" }),
      new AIMessage({ content: "", tool_calls: [{ id: "c", name: "find", args: { what: CANARY } }] }),
      new ToolMessage({ content: CANARY, tool_call_id: "c" }),
      new AIMessage("A bird."),
    ]);
    const read = await history.getMessages();
    expect(read.map(({ content }) => content)).toEqual([`Answer Ada, ${CANARY}.`, `What is ${CANARY}?`, "", CANARY, "A bird."]);
    expect(read[1]?.name).toBe("Ada");
    await store.drain();
    expect(await tablesText()).not.toContain(CANARY);
    const { messages } = await store.messages({ ownerId: "ada" });
    expect(messages.map(({ text }) => text)).toContain(`What is ${CANARY}?`);
    const { turns } = await store.turns({ ownerId: "ada" });
    expect(turns.map(({ text }) => text)).toContain(`What is ${CANARY}?`);
    expect(turns.find(({ name }) => name === "Ada")?.text).toBe(`What is ${CANARY}?`);
    expect((await store.summary({ ownerId: "ada" })).text).toContain(CANARY);
    expect((await history.context()).map(({ content }) => content)).toContain(CANARY);
  });

  test("corrects, removes and recalls messages", async () => {
    const store = await bed.store({ encryption: { keys: ring() } });
    const history = store.history({ sessionId: "s", ownerId: "ada" });
    await history.addMessages([
      new HumanMessage({ id: "1", content: "My sister lives in Porto." }),
      new HumanMessage({ id: "2", content: "My brother lives in Braga." }),
    ]);
    expect(await store.correct({ ownerId: "ada", messageId: "1" }, `My sister lives in Lisbon, ${CANARY}.`)).toBe(true);
    expect(await store.remove({ ownerId: "ada", messageId: "2" })).toBe(true);
    expect((await history.getMessages()).map(({ content }) => content)).toEqual([`My sister lives in Lisbon, ${CANARY}.`]);
    expect(await tablesText()).not.toContain(CANARY);
    const memory = new AdaptiveMemoryRetriever({ store, ownerId: "ada", strategy: "cross_conversation" });
    const { documents } = await memory.recall("Where does my sister live?");
    expect(documents.map(({ pageContent }) => pageContent)).toEqual([`My sister lives in Lisbon, ${CANARY}.`]);
    // An owner too large for the memory is searched without the database's help, and is told so.
    const small = new AdaptiveMemoryRetriever({ store, ownerId: "ada", maxTurns: 1, strategy: "cross_conversation" } as never);
    await history.addMessages([new HumanMessage("one"), new HumanMessage("two")]);
    expect((await small.recall("sister", { sessionId: "s" })).documents.length).toBeGreaterThan(0);
    await Promise.all([memory.close(), small.close()]);
  });

  test("keeps summaries encrypted", async () => {
    const store = await bed.store({ encryption: { keys: ring(), required: true } });
    const summarizer = new FakeListChatModel({ responses: [`They spoke of ${CANARY}.`] });
    const history = store.history({ sessionId: "s", ownerId: "ada", window: 4, summarizer });
    await history.addMessages(Array.from({ length: 12 }, (_, index) => new HumanMessage(`turn ${index}`)));
    await store.drain();
    const context = JSON.stringify((await history.context()).map(({ content }) => content));
    expect(context).toContain(CANARY);
    const sql = await bed.sql();
    const [row] = await sql.query<{ text: string }>("SELECT text FROM strata_summaries");
    expect(row?.text).toMatch(/^strata-sealed:/);
    expect((await store.summary({ ownerId: "ada" })).sessions[0]?.summary).toContain(CANARY);
  });

  test("reads messages of before, and refuses them where encryption is required", async () => {
    const plain = await bed.store();
    await plain.history({ sessionId: "s", ownerId: "ada" }).addMessages([new HumanMessage({ id: "1", content: "plain" })]);
    await plain.drain();
    const keys = ring();
    const mild = await bed.store({ encryption: { keys } });
    const history = mild.history({ sessionId: "s", ownerId: "ada" });
    await history.addMessages([new HumanMessage({ id: "2", content: "sealed" })]);
    await mild.drain();
    expect((await history.getMessages()).map(({ content }) => content)).toEqual(["plain", "sealed"]);
    expect((await mild.turns({ ownerId: "ada" })).turns.map(({ text }) => text)).toEqual(["plain", "sealed"]);
    const events: StrataEvent[] = [];
    const strict = await bed.store({ encryption: { keys, required: true }, observer: (event) => void events.push(event) });
    const read = await strict.history({ sessionId: "s", ownerId: "ada" }).getMessages();
    expect(read.map(({ content }) => content)).toEqual(["sealed"]);
    expect((await strict.turns({ ownerId: "ada" })).turns.map(({ text }) => text)).toEqual(["sealed"]);
    expect(events.some((event) => event.type === "history.fault" && event.operation === "decrypt")).toBe(true);
    // Without keys a reader is told what is wrong.
    await expect(plain.history({ sessionId: "s", ownerId: "ada" }).getMessages()).rejects.toThrow(/is encrypted/);
  });

  test("a message that was moved to another conversation, owner or place is left out", async () => {
    const events: StrataEvent[] = [];
    const store = await bed.store({ encryption: { keys: ring() }, observer: (event) => void events.push(event) });
    for (const [ownerId, sessionId] of [
      ["ada", "one"],
      ["ada", "two"],
      ["bob", "one"],
    ] as const) {
      await store
        .history({ sessionId, ownerId })
        .addMessages([new HumanMessage({ id: "1", content: `${ownerId} ${sessionId}` })]);
    }
    await store.drain();
    const sql = await bed.sql();
    const turns = async (ownerId: string): Promise<string[]> => (await store.turns({ ownerId })).turns.map(({ text }) => text);
    expect(await turns("ada")).toEqual(["ada one", "ada two"]);
    await sql.query("UPDATE strata_messages SET payload = (SELECT max(payload) FROM strata_messages)");
    expect([...(await turns("ada")), ...(await turns("bob"))]).toHaveLength(1);
    expect(events.filter((event) => event.type === "history.fault").length).toBeGreaterThan(0);
  });

  test("who is forgotten cannot be brought back by the rows", async () => {
    const store = await bed.store({ encryption: { keys: ring() } });
    for (const ownerId of ["ada", "bob"]) {
      await store.history({ sessionId: "s", ownerId }).addMessages([new HumanMessage(`${ownerId} was here`)]);
    }
    await store.drain();
    const sql = await bed.sql();
    await sql.query("DROP TABLE IF EXISTS kept");
    await sql.query(
      "CREATE TABLE kept AS SELECT m.* FROM strata_messages m JOIN strata_conversations c ON c.id = m.conversation_id WHERE c.owner_id = 'ada'",
    );
    await store.forget({ ownerId: "ada" });
    await store.history({ sessionId: "s", ownerId: "ada" }).addMessages([new HumanMessage("again")]);
    await store.drain();
    // As a dump that was kept too long.
    await sql.query(
      `INSERT INTO strata_messages SELECT c.id, 1000 + k.seq, k.id, k.role, k.name, k.created_at, k.text, k.payload
       FROM kept k, strata_conversations c WHERE c.owner_id = 'ada'`,
    );
    await sql.query("DROP TABLE kept");
    expect((await store.turns({ ownerId: "ada" })).turns.map(({ text }) => text)).toEqual(["again"]);
    expect((await store.turns({ ownerId: "bob" })).turns.map(({ text }) => text)).toEqual(["bob was here"]);
  });
});

describe("an encrypted history", () => {
  const bed = conversationBed("PostgreSQL");

  test("refuses what needs the text in the database, and says so", async () => {
    const encryption = { keys: ring() };
    const embeddings = { embedQuery: async () => [1], embedDocuments: async (texts: string[]) => texts.map(() => [1]) };
    await expect(bed.store({ encryption, embeddings, embeddingModel: "m" })).rejects.toThrow(/embeddingModel/);
    await expect(bed.store({ encryption: { keys: {} as KeyRing } })).rejects.toThrow(/encryption\.keys/);
    const store = await bed.store({ encryption });
    expect(store.isSearchable).toBe(false);
    await expect(store.search({ ownerId: "ada", query: "x" })).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect(store.nearest({ ownerId: "ada", vector: [1], model: "m" })).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect(store.embed({ ownerId: "ada", embeddings, model: "m" })).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  test("takes over another history once, also when it is done again", async () => {
    const sql = await bed.sql();
    await sql.query(
      "CREATE TABLE IF NOT EXISTS langchain_chat_histories (id serial PRIMARY KEY, session_id text, message jsonb)",
    );
    await sql.query("TRUNCATE langchain_chat_histories");
    await sql.query("INSERT INTO langchain_chat_histories (session_id, message) VALUES ('s', $1::jsonb)", [
      JSON.stringify({ type: "human", content: CANARY, additional_kwargs: {}, id: "h-1" }),
    ]);
    const store = await bed.store({ encryption: { keys: ring() } });
    expect(await importHistory({ from: { sql, ownerId: "ada" }, store })).toMatchObject({ imported: 1 });
    await sql.query("DELETE FROM strata_imports");
    expect(await importHistory({ from: { sql, ownerId: "ada" }, store })).toMatchObject({ imported: 0, known: 1 });
    expect((await store.history({ sessionId: "s", ownerId: "ada" }).getMessages()).map(({ content }) => content)).toEqual([
      CANARY,
    ]);
  });
});
