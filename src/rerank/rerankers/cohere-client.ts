import type { CohereRerank } from "@langchain/cohere";
import { StrataConfigError } from "../../core/errors.ts";
import { parseCount, parseNumber, refuseUnknown } from "../../core/options.ts";
import { RerankProviderError } from "../provider-error.ts";
import type { RerankCallOptions, Reranker } from "../reranker.ts";
import { badAnswer, batchedReranker, scoresOfRows } from "./batched-reranker.ts";
import { messageIn, retryAfterMs } from "./http-failures.ts";
import { HTTP_DIALECTS } from "./http-dialects.ts";

export interface CohereClientRerankerOptions {
  /** Default that of the `CohereRerank`; a bare client needs it. */
  readonly model?: string | undefined;
  /** Tokens of a text that are read; the rest is cut off. Default Cohere's, 4,096. */
  readonly maxTokensPerDoc?: number | undefined;
  /** Texts of one request; default 1,000. */
  readonly batchSize?: number | undefined;
  /** What a search costs, in any currency, for the statistics; default none. */
  readonly pricePerSearch?: number | undefined;
}

/** The client in a `CohereRerank` of `@langchain/cohere`: also one for Azure, Bedrock or a proxy, which is asked as it is set up. */
export type CohereRerankClient = CohereRerank["client"];

const OPTIONS = ["model", "maxTokensPerDoc", "batchSize", "pricePerSearch"] as const;
const { scoreKind, batchSize, maxCharacters } = HTTP_DIALECTS.cohere;

/**
 * Cohere's rerank models through the client that an application has already, with its key, address and headers. Unlike `CohereRerank`
 * itself it asks `POST /v2/rerank`, does not change the documents, counts what was used, and gives every text its score; its `topN`
 * and `maxChunksPerDoc` are not looked at.
 * @param cohere a `CohereRerank`, or the client in one; stays the caller's
 * @throws {@link StrataConfigError} naming the option
 */
export function cohereClientReranker(
  cohere: CohereRerank | CohereRerankClient,
  options: CohereClientRerankerOptions = {},
): Reranker {
  const of = (option: string): string => `cohereClientReranker.${option}`;
  refuseUnknown("cohereClientReranker", options, OPTIONS);
  const client = clientOf(cohere);
  const { model = "model" in cohere ? cohere.model : undefined, maxTokensPerDoc, pricePerSearch = 0 } = options;
  if (typeof model !== "string" || model === "") throw new StrataConfigError(of("model"), model, "a name");
  if (maxTokensPerDoc !== undefined) parseCount(of("maxTokensPerDoc"), maxTokensPerDoc);
  parseNumber(of("pricePerSearch"), pricePerSearch, 0, Infinity);

  async function ask(query: string, texts: readonly string[], { signal, onUsage }: RerankCallOptions): Promise<number[]> {
    const request = {
      ...{ model: model as string, query, documents: [...texts], topN: texts.length },
      ...(maxTokensPerDoc !== undefined && { maxTokensPerDoc }),
    };
    let answer: Awaited<ReturnType<CohereRerankClient["v2"]["rerank"]>>;
    try {
      // Trying again is the compressor's, which knows how much time is left.
      answer = await client.v2.rerank(request, { maxRetries: 0, ...(signal !== undefined && { abortSignal: signal }) });
    } catch (error) {
      signal?.throwIfAborted();
      throw refusal(error);
    }
    if (typeof answer !== "object" || answer === null) throw badAnswer("cohere", "no list of results");
    const scores = scoresOfRows("cohere", answer.results, "relevanceScore", texts.length);
    const searches = answer.meta?.billedUnits?.searchUnits;
    if (typeof searches === "number") onUsage?.({ searches, cost: searches * pricePerSearch });
    return scores;
  }

  return batchedReranker({
    ...{ name: "cohere", scoreKind, model: `${model} ${maxTokensPerDoc ?? ""}`, maxCharacters, concurrency: 2, ask },
    batchSize: parseCount(of("batchSize"), options.batchSize ?? batchSize),
  });
}

function clientOf(cohere: unknown): CohereRerankClient {
  const { client = cohere } = (cohere ?? {}) as { client?: unknown };
  // A getter that makes the part of the client for v2.
  const { v2 } = (client ?? {}) as { v2?: { rerank?: unknown } };
  if (typeof v2?.rerank !== "function") {
    // Never the value: a client holds its key.
    throw new StrataConfigError("cohere", undefined, "a CohereRerank of @langchain/cohere, or the client in one");
  }
  return client as CohereRerankClient;
}

/** The client's own error holds the answer and, in its message, the body whole: neither is carried further, nor is it the cause. */
function refusal(error: unknown): RerankProviderError {
  const {
    statusCode: status,
    body,
    rawResponse,
  } = (error ?? {}) as {
    readonly statusCode?: unknown;
    readonly body?: unknown;
    readonly rawResponse?: { readonly headers?: Headers };
  };
  if (typeof status !== "number") return new RerankProviderError("UNAVAILABLE", "The reranker cohere cannot be reached.");
  const said = messageIn(typeof body === "string" ? body : (JSON.stringify(body) ?? ""), undefined);
  const message = `The reranker cohere answered with ${status}${said === "" ? "" : `: ${said}`}`;
  const { headers } = rawResponse ?? {};
  return new RerankProviderError("UNAVAILABLE", message, { status, retryAfterMs: headers && retryAfterMs(headers) });
}
