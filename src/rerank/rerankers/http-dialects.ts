/**
 * The ways in which rerank servers are asked over HTTP: one row each, for the one client in `http-reranker.ts`. They differ in the path,
 * in the names of the fields, in how many texts they take at once, and in how they say that something is wrong.
 */
import type { RerankUsage, ScoreKind } from "../reranker.ts";

export type HttpDialectName = "cohere" | "jina" | "voyage" | "mixedbread" | "tei" | "vllm" | "infinity";

export interface HttpDialect {
  /** Where the provider lives; `undefined` for servers of one's own. */
  readonly baseUrl: string | undefined;
  readonly path: string;
  readonly model: string | undefined;
  readonly needsKey: boolean;
  readonly scoreKind: ScoreKind;
  /** Texts of one request at most. */
  readonly batchSize: number;
  /** UTF-16 units of a text that are sent: all that the largest model reads, and less than the server's bound on a request. */
  readonly maxCharacters: number;
  body(question: { readonly model: string | undefined; readonly query: string; readonly texts: readonly string[] }): object;
  /** The rows of an answer, each an index and a score under the names that follow. */
  results(answer: Record<string, unknown>): unknown;
  readonly score: "relevance_score" | "score";
  usage(answer: Record<string, unknown>): RerankUsage;
}

type Counts = Record<string, unknown> | undefined;

function tokensOf({ usage }: Record<string, unknown>): RerankUsage {
  const tokens = (usage as Counts)?.["total_tokens"];
  return typeof tokens === "number" ? { tokens } : {};
}

const SERVER = { baseUrl: undefined, model: undefined, needsKey: false, scoreKind: "probability" } as const;
const HOSTED = { needsKey: true, scoreKind: "probability", batchSize: 1_000, maxCharacters: 131_072 } as const;

export const HTTP_DIALECTS: Readonly<Record<HttpDialectName, HttpDialect>> = {
  // https://docs.cohere.com/reference/rerank: at most 10,000 chunks a request, of which a document is one or more.
  cohere: {
    ...HOSTED,
    ...{ baseUrl: "https://api.cohere.com", path: "/v2/rerank", model: "rerank-v3.5", score: "relevance_score" },
    body: ({ model, query, texts }) => ({ model, query, documents: texts, top_n: texts.length }),
    results: ({ results }) => results,
    usage({ meta }) {
      const searches = ((meta as Counts)?.["billed_units"] as Counts)?.["search_units"];
      return typeof searches === "number" ? { searches } : {};
    },
  },
  // https://api.jina.ai/openapi.json: sends every text back unless told not to. Its v3 scores are similarities.
  jina: {
    ...HOSTED,
    ...{
      baseUrl: "https://api.jina.ai",
      path: "/v1/rerank",
      model: "jina-reranker-v2-base-multilingual",
      score: "relevance_score",
    },
    body: ({ model, query, texts }) => ({ model, query, documents: texts, top_n: texts.length, return_documents: false }),
    results: ({ results }) => results,
    usage: tokensOf,
  },
  // https://docs.voyageai.com/reference/reranker-api: `top_k` and `data` where others have `top_n` and `results`.
  voyage: {
    ...HOSTED,
    ...{ baseUrl: "https://api.voyageai.com", path: "/v1/rerank", model: "rerank-2.5", score: "relevance_score" },
    body: ({ model, query, texts }) => ({ model, query, documents: texts, return_documents: false, truncation: true }),
    results: ({ data }) => data,
    usage: tokensOf,
  },
  // https://www.mixedbread.com/api-reference: `input`, `data` and `score`.
  mixedbread: {
    ...HOSTED,
    ...{
      baseUrl: "https://api.mixedbread.com",
      path: "/v1/reranking",
      model: "mixedbread-ai/mxbai-rerank-large-v2",
      score: "score",
    },
    body: ({ model, query, texts }) => ({ model, query, input: texts, top_k: texts.length, return_input: false }),
    results: ({ data }) => data,
    usage: tokensOf,
  },
  // https://github.com/huggingface/text-embeddings-inference: 32 texts (--max-client-batch-size) and 2 MB (--payload-limit) by default.
  tei: {
    ...SERVER,
    ...{ path: "/rerank", score: "score", batchSize: 32, maxCharacters: 16_384 },
    body: ({ query, texts }) => ({ query, texts, raw_scores: false, return_text: false, truncate: true }),
    results: (answer) => answer,
    usage: () => ({}),
  },
  // https://docs.vllm.ai: `top_n: 0` is all; the texts always come back.
  vllm: {
    ...SERVER,
    ...{ path: "/v1/rerank", score: "relevance_score", batchSize: 256, maxCharacters: 131_072 },
    body: ({ model, query, texts }) => ({ model, query, documents: texts, top_n: 0, truncate_prompt_tokens: -1 }),
    results: ({ results }) => results,
    usage: tokensOf,
  },
  // https://github.com/michaelfeil/infinity
  infinity: {
    ...SERVER,
    ...{ path: "/rerank", score: "relevance_score", batchSize: 256, maxCharacters: 131_072 },
    body: ({ model, query, texts }) => ({ model, query, documents: texts, return_documents: false, raw_scores: false }),
    results: ({ results }) => results,
    usage: tokensOf,
  },
};
