import { AIMessage, HumanMessage, SystemMessage, type BaseMessage } from "@langchain/core/messages";
import { describe, expect, test } from "vitest";
import type { ConversationStore } from "../../../src/history/conversation-store.ts";
import { conversationBed, ENGINES, wallClock } from "../../support/conversation-bed.ts";

function texts(messages: readonly BaseMessage[]): unknown[] {
  return messages.map(({ content }) => content);
}

async function say(store: ConversationStore, ownerId: string, sessionId: string, ...said: string[]): Promise<void> {
  await store.history({ ownerId, sessionId }).addMessages(said.map((text) => new HumanMessage(text)));
}

describe.each(ENGINES)("a conversation store on %s", (engine) => {
  const bed = conversationBed(engine);

  test("gives back what it was given, also to another store", async () => {
    const store = await bed.store();
    const history = store.history({ sessionId: "s", ownerId: "ada" });
    await history.addMessages([new SystemMessage("Be brief."), new HumanMessage({ id: "own", content: "Hello", name: "Ada" })]);
    await history.addMessage(new AIMessage("Hello, Ada"));
    const again = (await bed.store()).history({ sessionId: "s", ownerId: "ada" });
    const messages = await again.getMessages();
    expect(messages.map(({ type, content, name }) => [type, content, name])).toEqual([
      ["system", "Be brief.", undefined],
      ["human", "Hello", "Ada"],
      ["ai", "Hello, Ada", undefined],
    ]);
    expect(messages[1]?.id).toBe("own");
    expect(messages[0]?.id).toMatch(/^[0-9A-Z]{26}$/);
  });

  test("stores an id once, and two messages without one twice", async () => {
    const history = (await bed.store()).history({ sessionId: "s" });
    const named = new HumanMessage({ id: "1", content: "a" });
    const unnamed = new HumanMessage("b");
    await history.addMessages([named, unnamed]);
    await history.addMessages([named, unnamed]);
    expect(texts(await history.getMessages())).toEqual(["a", "b", "b"]);
  });

  test("clears one conversation, and no other", async () => {
    const store = await bed.store();
    await say(store, "ada", "1", "a");
    await say(store, "ada", "2", "b");
    await say(store, "bob", "1", "c");
    await store.history({ ownerId: "ada", sessionId: "1" }).clear();
    expect(texts(await store.history({ ownerId: "ada", sessionId: "1" }).getMessages())).toEqual([]);
    expect(texts(await store.history({ ownerId: "ada", sessionId: "2" }).getMessages())).toEqual(["b"]);
    expect(texts(await store.history({ ownerId: "bob", sessionId: "1" }).getMessages())).toEqual(["c"]);
  });

  test("keeps the order of adding, whatever the clock and the given times say", async () => {
    const clock = wallClock();
    const history = (await bed.store({ clock })).history({ sessionId: "s" });
    await history.addMessage(new HumanMessage("first"));
    clock.move(-86_400_000);
    await history.addMessage(new HumanMessage("second"));
    await history.addMessages([new HumanMessage("third"), new HumanMessage("fourth")], {
      createdAt: [new Date("2001-01-01"), new Date("1999-01-01")],
    });
    expect(texts(await history.getMessages())).toEqual(["first", "second", "third", "fourth"]);
  });

  test("pages through conversations by owner, feature, metadata and dates", async () => {
    const clock = wallClock();
    const store = await bed.store({ clock });
    for (let number = 0; number < 7; number++) {
      const history = store.history({
        ownerId: "ada",
        sessionId: `s${number}`,
        feature: number % 2 === 0 ? "even" : "odd",
        metadata: { lang: number < 3 ? "pt" : "en", nested: { number } },
      });
      await history.addMessages([new HumanMessage("a"), new AIMessage("b")]);
      await store.drain();
      clock.move(1_000);
    }
    await say(store, "bob", "s9", "other");
    await store.drain();
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.conversations({ ownerId: "ada", limit: 3, cursor });
      expect(page.conversations.length).toBeLessThanOrEqual(3);
      seen.push(...page.conversations.map(({ sessionId }) => sessionId));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(["s6", "s5", "s4", "s3", "s2", "s1", "s0"]);
    const of = async (filter: object): Promise<string[]> =>
      (await store.conversations({ ownerId: "ada", ...filter })).conversations.map(({ sessionId }) => sessionId);
    expect(await of({ feature: "odd" })).toEqual(["s5", "s3", "s1"]);
    expect(await of({ metadata: { lang: "pt" } })).toEqual(["s2", "s1", "s0"]);
    expect(await of({ metadata: { nested: { number: 4 } } })).toEqual(["s4"]);
    expect(await of({ after: new Date(clock.now() - 2_000) })).toEqual(["s6", "s5"]);
    expect(await of({ before: new Date(clock.now() - 5_000) })).toEqual(["s1", "s0"]);
    expect((await store.conversations()).conversations).toEqual([]);
    expect((await store.conversations({ owners: "all" })).conversations).toHaveLength(8);
    const [first] = (await store.conversations({ ownerId: "ada", limit: 1 })).conversations;
    expect(first).toMatchObject({ ownerId: "ada", feature: "even", messages: 2, metadata: { lang: "en" } });
    await expect(store.conversations({ cursor: "nonsense" })).rejects.toThrow("conversations.cursor");
  });

  test("pages through messages across sessions, the newest first", async () => {
    const clock = wallClock();
    const store = await bed.store({ clock });
    for (const [session, text] of [
      ["1", "a"],
      ["2", "b"],
      ["1", "c"],
      ["2", "d"],
    ] as const) {
      await store.history({ ownerId: "ada", sessionId: session, feature: `f${session}` }).addMessage(new HumanMessage(text));
      clock.move(1);
    }
    await store.drain();
    const first = await store.messages({ ownerId: "ada", limit: 3 });
    const second = await store.messages({ ownerId: "ada", limit: 3, cursor: first.cursor });
    expect([...first.messages, ...second.messages].map(({ text, sessionId }) => `${sessionId}${text}`)).toEqual([
      "2d",
      "1c",
      "2b",
      "1a",
    ]);
    expect(second.cursor).toBeUndefined();
    expect(HumanMessage.isInstance(first.messages[0]?.message)).toBe(true);
    expect((await store.messages({ ownerId: "ada", sessionId: "1" })).messages.map(({ text }) => text)).toEqual(["c", "a"]);
    expect((await store.messages({ ownerId: "ada", feature: "f2" })).messages.map(({ text }) => text)).toEqual(["d", "b"]);
    expect((await store.messages({ ownerId: "ada", roles: ["ai"] })).messages).toEqual([]);
    expect((await store.messages({ ownerId: "eve" })).messages).toEqual([]);
  });

  test("gives every turn of an owner once, page by page", async () => {
    const store = await bed.store();
    for (let number = 0; number < 5; number++) {
      await say(store, "ada", `s${number % 2}`, `a${number}`, `b${number}`);
      // Sessions that begin within one batch of a writer stand in any order.
      await store.drain();
    }
    await say(store, "bob", "s0", "other");
    await store.drain();
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.turns({ ownerId: "ada", limit: 3, cursor });
      seen.push(...page.turns.map(({ sessionId, seq, text }) => `${sessionId}/${seq}/${text}`));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(seen).toEqual([
      ...["s0/1/a0", "s0/2/b0", "s0/3/a2", "s0/4/b2", "s0/5/a4", "s0/6/b4"],
      ...["s1/1/a1", "s1/2/b1", "s1/3/a3", "s1/4/b3"],
    ]);
  });

  test("has another position after each change, and only then", async () => {
    const store = await bed.store();
    const positions: string[] = [];
    const note = async (): Promise<void> => {
      await store.drain();
      const position = await store.position("ada");
      expect(await store.position("ada")).toBe(position);
      positions.push(position);
    };
    await note();
    await store.history({ ownerId: "ada", sessionId: "1" }).addMessage(new HumanMessage({ id: "m", content: "a" }));
    await note();
    await store.correct({ ownerId: "ada", messageId: "m" }, "b");
    await note();
    await say(store, "ada", "2", "c");
    await note();
    await store.remove({ ownerId: "ada", messageId: "m" });
    await note();
    await store.history({ ownerId: "ada", sessionId: "2" }).clear();
    await note();
    await store.forget({ ownerId: "ada" });
    await say(store, "ada", "1", "a");
    await note();
    expect(new Set(positions).size).toBe(positions.length);
    await say(store, "bob", "1", "x");
    expect(await store.position("ada")).toBe(positions.at(-1));
  });

  test("corrects and removes single messages, for good", async () => {
    const store = await bed.store();
    const history = store.history({ ownerId: "ada", sessionId: "1" });
    const messages = ["one", "two", "three"].map((content, index) => new AIMessage({ id: `m${index}`, content, name: "bot" }));
    await history.addMessages(messages);
    expect(await store.correct({ ownerId: "ada", messageId: "m1" }, "2")).toBe(true);
    expect(await store.remove({ ownerId: "ada", messageId: "m0" })).toBe(true);
    expect(await store.remove({ ownerId: "ada", messageId: "m0" })).toBe(false);
    expect(await store.correct({ ownerId: "bob", messageId: "m1" }, "hacked")).toBe(false);
    await history.addMessages(messages);
    await store.drain();
    const kept = await history.getMessages();
    expect(kept.map(({ content, id, name }) => [content, id, name])).toEqual([
      ["2", "m1", "bot"],
      ["three", "m2", "bot"],
    ]);
    expect((await store.turns({ ownerId: "ada" })).turns.map(({ text }) => text)).toEqual(["2", "three"]);
    expect((await store.conversations({ ownerId: "ada" })).conversations[0]?.messages).toBe(2);
    await store.history({ ownerId: "ada", sessionId: "2" }).addMessage(new HumanMessage({ id: "m1", content: "other" }));
    await expect(store.remove({ ownerId: "ada", messageId: "m1" })).rejects.toThrow("sessionId");
    expect(await store.remove({ ownerId: "ada", messageId: "m1", sessionId: "2" })).toBe(true);
    await store.drain();
    expect(texts(await history.getMessages())).toEqual(["2", "three"]);
  });

  test("finds the new words of a corrected message, and not the old ones", async () => {
    const store = await bed.store();
    const sql = await bed.sql();
    await store.history({ sessionId: "1" }).addMessage(new HumanMessage({ id: "m", content: "apples" }));
    await store.drain();
    await store.correct({ ownerId: "", messageId: "m" }, "pears");
    await store.drain();
    const words = await sql.query<{ words: string }>("SELECT words::text AS words FROM strata_message_words");
    expect(words).toHaveLength(1);
    expect(words[0]?.words).toContain("'pear'");
    expect(words[0]?.words).not.toContain("appl");
  });

  test("finds what others said beside a message that is nothing but words without end", async () => {
    const store = await bed.store();
    // Each is another one, kept whole and in parts by the search, and three times as long when it is taken apart.
    const syllable = (index: number): string => String.fromCodePoint(0xac_00 + ((index * 7_919) % 11_172));
    const word = (from: number): string => Array.from({ length: 99 }, (_, index) => syllable(from + 13 * index)).join("");
    const words = Array.from({ length: 250 }, (_, index) => `${word(2 * index * 99)}-${word((2 * index + 1) * 99)}`);
    await store.history({ ownerId: "mallory", sessionId: "s" }).addMessages([new HumanMessage(words.join(" "))]);
    await store.history({ ownerId: "ada", sessionId: "s" }).addMessages([new HumanMessage("my parrot is called Jacó")]);
    await store.drain();
    const [found] = await store.search({ ownerId: "ada", query: "jaco", limit: 5 });
    expect(found).toMatchObject({ text: "my parrot is called Jacó" });
  });

  test("forgets an owner and tells what was there", async () => {
    const store = await bed.store();
    await say(store, "ada", "1", "a", "b");
    await say(store, "ada", "2", "c");
    await say(store, "bob", "1", "d");
    await store.drain();
    expect(await store.forget({ ownerId: "ada" })).toMatchObject({ messages: 3, conversations: 2, summaries: 0, deadLetters: 0 });
    expect(await store.forget({ ownerId: "ada" })).toMatchObject({ messages: 0, conversations: 0 });
    expect((await store.messages({ owners: "all" })).messages.map(({ text }) => text)).toEqual(["d"]);
  });

  test("refuses work after close", async () => {
    const store = await bed.store();
    const history = store.history({ sessionId: "1" });
    await store.close();
    await store.close();
    await expect(history.getMessages()).rejects.toMatchObject({ code: "CLOSED" });
    await expect(store.conversations()).rejects.toMatchObject({ code: "CLOSED" });
  });
});

