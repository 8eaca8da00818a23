/** A tier of your own, below the one in memory: the cache asks it when memory has nothing, and does not wait for it too long. */
import { setTimeout as sleep } from "node:timers/promises";
import { ChatDeepSeek } from "@langchain/deepseek";
import { memoryTier, TieredCache, type CacheTier, type HitMetadata } from "langchain-strata";
import { startDeepSeekStandIn } from "langchain-strata/testing/deepseek-stand-in";
import { mapTier } from "./map-tier.ts";

const standIn = await startDeepSeekStandIn({ delay: 0 });

async function ask(cache: TieredCache): Promise<string> {
  const model = new ChatDeepSeek({ model: "deepseek-chat", apiKey: "none", cache, configuration: { baseURL: standIn.url } });
  const answer = await model.invoke("What is a liquidity sweep?");
  const hit = answer.response_metadata["strata"] as HitMetadata | undefined;
  return hit?.tier ?? "model";
}

// It is written behind, by default, and asked when memory has nothing.
const tier = mapTier();
const cache = new TieredCache({ tiers: [memoryTier(), tier] });
console.log(`first: ${await ask(cache)}`);
await cache.flush();
console.log(`the map tier has ${tier.stats().entries} entry`);
await cache.clear({ tier: "memory" });
console.log(`memory cleared: ${await ask(cache)}`);
console.log(`after promotion: ${await ask(cache)}`);

// Keys are digests and values are sealed bytes: a tier never learns what was asked.
for await (const { key, value } of tier.entries()) {
  console.log(`stored: a key of ${key.length} characters, ${value.byteLength > 1_000 ? "more" : "less"} than 1,000 bytes`);
}
await cache.close();

// A tier that does not answer in time is not waited for.
const slow: CacheTier = {
  ...mapTier(),
  name: "slow",
  deadline: "20ms",
  get: (keys) =>
    sleep(
      5_000,
      keys.map(() => undefined),
      { ref: false },
    ),
};
const patient = new TieredCache({ tiers: [memoryTier(), slow] });
const start = performance.now();
console.log(`slow: ${await ask(patient)}, within ${performance.now() - start < 1_000 ? "a second" : "five seconds"}`);
await patient.close();
await standIn.close();
