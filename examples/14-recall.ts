/** What was said is found again: across conversations, by meaning and by time, in English and Portuguese, and quoted for a model. */
import { HumanMessage, AIMessage } from "@langchain/core/messages";
import { AdaptiveMemoryRetriever, ConversationStore, quoteRecalled } from "langchain-strata";
import { LocalEmbeddings } from "langchain-strata/local";
import { pgliteClient } from "langchain-strata/pglite";

const sql = pgliteClient(); // in memory; { path: ".strata/history" } keeps it
const store = new ConversationStore({ sql });
const HOUR = 3_600_000;
const ago = (hours: number): { createdAt: Date } => ({ createdAt: new Date(Date.UTC(2026, 4, 20, 12) - hours * HOUR) });
const now = new Date(Date.UTC(2026, 4, 20, 12));

await store
  .history({ ownerId: "ana", sessionId: "may-1" })
  .addMessages([new HumanMessage("Meu limite de risco é 1% por operação."), new AIMessage("Anotado.")], ago(24 * 19));
await store
  .history({ ownerId: "ana", sessionId: "may-19" })
  .addMessages([new HumanMessage("I closed the gold trade with a profit of 40 pips."), new AIMessage("Well done.")], ago(26));

const memory = new AdaptiveMemoryRetriever({ store, embeddings: new LocalEmbeddings(), exploration: 0 });
for (const query of ["qual é o meu limite de risco?", "What did we discuss yesterday?", "Obrigado, até amanhã!"]) {
  const recall = await memory.recall(query, { ownerId: "ana", sessionId: "may-20", now });
  console.log(`${query} -> ${recall.strategy}: ${recall.documents[0]?.pageContent ?? recall.contextSummary}`);
}

const again = await memory.recall("Qual é meu LIMITE de risco", { ownerId: "ana", sessionId: "may-20", now });
console.log(`the same question in another spelling: ${again.cacheHit ? "from the cache" : "searched again"}`);
const found = await memory.invoke("gold trade", { configurable: { user_id: "bob" } });
console.log(`what Bob finds of it: ${found.length} messages`);
console.log(quoteRecalled(again.documents).split("\n")[2]);

await memory.close();
await store.close();
await sql.close();
