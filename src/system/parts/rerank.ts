import type { Observer } from "../../core/events.ts";
import { RerankCompressor } from "../../rerank/rerank-compressor.ts";
import { lexicalReranker } from "../../rerank/rerankers/lexical.ts";
import type { CheckedConfig } from "../config/read-config.ts";

/** What orders found documents anew; `undefined` where the config says no. */
export function rerankPart(
  { rerank = true, documents, clock, random }: CheckedConfig,
  observer: Observer | undefined,
): RerankCompressor | undefined {
  if (rerank === false) return undefined;
  const { reranker = "lexical", ...others } = rerank === true ? {} : rerank;
  return new RerankCompressor({
    ...{ observer, clock, random, firstStage: "documents", topK: documents?.k ?? 5 },
    ...others,
    reranker: reranker === "lexical" ? lexicalReranker() : reranker,
  });
}
