/** A memory hit as an application sees it: `model.invoke` with TieredCache and with InMemoryCache. */
import { InMemoryCache } from "@langchain/core/caches";
import { ChatDeepSeek } from "@langchain/deepseek";
import { memoryTier, TieredCache } from "langchain-strata";
import { startDeepSeekStandIn } from "langchain-strata/testing/deepseek-stand-in";
import { fresh, prose, provenance, race, table } from "../harness.ts";

const standIn = await startDeepSeekStandIn({ delay: 0 });
const strata = new TieredCache({ tiers: [memoryTier()] });
const make = (cache: TieredCache | InMemoryCache): ChatDeepSeek =>
  new ChatDeepSeek({ model: "deepseek-reasoner", apiKey: "none", cache, configuration: { baseURL: standIn.url } });
const [withStrata, withLangChain] = [make(strata), make(new InMemoryCache())];

console.log(`${provenance()}\ncommand: npm run bench:invoke\n`);
for (const bytes of [200, 2048, 8192]) {
  const prompts = Array.from({ length: 50 }, (_, index) => prose(bytes, `prompt ${index}`));
  for (const prompt of prompts) {
    await withStrata.invoke(prompt);
    await withLangChain.invoke(prompt);
  }
  const timings = await race(
    [
      { name: "invoke, TieredCache", run: (prompt: string) => withStrata.invoke(prompt) },
      { name: "invoke, InMemoryCache", run: (prompt: string) => withLangChain.invoke(prompt) },
    ],
    { rounds: 10, callsPerRound: 500, input: (index) => fresh(prompts[index % prompts.length] ?? "") },
  );
  console.log(table(`model.invoke, hit in memory, prompt of ${bytes} bytes`, timings, "invoke, TieredCache"));
}
await strata.close();
await standIn.close();
