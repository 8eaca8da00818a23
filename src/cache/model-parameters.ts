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

/** Names of credentials. Only texts and objects under such a name are dropped: `max_tokens: 100` is a parameter. */
const SECRET = /key|token|secret|auth|passw|credential|header|cookie|bearer|signature/i;

/** What the user's tools and formats contain is part of the request, whatever its names look like. */
const REQUEST_PARTS: ReadonlySet<string> = new Set([
  ...["tools", "functions", "tool_choice", "toolChoice", "function_call", "toolConfig", "tool_config", "allowedFunctionNames"],
  ...[
    "response_format",
    "responseFormat",
    "format",
    "responseSchema",
    "response_schema",
    "outputConfig",
    "output_config",
    "text",
  ],
  ...["schema", "json_schema", "input_schema", "parameters", "properties"],
]);

const MODEL_NAMES = ["model", "modelName", "model_name", "modelId", "model_id", "deploymentName", "deployment"];

/** Providers whose model name is not the one that answers: what must be there beside it. */
const ALSO_NEEDED: Readonly<Record<string, readonly string[]>> = {
  azure_openai: ["azureOpenAIApiDeploymentName", "deploymentName", "deployment"],
};

/** Whether a parameter changes from call to call, or changes nothing about the answer. */
export function isVolatile(name: string): boolean {
  return VOLATILE.has(name);
}

/** Whether a value is part of the request as it stands, so that nothing in it is taken for a credential. */
export function isRequestPart(name: string): boolean {
  return REQUEST_PARTS.has(name);
}

/** Whether a parameter is dropped unread. */
export function isSecret(name: string, value: unknown): boolean {
  return (
    SECRET.test(name) && (typeof value === "string" || (typeof value === "object" && value !== null && !Array.isArray(value)))
  );
}

/** A copy of plain data without what lies under the name of a credential. */
export function withoutSecrets(name: string, value: unknown): unknown {
  if (isRequestPart(name) || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => withoutSecrets("", item));
  const kept = Object.entries(value).filter(([name, item]) => !isSecret(name, item));
  return Object.fromEntries(kept.map(([name, item]) => [name, withoutSecrets(name, item)]));
}

/** Whether parameters (with `_type`, the provider) say which model answers. */
export function namesModel(parameters: ReadonlyMap<string, unknown>): boolean {
  const has = (name: string): boolean => typeof parameters.get(name) === "string" && parameters.get(name) !== "";
  if (!MODEL_NAMES.some(has)) return false;
  const needed = ALSO_NEEDED[String(parameters.get("_type"))];
  return needed === undefined || needed.some(has);
}
