import { createRequire } from "node:module";
import type { Reranker } from "../rerank/reranker.ts";
import { lateInteractionReranker } from "../rerank/rerankers/late-interaction.ts";
import { lexicalReranker } from "../rerank/rerankers/lexical.ts";

/** The best reranker that needs no server and no key: by a local model where its packages are installed, else by words. */
export function localReranker(): Reranker {
  const { resolve } = createRequire(import.meta.url);
  try {
    // The model's package has files only: there is nothing in it that could be imported.
    for (const one of ["onnxruntime-node", "langchain-strata-minilm/package.json"]) resolve(one);
  } catch {
    return lexicalReranker();
  }
  return lateInteractionReranker();
}
