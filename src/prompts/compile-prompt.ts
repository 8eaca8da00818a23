/**
 * From a prompt as data to LangChain's template, with everything that never changes first. Providers cache the beginning of a prompt
 * that earlier prompts had (DeepSeek in units of 64 tokens, https://api-docs.deepseek.com/guides/kv_cache; OpenAI from 1,024 tokens on,
 * https://platform.openai.com/docs/guides/prompt-caching), so one variable at the top makes all that follows it new in every call.
 */
import { AIMessage, HumanMessage, SystemMessage, type BaseMessage, type BaseMessageLike } from "@langchain/core/messages";
import { ChatPromptTemplate, MessagesPlaceholder, type BaseMessagePromptTemplateLike } from "@langchain/core/prompts";
import { StrataConfigError } from "../core/errors.ts";
import type { PromptSpec } from "./prompt-spec.ts";
import { parseTemplate, toTemplate, variablesOf, type TemplatePart } from "./template-text.ts";

/**
 * Where the system text goes. `"user"`: to the beginning of the first user message, as DeepSeek asks for R1 ("Avoid adding a system
 * prompt; all instructions should be contained within the user prompt", https://github.com/deepseek-ai/DeepSeek-R1#usage-recommendations);
 * nothing of it is lost.
 */
export type SystemPlace = "system" | "user";

export interface CompiledPrompt {
  readonly template: ChatPromptTemplate;
  /** What every call has to give. */
  readonly variables: readonly string[];
  /** The text that every prompt of this template begins with, within its first message. */
  readonly head: string;
  /** Characters at the beginning that are the same in every call, examples included. */
  readonly staticCharacters: number;
}

export const HISTORY = "history";

/** @throws {@link StrataConfigError} for texts that are no templates */
export function compilePrompt(spec: PromptSpec, shared: Readonly<Record<string, string>>, place: SystemPlace): CompiledPrompt {
  const texts = { ...shared, ...spec.partials };
  const read = (field: string, text: string): TemplatePart[] => fill(parseTemplate(`prompt ${spec.name}: ${field}`, text), texts);
  const system = splitSystem(read("system", spec.system ?? ""), spec.layout ?? "static-first");
  const user = read("user", spec.user);
  const variables = variablesOf([...system.fixed, ...system.moving, ...user]);
  if (spec.history === true && variables.includes(HISTORY)) {
    throw new StrataConfigError(
      `prompt ${spec.name}: user`,
      `{${HISTORY}}`,
      "another name: `history` are the messages of the conversation",
    );
  }

  const examples = spec.examples ?? [];
  const last = joined(system.moving, user);
  const hasFixed = system.fixed.length > 0;
  const inUser = place === "user" && hasFixed;
  const messages: BaseMessagePromptTemplateLike[] = [];
  if (hasFixed && !inUser) messages.push(asMessage("system", system.fixed));
  const [first] = examples;
  for (const { user: asked, assistant } of examples) {
    const isFirst = messages.length === 0 && inUser;
    messages.push(
      isFirst ? asMessage("user", joined(system.fixed, [{ text: asked }])) : new HumanMessage(asked),
      new AIMessage(assistant),
    );
  }
  // Before a conversation that may be there or not, the instructions are a message of their own: the beginning stays the same.
  const standsAlone = inUser && first === undefined && spec.history === true;
  if (standsAlone) messages.push(asMessage("user", system.fixed));
  if (spec.history === true) messages.push(new MessagesPlaceholder({ variableName: HISTORY, optional: true }));
  messages.push(asMessage("user", inUser && first === undefined && !standsAlone ? joined(system.fixed, last) : last));

  const { promptMessages, inputVariables } = ChatPromptTemplate.fromMessages(messages);
  const head = hasFixed ? leading(system.fixed) : (first?.user ?? leading(last));
  const fixedExamples = isStatic(system.fixed)
    ? examples.reduce((sum, one) => sum + one.user.length + one.assistant.length, 0)
    : 0;
  return {
    template: new LibraryPrompt(`${spec.name}@${spec.version ?? "1"}`, variables, { promptMessages, inputVariables }),
    variables,
    head,
    staticCharacters:
      (hasFixed ? leading(system.fixed).length : 0) + fixedExamples + (isStatic(system.fixed) ? leading(last).length : 0),
  };
}

