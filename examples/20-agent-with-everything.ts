/** One agent with all of it: memory across conversations, cached answers, cached tools, a checkpointer, a stream. No server, no key. */
import { AIMessageChunk, HumanMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatDeepSeek } from "@langchain/deepseek";
import { MemorySaver } from "@langchain/langgraph";
import { createAgent } from "langchain";
import { AdaptiveMemoryRetriever, ConversationStore, memoryTier, TieredCache } from "langchain-strata";
import { LocalEmbeddings } from "langchain-strata/local";
import { memoryMiddleware, responseCacheMiddleware, toolCacheMiddleware } from "langchain-strata/middleware";
import { pgliteClient } from "langchain-strata/pglite";
import { startDeepSeekStandIn } from "langchain-strata/testing/deepseek-stand-in";
import { z } from "zod";

const standIn = await startDeepSeekStandIn({ delay: 0 });
const sql = pgliteClient(); // in memory; { path } keeps it, pgClient(pool) is a server
const store = new ConversationStore({ sql });
const retriever = new AdaptiveMemoryRetriever({ store, embeddings: new LocalEmbeddings(), exploration: 0 });
const cache = new TieredCache({ tiers: [memoryTier()], scope: "global" });

let toolCalls = 0;
const price = tool(({ symbol }) => (toolCalls++, `${symbol} trades at 100`), {
  name: "get_price",
  description: "The current price of a symbol",
  schema: z.object({ symbol: z.enum(["BTC"]) }),
});
const agent = createAgent({
  model: new ChatDeepSeek({ model: "deepseek-chat", apiKey: "none", configuration: { baseURL: standIn.url } }),
  tools: [price],
  checkpointer: new MemorySaver(),
  middleware: [
    memoryMiddleware({ history: store, retriever }), // what was said, in this conversation and in others
    toolCacheMiddleware({ cache, tools: { get_price: { ttl: "1m" } } }),
    responseCacheMiddleware({ cache }), // last, so that the key holds what the model really sees
  ],
});

async function ask(user: string, thread: string, text: string): Promise<void> {
  const before = { model: standIn.calls.length, tool: toolCalls };
  let [answer, pieces] = ["", 0];
  const config = { configurable: { user_id: user, thread_id: thread }, streamMode: "messages" as const };
  for await (const [chunk, { langgraph_node: node }] of await agent.stream({ messages: [new HumanMessage(text)] }, config)) {
    if (node !== "model_request" || !AIMessageChunk.isInstance(chunk) || chunk.text === "") continue;
    answer += chunk.text;
    pieces++;
  }
  const calls = `${standIn.calls.length - before.model} of the model, ${toolCalls - before.tool} of the tool`;
  console.log(
    `${user}, ${thread}: ${text}\n  ${answer.split("\n")[0]?.slice(0, 48)} (${pieces > 1 ? "streamed" : "whole"}; ${calls})`,
  );
}

await ask("ana", "monday", "What is the price of BTC?");
await ask("bob", "monday-2", "What is the price of BTC?"); // the same prompt: no call at all
await ask("ana", "monday", "My risk limit is one percent per trade."); // the checkpointer has the thread
await ask("ana", "friday", "What did I say about my risk limit?"); // a new thread: found in the other one
const shown = JSON.stringify(standIn.calls.at(-1)).includes("one percent per trade");
console.log(`the model was shown what Ana said on Monday: ${shown}`);

await Promise.all([cache.close(), retriever.close(), store.close()]);
await Promise.all([sql.close(), standIn.close()]);
