/** What storing costs the caller: main-thread time of `update()` until it returns, with memory and disk behind it. */
import { InMemoryCache } from "@langchain/core/caches";
import { diskTier, memoryTier, TieredCache } from "langchain-strata";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fresh, prose, provenance, summarize, table } from "../harness.ts";
import { answer, LLM_KEY } from "./sample-answers.ts";

const folder = mkdtempSync(join(tmpdir(), "strata-bench-update-"));
const cache = new TieredCache({ tiers: [memoryTier(), diskTier({ path: folder })] });
const langchain = new InMemoryCache();

console.log(`${provenance()}\ncommand: npm run bench:update\n`);
const ours: number[] = [];
const theirs: number[] = [];
const awaited: number[] = [];
for (let index = 0; index < 6000; index++) {
  const prompt = fresh(prose(2048, `prompt ${index}`));
  const [generations, others] = [answer(index), answer(index)];
  let start = performance.now();
  const stored = cache.update(prompt, LLM_KEY, generations);
  const returned = performance.now() - start;
  await stored;
  const resolved = performance.now() - start;
  start = performance.now();
  await langchain.update(prompt, LLM_KEY, others);
  const other = performance.now() - start;
  // Spread out, as calls of a slow model are; a burst would measure the queue.
  if (index % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  if (index < 1000) continue;
  ours.push(returned * 1000);
  awaited.push(resolved * 1000);
  theirs.push(other * 1000);
}
const timings = [
  summarize("TieredCache.update, main thread", ours),
  summarize("TieredCache.update, until it resolves", awaited),
  summarize("InMemoryCache.update", theirs),
];
console.log(table("update() of a 2 KB answer, 2 KB prompt", timings, "TieredCache.update, main thread"));
await cache.close();
rmSync(folder, { recursive: true, force: true });
