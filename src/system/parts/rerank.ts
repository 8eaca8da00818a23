import type { Observer } from "../../core/events.ts";
import { RerankCompressor } from "../../rerank/rerank-compressor.ts";
import { lexicalReranker } from "../../rerank/rerankers/lexical.ts";
import type { CheckedConfig } from "../config/read-config.ts";

/** As many as a search may ask for; it takes what it wants of them. */
const MOST_RESULTS = 200;

/** What orders documents anew; by their words where the config names no reranker. */
export function rerankPart({ rerank = false, clock, random }: CheckedConfig, observer: Observer | undefined): RerankCompressor {
  const { reranker = "lexical", ...others } = typeof rerank === "boolean" ? {} : rerank;
  return new RerankCompressor({
    ...{ observer, clock, random, firstStage: "documents", topK: MOST_RESULTS },
    ...others,
    reranker: reranker === "lexical" ? lexicalReranker() : reranker,
  });
}
