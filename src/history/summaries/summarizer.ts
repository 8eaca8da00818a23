/** The running summary of a conversation, made by a model of the user's in the background. */
import { HumanMessage, SystemMessage, type BaseMessage } from "@langchain/core/messages";
import type { Clock } from "../../core/clock.ts";
import { StrataConfigError, StrataError } from "../../core/errors.ts";
import type { NumberedMessage } from "../context-window.ts";
import { readableText } from "../message-codec.ts";
import { SUMMARY_INSTRUCTIONS } from "./summary-prompt.ts";

/** What is asked of a model: any chat model of LangChain. */
export interface SummaryModel {
  invoke(messages: BaseMessage[], options?: { readonly signal?: AbortSignal }): Promise<BaseMessage>;
}

/** One request holds so many characters of messages; more are summarised in several steps. */
const CHARACTERS_A_STEP = 24_000;
/** Of one message: what a tool returned may be a whole file. */
const CHARACTERS_A_MESSAGE = 4_000;
/** A longer one is no summary. */
const LONGEST_SUMMARY = 8_000;
/** After so long the model is given up. */
const DEADLINE_MS = 120_000;

/** @throws {@link StrataConfigError} when it is no model */
export function parseSummaryModel(option: string, model: SummaryModel): SummaryModel {
  if (typeof model?.invoke !== "function") throw new StrataConfigError(option, model, "a chat model");
  return model;
}

/** Messages in portions of which each fits into one request. */
export function summarySteps(messages: readonly NumberedMessage[]): NumberedMessage[][] {
  const steps: NumberedMessage[][] = [];
  let room = 0;
  for (const numbered of messages) {
    const size = shown(numbered.message).text.length;
    if (steps.length === 0 || size > room) {
      steps.push([]);
      room = CHARACTERS_A_STEP;
    }
    room -= size;
    (steps.at(-1) as NumberedMessage[]).push(numbered);
  }
  return steps;
}

/**
 * Asks for the summary of what a summary says and what followed it.
 * @throws {@link StrataError} `BAD_ANSWER` for an empty summary, or one beyond 8,000 characters; `TIMEOUT` after two minutes
 */
export async function summarize(
  model: SummaryModel,
  summary: string,
  messages: readonly BaseMessage[],
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<string> {
  const late = new AbortController();
  const cancel = clock.setTimer(
    DEADLINE_MS,
    () => late.abort(new StrataError("TIMEOUT", `No summary came within ${DEADLINE_MS} ms.`)),
    { background: true },
  );
  try {
    const asked = JSON.stringify({ summary, messages: messages.map(shown) });
    const reply = await model.invoke([new SystemMessage(SUMMARY_INSTRUCTIONS), new HumanMessage(asked)], {
      signal: AbortSignal.any([signal, late.signal]),
    });
    const text = readableText(reply).replaceAll("\0", "").toWellFormed().trim();
    if (text === "" || text.length > LONGEST_SUMMARY) {
      throw new StrataError("BAD_ANSWER", `A summary of ${text.length} characters is none.`);
    }
    return text;
  } finally {
    cancel();
  }
}

function shown(message: BaseMessage): { role: string; name?: string; text: string; calls?: readonly string[] } {
  const { tool_calls: calls = [] } = message as { tool_calls?: ReadonlyArray<{ readonly name: string }> };
  return {
    role: message.type,
    ...(message.name !== undefined && { name: message.name }),
    text: readableText(message).slice(0, CHARACTERS_A_MESSAGE),
    ...(calls.length > 0 && { calls: calls.map(({ name }) => name) }),
  };
}
