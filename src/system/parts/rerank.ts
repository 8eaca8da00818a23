import type { Observer } from "../../core/events.ts";
import { RerankCompressor } from "../../rerank/rerank-compressor.ts";
import type { RerankCompressorOptions } from "../../rerank/rerank-options.ts";
import type { Reranker } from "../../rerank/reranker.ts";
import {
  cohereReranker,
  infinityReranker,
  jinaReranker,
  mixedbreadReranker,
  teiReranker,
  vllmReranker,
  voyageReranker,
} from "../../rerank/rerankers/hosted.ts";
import { lateInteractionReranker } from "../../rerank/rerankers/late-interaction.ts";
import { lexicalReranker } from "../../rerank/rerankers/lexical.ts";
import { namedUnder } from "../config/named-under.ts";
import type { CheckedConfig } from "../config/read-config.ts";
import type { RerankerChoice, RerankerDescription } from "../config/strata-config.ts";

/** As many as a search may ask for; it takes what it wants of them. */
const MOST_RESULTS = 200;

/** What orders documents anew; by their words where the config names no reranker. */
export function rerankPart({ rerank = false, clock, random }: CheckedConfig, observer: Observer | undefined): RerankCompressor {
  const { reranker = "lexical", ...others } = typeof rerank === "boolean" ? {} : rerank;
  const options: RerankCompressorOptions = {
    ...{ observer, clock, random, firstStage: "documents", topK: MOST_RESULTS },
    ...others,
    reranker: (Array.isArray(reranker) ? (reranker as readonly RerankerChoice[]) : [reranker as RerankerChoice]).map(made),
  };
  return namedUnder("rerank", () => new RerankCompressor(options), { adaptivePolicy: "policy" });
}

/** Loads no model and asks nobody. */
function made(choice: RerankerChoice): Reranker {
  if (choice === "lexical") return lexicalReranker();
  if (choice === "late-interaction") return lateInteractionReranker();
  return "provider" in choice ? overHttp(choice) : choice;
}

function overHttp({ provider, model, apiKey, baseURL }: RerankerDescription): Reranker {
  const common = { ...(model !== undefined && { model }), ...(baseURL !== undefined && { baseUrl: baseURL }) };
  // The check of the config has seen to it that there is what each needs.
  const hosted = { ...common, apiKey: apiKey ?? "" };
  const own = { ...common, baseUrl: baseURL ?? "", ...(apiKey !== undefined && { apiKey }) };
  switch (provider) {
    case "cohere":
      return cohereReranker(hosted);
    case "jina":
      return jinaReranker(hosted);
    case "voyage":
      return voyageReranker(hosted);
    case "mixedbread":
      return mixedbreadReranker(hosted);
    case "tei":
      return teiReranker(own);
    case "vllm":
      return vllmReranker(own);
    case "infinity":
      return infinityReranker(own);
  }
}
