/** What an operator asks of a running server: statistics, clearing, warming up, recall. */
import { isJsonObject } from "../../core/plain.ts";
import { StrataConfigError } from "../../core/errors.ts";
import type { TieredCache } from "../../cache/tiered-cache.ts";
import type { AdaptiveMemoryRetriever } from "../../memory/memory-retriever.ts";
import type { RecallOptions } from "../../memory/recall.ts";
import { jsonBody } from "../json-body.ts";

type Fields = Readonly<Record<string, unknown>>;

function refused(status: 400 | 404 | 413 | 415, message: string): Response {
  return Response.json({ error: { message } }, { status });
}

/** `{ tag?, tier?, scope?, pattern? }`; with nothing in it everything goes, and that has to be said: `{ "all": true }`. */
export async function clearCache(cache: TieredCache, request: Request, maxBytes: number): Promise<Response> {
  return withFields(request, maxBytes, ["tag", "tier", "scope", "pattern", "all"], async ({ all, pattern, ...filter }) => {
    if (pattern !== undefined) return { removed: await cache.invalidate(pattern as string) };
    if (Object.keys(filter).length === 0 && all !== true) {
      throw new StrataConfigError("clear", undefined, 'one of tag, tier, scope, pattern, or { "all": true }');
    }
    return { removed: await cache.clear(filter) };
  });
}

/** Asks the proxy what people are going to ask, with the caller's own credential. */
export async function warmProxy(
  ask: (body: string, headers: Headers) => Promise<Response>,
  request: Request,
  maxBytes: number,
): Promise<Response> {
  return withFields(request, maxBytes, ["requests"], async ({ requests }) => {
    if (!Array.isArray(requests) || requests.length === 0 || !requests.every(isJsonObject)) {
      throw new StrataConfigError("warm.requests", requests, "a list of bodies of /v1/chat/completions");
    }
    const counts = { asked: 0, hits: 0, filled: 0, failed: 0 };
    for (const body of requests as readonly Fields[]) {
      request.signal.throwIfAborted();
      const response = await ask(JSON.stringify({ ...body, stream: false }), new Headers(request.headers));
      await response.arrayBuffer();
      counts.asked++;
      if (!response.ok) counts.failed++;
      else if (response.headers.get("x-strata-cache") === "hit") counts.hits++;
      else counts.filled++;
    }
    return counts;
  });
}

const RECALL = ["query", "ownerId", "sessionId", "strategy", "k", "lookback", "tokenBudget", "timeZone"] as const;

export async function recall(memory: AdaptiveMemoryRetriever, request: Request, maxBytes: number): Promise<Response> {
  return withFields(request, maxBytes, RECALL, async ({ query, ownerId, ...options }) => {
    if (typeof query !== "string" || query.trim() === "") throw new StrataConfigError("query", query, "a text that is not empty");
    // Whose memory is asked for is never guessed.
    if (typeof ownerId !== "string" || ownerId === "") throw new StrataConfigError("ownerId", ownerId, "whose memory it is");
    const asked = { ...options, ownerId, signal: request.signal } as RecallOptions;
    const { documents, ...found } = await memory.recall(query, asked);
    return { ...found, documents: documents.map(({ pageContent, metadata }) => ({ pageContent, metadata })) };
  });
}

/** Reads an object with these fields and no others; what is not accepted is a 400 that says what is. */
async function withFields(
  request: Request,
  maxBytes: number,
  known: readonly string[],
  answer: (fields: Fields) => Promise<unknown>,
): Promise<Response> {
  const body = await jsonBody(request, maxBytes);
  if (!body.ok) return refused(body.status, body.message);
  const { value } = body;
  if (!isJsonObject(value)) return refused(400, "The body is no JSON object.");
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) return refused(400, `Unknown field; accepted: ${known.join(", ")}.`);
  try {
    return Response.json(await answer(value));
  } catch (error) {
    if (error instanceof StrataConfigError) return refused(400, error.message);
    throw error;
  }
}
