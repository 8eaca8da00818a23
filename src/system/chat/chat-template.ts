import { HumanMessage, type BaseMessage } from "@langchain/core/messages";
import { StrataConfigError } from "../../core/errors.ts";
import type { PromptLibrary } from "../../prompts/prompt-library.ts";
import { beforeQuestion, type PromptParts } from "./chat-prompt.ts";

/** Which template of the library. */
export type TemplateName = string | { readonly name: string; readonly version?: string | undefined };

/**
 * The messages of a template. Its variables `question` and `context` are filled by the call, and its `history` by the conversation,
 * where it has them; what it has no place for stands before its last message.
 * @throws {@link StrataConfigError} naming the template or the variable that is missing, or too much
 */
export async function templateMessages(
  prompts: PromptLibrary,
  template: TemplateName,
  variables: Readonly<Record<string, string | number>> | undefined,
  parts: PromptParts,
): Promise<BaseMessage[]> {
  const { name, version } = typeof template === "string" ? { name: template, version: undefined } : template;
  const prompt = prompts.get(name, version);
  const takes = new Set<string>(prompt.inputVariables);
  const unknown = Object.keys(variables ?? {}).find((variable) => !takes.has(variable));
  if (unknown !== undefined) {
    throw new StrataConfigError(`chat.variables.${unknown}`, "…", `one of the variables of ${name}: ${[...takes].join(", ")}`);
  }
  const { question, context, conversation } = parts;
  const values: Record<string, unknown> = {
    ...(takes.has("question") && { question }),
    ...(takes.has("context") && { context }),
    ...variables,
    ...(takes.has("history") && { history: conversation }),
  };
  const messages = await prompt.formatMessages(values as never);
  const before = [
    ...(takes.has("history") ? [] : conversation),
    ...beforeQuestion({ ...parts, context: takes.has("context") ? "" : context }),
  ];
  // A template without a place for the question is all instruction.
  const asked = takes.has("question") ? [] : [new HumanMessage(question)];
  const all = [...messages, ...asked];
  return [...all.slice(0, -1), ...before, ...all.slice(-1)];
}
