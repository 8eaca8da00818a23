/** Questions in a file: one a line, or a JSON array of texts. */
import { readFileSync } from "node:fs";
import { UsageError } from "./command.ts";

/** Each once. @throws {@link UsageError} for a file that cannot be read, or holds none */
export function readQuestions(file: string): readonly string[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`The file of questions cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const questions = text.trimStart().startsWith("[") ? parseList(text, file) : text.split(/\r?\n/);
  const asked = [...new Set(questions.map((question) => question.trim()).filter((question) => question !== ""))];
  if (asked.length === 0) throw new UsageError(`${file} holds no question: one a line, or a JSON array of texts.`);
  return asked;
}

function parseList(text: string, file: string): readonly string[] {
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.every((item) => typeof item === "string")) return list;
  } catch {
    // Told below, as for every other content that is no list of texts.
  }
  throw new UsageError(`${file} begins with "[" but is no JSON array of texts.`);
}
