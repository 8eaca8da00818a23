import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import { HumanMessage } from "@langchain/core/messages";
import { describe, expect, test } from "vitest";
import type { StrataEvent } from "../../../src/core/events.ts";
import type { ConversationStore } from "../../../src/history/conversation-store.ts";
import { conversationBed, ENGINES } from "../../support/conversation-bed.ts";

interface Lengths extends EmbeddingsInterface {
  isFailing: boolean;
  readonly asked: string[];
}

/** Vectors that tell the length of a text. */
function lengths(): Lengths {
  return {
    isFailing: false,
    asked: [],
    async embedDocuments(texts) {
      if (this.isFailing) throw new Error("The model is away.");
      this.asked.push(...texts);
      return texts.map((text) => [text.length, 1]);
    },
    async embedQuery(text) {
      return [text.length, 1];
    },
  };
}

async function say(store: ConversationStore, sessionId: string, ...texts: string[]): Promise<void> {
  await store.history({ ownerId: "ada", sessionId }).addMessages(texts.map((text) => new HumanMessage(text)));
}

describe.each(ENGINES)("vectors of messages on %s", (engine) => {
  const bed = conversationBed(engine);
  const vectors = async (): Promise<string[]> => {
    const rows = await (
      await bed.sql()
    ).query<{ text: string }>(
      `SELECT e.model || ' ' || m.text || ' ' || e.embedding::text AS text
       FROM strata_message_embeddings e JOIN strata_messages m USING (conversation_id, seq) ORDER BY 1`,
    );
    return rows.map(({ text }) => text);
  };

  test("are there after drain, also of what others stored, and anew for another model", async () => {
    const embeddings = lengths();
    const plain = await bed.store();
    await say(plain, "1", "a");
    await plain.drain();
    const store = await bed.store({ embeddings, embeddingModel: "one" });
    await say(store, "1", "bb");
    await say(store, "2", "ccc");
    await store.drain();
    expect(await vectors()).toEqual(["one a [1,1]", "one bb [2,1]", "one ccc [3,1]"]);
    expect(embeddings.asked.toSorted()).toEqual(["a", "bb", "ccc"]);

    const changed = await bed.store({ embeddings: lengths(), embeddingModel: "two" });
    await changed.drain();
    expect((await vectors()).filter((text) => text.startsWith("two"))).toEqual(["two a [1,1]", "two bb [2,1]", "two ccc [3,1]"]);
    await store.forget({ ownerId: "ada" });
    expect(await vectors()).toEqual([]);
  });

  test("may be longer than a page holds", async () => {
    const long = Array.from({ length: 3_072 }, (_, index) => Math.sin(index));
    const embeddings = { embedDocuments: async (texts: string[]) => texts.map(() => long), embedQuery: async () => long };
    const store = await bed.store({ embeddings, embeddingModel: "long" });
    await say(store, "1", "a");
    await store.drain();
    expect(await vectors()).toEqual([expect.stringMatching(/^long a \[0,0\.84147/)]);
  });

  test("are made behind the appends, of each message once", async () => {
    const embeddings = lengths();
    const store = await bed.store({ embeddings, embeddingModel: "one" });
    await say(store, "1", "a");
    await expect.poll(() => embeddings.asked, { timeout: 10_000 }).toEqual(["a"]);
    await say(store, "1", "bb");
    await say(store, "2", "ccc");
    await expect.poll(() => embeddings.asked.toSorted(), { timeout: 10_000 }).toEqual(["a", "bb", "ccc"]);
    await store.drain();
    expect(await vectors()).toEqual(["one a [1,1]", "one bb [2,1]", "one ccc [3,1]"]);
    expect(embeddings.asked).toHaveLength(3);
  });

  test("wait while the model is away, and hold up nobody", async () => {
    const embeddings = lengths();
    const events: StrataEvent[] = [];
    const store = await bed.store({ embeddings, embeddingModel: "one", observer: (event) => void events.push(event) });
    embeddings.isFailing = true;
    await say(store, "1", "a");
    await expect(store.drain()).rejects.toThrow("The model is away.");
    await expect
      .poll(() => events.filter((event) => event.type === "history.fault"), { timeout: 10_000 })
      .toMatchObject([{ operation: "embed", message: expect.stringContaining("The model is away.") }]);
    await say(store, "1", "bb");
    expect(await store.history({ ownerId: "ada", sessionId: "1" }).getMessages()).toHaveLength(2);
    embeddings.isFailing = false;
    await expect.poll(vectors, { timeout: 20_000 }).toEqual(["one a [1,1]", "one bb [2,1]"]);
  });
});
