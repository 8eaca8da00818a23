/** One cache for many tenants: whose answer it is comes with the call, and answers are removed by tag or by tenant. */
import "@langchain/core/context"; // keeps the config of a call within reach; programs that import LangGraph have it already
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { RunnableLambda } from "@langchain/core/runnables";
import { ChatDeepSeek } from "@langchain/deepseek";
import { memoryTier, TieredCache, type CallControl, type HitMetadata } from "langchain-strata";
import { startDeepSeekStandIn } from "langchain-strata/testing/deepseek-stand-in";

const standIn = await startDeepSeekStandIn({ delay: 0 });
const cache = new TieredCache({
  tiers: [memoryTier()],
  ttl: "7d",
  // No tenant, no caching: a call that forgot to say whose it is cannot see or leave anything.
  scope: ({ config }) => {
    const tenant: unknown = config?.configurable?.["tenant"];
    return typeof tenant === "string" ? { tenant } : undefined;
  },
});
const model = new ChatDeepSeek({ model: "deepseek-chat", apiKey: "none", cache, configuration: { baseURL: standIn.url } });
const chain = ChatPromptTemplate.fromTemplate("Summarise the {document}.").pipe(model);
// A cache sees the config of a call only inside a lambda, a graph or an agent.
const summarise = RunnableLambda.from((document: string) => chain.invoke({ document }));

async function ask(tenant: string | undefined, document: string, strata: CallControl = {}): Promise<void> {
  const answer = await summarise.invoke(document, { configurable: { ...(tenant !== undefined && { tenant }), strata } });
  const hit = answer.response_metadata["strata"] as HitMetadata | undefined;
  console.log(`${tenant ?? "nobody"}, ${document}: ${hit === undefined ? "model" : "cache"}`);
}

await ask("acme", "handbook", { tags: ["handbook-v1"] });
await ask("acme", "handbook");
await ask("globex", "handbook");
await ask(undefined, "handbook");
await ask("acme", "price list", { ttl: "5m" });

console.log(`the handbook changed: ${await cache.clear({ tag: "handbook-v1" })} entry removed`);
await ask("acme", "handbook");
console.log(`globex left: ${await cache.clear({ scope: { tenant: "globex" } })} entry removed`);
await ask("globex", "handbook");
await ask("acme", "price list");
console.log("stood aside:", cache.stats().bypassed);

await cache.close();
await standIn.close();
