/** A process of its own that uses a cache over Redis, closes it, and ends when nothing holds it; started by `redis-exit.test.ts`. */
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { redisTier } from "../../../src/cache/tiers/redis.ts";

const [, , client = "", mode = ""] = process.argv;
const LLM_KEY = JSON.stringify({ _type: "openai", model_name: "m" });

const cache = new TieredCache({ tiers: [memoryTier(), redisTier({ client })], modelId: "m" });
if (mode !== "unused") {
  for (let index = 0; index < 5; index++) {
    const prompt = `prompt ${index}`;
    if ((await cache.lookup(prompt, LLM_KEY)) === null) await cache.update(prompt, LLM_KEY, [{ text: "an answer" }]);
  }
  // Missed, and never answered.
  await cache.lookup("left open", LLM_KEY);
}
const start = performance.now();
await cache.close();
const closed = performance.now();
process.on("exit", () =>
  process.stdout.write(JSON.stringify({ closedAfter: closed - start, endedAfter: performance.now() - closed })),
);
