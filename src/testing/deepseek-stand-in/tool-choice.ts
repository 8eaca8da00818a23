import { contentWords } from "./language.ts";
import type { ChatRequest, ChatTool } from "./protocol.ts";
import type { Question } from "./question.ts";

/** What people call the things that tools are named after. */
const SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  weather: ["forecast", "temperature", "clima", "tempo", "previsão", "temperatura"],
  price: ["cost", "quote", "preço", "cotação", "custo"],
  search: ["find", "look", "busque", "procure", "pesquise"],
  calculator: ["calculate", "compute", "calcule", "quanto"],
  add: ["plus", "soma", "some"],
};

/**
 * The tools that the stand-in calls for a request; none means that it answers in words.
 *
 * Left to itself (`auto`) it calls every tool whose name shares a word with the question, once a turn, and then answers. Made to
 * call (`required`, or a named tool) it calls; with `required` it prefers what it has not called in this turn, so that an agent
 * that always demands a call moves on to its last tool.
 */
export function chooseTools(request: ChatRequest, question: Question): readonly ChatTool[] {
  const tools = request.tools ?? [];
  const choice = request.tool_choice ?? "auto";
  if (tools.length === 0 || choice === "none") return [];
  if (typeof choice === "object") return tools.filter((tool) => tool.function.name === choice.function.name).slice(0, 1);

  const called = new Set(question.toolResults.map((result) => result.name));
  const fresh = tools.filter((tool) => !called.has(tool.function.name));
  const matching = fresh.filter((tool) => isAbout(tool, question));
  if (choice === "auto") {
    return request.parallel_tool_calls === false ? matching.slice(0, 1) : matching;
  }
  return (matching.length > 0 ? matching : fresh.length > 0 ? fresh : tools).slice(0, 1);
}

function isAbout(tool: ChatTool, question: Question): boolean {
  const asked = new Set([...contentWords(question.text), ...question.text.toLowerCase().split(/[^\p{L}\p{N}]+/u)]);
  const named = tool.function.name
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word.length >= 3 && word !== "get" && word !== "tool");
  return named.some((word) => asked.has(word) || (SYNONYMS[word] ?? []).some((synonym) => asked.has(synonym)));
}
