/** The nearest of some texts, found again after a restart without embedding anything twice. */
import { flatIndex } from "langchain-strata";
import { LocalEmbeddings } from "langchain-strata/local";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const path = mkdtempSync(join(tmpdir(), "strata-example-"));
const embeddings = new LocalEmbeddings();
const texts = ["How do I set a stop loss?", "What is the weather in Lisbon?", "Where does my order get filled?"];

const before = flatIndex({ path });
const vectors = await embeddings.embedDocuments(texts);
await before.add(
  "questions",
  vectors.map((vector, each) => ({ id: `q${each}`, vector: Float32Array.from(vector) })),
);
await before.close();

// Another process, or the same one after a restart.
const after = flatIndex({ path });
const question = Float32Array.from(await embeddings.embedQuery("How can I place a stop loss order?"));
const [nearest] = await after.search("questions", question, { k: 1 });
console.log(`nearest: ${texts[Number(nearest?.id.slice(1))]}`);
console.log(`vectors: ${(await after.stats()).vectors}`);
await after.close();
rmSync(path, { recursive: true });
