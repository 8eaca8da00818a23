/** What rerank servers say when something is wrong. */

const LONGEST_MESSAGE = 200;
/** What looks like a credential, whoever's it is: also a long word of letters and digits, as Cohere's keys are. */
const SECRETS = /\b(?:Bearer\s+\S+|(?:sk|pa|jina|mxb|hf|co)[-_][A-Za-z0-9_-]{8,}|(?=[A-Za-z]*\d)[A-Za-z0-9]{24,})/g;

/**
 * The message in the body of a refusal: `{ message }` (Cohere), `{ detail }` as a text or a list (Jina, Voyage, Infinity, Mixedbread),
 * `{ error: { message } }` (vLLM), `{ error }` (TEI), or the text itself. Short, on one line, without the key that was sent.
 */
export function messageIn(body: string, key: string | undefined): string {
  let found: unknown = body;
  try {
    found = textIn(JSON.parse(body.slice(0, LONGEST_MESSAGE * 100)));
  } catch {
    // Not JSON: a proxy's page, most likely, which says nothing.
    if (/^\s*</.test(body)) return "";
  }
  let text = typeof found === "string" ? found : "";
  if (key !== undefined) text = text.replaceAll(key, "***");
  const line = text.replace(SECRETS, "***").replace(/\s+/g, " ").trim();
  return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}…` : line;
}

function textIn(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(textIn).filter(Boolean).join("; ");
  const { message, detail, error, msg } = value as Record<string, unknown>;
  return textIn(message ?? detail ?? error ?? msg);
}

/** `Retry-After` in seconds, or else the time of an HTTP date less that of the answer's own `Date`. */
export function retryAfterMs(headers: Headers): number | undefined {
  const asked = headers.get("retry-after")?.trim();
  if (asked === undefined || asked === "") return undefined;
  if (/^\d+(?:\.\d+)?$/.test(asked)) return Number(asked) * 1_000;
  const wait = Date.parse(asked) - Date.parse(headers.get("date") ?? "");
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}
