/** A hit in memory: TieredCache against LangChain's InMemoryCache and bentocache, 2 KB answers, prompts of several sizes. */
import { InMemoryCache } from "@langchain/core/caches";
import { AIMessage } from "@langchain/core/messages";
import type { ChatGeneration } from "@langchain/core/outputs";
import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";
import { createHash } from "node:crypto";
import { memoryTier, TieredCache } from "langchain-strata";
import { fresh, prose, provenance, race, table } from "../harness.ts";

const ENTRIES = 200;
const LLM_KEY = '_model:"base_chat_model",_type:"deepseek",apiKey:"sk-x",model:"deepseek-reasoner",temperature:0.6';

function answer(index: number): ChatGeneration[] {
  const message = new AIMessage({
    content: prose(2048, `answer ${index}`),
    additional_kwargs: { reasoning_content: prose(300, `reasoning ${index}`) },
    response_metadata: { model_provider: "deepseek", model_name: "deepseek-reasoner", finish_reason: "stop" },
    usage_metadata: { input_tokens: 500, output_tokens: 700, total_tokens: 1200 },
    id: `run-${index}`,
  });
  return [{ text: message.content as string, message, generationInfo: { finish_reason: "stop" } }];
}

console.log(`${provenance()}\ncommand: npx tsx benchmarks/micro/memory-hit.ts\n`);
for (const bytes of [200, 2048, 8192, 32768]) {
  const prompts = Array.from({ length: ENTRIES }, (_, index) => prose(bytes, `prompt ${index}`));
  const strata = new TieredCache({ tiers: [memoryTier()] });
  const langchain = new InMemoryCache();
  const bento = new BentoCache({
    default: "l1",
    stores: { l1: bentostore().useL1Layer(memoryDriver({ maxItems: 10_000, serialize: false })) },
  });
  // bentocache takes a key, so the caller hashes; one-shot hashing where Node has it would favour neither.
  const key = (prompt: string): string => createHash("sha256").update(prompt).update(LLM_KEY).digest("hex");
  for (const [index, prompt] of prompts.entries()) {
    await strata.update(prompt, LLM_KEY, answer(index));
    await langchain.update(prompt, LLM_KEY, answer(index));
    await bento.set({ key: key(prompt), value: answer(index) });
  }
  const timings = await race(
    [
      { name: "TieredCache", run: ({ prompt, llmKey }) => strata.lookup(prompt, llmKey) },
      { name: "InMemoryCache", run: ({ prompt, llmKey }) => langchain.lookup(prompt, llmKey) },
      { name: "bentocache", run: ({ prompt }) => bento.get({ key: key(prompt) }) },
    ],
    {
      rounds: 12,
      callsPerRound: 1000,
      input: (index) => ({ prompt: fresh(prompts[index % ENTRIES] ?? ""), llmKey: fresh(LLM_KEY) }),
    },
  );
  console.log(table(`Memory hit, prompt of ${bytes} bytes`, timings, "TieredCache"));
  await strata.close();
  await bento.disconnectAll();
}
