/** A chain on DeepSeek R1, asked twice: the model answers once, the cache answers the second time. */
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { ChatDeepSeek } from "@langchain/deepseek";
import { memoryTier, TieredCache, type HitMetadata } from "langchain-strata";
import { startDeepSeekStandIn } from "langchain-strata/testing/deepseek-stand-in";

// A stand-in of the DeepSeek API on this machine. With a key of your own, drop it, and `apiKey` and `configuration` below.
const standIn = await startDeepSeekStandIn();

const cache = new TieredCache({ tiers: [memoryTier()] });
const model = new ChatDeepSeek({
  model: "deepseek-reasoner",
  apiKey: "none",
  configuration: { baseURL: standIn.url },
  cache, // all there is to it
});
const chain = ChatPromptTemplate.fromTemplate("Explain {topic} to a trader.").pipe(model);

for (const time of ["first", "second"]) {
  const start = performance.now();
  const answer = await chain.invoke({ topic: "order blocks" });
  const took = `${(performance.now() - start).toFixed(1)} ms`;
  // Only a hit has it: which tier had the answer, and what that saved.
  const hit = answer.response_metadata["strata"] as HitMetadata | undefined;
  const from = hit === undefined ? "from the model" : `from ${hit.tier}, ${hit.savedUsage.total_tokens} tokens saved`;
  console.log(`${time} call: ${took}, ${from}`);
  console.log(`  reasoning: ${String(answer.additional_kwargs["reasoning_content"]).slice(0, 60)}…`);
}

const { hits, misses, saved } = cache.stats();
console.log(
  `${hits} hit, ${misses} miss, ${(saved.ms / 1000).toFixed(1)} s of waiting saved; the API was called ${standIn.calls.length} time`,
);

await cache.close();
await standIn.close();
