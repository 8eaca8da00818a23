/** The part of the demo without a chat model: what somebody said before is found again, and documents are ordered anew. */
import { HumanMessage } from "@langchain/core/messages";
import { pgliteClient } from "../../clients/pglite.ts";
import { StrataError } from "../../core/errors.ts";
import { LocalEmbeddings } from "../../embeddings/local-embeddings.ts";
import { ConversationStore } from "../../history/conversation-store.ts";
import { AdaptiveMemoryRetriever } from "../../memory/memory-retriever.ts";
import { localReranker } from "../local-reranker.ts";

export interface Remembered {
  readonly query: string;
  readonly found: string;
  readonly strategy: string;
  readonly ms: number;
}

const OWNER = "demo";
const SAID: Readonly<Record<string, readonly string[]>> = {
  monday: ["My account is small: 2,000 euros, and I risk one percent a trade.", "I like to trade gold in the morning."],
  tuesday: ["Which books on market structure are worth reading?"],
};
const QUERY = "how much do I risk in a trade?";

/** Two conversations in PGlite, and a question in a third. `undefined` where its package is not installed. */
export async function recallOnce(): Promise<Remembered | undefined> {
  const [sql, embeddings] = [pgliteClient(), new LocalEmbeddings()];
  const store = new ConversationStore({ sql });
  // Nothing is learned from one question, so it is not spent on trying another strategy.
  const memory = new AdaptiveMemoryRetriever({ store, embeddings, embeddingModel: embeddings.info.model, exploration: 0 });
  try {
    for (const [sessionId, texts] of Object.entries(SAID)) {
      await store.history({ ownerId: OWNER, sessionId }).addMessages(texts.map((text) => new HumanMessage(text)));
    }
    await store.drain();
    const { documents, strategy, latencyMs } = await memory.recall(QUERY, { ownerId: OWNER, sessionId: "today", k: 1 });
    return { query: QUERY, found: documents[0]?.pageContent ?? "", strategy, ms: latencyMs };
  } catch (error) {
    if (StrataError.isInstance(error) && error.code === "MISSING_PEER") return undefined;
    throw error;
  } finally {
    for (const part of [memory, store, sql, embeddings]) await part.close();
  }
}

export interface Reordered {
  readonly query: string;
  readonly reranker: string;
  /** Best first. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly ms: number;
}

const QUESTION = "Até quando posso devolver um artigo que comprei?";
/** In an order that answers nothing. */
const FOUND = [
  "O artigo que procura está esgotado; avisamos quando voltar.",
  "O balcão está aberto das nove às cinco.",
  "Pode devolver um artigo comprado no prazo de trinta dias.",
];

export async function rerankOnce(): Promise<Reordered> {
  const reranker = localReranker();
  try {
    // The first call loads the model.
    await reranker.rerank(QUESTION, FOUND.slice(0, 1));
    const start = performance.now();
    const scores = await reranker.rerank(QUESTION, FOUND);
    const ms = performance.now() - start;
    const after = scores.toSorted((a, b) => b.score - a.score).map(({ index }) => FOUND[index] ?? "");
    return { query: QUESTION, reranker: reranker.name, before: FOUND, after, ms };
  } finally {
    await reranker.close?.();
  }
}