/** Its variables are checked before anything is rendered, with the name of the prompt in what is thrown. */
class LibraryPrompt extends ChatPromptTemplate {
  readonly #prompt: string;
  readonly #wanted: readonly string[];

  constructor(prompt: string, wanted: readonly string[], fields: Pick<ChatPromptTemplate, "promptMessages" | "inputVariables">) {
    // Checked by this library already.
    super({ ...fields, validateTemplate: false });
    this.#prompt = prompt;
    this.#wanted = wanted;
  }

  static override lc_name(): string {
    return "ChatPromptTemplate";
  }

  override async formatMessages(values: Record<string, unknown>): Promise<BaseMessage[]> {
    // Of partial(), LangChain's own: they come later.
    const given = { ...this.partialVariables, ...values };
    for (const name of this.#wanted) {
      const value: unknown = given[name];
      if (typeof value === "string" || typeof value === "number" || typeof value === "function") continue;
      throw new StrataConfigError(`prompt ${this.#prompt}: {${name}}`, value, "a text for every variable of the prompt");
    }
    return super.formatMessages(values);
  }
}

function fill(parts: readonly TemplatePart[], texts: Readonly<Record<string, string>>): TemplatePart[] {
  const filled: TemplatePart[] = [];
  for (const part of parts) {
    const given = "variable" in part && Object.hasOwn(texts, part.variable) ? texts[part.variable] : undefined;
    const next = given === undefined ? part : { text: given };
    const before = filled.at(-1);
    if ("text" in next && before !== undefined && "text" in before) filled[filled.length - 1] = { text: before.text + next.text };
    else filled.push(next);
  }
  return filled;
}

/** Paragraphs without a variable, and those with one, each in the order that they were written in. */
function splitSystem(
  parts: readonly TemplatePart[],
  layout: "static-first" | "as-written",
): { fixed: TemplatePart[]; moving: TemplatePart[] } {
  if (layout === "as-written") return { fixed: [...parts], moving: [] };
  const paragraphs: TemplatePart[][] = [[]];
  for (const part of parts) {
    if ("variable" in part) {
      paragraphs.at(-1)?.push(part);
      continue;
    }
    const [first = "", ...rest] = part.text.split(/\n[^\S\n]*\n\s*/);
    paragraphs.at(-1)?.push({ text: first });
    for (const text of rest) paragraphs.push([{ text }]);
  }
  const filled = paragraphs.filter((paragraph) => paragraph.some((part) => "variable" in part || part.text.trim() !== ""));
  return { fixed: joined(...filled.filter(isStatic)), moving: joined(...filled.filter((paragraph) => !isStatic(paragraph))) };
}

function joined(...texts: readonly (readonly TemplatePart[])[]): TemplatePart[] {
  const all = texts.filter((text) => text.length > 0);
  return fill(
    all.flatMap((text, index) => (index === 0 ? text : [{ text: "\n\n" }, ...text])),
    {},
  );
}

function asMessage(role: "system" | "user", parts: readonly TemplatePart[]): BaseMessageLike | BaseMessagePromptTemplateLike {
  // Without variables it is rendered here, once and for all.
  if (!isStatic(parts)) return [role, toTemplate(parts)];
  return role === "system" ? new SystemMessage(leading(parts)) : new HumanMessage(leading(parts));
}

function isStatic(parts: readonly TemplatePart[]): boolean {
  return parts.every((part) => "text" in part);
}

/** The text before the first variable. */
function leading(parts: readonly TemplatePart[]): string {
  const end = parts.findIndex((part) => "variable" in part);
  return parts
    .slice(0, end < 0 ? parts.length : end)
    .map((part) => ("text" in part ? part.text : ""))
    .join("");
}
