/** A LangGraph graph and a task whose results lie on disk: after a restart neither is run again. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Annotation, entrypoint, START, StateGraph, task } from "@langchain/langgraph";
import { diskTier, memoryTier } from "langchain-strata";
import { nodeCache } from "langchain-strata/langgraph";

const folder = mkdtempSync(join(tmpdir(), "strata-"));
const ran = { search: 0, rate: 0 };

const open = () => nodeCache({ tiers: [memoryTier(), diskTier({ path: folder })] });

const State = Annotation.Root({ question: Annotation<string>, found: Annotation<string>, answer: Annotation<string> });
const graph = new StateGraph(State)
  .addNode(
    "search",
    ({ question }) => {
      ran.search++;
      return { found: `pages about ${question}` };
    },
    // The key is what this gives: here the question alone, in any spelling of its letters.
    { cachePolicy: { ttl: 600, keyFunc: ([state]) => (state as typeof State.State).question.toLowerCase() } },
  )
  .addNode("write", ({ found }) => ({ answer: `read ${found}` }))
  .addEdge(START, "search")
  .addEdge("search", "write");

const rate = task({ name: "rate", cachePolicy: { ttl: 60 } }, async (pair: string) => {
  ran.rate++;
  return { pair, rate: 1.1 };
});

for (const [start, question] of [
  ["first", "order blocks"],
  ["second", "Order Blocks"],
] as const) {
  const cache = open(); // as after a restart: nothing but the folder is left
  const compiled = graph.compile({ cache });
  const { answer } = await compiled.invoke({ question });
  const convert = entrypoint({ name: "convert", cache }, async (pair: string) => ((await rate(pair)).rate * 100).toFixed(2));
  console.log(`${start}: ${answer}; 100 EUR are ${await convert.invoke("EUR/USD")} USD; ran ${JSON.stringify(ran)}`);
  if (start === "second") {
    await compiled.clearCache();
    await compiled.invoke({ question });
    console.log(`cleared: ran ${JSON.stringify(ran)}`);
  }
  await cache.close();
}
rmSync(folder, { recursive: true });
