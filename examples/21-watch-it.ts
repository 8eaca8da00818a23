/** One cache watched in four ways: numbers, an alert, a log, and what Prometheus scrapes. */
import { PassThrough } from "node:stream";
import { ChatDeepSeek } from "@langchain/deepseek";
import { alerts, correlate, createMetrics, fanOut, jsonLog, memoryTier, TieredCache } from "langchain-strata";
import { prometheus } from "langchain-strata/prometheus";
import { startDeepSeekStandIn } from "langchain-strata/testing/deepseek-stand-in";

const standIn = await startDeepSeekStandIn({ delay: 0 });
const lines: string[] = [];
const log = new PassThrough().on("data", (line: Buffer) => lines.push(line.toString()));

const metrics = createMetrics();
const cache = new TieredCache({ tiers: [memoryTier()], observer: fanOut(metrics.observer, jsonLog(log)) });
metrics.watch(cache);
const model = new ChatDeepSeek({ model: "deepseek-reasoner", apiKey: "none", cache, configuration: { baseURL: standIn.url } });

for (let request = 0; request < 4; request++) {
  await correlate(`request-${request}`, () => model.invoke("What is liquidity?"));
}

const { hits, misses, hitRate } = metrics.snapshot().cache;
const { tokens } = metrics.snapshot().saved;
console.log(`hit rate ${hitRate * 100} %, ${hits} hits, ${misses} miss, ${tokens} tokens saved`);
console.log(`hitRate over the last minute: ${metrics.value("hitRate", "1m")}`);

const watching = alerts([{ name: "hit-rate", metric: "hitRate", below: 0.9, for: 0 }], {
  metrics,
  onAlert: ({ rule, state, value, direction, threshold }) =>
    console.log(`alert: ${rule} is ${state} (${value} ${direction} ${threshold})`),
});
watching.check();
await watching.flush();

console.log(`a log line: ${lines.findLast((line) => line.includes('"hit"'))?.trim()}`);

const exporter = prometheus(metrics);
const scraped = await exporter.text();
console.log(`a scrape: ${scraped.split("\n").find((line) => line.startsWith("strata_cache_lookups_total"))}`);

exporter.close();
await watching.close();
metrics.close();
await cache.close();
await standIn.close();
