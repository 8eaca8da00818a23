/** The same question in other words: watched first, then served, explained, corrected. No key, no network. */
import { ChatDeepSeek } from "@langchain/deepseek";
import { cacheModel, memoryTier, TieredCache, type HitMetadata } from "langchain-strata";
import { LocalEmbeddings } from "langchain-strata/local";
import { startDeepSeekStandIn } from "langchain-strata/testing/deepseek-stand-in";

const standIn = await startDeepSeekStandIn({ delay: 0 });
const settings = { model: "deepseek-reasoner", apiKey: "none", configuration: { baseURL: standIn.url } };

async function cacheThat(mode: "shadow" | "serve") {
  const cache = new TieredCache({
    tiers: [memoryTier()],
    scope: { tenant: "acme" }, // answers are shared within it, and never beyond
    semantic: { embeddings: new LocalEmbeddings(), rollout: { mode } },
  });
  const model = cacheModel(new ChatDeepSeek(settings), { cache });
  return {
    cache,
    ask: async (question: string) => {
      const answer = await model.invoke(question);
      await cache.flush(); // what was learned is written behind the caller's back; here the next line is to see it
      return answer.response_metadata["strata"] as HitMetadata | undefined;
    },
  };
}

console.log("shadow: looks, learns and counts");
const shadow = await cacheThat("shadow");
await shadow.ask("How do I size a position?");
await shadow.ask("how do i size a position");
console.log(`  would have served ${shadow.cache.stats().semantic?.withheld}, served ${shadow.cache.stats().semantic?.hits}`);
await shadow.cache.close();

console.log("serve:");
const { cache, ask } = await cacheThat("serve");
for (const question of [
  "How do I size a position?",
  "how do i size a position",
  "How do I size 3 positions?",
  "Where is the library?",
]) {
  const hit = await ask(question);
  console.log(`  ${question} -> ${hit === undefined ? "model" : `${hit.source}, ${hit.similarity?.toFixed(2)}`}`);
}

console.log("why:");
for (const { prompt, served, veto } of await cache.similar("How do I size 5 positions?", { k: 2 })) {
  console.log(`  ${prompt} -> ${served ? "served" : "not served"}${veto === undefined ? "" : `, the ${veto} differs`}`);
}

const wrong = await ask("how do i size a position");
await cache.feedback(wrong?.hitId ?? "", "wrong");
console.log(`after "wrong": ${(await ask("how do i size a position"))?.source ?? "model"}`);
for (const { question, asked, hits } of await cache.clusters()) console.log(`asked ${asked}x, hits ${hits}: ${question}`);

await cache.close();
await standIn.close();
