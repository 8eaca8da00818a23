/** A completion as server-sent events (`object: "chat.completion.chunk"`), and the events of a stream as the completion that they make. */
import { isJsonObject, type Json } from "../../core/plain.ts";
import { readCompletion, type Completion } from "./completion.ts";

type Fields = Record<string, unknown>;

/** A choice, as far as it has come. Calls of tools have the upstream's numbers, which need not begin at 0 nor come in order. */
interface Choice {
  readonly fields: Fields;
  readonly message: Fields;
  readonly calls: Map<number, ToolCall>;
}

interface ToolCall {
  readonly fields: Fields;
  readonly called: Record<string, string>;
}

/** Longest line that is kept while its end is awaited; a longer one is no event of this protocol. */
const LONGEST_LINE = 4 * 1024 * 1024;

/**
 * Puts the chunks of a stream together. It is fed the text as it comes; whether the stream was whole is known at its end: every choice
 * has a finish reason, and `[DONE]` was said.
 */
export class CompletionAssembler {
  readonly #choices = new Map<number, Choice>();
  readonly #envelope: Fields = {};
  #rest = "";
  #isDone = false;
  #isReadable = true;

  feed(text: string): void {
    if (!this.#isReadable) return;
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > LONGEST_LINE) this.#isReadable = false;
    for (const line of lines) this.#line(line);
  }

  /** @returns the whole answer; `undefined` when the stream broke off, or was not of this protocol */
  end(): Completion | undefined {
    if (!this.#isReadable || !this.#isDone || this.#choices.size === 0) return undefined;
    const choices = inOrder(this.#choices);
    if (!choices.every(isWhole)) return undefined;
    try {
      return readCompletion({ ...this.#envelope, object: "chat.completion", choices: choices.map(choiceOf) });
    } catch {
      return undefined;
    }
  }

  #line(line: string): void {
    if (!line.startsWith("data:")) return;
    const data = line.slice(5).trim();
    if (data === "[DONE]") {
      this.#isDone = true;
      return;
    }
    let chunk: unknown;
    try {
      chunk = JSON.parse(data);
    } catch {
      this.#isReadable = false;
      return;
    }
    // Such as an error in the middle of a stream, which is none of the chunks.
    if (!isJsonObject(chunk) || chunk["error"] !== undefined) {
      this.#isReadable = false;
      return;
    }
    const { choices, ...envelope } = chunk;
    for (const [key, value] of Object.entries(envelope)) if (value !== null && value !== undefined) this.#envelope[key] = value;
    for (const choice of Array.isArray(choices) ? choices.filter(isJsonObject) : []) this.#add(choice);
  }

  #add(part: Readonly<Fields>): void {
    const { index, delta, logprobs, ...rest } = part;
    const at = typeof index === "number" ? index : 0;
    const fresh = { fields: { index: at }, message: { role: "assistant", content: null }, calls: new Map<number, ToolCall>() };
    const choice: Choice = this.#choices.get(at) ?? fresh;
    this.#choices.set(at, choice);
    const { fields } = choice;
    for (const [key, value] of Object.entries(rest)) if (value !== null) fields[key] = value;
    if (isJsonObject(logprobs)) fields["logprobs"] = joined(fields["logprobs"], logprobs);
    if (isJsonObject(delta)) addDelta(choice, delta);
  }
}

function inOrder<T>(numbered: ReadonlyMap<number, T>): T[] {
  return [...numbered].toSorted(([a], [b]) => a - b).map(([, one]) => one);
}

/** It says how it ended; a call without a name cannot be carried out, so that pieces of it are missing. */
function isWhole({ fields, calls }: Choice): boolean {
  return typeof fields["finish_reason"] === "string" && [...calls.values()].every(({ called }) => (called["name"] ?? "") !== "");
}

function choiceOf({ fields, message, calls }: Choice): Fields {
  if (calls.size === 0) return { ...fields, message };
  const listed = inOrder(calls).map((call) => ({ ...call.fields, function: call.called }));
  return { ...fields, message: { ...message, tool_calls: listed } };
}

/** Texts are put end to end, tool calls by their number; what else there is, the last one counts. */
function addDelta({ message, calls }: Choice, delta: Readonly<Fields>): void {
  for (const [key, value] of Object.entries(delta)) {
    if (value === null || value === undefined) continue;
    if (key === "tool_calls" && Array.isArray(value)) {
      for (const [order, call] of value.filter(isJsonObject).entries()) addToolCall(calls, call, order);
    } else if (key !== "role" && typeof value === "string" && typeof (message[key] ?? "") === "string") {
      message[key] = `${(message[key] as string | null | undefined) ?? ""}${value}`;
    } else {
      message[key] = value;
    }
  }
}

/** @param order its place in the list, which is its number where the upstream gives none */
function addToolCall(calls: Map<number, ToolCall>, part: Readonly<Fields>, order: number): void {
  const { index, function: pieces, ...rest } = part;
  const at = typeof index === "number" ? index : order;
  const { fields, called } = calls.get(at) ?? { fields: {}, called: { name: "", arguments: "" } };
  calls.set(at, { fields, called });
  // Some upstreams say the id once, and then that there is none.
  for (const [key, value] of Object.entries(rest)) if (value !== null && value !== "") fields[key] = value;
  for (const [key, value] of Object.entries(isJsonObject(pieces) ? pieces : {})) {
    if (typeof value === "string") called[key] = `${called[key] ?? ""}${value}`;
  }
}

function joined(before: unknown, part: Readonly<Fields>): Fields {
  const result: Fields = { ...(isJsonObject(before) ? before : {}) };
  for (const [key, value] of Object.entries(part)) {
    const known = result[key];
    result[key] = Array.isArray(known) && Array.isArray(value) ? [...(known as unknown[]), ...(value as unknown[])] : value;
  }
  return result;
}

/** The events of a stored answer: role, reasoning, text, tool calls, and the end, each in its order. @param withUsage as it was asked for */
export function completionEvents(completion: Completion, withUsage: boolean): string {
  const { choices, usage, ...envelope } = completion;
  const event = (part: Readonly<Record<string, Json>>): string =>
    `data: ${JSON.stringify({ ...envelope, object: "chat.completion.chunk", ...part })}\n\n`;
  const events = choices.flatMap((choice) => {
    const { message, finish_reason: reason, index, ...rest } = choice;
    const { role, content, reasoning_content: reasoning, tool_calls: calls, ...others } = message as Record<string, Json>;
    const chunk = (delta: Json, more: Readonly<Record<string, Json>> = {}): string =>
      event({ choices: [{ index: index ?? 0, delta, finish_reason: null, ...more }] });
    return [
      chunk({ role: role ?? "assistant", content: "", ...others }),
      ...(typeof reasoning === "string" && reasoning !== "" ? [chunk({ reasoning_content: reasoning, content: null })] : []),
      ...(content === null || content === undefined || content === "" ? [] : [chunk({ content })]),
      ...(Array.isArray(calls)
        ? [chunk({ tool_calls: calls.map((call, at) => ({ index: at, ...(call as object) })) as Json })]
        : []),
      chunk({}, { ...rest, finish_reason: reason ?? null }),
    ];
  });
  if (withUsage && usage !== undefined) events.push(event({ choices: [], usage }));
  return `${events.join("")}data: [DONE]\n\n`;
}
