/**
 * CachedEmbeddings: how many calls it saves on a log of queries and on a chat, what near-duplicate reuse costs and gets wrong, and
 * how fast a hit is beside LangChain's CacheBackedEmbeddings.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CacheBackedEmbeddings } from "@langchain/classic/embeddings/cache_backed";
import { LocalFileStore } from "@langchain/classic/storage/file_system";
import { Embeddings } from "@langchain/core/embeddings";
import { CachedEmbeddings, diskTier, memoryTier, type CachedEmbeddingsOptions } from "langchain-strata";
import { fresh, provenance, race, summarize, table } from "../harness.ts";

const DIMENSIONS = 1536;
const folder = mkdtempSync(join(tmpdir(), "strata-bench-embeddings-"));
const data = process.env["STRATA_BENCH_DATA"];

/** Vectors of OpenAI's size that depend on the text; counts what it is asked. */
class Provider extends Embeddings {
  requests = 0;
  texts = 0;

  constructor() {
    super({});
  }

  async embedDocuments(texts: string[]): Promise<number[][]> {
    this.requests++;
    this.texts += texts.length;
    return texts.map((text) => {
      let state = text.length + 1;
      for (let at = 0; at < text.length; at++) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193);
      return Array.from({ length: DIMENSIONS }, () => (state = Math.imul(state, 0x5bd1e995) + 1) / 2 ** 32);
    });
  }

  async embedQuery(text: string): Promise<number[]> {
    return (await this.embedDocuments([text]))[0] ?? [];
  }
}

function cached(provider: Provider, options: Partial<CachedEmbeddingsOptions> = {}): CachedEmbeddings {
  return new CachedEmbeddings({ embeddings: provider, model: "bench", tiers: [memoryTier({ maxBytes: "1gb" })], ...options });
}

function rowsOf(name: string): readonly unknown[] | undefined {
  const path = data === undefined ? undefined : join(data, "semantic", name);
  if (path === undefined || !existsSync(path)) {
    console.log(`skipped: ${name} is not in the folder that STRATA_BENCH_DATA names\n`);
    return undefined;
  }
  const lines = readFileSync(path, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as unknown);
}

/** A request for each text, in their order; and the same texts handed over in batches, as an ingestion does. */
async function replay(title: string, texts: readonly string[]): Promise<void> {
  const rows: string[] = [];
  const fewer = (n: number): string => `${((1 - n / texts.length) * 100).toFixed(1)} %`;
  for (const [name, options] of [
    ["equal to the letter", {}],
    ["and nearly equal (0.95)", { nearDuplicate: true }],
    ["and nearly equal (0.8)", { nearDuplicate: { similarity: 0.8 } }],
  ] as const) {
    const one = new Provider();
    const single = cached(one, options);
    for (const text of texts) await single.embedQuery(text);
    rows.push(`| ${name}, text by text | ${one.requests} | ${one.texts} | ${fewer(one.requests)} |`);
  }
  const many = new Provider();
  const batched = cached(many);
  for (let from = 0; from < texts.length; from += 32) await batched.embedDocuments(texts.slice(from, from + 32));
  rows.push(`| equal to the letter, 32 texts a batch | ${many.requests} | ${many.texts} | ${fewer(many.requests)} |`);
  console.log(`### ${title}: ${texts.length} texts, ${new Set(texts).size} distinct\n`);
  console.log(["| | requests | texts sent | fewer requests than texts |", "| --- | --- | --- | --- |", ...rows, ""].join("\n"));
}

/**
 * A chat with retrieval and memory: each turn, the user's message is asked as a query by the retriever, by the memory and by the
 * router, and then the window of the last 6 messages is embedded again for the memory's index.
 */
async function chat(): Promise<void> {
  const provider = new Provider();
  const embeddings = cached(provider);
  let [plainRequests, plainTexts] = [0, 0];
  for (let session = 0; session < 20; session++) {
    const messages: string[] = [];
    for (let turn = 0; turn < 20; turn++) {
      const question = `session ${session}: question ${turn} about the order`;
      for (let user = 0; user < 3; user++) await embeddings.embedQuery(question);
      messages.push(question, `session ${session}: answer ${turn}, which is longer than the question was`);
      const window = messages.slice(-6);
      await embeddings.embedDocuments(window);
      plainRequests += 4;
      plainTexts += 3 + window.length;
    }
  }
  const fewer = (now: number, before: number): string => `${((1 - now / before) * 100).toFixed(1)} %`;
  console.log("### A generated chat: 20 sessions of 20 turns, 3 components that embed the question, a window of 6 messages\n");
  console.log("| | without | with | fewer |\n| --- | --- | --- | --- |");
  console.log(`| requests | ${plainRequests} | ${provider.requests} | ${fewer(provider.requests, plainRequests)} |`);
  console.log(`| texts | ${plainTexts} | ${provider.texts} | ${fewer(provider.texts, plainTexts)} |\n`);
}

