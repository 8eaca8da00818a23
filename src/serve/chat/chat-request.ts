/**
 * A request to the proxy, as the cache sees it: what the model is asked (the key), for whom (the scope), and what the caller wants of
 * the cache (headers).
 *
 * The scope is made of the caller's credential, so that whoever cannot pay for an answer cannot read it: an HMAC under a secret of this
 * installation. A plain hash of a short or guessable key could be found by trying; this one only with the secret.
 */
import { isJsonObject } from "../../core/plain.ts";
import { createHmac } from "node:crypto";
import { controlResolver, type ResolvedControl } from "../../cache/call-control.ts";
import { canonicalText } from "../../cache/model/request.ts";
import type { CacheRequest, RequestCache } from "../../cache/request-cache.ts";
import type { ReadTurn, SemanticExtra } from "../../cache/semantic/turn.ts";
import { asksForStructure } from "../../cache/model/structured-output.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { digest } from "../../core/key.ts";
import type { Scope } from "../../core/scope.ts";

/** Everything by which an upstream may tell callers apart. */
export const CREDENTIAL_HEADERS: readonly string[] = [
  ...["authorization", "api-key", "x-api-key", "openai-organization", "openai-project"],
];

/** What does not change the answer. */
const NOT_ASKED = new Set(["stream", "stream_options", "metadata", "store", "safety_identifier", "prompt_cache_key"]);

/** Whose answers the proxy keeps: each credential's own, or everybody's. */
export type Sharing = "credential" | "global";

export interface ChatRequests {
  readonly cache: RequestCache;
  /** The upstream's address: another one is another model. */
  readonly upstream: string;
  readonly sharing: Sharing;
  readonly secret: string;
}

/** @returns `undefined` when the request must not be cached, which is then counted */
export function readChatRequest(
  { cache, upstream, sharing, secret }: ChatRequests,
  body: Readonly<Record<string, unknown>>,
  headers: Headers,
): CacheRequest | undefined {
  try {
    const scope = scopeOf(body, headers, sharing, secret);
    const control = scope === undefined ? NO_SCOPE : controlOf(headers, scope);
    // A `user` is in the scope; what is none stays part of the question.
    const isAsked = (name: string): boolean => !NOT_ASKED.has(name) && (name !== "user" || typeof body["user"] !== "string");
    const asked = Object.fromEntries(Object.entries(body).filter(([name]) => isAsked(name)));
    // Sent on, and may change what the upstream makes of the question.
    const beta = headers.get("openai-beta");
    const model = digest("proxy", upstream, canonicalText(body["model"] ?? ""), ...(beta === null ? [] : [beta]));
    const extras = cache.semanticExtras;
    const turn = extras === undefined ? undefined : (): ReadTurn => turnOf(asked, extras);
    return cache.accept(model, canonicalText(asked), control, turn);
  } catch (error) {
    // Nested too deeply, or with too many parts, to be compared: the model is asked as if there were no cache.
    cache.bypass(error instanceof StrataConfigError ? "bad-control" : "unstorable");
    return undefined;
  }
}

function scopeOf(
  body: Readonly<Record<string, unknown>>,
  headers: Headers,
  sharing: Sharing,
  secret: string,
): Scope | "global" | undefined {
  const user = typeof body["user"] === "string" && body["user"] !== "" ? { user: body["user"] } : {};
  if (sharing === "global") return "user" in user ? user : "global";
  const tenant = credentialOf(headers, secret);
  return tenant === undefined ? undefined : { tenant, ...user };
}

/** Stands for a credential; `undefined` without one. */
export function credentialOf(headers: Headers, secret: string): string | undefined {
  const given = CREDENTIAL_HEADERS.map((name) => headers.get(name) ?? "");
  if (given.every((value) => value === "")) return undefined;
  return createHmac("sha256", secret).update(JSON.stringify(given)).digest("base64url");
}

const NO_SCOPE: ResolvedControl = {
  ...{ bypass: false, refresh: false, ttlMs: undefined, tags: [], scope: undefined },
  within: () => [],
};

/** `Cache-Control` as HTTP has it for requests; what HTTP has no word for, in headers of our own. */
function controlOf(headers: Headers, scope: Scope | "global"): ResolvedControl {
  const wish = headers.get("cache-control")?.toLowerCase() ?? "";
  const ttl = headers.get("x-strata-ttl");
  const tags = headers.get("x-strata-tags");
  const strata = {
    ...{ scope, bypass: /\bno-store\b/.test(wish), refresh: /\bno-cache\b/.test(wish) },
    ...(ttl !== null && { ttl: /^\d+$/.test(ttl) ? Number(ttl) : ttl }),
    ...(tags !== null && { tags: tags.split(",").map((tag) => tag.trim()) }),
  };
  return controlResolver("global", undefined)({ configurable: { strata } });
}

/** The last message, when it is a text of the user's; everything else is its context. */
function turnOf(asked: Readonly<Record<string, unknown>>, extras: ReadonlySet<SemanticExtra>): ReadTurn {
  const { messages, ...parameters } = asked;
  if (!extras.has("structured-output") && Object.entries(parameters).some(([name, value]) => asksForStructure(name, value))) {
    return "structured-output";
  }
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined;
  if (!isJsonObject(last)) return "no-question";
  if (last["role"] === "tool") return "tool-result";
  if (last["role"] !== "user" || typeof last["content"] !== "string") return "no-question";
  const blank = [...(messages as readonly unknown[]).slice(0, -1), { ...last, content: "" }];
  return { text: last["content"], context: canonicalText({ ...parameters, messages: blank }) };
}
