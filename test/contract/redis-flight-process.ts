/** A process of its own that asks once, when told to; started by `redis-flight.test.ts`. Says how often it had to ask the model. */
import { TieredCache } from "../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import { redisTier } from "../../src/cache/tiers/redis.ts";

const [, , url = "", prefix = ""] = process.argv;
const LLM_KEY = JSON.stringify({ _type: "openai", model_name: "m", _model: "m" });

const cache = new TieredCache({ tiers: [memoryTier(), redisTier({ client: url, prefix, deadline: "1s" })], modelId: "m" });
await cache.get("connects");

process.once("message", (prompt: string) => {
  void (async () => {
    let calls = 0;
    let generations = await cache.lookup(prompt, LLM_KEY);
    if (generations === null) {
      calls++;
      await new Promise((resolve) => setTimeout(resolve, 400));
      generations = [{ text: `answered by ${process.pid}` }];
      await cache.update(prompt, LLM_KEY, generations);
    }
    await cache.close();
    process.send?.({ calls, text: generations[0]?.text });
    process.disconnect();
  })();
});
process.send?.("ready");
