/** What runs with no key and no network: BM25, the same reranked by late interaction, cosine; their time; what the event loop feels. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Document } from "@langchain/core/documents";
import { evaluateRerank, RerankCompressor, type RerankCase, type RerankPolicy } from "langchain-strata";
import { LocalEmbeddings, lateInteractionReranker } from "langchain-strata/local";
import { Bm25 } from "../../../src/rerank/rerankers/bm25.ts";
import { seededRandom } from "../../../test/support/seeded-random.ts";
import { collection, sample, type Collection } from "./data.ts";

const CANDIDATES = 50;
const SETS = ["scifact", "faquad-pt", "stackfaq"] as const;

export async function localTables(folder: string, queries: number, sets: readonly string[]): Promise<void> {
  console.log(`#### Local reranking, nDCG@10, 50 candidates of BM25, ${queries} queries of each set\n`);
  console.log(
    "| set | BM25 | BM25, all queries | cosine over all documents | late interaction | fused by score | hurt / helped |",
  );
  console.log("| --- | ---: | ---: | ---: | ---: | ---: | --- |");
  const reranker = lateInteractionReranker({ maxBytes: "2gb" });
  for (const set of sets.length > 0 ? sets : SETS) {
    const all = collection(folder, set);
    const index = new Bm25();
    for (const { text } of all.documents) index.add(text);
    const cases = (of: Collection["queries"]): RerankCase[] => of.map((each) => lexicalCase(all, index, each));
    const some = cases(sample(all.queries, queries));
    const whole = await evaluate(cases(all.queries), undefined);
    const alone = await evaluate(
      some,
      new RerankCompressor({ reranker, firstStage: "bm25", fusion: { weight: 1 }, deadline: "10m" }),
    );
    const fused = await evaluate(
      some,
      new RerankCompressor({ reranker, firstStage: "bm25", fusion: { method: "score" }, deadline: "10m" }),
    );
    const cosine = await evaluate(await cosineCases(all, sample(all.queries, queries)), undefined);
    const cells = [alone.before, whole.before, cosine.before, alone.after, fused.after].map(({ ndcg }) => ndcg.toFixed(4));
    console.log(`| ${set} | ${cells.join(" | ")} | ${fused.hurt} / ${fused.helped} |`);
  }
  await reranker.close?.();
}

/** Reranks nothing when there is no compressor: the first stage by itself. */
async function evaluate(
  cases: readonly RerankCase[],
  compressor: RerankCompressor | undefined,
): ReturnType<typeof evaluateRerank> {
  const none: RerankPolicy = { name: "none", decide: () => ({ action: "skip", depth: 0, reason: "rule" }) };
  const order = {
    name: "order",
    scoreKind: "ordinal",
    rerank: async (_: string, texts: readonly string[]) => texts.map((_text, index) => ({ index, score: -index })),
  } as const;
  const compress = compressor ?? new RerankCompressor({ reranker: order, policy: none, scoreCache: false });
  return evaluateRerank({ cases, compressor: compress, resamples: 500, random: seededRandom(7) });
}

function lexicalCase({ documents }: Collection, index: Bm25, { text, grades }: Collection["queries"][number]): RerankCase {
  const scores = index.scores(text);
  const order = [...scores.keys()].toSorted((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0)).slice(0, CANDIDATES);
  return { query: text, grades, documents: order.map((at) => documentOf(documents[at], scores[at] ?? 0)) };
}

async function cosineCases({ documents }: Collection, queries: Collection["queries"]): Promise<RerankCase[]> {
  const embeddings = new LocalEmbeddings({ model: "minilm" });
  const vectors = await embeddings.embedDocuments(documents.map(({ text }) => text));
  const cases: RerankCase[] = [];
  for (const { text, grades } of queries) {
    const query = await embeddings.embedQuery(text);
    const scores = vectors.map((vector) => vector.reduce((sum, part, at) => sum + part * (query[at] ?? 0), 0));
    const order = [...scores.keys()].toSorted((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0)).slice(0, CANDIDATES);
    cases.push({ query: text, grades, documents: order.map((at) => documentOf(documents[at], scores[at] ?? 0)) });
  }
  await embeddings.close();
  return cases;
}

function documentOf(found: Collection["documents"][number] | undefined, score: number): Document {
  return new Document({ id: found?.id ?? "", pageContent: found?.text ?? "", metadata: { score } });
}

/** 50 texts of 200 words that were never seen, then with their vectors known, then with their scores known. */
export async function latencyTable(folder: string): Promise<void> {
  const words = collection(folder, "scifact")
    .documents.slice(0, 200)
    .flatMap(({ text }) => text.split(/\s+/));
  const documents = Array.from({ length: CANDIDATES }, (_, each) => {
    return new Document({ pageContent: words.slice(each * 150, each * 150 + 150).join(" ") });
  });
  const reranker = lateInteractionReranker();
  await reranker.rerank("load", ["load"]);
  const compressor = new RerankCompressor({ reranker, deadline: "60s" });
  const timed = async (query: string): Promise<[number, number]> => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const start = performance.now();
    await compressor.compressDocuments(documents, query);
    const ms = performance.now() - start;
    await new Promise((resolve) => setTimeout(resolve, 20));
    delay.disable();
    return [ms, delay.max / 1e6];
  };
  console.log(
    "\n#### Late interaction, 50 texts of 200 tokens\n\n| | ms | longest pause of the event loop, ms |\n| --- | ---: | ---: |",
  );
  const rows: readonly (readonly [string, string])[] = [
    ["texts never seen", "does vitamin D protect the heart"],
    ["vectors known, another query", "which cells divide asymmetrically"],
    ["scores known", "which cells divide asymmetrically"],
  ];
  for (const [name, query] of rows) {
    const [ms, pause] = await timed(query);
    console.log(`| ${name} | ${ms.toFixed(1)} | ${pause.toFixed(1)} |`);
  }
  await compressor.close();
}
