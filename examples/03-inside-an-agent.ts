/** An agent with a tool and a checkpointer: a question that was asked before costs no model call, and threads stay whole. */
import { tool } from "@langchain/core/tools";
import { ChatDeepSeek } from "@langchain/deepseek";
import { MemorySaver } from "@langchain/langgraph";
import { createAgent } from "langchain";
import { memoryTier, TieredCache } from "langchain-strata";
import { startDeepSeekStandIn } from "langchain-strata/testing/deepseek-stand-in";
import { z } from "zod";

const standIn = await startDeepSeekStandIn({ delay: 0 });

let toolCalls = 0;
const price = tool(({ symbol }) => `${symbol} trades at ${100 + ++toolCalls}`, {
  name: "get_price",
  description: "The current price of a symbol",
  schema: z.object({ symbol: z.enum(["BTC"]) }),
});

const cache = new TieredCache({ tiers: [memoryTier()] });
const agent = createAgent({
  // `deepseek-chat` and not R1: the API wants R1's reasoning back in a tool loop, and ChatDeepSeek does not send it.
  model: new ChatDeepSeek({ model: "deepseek-chat", apiKey: "none", cache, configuration: { baseURL: standIn.url } }),
  tools: [price],
  checkpointer: new MemorySaver(),
});

async function ask(thread: string, question: string): Promise<void> {
  const [before, toolsBefore] = [standIn.calls.length, toolCalls];
  const { messages } = await agent.invoke(
    { messages: [{ role: "user", content: question }] },
    { configurable: { thread_id: thread } },
  );
  const made = `model calls ${standIn.calls.length - before}, tool calls ${toolCalls - toolsBefore}`;
  console.log(
    `thread ${thread}: ${made}, messages ${messages.length}, different ids ${new Set(messages.map(({ id }) => id)).size}`,
  );
  console.log(`  ${messages.at(-1)?.text.split("\n")[0] ?? ""}`);
}

// Two steps: the model asks for the tool, then reads its result.
await ask("A", "What is the price of BTC?");
// Another thread, the same first step: a hit. Tools are never cached, so the price is a new one, and the second step a new prompt.
await ask("B", "What is the price of BTC?");
// The same thread again: the history is longer, so the prompt is another one.
await ask("A", "What is the price of BTC?");

await cache.close();
await standIn.close();
