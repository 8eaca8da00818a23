/**
 * What an answer shares with the request that it answers: the names of generated tools, and the ids of tool calls.
 *
 * LangChain's agents count up the name of the tool for structured answers (`extract-1`, `extract-2`, …), so an answer is stored
 * with placeholders, and given out with the names of the request at hand. Ids of tool calls are given out as they were made, so
 * that a replay equals its original, unless the conversation has the same id already: LangGraph's tool node takes a call whose id
 * has been answered for one that was carried out, and would skip it.
 */
import { digest } from "../../core/key.ts";
import type { Json } from "../../core/plain.ts";
import { ARGUMENT_KEYS, CALL_ID_KEYS, TOOL_NAME_KEYS } from "./request.ts";
import type { StoredAnswer, StoredGeneration } from "../response-codec.ts";

/** No provider allows such a character in the name of a tool. */
const PLACEHOLDER = "\u0000generated ";

/** The answer as it is stored. */
export function withPlaceholders(answer: StoredAnswer, generatedTools: readonly string[]): StoredAnswer {
  if (generatedTools.length === 0) return answer;
  return rename(answer, new Map(generatedTools.map((name, number) => [name, PLACEHOLDER + number])), new Map());
}

/**
 * The answer as a request gets it.
 * @param takenIds ids of tool calls that the conversation has already
 * @param seed makes new ids differ from those of any other replay
 */
export function forRequest(
  answer: StoredAnswer,
  generatedTools: readonly string[],
  takenIds: ReadonlySet<string>,
  seed: string,
): StoredAnswer {
  const names = new Map(generatedTools.map((name, number) => [PLACEHOLDER + number, name]));
  const ids = new Map<string, string>();
  for (const id of callIds(answer)) if (takenIds.has(id)) ids.set(id, newId(id, seed));
  return names.size === 0 && ids.size === 0 ? answer : rename(answer, names, ids);
}

function* callIds(answer: StoredAnswer): Generator<string> {
  for (const { message } of answer) {
    for (const call of [...(message?.tool_calls ?? []), ...(message?.invalid_tool_calls ?? [])]) {
      const { id } = call as { readonly id?: Json };
      if (typeof id === "string") yield id;
    }
  }
}

/**
 * An id of the same form: providers check the length of an id, its prefix, or that it is hexadecimal. Digits become digits and
 * letters become letters from a to f; an id with too little to change is made longer.
 */
function newId(id: string, seed: string): string {
  const prefix = id.slice(0, id.lastIndexOf("_") + 1);
  const rest = id.slice(prefix.length);
  const noise = Buffer.from(digest("call-id", seed, id), "base64url");
  if (rest.replaceAll(/[^A-Za-z0-9]/g, "").length < 8) return `${id}${noise.toString("hex", 0, 8)}`;
  let at = 0;
  return (
    prefix +
    rest.replaceAll(/[A-Za-z0-9]/g, (char) => {
      const byte = noise[at++ % noise.length] ?? 0;
      if (char <= "9") return String(byte % 10);
      return (char <= "Z" ? "ABCDEF" : "abcdef").charAt(byte % 6);
    })
  );
}

type Renames = ReadonlyMap<string, string>;

function rename(answer: StoredAnswer, names: Renames, ids: Renames): StoredAnswer {
  return answer.map((generation) => {
    const { message } = generation;
    if (message === undefined) return generation;
    return { ...generation, message: renamed(message as unknown as Json, "", names, ids) } as unknown as StoredGeneration;
  });
}

function renamed(value: Json, key: string, names: Renames, ids: Renames): Json {
  if (typeof value === "string") {
    if (CALL_ID_KEYS.has(key)) return ids.get(value) ?? value;
    return TOOL_NAME_KEYS.has(key) ? (names.get(value) ?? value) : value;
  }
  if (typeof value !== "object" || value === null || ARGUMENT_KEYS.has(key)) return value;
  if (Array.isArray(value)) return value.map((item: Json) => renamed(item, key, names, ids));
  // Some providers keep what belongs to a tool call under its id.
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [ids.get(name) ?? name, renamed(item, name, names, ids)]),
  );
}
