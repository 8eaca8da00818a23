/** Documents read, found and put into a prompt, offline: files are ingested once, searches and contexts are cached. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CachedRetriever, ContextBuilder, DocumentStore, ingest, memoryTier, TieredCache } from "langchain-strata";
import { LocalEmbeddings } from "langchain-strata/local";

const folder = mkdtempSync(join(tmpdir(), "strata-example-"));
writeFileSync(join(folder, "returns.md"), "# Returns\n\nYou can send an order back within 30 days. We pay the postage.");
writeFileSync(
  join(folder, "faq.json"),
  JSON.stringify([{ id: "hours", question: "When are you open?", answer: "From nine to six." }]),
);
writeFileSync(join(folder, "broken.pdf"), "not a PDF");

const store = new DocumentStore({ path: join(folder, ".strata"), embeddings: new LocalEmbeddings(), model: "static" });
const report = await ingest({ store, from: folder });
console.log(
  `stored ${report.stored}, failed ${report.failed.map(({ error }) => error.message.replace(folder, "").slice(0, 33)).join()}`,
);
const again = await ingest({ store, from: folder });
console.log(`again: stored ${again.stored}, unchanged ${again.unchanged}`);

const cache = new TieredCache({ tiers: [memoryTier()] });
const retriever = new CachedRetriever({ retriever: store.asRetriever({ k: 1 }), cache, indexVersion: () => store.version() });
const builder = new ContextBuilder({ tokenBudget: 500, cache });
for (const question of ["How do I send something back?", "How do I send something back?"]) {
  const { sources, cached } = await builder.build(question, await retriever.invoke(question));
  console.log(
    `[${sources[0]?.number}] ${sources[0]?.label}, context ${cached ? "cached" : "built"}, hits ${retriever.stats().hits}`,
  );
}

await cache.close();
await store.close();
rmSync(folder, { recursive: true });
