/** The dashboard over one cache: what a browser shows, asked for by a script; and who is not let in. */
import { ChatDeepSeek } from "@langchain/deepseek";
import { createMetrics, fanOut, memoryTier, TieredCache } from "langchain-strata";
import { recentEvents, startDashboard } from "langchain-strata/dashboard";
import { startDeepSeekStandIn } from "langchain-strata/testing/deepseek-stand-in";

const standIn = await startDeepSeekStandIn({ delay: 0 });
const metrics = createMetrics();
const events = recentEvents();
const cache = new TieredCache({ tiers: [memoryTier()], observer: fanOut(metrics.observer, events.observer) });
metrics.watch(cache);
const dashboard = await startDashboard({ name: "example", metrics, events, cache });

const model = new ChatDeepSeek({ model: "deepseek-reasoner", apiKey: "none", cache, configuration: { baseURL: standIn.url } });
for (let call = 0; call < 4; call++) await model.invoke("What is an order block?");

// In an application: console.log(dashboard.link()), and open it.
async function ask(path: string, headers: Record<string, string>): Promise<Response> {
  return fetch(dashboard.url + path, { headers });
}
const authorization = `Bearer ${dashboard.token}`;
const stats = (await (await ask("/api/stats", { authorization })).json()) as { hits: number; misses: number };
console.log(`with the token: ${stats.hits} hits, ${stats.misses} miss`);
const entries = (await (await ask("/api/entries", { authorization })).json()) as {
  total: number;
  entries: { text: string | null }[];
};
console.log(`the explorer: ${entries.total} entry, its text: ${entries.entries[0]?.text ?? "hidden"}`);
console.log(`without the token: ${(await ask("/api/stats", {})).status}`);
console.log(`from another site: ${(await ask("/api/stats", { authorization, origin: "https://evil.example" })).status}`);

await dashboard.close();
metrics.close();
await cache.close();
await standIn.close();
