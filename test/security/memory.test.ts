/** Two owners with names made to be mixed up, many operations in random order: neither ever sees a word of the other. */
import { HumanMessage } from "@langchain/core/messages";
import { afterAll, describe, expect, test } from "vitest";
import { pgliteClient } from "../../src/clients/pglite.ts";
import { AdaptiveMemoryRetriever, ConversationStore, flatIndex } from "../../src/index.ts";
import { CountingEmbeddings } from "../support/counting-embeddings.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { TurnSourceFake } from "../support/turn-source-fake.ts";

const OWNERS = ["*", "a:b", "a", "a\\", "' OR 1=1 --", "%", "__proto__", "user\n", "ana", "ANA", "ána", "{ana}", "$1", "ana:s"];
const SESSIONS = ["s", "*", "__proto__", "b:s", ":", "s\u200b"];
const WORDS = ["apple", "pear", "plum", "cherry", "ontem", "maçã"];

describe("owners", () => {
  test("never see each other's words in 10,000 operations in memory", async () => {
    const random = seededRandom(20_261_121);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const store = new TurnSourceFake();
    const index = flatIndex();
    const memory = new AdaptiveMemoryRetriever({
      store,
      embeddings: new CountingEmbeddings(8),
      embeddingModel: "counting",
      index,
      random,
      maxBytes: "256kb",
    });
    let found = 0;
    let crossed = 0;
    const ask = async (): Promise<void> => {
      const ownerId = pick(OWNERS);
      const query = random() < 0.2 ? "o que falamos hoje?" : `${pick(WORDS)} ${pick(WORDS)}`;
      const sessionId = random() < 0.5 ? pick(SESSIONS) : undefined;
      const viaConfig = random() < 0.3;
      const documents = viaConfig
        ? await memory.invoke(query, { configurable: { user_id: ownerId, thread_id: sessionId } })
        : (await memory.recall(query, { ownerId, sessionId })).documents;
      for (const { pageContent, metadata } of documents) {
        // Counted, not asserted one by one: an assertion costs more than a recall.
        if (!pageContent.endsWith(`#${OWNERS.indexOf(ownerId)}#`) || metadata.ownerId !== ownerId) crossed++;
        found++;
      }
    };
    for (let step = 0; step < 10_000;) {
      const together = 1 + Math.floor(random() * 8);
      step += together;
      await Promise.all(
        Array.from({ length: together }, async () => {
          const ownerId = pick(OWNERS);
          const kind = random();
          if (kind < 0.06) store.say(ownerId, pick(SESSIONS), `${pick(WORDS)} #${OWNERS.indexOf(ownerId)}#`, { id: pick(WORDS) });
          else if (kind < 0.08) await memory.remove(pick(WORDS), { ownerId });
          else if (kind < 0.1) await memory.correct(pick(WORDS), `${pick(WORDS)} #${OWNERS.indexOf(ownerId)}#`, { ownerId });
          else if (kind < 0.101) store.forget(ownerId);
          else await ask();
        }),
      );
    }
    expect(crossed).toBe(0);
    expect(found).toBeGreaterThan(5_000);
    await memory.close();
  }, 240_000);

  const ending: (() => Promise<unknown>)[] = [];
  afterAll(() => Promise.all(ending.map((end) => end())));

  test("nor in the database", async () => {
    const sql = pgliteClient();
    const store = new ConversationStore({ sql });
    ending.push(() => store.close().then(() => sql.close()));
    for (const [which, ownerId] of OWNERS.entries()) {
      for (const sessionId of SESSIONS.slice(0, 3)) {
        await store.history({ ownerId, sessionId }).addMessages([new HumanMessage({ id: "same", content: `apple #${which}#` })]);
      }
    }
    await store.drain();
    // Once held in memory, once searched in the database by words, once by meaning too: everybody's vectors are alike.
    const embeddings = {
      embedDocuments: async (texts: string[]) => texts.map(() => [1, 2, 3]),
      embedQuery: async () => [1, 2, 3],
    };
    for (const options of [{}, { maxTurns: 1 }, { maxTurns: 1, embeddings, embeddingModel: "alike" }]) {
      const memory = new AdaptiveMemoryRetriever({ store, ...options });
      for (const [which, ownerId] of OWNERS.entries()) {
        await memory.warm({ ownerId });
        const { documents } = await memory.recall("apple", { ownerId, strategy: "cross_conversation" });
        expect(documents.map(({ pageContent }) => pageContent)).toEqual(Array(3).fill(`apple #${which}#`));
      }
      await memory.close();
    }
    const memory = new AdaptiveMemoryRetriever({ store });
    await expect(memory.remove("same", { ownerId: "ana" })).rejects.toThrow(/sessionId/);
    expect(await memory.remove("same", { ownerId: "ana", sessionId: "s" })).toBe(true);
    expect((await memory.inspect({ ownerId: "ANA" })).messages).toHaveLength(3);
    expect((await memory.inspect({ ownerId: "ana" })).messages).toHaveLength(2);
    await memory.close();
  }, 240_000);
});
