/** What hostile names, sizes and filters must not do to conversations. */
import { HumanMessage, type BaseMessage } from "@langchain/core/messages";
import { describe, expect, test } from "vitest";
import { conversationBed, ENGINES } from "../support/conversation-bed.ts";
import { seededRandom } from "../support/seeded-random.ts";

const HOSTILE = [
  "*",
  "%",
  "_",
  "a*",
  "'; DROP TABLE strata_messages; --",
  '"',
  "\\",
  "$1",
  "__proto__",
  "constructor",
  "{}",
  "a|b",
  "a:b",
  "a\nb",
  "a\r\nFLUSHALL\r\n",
  "🦊",
  "é",
  "e\u0301",
  " ",
  "a",
  "A",
  "1024".repeat(256),
];

function text(messages: readonly BaseMessage[]): unknown[] {
  return messages.map(({ content }) => content);
}

describe.each(ENGINES)("conversations on %s", (engine) => {
  const bed = conversationBed(engine);

  test("of hostile names stay apart, as owners and as sessions", async () => {
    const store = await bed.store();
    for (const name of HOSTILE) {
      await store.history({ ownerId: name, sessionId: "s" }).addMessage(new HumanMessage(`owner ${name}`));
      await store
        .history({ ownerId: "o", sessionId: name, feature: name.slice(0, 256) })
        .addMessage(new HumanMessage(`session ${name}`));
    }
    await store.drain();
    for (const name of HOSTILE) {
      expect(text(await store.history({ ownerId: name, sessionId: "s" }).getMessages())).toEqual([`owner ${name}`]);
      expect(text(await store.history({ ownerId: "o", sessionId: name }).getMessages())).toEqual([`session ${name}`]);
      const { messages } = await store.messages({ ownerId: name });
      expect(messages.map(({ ownerId, text: said }) => [ownerId, said])).toEqual([[name, `owner ${name}`]]);
      expect((await store.conversations({ ownerId: "o", feature: name.slice(0, 256) })).conversations).toHaveLength(1);
    }
    await store.forget({ ownerId: "*" });
    await store.forget({ ownerId: "%" });
    expect((await store.messages({ owners: "all", limit: 1_000 })).messages).toHaveLength(HOSTILE.length * 2 - 2);
  });

  test.each([
    ["a session of 64 kB", { sessionId: "x".repeat(65_536) }],
    ["an empty session", { sessionId: "" }],
    ["a session with NUL", { sessionId: "a\0b" }],
    ["half a surrogate pair", { sessionId: "\ud800" }],
    ["a session that is no text", { sessionId: { toString: () => "s" } as never }],
    ["an owner that is no text", { sessionId: "s", ownerId: null as never }],
    ["an owner of 64 kB", { sessionId: "s", ownerId: "x".repeat(65_536) }],
    ["metadata with a class", { sessionId: "s", metadata: { at: new Date() } }],
    ["metadata with NUL", { sessionId: "s", metadata: { a: "\0" } }],
    ["an unknown option", { sessionId: "s", sessonTtl: 1 } as never],
  ])("refuse %s", async (_what, options) => {
    const store = await bed.store();
    expect(() => store.history(options)).toThrow(/Option `|cannot be stored/);
  });

  test("refuse a message of 100 MB, and one with an id that cannot be stored, with the whole batch", async () => {
    const history = (await bed.store()).history({ sessionId: "s" });
    const giant = new HumanMessage("x".repeat(100 * 1024 * 1024));
    await expect(history.addMessages([new HumanMessage("a"), giant])).rejects.toMatchObject({ code: "UNSTORABLE" });
    const nameless = new HumanMessage({ id: "a\0b", content: "b" });
    await expect(history.addMessages([new HumanMessage("a"), nameless])).rejects.toMatchObject({ code: "UNSTORABLE" });
    expect(await history.getMessages()).toEqual([]);
  });

  test("give a page to nobody by a cursor that was tampered with", async () => {
    const store = await bed.store();
    for (const ownerId of ["ada", "bob"]) {
      for (let number = 0; number < 3; number++)
        await store.history({ ownerId, sessionId: `${number}` }).addMessage(new HumanMessage(ownerId));
    }
    await store.drain();
    const { cursor } = await store.messages({ ownerId: "ada", limit: 1 });
    const page = await store.messages({ ownerId: "bob", limit: 10, cursor });
    expect(page.messages.every(({ ownerId }) => ownerId === "bob")).toBe(true);
    for (const broken of ["", "e30", cursor?.slice(1), Buffer.from('["1; DROP", 2, 3]').toString("base64url")]) {
      await expect(store.messages({ ownerId: "bob", cursor: broken as string })).rejects.toThrow("messages.cursor");
    }
  });

  test("of two owners never meet in 1,000 random operations", async () => {
    const store = await bed.store();
    const random = seededRandom(7);
    const owners = ["ada", "ada "];
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
    let crossed = 0;
    for (let operation = 0; operation < 1_000; operation++) {
      const ownerId = pick(owners);
      const sessionId = pick(["1", "2", "3"]);
      const history = store.history({ ownerId, sessionId });
      const kind = random();
      if (kind < 0.5) {
        const id = `m${Math.floor(random() * 400)}`;
        const content = `${ownerId}|${sessionId}|${operation}`;
        await history.addMessage(new HumanMessage({ id, content }));
      } else if (kind < 0.8) {
        const messages = await history.getMessages();
        crossed += messages.filter((message) => !message.text.startsWith(`${ownerId}|${sessionId}|`)).length;
      } else if (kind < 0.9) {
        const { messages } = await store.messages({ ownerId, limit: 5 });
        crossed += messages.filter((message) => message.ownerId !== ownerId || !message.text.startsWith(`${ownerId}|`)).length;
      } else if (kind < 0.96) {
        await store.correct(
          { ownerId, sessionId, messageId: `m${Math.floor(random() * 400)}` },
          `${ownerId}|${sessionId}|corrected`,
        );
      } else if (kind < 0.99) {
        const { conversations } = await store.conversations({ ownerId });
        crossed += conversations.filter((conversation) => conversation.ownerId !== ownerId).length;
      } else {
        await history.clear();
      }
    }
    expect(crossed).toBe(0);
  });
});
