/** Conversations that are kept: around an agent, in listings, as a window with a summary. PGlite, so there is no server. */
import { AIMessage, HumanMessage, type BaseMessage } from "@langchain/core/messages";
import { ChatDeepSeek } from "@langchain/deepseek";
import { createAgent } from "langchain";
import { ConversationStore, estimateTokens, isSummaryMessage } from "langchain-strata";
import { memoryMiddleware } from "langchain-strata/middleware";
import { pgliteClient } from "langchain-strata/pglite";
import { startDeepSeekStandIn } from "langchain-strata/testing/deepseek-stand-in";

const standIn = await startDeepSeekStandIn({ delay: 0, strictThinking: false });
const model = new ChatDeepSeek({ model: "deepseek-reasoner", apiKey: "none", configuration: { baseURL: standIn.url } });
const sql = pgliteClient(); // `pgliteClient({ path })` keeps it; `pgClient(pool)` is a server.
const store = new ConversationStore({ sql });
const tokens = (messages: BaseMessage[]): number => messages.reduce((sum, message) => sum + estimateTokens(message), 0);

try {
  // An agent without a checkpointer: the middleware stores what is said, and gives the model what was said before.
  const agent = createAgent({ model, tools: [], middleware: [memoryMiddleware({ history: store })] });
  const ada = { configurable: { thread_id: "monday", user_id: "ada" } };
  await agent.invoke({ messages: [new HumanMessage("What is a moving average?")] }, ada);
  await agent.invoke({ messages: [new HumanMessage("And a median?")] }, ada);
  const monday = await store.history({ sessionId: "monday", ownerId: "ada" }).getMessages();
  console.log(
    `monday: ${monday.map(({ type }) => type).join(", ")}; R1's reasoning is kept: ${monday[1]?.contentBlocks[0]?.type}`,
  );

  // A long conversation: the newest messages whole, the rest as a summary that a model keeps in the background.
  const summarizer = { invoke: async () => new AIMessage("Ada and the assistant counted to 300.") }; // any chat model
  const long = store.history({ sessionId: "long", ownerId: "ada", feature: "counting", window: 10, summarizer });
  const counting = Array.from({ length: 300 }, (_, number) => new HumanMessage(`${number}, and so on, one after the other`));
  await long.addMessages(counting);
  await store.drain();
  const context = await long.context();
  console.log(
    `long: ${counting.length} messages, ${context.length} in the context, ${context.filter(isSummaryMessage).length} a summary`,
  );
  console.log(`tokens saved: ${Math.floor((1 - tokens(context) / tokens(counting)) * 100)} %`);

  // Listings by owner, feature, metadata and time; another owner sees nothing.
  for (const { sessionId, messages } of (await store.conversations({ ownerId: "ada" })).conversations) {
    console.log(`ada has ${sessionId}: ${messages} messages`);
  }
  console.log(`bob has ${(await store.conversations({ ownerId: "bob" })).conversations.length} conversations`);
  const { messages, conversations } = await store.forget({ ownerId: "ada" });
  console.log(`ada is forgotten: ${conversations} conversations, ${messages} messages`);
} finally {
  await store.close();
  await sql.close();
  await standIn.close();
}