/** Pairs of sentences with people's likeness from 1 to 5: which are taken for one, and how alike people found them. */
async function falseReuse(): Promise<void> {
  const pairs = rowsOf("assin2_pairs.jsonl") as { a: string; b: string; sim: number; ent: string }[] | undefined;
  if (pairs === undefined) return;
  const rows: string[] = [];
  for (const similarity of [0.95, 0.9, 0.85, 0.8]) {
    const reused: { sim: number; ent: string }[] = [];
    for (const { a, b, sim, ent } of pairs) {
      if (a === b) continue;
      const provider = new Provider();
      const embeddings = cached(provider, { nearDuplicate: { similarity } });
      await embeddings.embedDocuments([a]);
      await embeddings.embedDocuments([b]);
      if (provider.texts === 1) reused.push({ sim, ent });
    }
    const apart = reused.filter(({ sim }) => sim < 4).length;
    const mean = reused.length === 0 ? "" : (reused.reduce((sum, { sim }) => sum + sim, 0) / reused.length).toFixed(2);
    const entailed = reused.filter(({ ent }) => ent === "Entailment").length;
    rows.push(`| ${similarity} | ${reused.length} | ${mean} | ${entailed} | ${apart} |`);
  }
  console.log(`### Near-duplicate reuse on ${pairs.length} pairs of ASSIN 2, people's likeness from 1 to 5\n`);
  console.log("| similarity | pairs reused | mean likeness | entailed | likeness under 4 |\n| --- | --- | --- | --- | --- |");
  console.log(`${rows.join("\n")}\n`);
}

/** Time of a search among 5,000 remembered texts: found through one that is nearly equal, on top of the hit itself. */
async function nearTime(): Promise<void> {
  const provider = new Provider();
  const near = cached(provider, { nearDuplicate: true });
  const words = "order invoice delivery address garden window river mountain paper market engine bridge copper silver".split(" ");
  const text = (seed: number): string =>
    Array.from({ length: 40 }, (_, at) => words[Math.imul(seed * 41 + at, 0x9e3779b1) >>> 28] ?? `word${seed}`).join(" ");
  for (let seed = 0; seed < 5_000; seed++) await near.embedQuery(text(seed));
  const timings = { found: [] as number[], absent: [] as number[] };
  for (let seed = 0; seed < 2_000; seed++) {
    for (const [which, asked] of [
      ["found", `${text(seed)}!`],
      ["absent", text(10_000 + seed)],
    ] as const) {
      const before = provider.texts;
      const start = performance.now();
      await near.embedQuery(asked);
      const micros = (performance.now() - start) * 1000;
      if ((provider.texts === before) === (which === "found") && seed > 200) timings[which].push(micros);
    }
  }
  const rows = [
    summarize("nearly equal to a remembered one: reused", timings.found),
    summarize("like none: searched, then made by a provider that answers at once", timings.absent),
  ];
  console.log(table("Near-duplicate search, 5,000 texts of 40 words remembered", rows, rows[0]?.name ?? ""));
}

async function hits(): Promise<void> {
  const texts = Array.from({ length: 200 }, (_, index) => `document ${index}: ${"some words of a chunk ".repeat(40)}`);
  const memory = cached(new Provider());
  const disk = cached(new Provider(), { tiers: [diskTier({ path: join(folder, "disk") })] });
  const store = await LocalFileStore.fromPath(join(folder, "files"));
  const files = CacheBackedEmbeddings.fromBytesStore(new Provider(), store, { namespace: "bench" });
  const all = [memory, disk, files];
  for (const embeddings of all) await embeddings.embedDocuments(texts);
  await disk.flush();
  const timings = await race<string>(
    [
      { name: "CachedEmbeddings, memory", run: (text) => memory.embedDocuments([text]) },
      { name: "CachedEmbeddings, disk", run: (text) => disk.embedDocuments([text]) },
      { name: "CacheBackedEmbeddings, LocalFileStore", run: (text) => files.embedDocuments([text]) },
    ],
    { rounds: 10, callsPerRound: texts.length, input: (index) => fresh(texts[index] ?? "") },
  );
  console.log(table(`A hit, one document of 0.9 KB, ${DIMENSIONS} dimensions`, timings, "CachedEmbeddings, memory"));
  await Promise.all([memory.close(), disk.close()]);
}

console.log(`${provenance()}\ncommand: npm run bench:embeddings\n`);
await hits();
const log = rowsOf("excite_queries.jsonl") as { prompt: string; ts: string }[] | undefined;
if (log !== undefined) {
  const ordered = log.toSorted((a, b) => a.ts.localeCompare(b.ts));
  await replay(
    "Excite query log, in the order of time",
    ordered.map(({ prompt }) => prompt),
  );
}
await chat();
await nearTime();
await falseReuse();
const halves = new Provider();
const half = Array.from({ length: 10_000 }, (_, index) => `text ${(index * 7919) % 5_000}`);
await cached(halves).embedDocuments(half);
console.log(`10,000 texts, half of them repeats: ${halves.requests} request with ${halves.texts} texts`);
rmSync(folder, { recursive: true, force: true });
