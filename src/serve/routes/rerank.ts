/**
 * `POST /v2/rerank` and `/v1/rerank` as Cohere has them, `POST /rerank` as Text Embeddings Inference has it: the same reranker under
 * both, so that a client of either needs nothing but another address.
 */
import { isJsonObject } from "../../core/plain.ts";
import { cohereError, teiError } from "../wire-errors.ts";
import { StrataError } from "../../core/errors.ts";
import type { RerankedText, ScoreKind } from "../../rerank/reranker.ts";
import { jsonBody } from "../json-body.ts";
import type { RerankQueue } from "../rerank-queue.ts";

export interface RerankRouteOptions {
  readonly queue: RerankQueue;
  readonly scoreKind: ScoreKind;
  /** What clients may call the model, beside Cohere's own names. */
  readonly names: readonly string[];
  readonly maxBytes: number;
  /** For the ids of answers. */
  readonly newId: () => string;
}

/** Of one request. */
const MAX_TEXTS = 1_000;

export async function cohereRerank({ queue, ...options }: RerankRouteOptions, request: Request): Promise<Response> {
  const body = await jsonBody(request, options.maxBytes);
  if (!body.ok) return cohereError(body.status, body.message);
  const asked = readCohere(body.value, options.names);
  if ("status" in asked) return cohereError(asked.status, asked.message);
  const { query, texts, topN } = asked;
  return answered(cohereError, async () => {
    const ranked = await queue.rerank(query, texts, request.signal);
    return {
      id: options.newId(),
      results: ranked
        .slice(0, topN ?? ranked.length)
        .map(({ index, score }) => ({ index, relevance_score: asProbability(score, options.scoreKind) })),
      meta: { api_version: { version: "2", is_experimental: false }, billed_units: { search_units: 0 } },
    };
  });
}

export async function teiRerank({ queue, ...options }: RerankRouteOptions, request: Request): Promise<Response> {
  const body = await jsonBody(request, options.maxBytes);
  if (!body.ok) return teiError(body.status === 400 ? 422 : body.status, body.message);
  const { value } = body;
  if (!isJsonObject(value) || typeof value["query"] !== "string") return teiError(422, "missing field `query`");
  const { query, texts, raw_scores: raw, return_text: withText } = value;
  if (!isTexts(texts)) return teiError(422, "`texts` must be a list of strings");
  if (texts.length === 0) return teiError(400, "`texts` cannot be empty");
  if (texts.length > MAX_TEXTS) {
    return teiError(422, `batch size ${texts.length} > maximum allowed batch size ${MAX_TEXTS}`);
  }
  return answered(teiError, async () => {
    const ranked = await queue.rerank(query, texts, request.signal);
    return ranked.map(({ index, score }) => ({
      index,
      score: raw === true ? score : asProbability(score, options.scoreKind),
      ...(withText === true && { text: texts[index] }),
    }));
  });
}

interface CohereQuestion {
  readonly query: string;
  readonly texts: readonly string[];
  readonly topN: number | undefined;
}

type Refusal = { readonly status: 400 | 404 | 422; readonly message: string };

function readCohere(value: unknown, names: readonly string[]): CohereQuestion | Refusal {
  const bad = (message: string): Refusal => ({ status: 400, message: `invalid request: ${message}` });
  if (!isJsonObject(value)) return bad("the body must be an object");
  const { model, query, documents, top_n: topN } = value;
  if (typeof model !== "string" || model === "") return bad("model must be given");
  // Programs that were written for Cohere name its models; whatever else is named is a mistake that should be seen.
  if (!names.includes(model) && !/^rerank-[\w.-]+$/.test(model)) {
    return { status: 404, message: `model not found, make sure the correct model ID was used: ${names.join(", ")}, or rerank-*` };
  }
  if (typeof query !== "string" || query.trim() === "") return bad("query must not be empty or be only whitespace");
  if (!isTexts(documents)) return { status: 422, message: "invalid request: documents must be a list of strings" };
  if (documents.length === 0) return bad("list of documents must not be empty");
  if (documents.length > MAX_TEXTS) return bad(`number of documents must be at most ${MAX_TEXTS}`);
  const empty = documents.findIndex((text) => text.trim() === "");
  if (empty >= 0) return bad(`document at index ${empty} cannot be empty`);
  if (topN === undefined || topN === null) return { query, texts: documents, topN: undefined };
  if (typeof topN !== "number" || !Number.isInteger(topN) || topN < 1) return bad("top_n must be a whole number of at least 1");
  return { query, texts: documents, topN };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

async function answered(
  error: (status: 429 | 500 | 503, message: string) => Response,
  make: () => Promise<unknown>,
): Promise<Response> {
  try {
    return Response.json(await make());
  } catch (thrown) {
    const code = StrataError.isInstance(thrown) ? thrown.code : undefined;
    if (code === "QUEUE_FULL") return error(429, "Model is overloaded");
    if (code !== undefined) return error(503, (thrown as Error).message);
    if (thrown instanceof Error && thrown.name === "AbortError") return new Response(null, { status: 499 });
    return error(500, "The reranker failed.");
  }
}

/** Both protocols give scores from 0 to 1. What the kind of a score does not say, its order does: each of these keeps it. */
export function asProbability(score: RerankedText["score"], kind: ScoreKind): number {
  if (kind === "probability") return score;
  if (kind === "similarity") return Math.min(1, Math.max(0, (score + 1) / 2));
  if (kind === "logit") return 1 / (1 + Math.exp(-score));
  return (score / (1 + Math.abs(score)) + 1) / 2;
}
