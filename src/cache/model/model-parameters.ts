/**
 * What of a model's parameters says who answers, and what must never be looked at. Both ways of reading a call, LangChain's
 * `llmKey` and the model itself, go by these rules.
 */

/**
 * What LangGraph, the runnable config and the transport add to a call, and what does not change an answer.
 * `stream…`: the same request gives the same answer whether it is streamed or not.
 */
const VOLATILE: ReadonlySet<string> = new Set([
  ...["control", "executionInfo", "context", "interrupt", "signal", "store", "writer", "heartbeat", "serverInfo", "runtime"],
  ...["config", "toolCall", "toolCallId", "state", "promptIndex", "ls_structured_output_format", "cache", "callbackManager"],
  ...["callbacks", "configurable", "metadata", "tags", "runId", "runName", "recursionLimit", "maxConcurrency", "timeout"],
  ...["stream", "streaming", "streamUsage", "stream_options", "disableStreaming", "maxRetries", "verbose", "durability"],
  ...["httpAgent", "fetch", "fetchOptions", "dangerouslyAllowBrowser", "organization", "project", "promptCacheKey"],
  ...["prompt_cache_key", "prompt_cache_retention", "promptCacheRetention", "cache_control"],
]);

/**
 * Names of credentials, in words with hyphens. Few and exact on purpose: what is dropped does not tell two requests apart. A name
 * too few costs the hits when a key is changed (nothing but a digest is ever stored); a name too many, such as the `eos_token` of
 * a template or the `author` of a schema, would give one request the answer of another.
 */
const SECRET = new RegExp(
  [
    "(?:^|(?:^|-)(?:api|access|secret|private|subscription|service|license|account)-)key(?:-id)?$|apikey$",
    "(?:^|(?:^|-)(?:api|auth|access|session|bearer|refresh|security|personal|service|iam|id|ad|hf|csrf)-)token$",
    "(?:^|-)(?:secret|password|passphrase|credentials?|auth|auth-options|authorization|bearer|headers?|cookies?|signature)$",
  ].join("|"),
);

/** Options of the client that carries a request. Only in here are credentials looked for: what else is nested is the request. */
const CLIENT_PARTS: ReadonlySet<string> = new Set(["configuration", "clientConfig", "clientOptions", "client"]);

const MODEL_NAMES = ["model", "modelName", "model_name", "modelId", "model_id", "deploymentName", "deployment"];

/** Providers whose model name is not the one that answers: what must be there beside it. */
const ALSO_NEEDED: Readonly<Record<string, readonly string[]>> = {
  azure_openai: ["azureOpenAIApiDeploymentName", "deploymentName", "deployment"],
};

/** What LangGraph hands to a call under these names are objects: a text or a number there is a parameter of the model's own. */
const RUN_TIME: ReadonlySet<string> = new Set([
  ...[
    "control",
    "executionInfo",
    "context",
    "interrupt",
    "store",
    "writer",
    "serverInfo",
    "runtime",
    "config",
    "toolCall",
    "state",
  ],
]);

/** Whether a parameter changes from call to call, or changes nothing about the answer. */
export function isVolatile(name: string, value: unknown): boolean {
  if (RUN_TIME.has(name) && (typeof value === "string" || typeof value === "number")) return false;
  return VOLATILE.has(name);
}

/** Whether a parameter is dropped unread. */
export function isSecret(name: string, value: unknown): boolean {
  if (typeof value !== "string" && (typeof value !== "object" || value === null || Array.isArray(value))) return false;
  return SECRET.test(inWords(name));
}

/** `openAIApiKey` as `open-ai-api-key`. */
function inWords(name: string): string {
  const split = name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, "-");
  return split.replaceAll("_", "-").toLowerCase();
}

/** A parameter's value, which is plain data, without what the options of a client hold of credentials and of the transport. */
export function withoutSecrets(name: string, value: unknown): unknown {
  return CLIENT_PARTS.has(name) ? prune(value) : value;
}

function prune(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(prune);
  const kept = Object.entries(value).filter(([name, item]) => !isVolatile(name, item) && !isSecret(name, item));
  return Object.fromEntries(kept.map(([name, item]) => [name, prune(item)]));
}

/** Whether parameters (with `_type`, the provider) say which model answers. */
export function namesModel(parameters: ReadonlyMap<string, unknown>): boolean {
  const has = (name: string): boolean => typeof parameters.get(name) === "string" && parameters.get(name) !== "";
  if (!MODEL_NAMES.some(has)) return false;
  const needed = ALSO_NEEDED[String(parameters.get("_type"))];
  return needed === undefined || needed.some(has);
}
