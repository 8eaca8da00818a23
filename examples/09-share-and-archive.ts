/** One cache for several processes: Redis when REDIS_URL names one, and an archive below it. A stream and an agent use it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChatDeepSeek } from "@langchain/deepseek";
import { createAgent } from "langchain";
import { archiveTier, cacheModel, memoryTier, TieredCache, type CacheTier } from "langchain-strata";
import { responseCacheMiddleware } from "langchain-strata/middleware";
import { redisTier } from "langchain-strata/redis";
import { startDeepSeekStandIn } from "langchain-strata/testing/deepseek-stand-in";

const url = process.env["REDIS_URL"];
console.log(url === undefined ? "REDIS_URL is not set: memory and archive only" : "memory, Redis and archive");

const folder = mkdtempSync(join(tmpdir(), "strata-example-"));
const standIn = await startDeepSeekStandIn({ delay: 0 });
const shared: CacheTier[] = url === undefined ? [] : [redisTier({ client: url, prefix: `example-${process.pid}`, ttl: "1m" })];
const cache = new TieredCache({
  tiers: [memoryTier(), ...shared, archiveTier({ path: join(folder, "archive"), writes: "behind" })],
});
const model = new ChatDeepSeek({ model: "deepseek-reasoner", apiKey: "none", configuration: { baseURL: standIn.url } });

try {
  const cached = cacheModel(model, { cache });
  for (const time of ["first", "second"]) {
    let chunks = 0;
    let reasoning = 0;
    for await (const chunk of await cached.stream("What is an order block?")) {
      chunks++;
      if (typeof chunk.additional_kwargs["reasoning_content"] === "string") reasoning++;
    }
    console.log(`${time} stream: ${chunks > 2 ? "many" : "few"} chunks, ${reasoning > 0 ? "with" : "without"} reasoning`);
  }

  // Another process would find it as this one does once its memory is empty.
  await cache.flush();
  await cache.clear({ tier: "memory" });
  for await (const _ of await cached.stream("What is an order block?"));
  const below = cache.stats().tiers.find(({ name, hits }) => name !== "memory" && hits > 0);
  console.log(`memory emptied: found in ${below?.name}`);

  const agent = createAgent({ model, middleware: [responseCacheMiddleware({ cache })] });
  for (let run = 0; run < 3; run++) await agent.invoke({ messages: "What is liquidity?" });
  console.log(`the API was called ${standIn.calls.length} times: one stream, and one run of the agent of three`);
} finally {
  await cache.close();
  await standIn.close();
  rmSync(folder, { recursive: true, force: true });
}