describe("a conversation store with a read replica", () => {
  const bed = conversationBed("PostgreSQL");

  test("lists what it wrote, from a server that answers for itself and from one that cannot", async () => {
    const sql = await bed.sql();
    const asked: string[] = [];
    const replica = { ...sql, query: (text: string, ...rest: never[]) => (asked.push(text), sql.query(text, ...rest)) };
    const store = await bed.store({ readReplica: replica as typeof sql });
    await say(store, "ada", "1", "a");
    expect((await store.conversations({ ownerId: "ada" })).conversations).toHaveLength(1);
    expect((await store.messages({ ownerId: "ada" })).messages).toHaveLength(1);
    expect(asked.filter((text) => text.includes("strata_"))).toHaveLength(2);
    const broken = await bed.store({ readReplica: { ...sql, query: () => Promise.reject(new Error("away")) } });
    expect((await broken.conversations({ ownerId: "ada" })).conversations).toHaveLength(1);
  });

  test.each([
    [{ durability: "redis" } as const, "ConversationStore.durability"],
    [{ hotWindow: { messages: 5 } }, "ConversationStore.hotWindow"],
    [{ readReplica: {} as never }, "ConversationStore.readReplica"],
    [{ sql: undefined as never }, "ConversationStore.sql"],
    [{ redos: "x" } as never, "ConversationStore.redos"],
  ])("refuses %j", async (options, named) => {
    await expect(bed.store(options)).rejects.toThrow(named);
  });
});
