/**
 * Model identity out of LangChain's `llmKey`.
 *
 * As a `BaseCache` the cache is told of the model by one string: `name:JSON` pairs, sorted and joined with commas. It holds API
 * keys and headers in clear text, run-time objects of LangGraph that differ on each call, and for several providers no model
 * name at all. So it is taken apart: what identifies is kept, what changes from call to call is dropped, credentials are dropped
 * unread, and a string that does not name its model gives no identity, and so no caching.
 */
import type { BypassReason } from "../core/events.ts";
import { digest, type Digest } from "../core/key.ts";

export type ModelIdentity = { readonly digest: Digest } | { readonly bypass: BypassReason };

/**
 * What LangGraph, the runnable config and the transport add to a call, and what does not change an answer.
 * `stream…`: the same request gives the same answer whether it is streamed or not.
 */
const VOLATILE = new Set([
  ...["control", "executionInfo", "context", "interrupt", "signal", "store", "writer", "heartbeat", "serverInfo", "runtime"],
  ...["callbacks", "configurable", "metadata", "tags", "runId", "runName", "recursionLimit", "maxConcurrency", "timeout"],
  ...["stream", "streaming", "streamUsage", "stream_options", "disableStreaming", "maxRetries", "verbose", "durability"],
  ...["httpAgent", "fetch", "fetchOptions", "dangerouslyAllowBrowser", "organization", "project", "promptCacheKey"],
]);

/** Names of credentials. Only texts and objects under such a name are dropped: `max_tokens: 100` is a parameter. */
const SECRET = /key|token|secret|auth|passw|credential|header|cookie|bearer|signature/i;

/** What the user's tools and formats contain is part of the request, whatever its names look like. */
const REQUEST_PARTS = new Set([
  "tools",
  "functions",
  "tool_choice",
  "function_call",
  "response_format",
  "responseFormat",
  "format",
]);

const MODEL_NAMES = ["model", "modelName", "model_name", "modelId", "model_id", "deploymentName", "deployment"];

/** Providers whose string names a model that is not the one that answers: what must be there beside it. */
const ALSO_NEEDED: Readonly<Record<string, readonly string[]>> = {
  azure_openai: ["azureOpenAIApiDeploymentName", "deploymentName", "deployment"],
};

/**
 * @param modelId what the user says the model is; stands for the names that the string lacks
 */
export function readLlmKey(llmKey: string, modelId: string | undefined): ModelIdentity {
  const fields = parseFields(llmKey);
  if (fields === undefined) {
    // Not LangChain's form: another caller's own string. It identifies when it says something, and is only ever hashed.
    if (modelId === undefined && llmKey.trim() === "") return { bypass: "model-unidentified" };
    return { digest: digest("model-text", modelId ?? "", llmKey) };
  }
  if (modelId === undefined && !identifies(fields)) return { bypass: "model-unidentified" };
  const parts: string[] = ["model", modelId ?? ""];
  for (const [name, value] of [...fields].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (VOLATILE.has(name) || value === undefined) continue;
    if (isSecret(name, value)) continue;
    parts.push(name, JSON.stringify(REQUEST_PARTS.has(name) ? value : withoutSecrets(value)));
  }
  return { digest: digest(...parts) };
}

function identifies(fields: ReadonlyMap<string, unknown>): boolean {
  const has = (name: string): boolean => typeof fields.get(name) === "string" && fields.get(name) !== "";
  if (!MODEL_NAMES.some(has)) return false;
  const needed = ALSO_NEEDED[String(fields.get("_type"))];
  return needed === undefined || needed.some(has);
}

function isSecret(name: string, value: unknown): boolean {
  return (
    SECRET.test(name) && (typeof value === "string" || (typeof value === "object" && value !== null && !Array.isArray(value)))
  );
}

function withoutSecrets(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutSecrets);
  const kept = Object.entries(value).filter(([name, item]) => !isSecret(name, item));
  return Object.fromEntries(kept.map(([name, item]) => [name, withoutSecrets(item)]));
}

/**
 * Parses `name:JSON,name:JSON`; a value may be the word `undefined`, which is how a function is printed.
 * @returns `undefined` when the text has another form
 */
function parseFields(text: string): Map<string, unknown> | undefined {
  const fields = new Map<string, unknown>();
  let at = 0;
  while (at < text.length) {
    const colon = text.indexOf(":", at);
    if (colon <= at) return undefined;
    const name = text.slice(at, colon);
    if (!/^[\w$.-]+$/.test(name)) return undefined;
    const end = endOfJson(text, colon + 1);
    const literal = text.slice(colon + 1, end);
    try {
      fields.set(name, literal === "undefined" ? undefined : (JSON.parse(literal) as unknown));
    } catch {
      return undefined;
    }
    if (end < text.length && text[end] !== ",") return undefined;
    at = end + 1;
  }
  return fields.size === 0 ? undefined : fields;
}

/** The index just after the JSON value that begins at `from`: the next comma outside of strings and brackets, or the end. */
function endOfJson(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (char === '"') {
      at++;
      while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
    } else if (char === "{" || char === "[") {
      depth++;
    } else if (char === "}" || char === "]") {
      depth--;
    } else if (char === "," && depth === 0) {
      return at;
    }
  }
  return text.length;
}
