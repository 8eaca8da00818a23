import { answerSentences, composeAnswer } from "./composer.ts";
import type { StandInModel } from "./models.ts";
import type { ChatRequest, FinishReason } from "./protocol.ts";
import { readQuestion, type Question } from "./question.ts";
import { schemaValue } from "./schema-value.ts";
import { chooseTools } from "./tool-choice.ts";

/** What the stand-in says, before it is cut into tokens. */
export interface StandInReply {
  /** Sent only when the request is thought about. */
  readonly reasoning?: string;
  readonly content?: string;
  readonly toolCalls?: ReadonlyArray<{ readonly name: string; readonly arguments: unknown }>;
  /** Default: `"tool_calls"` with tool calls, else `"stop"`. */
  readonly finish?: FinishReason;
}

/** Answers in place of the composer. Text stands for a reply with that content; `undefined` leaves it to the composer. */
export type ReplyFunction = (
  request: ChatRequest,
  model: StandInModel,
) => StandInReply | string | undefined | Promise<StandInReply | string | undefined>;

/** The stand-in's own reply: tool calls where the request asks for them, JSON where it demands it, else an answer in words. */
export function composeReply(request: ChatRequest): StandInReply {
  const question = readQuestion(request);
  const { reasoning, content } = composeAnswer(question);
  const tools = chooseTools(request, question);
  if (tools.length > 0) {
    const toolCalls = tools.map(({ function: { name, parameters } }) => ({
      name,
      arguments: schemaValue(objectSchema(parameters), question),
    }));
    return { reasoning, toolCalls };
  }
  if (request.response_format?.type === "json_object") return { reasoning, content: JSON.stringify(jsonAnswer(question)) };
  return { reasoning, content };
}

function objectSchema(parameters: unknown): Record<string, unknown> {
  return { type: "object", ...(parameters as Record<string, unknown> | undefined) };
}

function jsonAnswer(question: Question): Record<string, unknown> {
  const [answer, ...points] = answerSentences(question);
  return {
    question: question.text,
    answer,
    points,
    language: question.language,
    source: `local stand-in ${question.fingerprint}`,
  };
}
