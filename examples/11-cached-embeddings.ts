/** Vectors are made once: a shop's catalogue is indexed again after one text changed, by another process, on the same folder. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CachedEmbeddings, diskTier, memoryTier } from "langchain-strata";
import { LocalEmbeddings } from "langchain-strata/local";

const folder = mkdtempSync(join(tmpdir(), "catalogue-"));
const catalogue = Array.from({ length: 200 }, (_, number) => `Article ${number}: a ${number % 2 === 0 ? "red" : "blue"} chair`);

async function index(run: string, texts: string[]): Promise<void> {
  const embeddings = new CachedEmbeddings({
    embeddings: new LocalEmbeddings(), // any LangChain embeddings: this one needs no key
    model: "static-enpt-256", // part of every key: vectors of two models are never mixed
    tiers: [memoryTier(), diskTier({ path: folder })],
    ttl: "30d", // after the last use
  });
  await embeddings.embedDocuments(texts);
  const stats = embeddings.stats();
  console.log(`${run}: ${stats.texts} texts, ${stats.textsSaved} from the cache, ${stats.providerCalls} calls to the model`);
  await embeddings.close();
}

await index("first", catalogue);
await index("again", catalogue);
await index("one changed", catalogue.with(7, "Article 7: a green chair"));
rmSync(folder, { recursive: true });
