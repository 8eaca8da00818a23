/**
 * Model identity out of LangChain's `llmKey`.
 *
 * As a `BaseCache` the cache is told of the model by one string: `name:JSON` pairs, sorted and joined with commas. It holds API
 * keys and headers in clear text, run-time objects of LangGraph that differ on each call, and for several providers no model
 * name at all. So it is taken apart: what identifies is kept, what changes from call to call is dropped, credentials are dropped
 * unread, and a string that does not name its model gives no identity, and so no caching.
 */
import type { BypassReason } from "../../core/events.ts";
import { digest, type Digest } from "../../core/key.ts";
import { isSecret, isVolatile, namesModel, withoutSecrets } from "../model/model-parameters.ts";
import { asksForStructure } from "../model/structured-output.ts";

export type ModelIdentity =
  | {
      readonly digest: Digest;
      /** Whether the model is asked for JSON. */
      readonly structured?: boolean;
    }
  | { readonly bypass: BypassReason };

/**
 * @param modelId what the user says the model is; stands for the names that the string lacks
 */
export function readLlmKey(llmKey: string, modelId: string | undefined): ModelIdentity {
  const fields = parseFields(llmKey);
  if (fields === undefined) {
    // Not LangChain's form: another caller's own string. It identifies when it says something, and is only ever hashed. LangChain's
    // form with something in it that cannot be read says nothing: it may be that of a provider that does not name its model.
    if (modelId === undefined && (llmKey.trim() === "" || llmKey.includes("_type:"))) return { bypass: "model-unidentified" };
    return { digest: digest("model-text", modelId ?? "", llmKey) };
  }
  if (modelId === undefined && !namesModel(fields)) return { bypass: "model-unidentified" };
  const parts: [string, ...string[]] = ["model", modelId ?? ""];
  const structured = [...fields].some(([name, value]) => asksForStructure(name, value));
  for (const [name, value] of [...fields].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (isVolatile(name, value) || value === undefined || isSecret(name, value)) continue;
    // Two tools given to a call as they are, not bound, print alike: nothing but their class is said.
    if (holdsUnprintable(value)) return { bypass: "placeholder" };
    parts.push(name, JSON.stringify(withoutSecrets(name, value)));
  }
  return { digest: digest(...parts), structured };
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

/** Whether LangChain has put `{ lc: 1, type: "not_implemented", id: [class] }` in the place of some object. */
function holdsUnprintable(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { lc, type } = value as { lc?: unknown; type?: unknown };
  return (lc === 1 && type === "not_implemented") || Object.values(value).some(holdsUnprintable);
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
