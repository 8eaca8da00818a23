/** A stored payload as people read it: texts, never objects built from it. */
import { parseAnswer, type StoredAnswer } from "../../cache/response-codec.ts";

export interface Readable {
  readonly kind: "answer" | "value";
  readonly model: string | null;
  readonly tokens: number | null;
  /** Where the cache stores prompts. */
  readonly question: string | null;
  readonly answer: string | null;
}

/** Never throws: what is no answer is shown as the value that it is, and what is no JSON as nothing. */
export function readableOf(payload: Uint8Array): Readable {
  const json = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString("utf8");
  try {
    return readAnswer(parseAnswer(json));
  } catch {
    return { kind: "value", model: null, tokens: null, question: null, answer: json };
  }
}

function readAnswer(stored: StoredAnswer): Readable {
  const [first] = stored;
  const metadata = first?.message?.response_metadata;
  const model = metadata?.["model_name"] ?? metadata?.["model"];
  const tokens = first?.message?.usage_metadata?.["total_tokens"];
  return {
    kind: "answer",
    model: typeof model === "string" ? model : null,
    tokens: typeof tokens === "number" ? tokens : null,
    question: first?.asked ?? null,
    answer: first === undefined ? null : textOf(first),
  };
}

function textOf({ text, message }: StoredAnswer[number]): string {
  if (text !== undefined && text !== "") return text;
  const content = message?.content ?? "";
  return typeof content === "string" ? content : JSON.stringify(content, undefined, 2);
}
