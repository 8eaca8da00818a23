/** The runtime of cross-encoders, on a tiny model of our own that scores shared tokens: real ONNX, BERT inputs, no trained weights. */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Document } from "@langchain/core/documents";
import { evaluateRerank, RerankCompressor, type RerankCase } from "langchain-strata";
import { crossEncoderReranker } from "langchain-strata/local";
import { Bm25 } from "../../../src/rerank/rerankers/bm25.ts";
import { seededRandom } from "../../../test/support/seeded-random.ts";
import { collection } from "./data.ts";

const QUERIES = 100;
const CANDIDATES = 20;

export async function pairTable(folder: string): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "strata-pairs-"));
  copyFileSync(join(folder, "overlap-ce.onnx"), join(home, "model.onnx"));
  copyFileSync(join(folder, "overlap-ce.tokenizer.json"), join(home, "tokenizer.json"));
  const reranker = crossEncoderReranker({ path: home, maxTokens: 512 });
  try {
    const { documents, queries } = collection(folder, "scifact");
    const index = new Bm25();
    for (const { text } of documents) index.add(text);
    const random = seededRandom(3);
    const cases = queries.slice(0, QUERIES).map(({ text, grades }): RerankCase => {
      const scores = index.scores(text);
      const best = [...scores.keys()].toSorted((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0)).slice(0, CANDIDATES);
      return {
        query: text,
        grades,
        documents: best.map((at) => new Document({ id: documents[at]?.id ?? "", pageContent: documents[at]?.text ?? "" })),
      };
    });
    const shuffled = cases.map((each) => ({
      ...each,
      documents: [...each.documents]
        .map((document) => ({ document, at: random() }))
        .toSorted((a, b) => a.at - b.at)
        .map(({ document }) => document),
    }));
    const compressor = new RerankCompressor({ reranker, fusion: { method: "none" }, candidates: CANDIDATES, deadline: "60s" });
    const start = performance.now();
    const from = await evaluateRerank({ cases, compressor, random: seededRandom(5) });
    const ms = (performance.now() - start) / QUERIES;
    const mixed = await evaluateRerank({ cases: shuffled, compressor, random: seededRandom(5) });
    console.log(
      "\n#### Cross-encoder runtime: a model of 123 KB that scores shared tokens, SciFact, 100 queries, 20 candidates\n",
    );
    console.log("| BM25 | reranked | shuffled first | the same reranked | ms a query |\n| ---: | ---: | ---: | ---: | ---: |");
    const cells = [from.before, from.after, mixed.before, mixed.after].map(({ ndcg }) => ndcg.toFixed(4));
    console.log(`| ${cells.join(" | ")} | ${ms.toFixed(0)} |`);
  } finally {
    await reranker.close();
    rmSync(home, { recursive: true });
  }
}
