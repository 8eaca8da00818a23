/** A lookup by meaning among 100,000 questions of one partition: what it adds to the embedding itself. */
import { memoryTier, TieredCache } from "langchain-strata";
import { provenance, summarize, table } from "../harness.ts";
import { answer, LLM_KEY } from "./sample-answers.ts";

const ENTRIES = 100_000;
const DIMENSIONS = 256;
const LOOKUPS = 2_000;

/** Vectors of random directions, made from the text; a paraphrase (`… again`) is near to its question. */
class DirectionEmbeddings {
  readonly model = "directions";

  async embedQuery(text: string): Promise<number[]> {
    const question = text.replace(/ again$/, "");
    let state = 0;
    for (const char of question) state = (Math.imul(state, 31) + char.charCodeAt(0)) | 0;
    const vector = Array.from({ length: DIMENSIONS }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      return state / 2 ** 31;
    });
    if (question !== text) for (let at = 0; at < 8; at++) vector[at] = (vector[at] ?? 0) * 0.7;
    return vector;
  }

  async embedDocuments(texts: string[]): Promise<number[][]> {
    return Promise.all(texts.map((text) => this.embedQuery(text)));
  }
}

async function times(count: number, work: (index: number) => Promise<unknown>): Promise<number[]> {
  const micros: number[] = [];
  for (let index = 0; index < count; index++) {
    const start = performance.now();
    await work(index);
    micros.push((performance.now() - start) * 1_000);
  }
  return micros.slice(Math.floor(count / 10));
}

console.log(`${provenance()}\ncommand: npm run bench:semantic\n`);
const embeddings = new DirectionEmbeddings();
const cache = new TieredCache({
  ...{ tiers: [memoryTier({ maxBytes: "2gb" })], scope: "global", coalesce: false },
  semantic: { embeddings },
});
const question = (index: number): string => `question number ${index} of the benchmark`;
for (let index = 0; index < ENTRIES; index++) {
  await cache.update(`Human: ${question(index)}`, LLM_KEY, answer(index % 200));
  if (index % 1_000 === 0) await cache.flush();
}
await cache.flush();
let hits = 0;
const alone = await times(LOOKUPS, (index) => embeddings.embedQuery(question(index * 37)));
const near = await times(LOOKUPS, async (index) => {
  if ((await cache.lookup(`Human: ${question(index * 37)} again`, LLM_KEY)) !== null) hits++;
});
const far = await times(LOOKUPS, (index) => cache.lookup(`Human: something else ${index}`, LLM_KEY));
const exact = await times(LOOKUPS, (index) => cache.lookup(`Human: ${question(index * 37)}`, LLM_KEY));
const timings = [
  summarize("the embedding alone", alone),
  summarize("semantic hit", near),
  summarize("semantic miss", far),
  summarize("exact hit, semantic step on", exact),
];
console.log(
  table(`${ENTRIES.toLocaleString("en")} questions of ${DIMENSIONS} dimensions, in memory`, timings, "the embedding alone"),
);
const added = timings[1]!.p50 - timings[0]!.p50;
console.log(`${hits} of ${LOOKUPS} paraphrases were served; a hit adds ${(added / 1_000).toFixed(2)} ms to its embedding (p50).`);
await cache.close();
