/**
 * Which messages a model sees. The newest ones, up to a number of messages and of tokens, in units that are never cut: a message by
 * itself, or a model's tool calls with all of their results, since providers refuse either without the other.
 *
 * - The window is full with the unit that reaches the number of messages, so that the newest are always there whole.
 * - The newest unit is there whatever its tokens.
 * - Results whose calls are not among the messages are left out, and so are calls that something else follows than their results.
 *   Calls at the very end stay: their results are about to come.
 */
import { AIMessage, ToolMessage, type BaseMessage } from "@langchain/core/messages";
import { StrataConfigError } from "../core/errors.ts";
import { parseCount, refuseUnknown } from "../core/options.ts";
import { estimateTokens, type CountTokens } from "./tokens.ts";

export interface WindowOptions {
  /** At least so many of the newest messages, where there are as many; one more group of tool calls and results may begin them. */
  readonly messages?: number | undefined;
  /** At most so many tokens, but for the newest message. */
  readonly tokens?: number | undefined;
  /** How tokens are counted; default: an estimate of 4 characters each. */
  readonly countTokens?: CountTokens | undefined;
}

export interface WindowLimits {
  readonly messages: number;
  readonly tokens: number;
  readonly countTokens: CountTokens;
}

/** A message with its number. */
export interface NumberedMessage {
  readonly seq: number;
  readonly message: BaseMessage;
}

/** @throws {@link StrataConfigError} naming the option */
export function parseWindow(option: string, window: number | WindowOptions): WindowLimits {
  const given = typeof window === "number" ? { messages: window } : window;
  if (typeof given !== "object" || given === null) {
    throw new StrataConfigError(option, window, "a number of messages, or { messages?, tokens?, countTokens? }");
  }
  refuseUnknown(option, given, ["messages", "tokens", "countTokens"]);
  const { messages, tokens, countTokens = estimateTokens } = given;
  if (typeof countTokens !== "function") throw new StrataConfigError(`${option}.countTokens`, countTokens, "a function");
  return {
    messages: messages === undefined ? Infinity : parseCount(`${option}.messages`, messages),
    tokens: tokens === undefined ? Infinity : parseCount(`${option}.tokens`, tokens),
    countTokens,
  };
}

/**
 * The newest units that fit.
 * @param messages in order
 * @param extend beyond the number of messages, units of which a message has a number above `after` are taken until there are `most`
 */
export function chooseWindow<M extends NumberedMessage>(
  messages: readonly M[],
  limits: WindowLimits,
  extend: { readonly after: number; readonly most: number } = { after: Infinity, most: 0 },
): M[] {
  const chosen: M[][] = [];
  let count = 0;
  let tokens = 0;
  for (const unit of unitsOf(messages).toReversed()) {
    const isWithin = count < limits.messages || (count < extend.most && (unit.at(-1) as M).seq > extend.after);
    if (!isWithin) break;
    tokens += unit.reduce((sum, { message }) => sum + limits.countTokens(message), 0);
    if (tokens > limits.tokens && chosen.length > 0) break;
    chosen.push(unit);
    count += unit.length;
  }
  return chosen.toReversed().flat();
}

function unitsOf<M extends NumberedMessage>(messages: readonly M[]): M[][] {
  const units: M[][] = [];
  for (let at = 0; at < messages.length;) {
    const first = messages[at] as M;
    const calls = callsOf(first.message);
    let end = at + 1;
    if (calls.size > 0) {
      while (end < messages.length && answers(messages[end] as M, calls)) end++;
      const answered = new Set(messages.slice(at + 1, end).map(({ message }) => (message as ToolMessage).tool_call_id));
      if (end === messages.length || answered.size === calls.size) units.push(messages.slice(at, end));
    } else if (!ToolMessage.isInstance(first.message)) {
      units.push([first]);
    }
    at = end;
  }
  return units;
}

function callsOf(message: BaseMessage): Set<string> {
  if (!AIMessage.isInstance(message)) return new Set();
  return new Set((message.tool_calls ?? []).flatMap(({ id }) => (id === undefined ? [] : [id])));
}

function answers({ message }: NumberedMessage, calls: ReadonlySet<string>): boolean {
  return ToolMessage.isInstance(message) && calls.has(message.tool_call_id);
}
