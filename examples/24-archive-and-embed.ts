/** A history that grows old: messages get vectors behind the appends, and conversations that nobody uses make room. PGlite, no server. */
import { HumanMessage } from "@langchain/core/messages";
import { archiveHistory, ConversationStore, systemClock } from "langchain-strata";
import { LocalEmbeddings } from "langchain-strata/local";
import { pgliteClient } from "langchain-strata/pglite";

const DAY = 86_400_000;
let today = Date.parse("2026-01-05");
const clock = { ...systemClock, now: () => today };
const sql = pgliteClient(); // `pgliteClient({ path })` keeps it; `pgClient(pool)` is a server.
const embeddings = new LocalEmbeddings();
const store = new ConversationStore({ sql, clock, embeddings, embeddingModel: "static" });

async function say(sessionId: string, ...texts: string[]): Promise<void> {
  await store.history({ ownerId: "ada", sessionId }).addMessages(texts.map((text) => new HumanMessage(text)));
}

/** Messages nearest in meaning to a question, of those that have vectors. */
async function nearest(question: string): Promise<string> {
  const vector = await embeddings.embedQuery(question);
  const turns = await store.nearest({ ownerId: "ada", vector, model: "static", limit: 1 });
  const [best] = turns.toSorted((one, other) => (other.similarity ?? 0) - (one.similarity ?? 0));
  return best === undefined ? "nothing" : `"${best.text}"`;
}

try {
  await say("january", "My dentist is Dr Silva in Porto.", "The flight to Madrid leaves at nine.");
  today += 120 * DAY;
  await say("may", "We paint the kitchen green.");
  await store.drain(); // Not needed: half a second later it is done anyway.
  console.log(`who looks after her teeth: ${await nearest("Who looks after my teeth?")}`);

  // At night, from one process or several; `archiveConversations` does it on a schedule.
  const { conversations, messages } = await archiveHistory({ sql, clock, olderThan: "90d" });
  console.log(`archived: ${conversations} conversation, ${messages} messages`);
  console.log(`the nearest now: ${await nearest("Who looks after my teeth?")}`);

  // It is read as before, and goes on.
  await say("january", "The flight is late.");
  const january = await store.history({ ownerId: "ada", sessionId: "january" }).getMessages();
  console.log(`january: ${january.map(({ text }) => text).join(" ")}`);
} finally {
  await store.close();
  await sql.close();
}
