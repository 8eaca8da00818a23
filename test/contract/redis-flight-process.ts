/** A process of its own that asks the same 25 times at once, when told to; started by `redis-flight.test.ts`. Says how often it asked the model. */
import { TieredCache } from "../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import { redisTier } from "../../src/cache/tiers/redis.ts";

const [, , url = "", prefix = ""] = process.argv;
const LLM_KEY = JSON.stringify({ _type: "openai", model_name: "m", _model: "m" });

const cache = new TieredCache({ tiers: [memoryTier(), redisTier({ client: url, prefix, deadline: "1s" })], modelId: "m" });
await cache.get("connects");

/** As LangChain asks; gives the answer. */
async function ask(prompt: string, model: () => Promise<string>): Promise<string | undefined> {
  const hit = await cache.lookup(prompt, LLM_KEY);
  if (hit !== null) return hit[0]?.text;
  const text = await model();
  await cache.update(prompt, LLM_KEY, [{ text }]);
  return text;
}

process.once("message", (prompt: string) => {
  void (async () => {
    let calls = 0;
    const model = async (): Promise<string> => {
      calls++;
      await new Promise((resolve) => setTimeout(resolve, 400));
      return `answered by ${process.pid}`;
    };
    const texts = await Promise.all(Array.from({ length: 25 }, () => ask(prompt, model)));
    await cache.close();
    process.send?.({ calls, texts });
    process.disconnect();
  })();
});
process.send?.("ready");
