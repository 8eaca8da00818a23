/** Rerankers behind an address: providers, with a key of theirs, and servers of one's own. */
import type { Reranker } from "../reranker.ts";
import { httpReranker, type HttpRerankerOptions } from "./http-reranker.ts";

/** Of a provider that asks for a key. */
export type HostedRerankerOptions = HttpRerankerOptions & Required<Pick<HttpRerankerOptions, "apiKey">>;
/** Of a server that only its owner can name. */
export type ServerRerankerOptions = HttpRerankerOptions & { readonly baseUrl: string };

/**
 * Cohere's rerank models (`POST /v2/rerank`).
 * @throws {@link StrataConfigError} naming the option, as all of these
 */
export function cohereReranker(options: HostedRerankerOptions): Reranker {
  return httpReranker("cohere", options);
}

/** Jina's rerank models. Scores of `jina-reranker-v3` are similarities, and depend on the texts beside each. */
export function jinaReranker(options: HostedRerankerOptions): Reranker {
  return httpReranker("jina", options);
}

/** Voyage's rerank models. */
export function voyageReranker(options: HostedRerankerOptions): Reranker {
  return httpReranker("voyage", options);
}

/** Mixedbread's rerank models. */
export function mixedbreadReranker(options: HostedRerankerOptions): Reranker {
  return httpReranker("mixedbread", options);
}

/** A Text Embeddings Inference server of Hugging Face. Asked with 32 texts at a time, as it takes by default. */
export function teiReranker(options: ServerRerankerOptions): Reranker {
  return httpReranker("tei", options);
}

/** A vLLM server, or one that answers as it does. */
export function vllmReranker(options: ServerRerankerOptions): Reranker {
  return httpReranker("vllm", options);
}

/** An Infinity server. */
export function infinityReranker(options: ServerRerankerOptions): Reranker {
  return httpReranker("infinity", options);
}
