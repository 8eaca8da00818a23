/**
 * Recall with and without a reranker: LoCoMo's questions through `AdaptiveMemoryRetriever`, 50 candidates, the local late-interaction
 * model in a `RerankCompressor`. The times of finding and of reranking are those that each recall tells of itself.
 */
import { LocalEmbeddings } from "../../../src/embeddings/local-embeddings.ts";
import { AdaptiveMemoryRetriever } from "../../../src/memory/memory-retriever.ts";
import { RerankCompressor } from "../../../src/rerank/rerank-compressor.ts";
import type { RerankCompressorOptions } from "../../../src/rerank/rerank-options.ts";
import { lateInteractionReranker } from "../../../src/rerank/rerankers/late-interaction.ts";
import { sample } from "../rerank/data.ts";
import type { BenchConversation } from "./conversations.ts";
import { mean, percentile, rankedWell, recallAt } from "./metrics.ts";
import { sourceOf } from "./recall-runs.ts";

type Order = Pick<RerankCompressorOptions, "fusion">;

/** What is compared: no reranker, what one gets by default, and other ways to make one order of two. */
const ORDERS: readonly (readonly [string, Order | undefined])[] = [
  ["none", undefined],
  ["default", {}],
  ["by score", { fusion: { method: "score" } }],
  ["by score, weight 0.3", { fusion: { method: "score", weight: 0.3 } }],
  ["the reranker's alone", { fusion: { weight: 1 } }],
];

interface Row {
  readonly recall: number;
  readonly precision: number;
  readonly reciprocal: number;
  readonly retrievalMs: number;
  readonly rerankMs: number;
}

/** @param questions of each conversation */
export async function rerankedTable(conversations: readonly BenchConversation[], questions: number): Promise<void> {
  const embeddings = new LocalEmbeddings();
  const reranker = lateInteractionReranker();
  await reranker.rerank("load", ["load"]);
  console.log(`\n#### LoCoMo, ${questions} questions of each conversation, hybrid, 50 candidates, late interaction\n`);
  console.log("| order | R@10 | P@3 | MRR@10 | retrieval p50 / p95 ms | rerank p50 / p95 ms |");
  console.log("| --- | ---: | ---: | ---: | ---: | ---: |");
  for (const [name, order] of ORDERS) {
    // One score is never looked up twice here: the questions differ.
    const options: RerankCompressorOptions | undefined = order && {
      ...{ reranker, firstStage: "memory", scoreCache: false, deadline: "60s", ...order },
    };
    const rows: Row[] = [];
    for (const conversation of conversations) rows.push(...(await answered(conversation, questions, embeddings, options)));
    const quality = (["recall", "precision", "reciprocal"] as const).map((key) => mean(rows.map((row) => row[key])).toFixed(3));
    const times = (["retrievalMs", "rerankMs"] as const).map((key) =>
      [0.5, 0.95]
        .map((share) =>
          percentile(
            rows.map((row) => row[key]),
            share,
          ).toFixed(1),
        )
        .join(" / "),
    );
    console.log(`| ${name} | ${[...quality, ...times].join(" | ")} |`);
  }
  await reranker.close();
  await embeddings.close();
}

async function answered(
  conversation: BenchConversation,
  questions: number,
  embeddings: LocalEmbeddings,
  options: RerankCompressorOptions | undefined,
): Promise<Row[]> {
  const now = new Date(Math.max(...conversation.turns.map(({ createdAt }) => createdAt || 0)) + 60_000);
  const memory = new AdaptiveMemoryRetriever({
    ...{ store: sourceOf(conversation), embeddings, strategy: "hybrid", queryCache: false, exploration: 0, deadline: "60s" },
    ...(options !== undefined && { rerank: new RerankCompressor(options) }),
  });
  await memory.warm({ ownerId: "owner" });
  const rows: Row[] = [];
  for (const { text, relevant } of sample(conversation.questions, questions)) {
    const { documents, degraded, retrievalMs, rerankMs } = await memory.recall(text, { ownerId: "owner", now });
    if (degraded.length > 0) throw new Error(`A recall went without ${degraded.join(", ")}.`);
    const ids = documents.map(({ metadata }) => metadata.messageId);
    rows.push({ recall: recallAt(ids, relevant).recall, ...rankedWell(ids, relevant), retrievalMs, rerankMs });
  }
  await memory.close();
  return rows;
}
