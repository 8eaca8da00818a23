/** Whether a model is asked for an answer that a program reads, by the names that providers have for it. */
import { GENERATED_TOOL } from "./request.ts";

/** Parameters by which providers are asked for JSON. */
const STRUCTURE =
  /^(?:response_?format|response_?(?:json_?)?schema|response_?mime_?type|output_?(?:format|config)|json_?schema|structured_?outputs?)$/i;

/** Whether a parameter asks for an answer that a program reads. */
export function asksForStructure(name: string, value: unknown): boolean {
  if (value === undefined || value === null) return false;
  // Ollama's name of it.
  if (name === "format") return value !== "";
  if (name === "tools") return Array.isArray(value) && value.some((tool) => GENERATED_TOOL.test(toolName(tool)));
  // OpenAI's Responses API has it one level down.
  if (name === "text") return typeof value === "object" && typeOf((value as { format?: unknown }).format) !== "text";
  if (!STRUCTURE.test(name)) return false;
  return typeof value === "string" ? !/^text(?:\/plain)?$/.test(value) : typeOf(value) !== "text";
}

function typeOf(value: unknown): unknown {
  return value === undefined ? "text" : (value as { type?: unknown }).type;
}

function toolName(tool: unknown): string {
  const { name, function: inner } = (tool ?? {}) as { name?: unknown; function?: { name?: unknown } };
  const found = inner?.name ?? name;
  return typeof found === "string" ? found : "";
}
