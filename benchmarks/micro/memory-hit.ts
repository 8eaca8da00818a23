/** A hit in memory: TieredCache beside LangChain's InMemoryCache and bentocache, 2 KB answers, prompts of several sizes. */
import { InMemoryCache } from "@langchain/core/caches";
import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";
import { Cacheable } from "cacheable";
import { memoryTier, TieredCache } from "langchain-strata";
import * as crypto from "node:crypto";
import { fresh, prose, provenance, race, table } from "../harness.ts";
import { answer, LLM_KEY } from "./sample-answers.ts";

const ENTRIES = 200;

/** bentocache and cacheable take a key, so their caller hashes; with the one-shot hash, which is the fastest that Node has. */
function givenKey(prompt: string): string {
  return crypto.hash("sha256", `${LLM_KEY.length}:${LLM_KEY}${prompt}`, "hex");
}

function bentoStore(serialize: boolean) {
  return new BentoCache({
    default: "l1",
    stores: { l1: bentostore().useL1Layer(memoryDriver({ maxItems: 10_000, serialize })) },
  });
}

console.log(`${provenance()}\ncommand: npm run bench:memory\n`);
for (const bytes of [200, 2048, 8192, 32768]) {
  const prompts = Array.from({ length: ENTRIES }, (_, index) => prose(bytes, `prompt ${index}`));
  const strata = new TieredCache({ tiers: [memoryTier()] });
  const langchain = new InMemoryCache();
  const [shared, copying] = [bentoStore(false), bentoStore(true)];
  const cacheable = new Cacheable();
  for (const [index, prompt] of prompts.entries()) {
    await strata.update(prompt, LLM_KEY, answer(index));
    await langchain.update(prompt, LLM_KEY, answer(index));
    await shared.set({ key: givenKey(prompt), value: answer(index) });
    await copying.set({ key: givenKey(prompt), value: answer(index) });
    await cacheable.set(givenKey(prompt), answer(index));
  }
  const timings = await race(
    [
      { name: "TieredCache", run: ({ prompt, llmKey }) => strata.lookup(prompt, llmKey) },
      { name: "InMemoryCache", run: ({ prompt, llmKey }) => langchain.lookup(prompt, llmKey) },
      { name: "bentocache, one object for all callers", run: ({ prompt }) => shared.get({ key: givenKey(prompt) }) },
      { name: "bentocache, a copy for each", run: ({ prompt }) => copying.get({ key: givenKey(prompt) }) },
      { name: "cacheable", run: ({ prompt }) => cacheable.get(givenKey(prompt)) },
    ],
    {
      rounds: 12,
      callsPerRound: 1000,
      input: (index) => ({ prompt: fresh(prompts[index % ENTRIES] ?? ""), llmKey: fresh(LLM_KEY) }),
    },
  );
  console.log(table(`Memory hit, prompt of ${bytes} bytes`, timings, "TieredCache"));
  await strata.close();
  await shared.disconnectAll();
  await copying.disconnectAll();
}
