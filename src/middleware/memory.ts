/**
 * The chat history and the long-term memory of an agent.
 *
 * Before a model call the messages that the agent has gained since the last save are stored, and after the run its answer: each in
 * one trip, and none twice, for the id of a message is kept. What the history has and the agent's state lacks is put before the
 * messages of the request, where it costs nothing but tokens: neither the state nor a checkpoint grows by it.
 */
import type { DocumentInterface } from "@langchain/core/documents";
import type { BaseRetriever } from "@langchain/core/retrievers";
import { HumanMessage, SystemMessage, type BaseMessage } from "@langchain/core/messages";
import { createMiddleware } from "langchain";
import { LRUCache } from "lru-cache";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { guardObserver, type Observer } from "../core/events.ts";
import { refuseUnknown } from "../core/options.ts";
import { isSummaryMessage, type HybridChatMessageHistory } from "../history/chat-history.ts";
import type { ConversationStore } from "../history/conversation-store.ts";
import type { PlainMiddleware } from "./plain-middleware.ts";
import { quoteRecalled } from "../memory/quoting.ts";

/** What a run is told by its caller: `configurable` of its config. */
export type RunScope = Readonly<Record<string, unknown>>;

export interface MemoryMiddlewareOptions {
  /**
   * Where messages are kept. A store: the session is `configurable.thread_id`, the owner `configurable.user_id`; without a thread
   * nothing is kept. A history: always that one. A function decides for each run; `undefined` keeps nothing.
   */
  readonly history: ConversationStore | HybridChatMessageHistory | ((scope: RunScope) => HybridChatMessageHistory | undefined);
  /** Is asked with the last human message of a request; what it finds is put before the messages as quoted data. */
  readonly retriever?: Pick<BaseRetriever, "invoke"> | undefined;
  /** Told when the history or the retriever failed; the agent goes on without. */
  readonly observer?: Observer | undefined;
}

/** Of how many conversations it is remembered which message was stored last. */
const REMEMBERED = 10_000;

/**
 * Gives an agent made with `createAgent` its history, and what a retriever remembers.
 *
 * When the state of the agent reaches back as far as the history's window, as with a checkpointer, the history adds nothing to the
 * request and only keeps. A history or a retriever that fails is reported and passed over; messages that could not be stored are
 * stored with the next.
 * @throws {@link StrataConfigError} naming the option
 * @example
 * ```ts
 * const agent = createAgent({ model, tools, middleware: [memoryMiddleware({ history: store })] });
 * await agent.invoke({ messages: [question] }, { configurable: { thread_id: "chat-1", user_id: "ada" } });
 * ```
 */
export function memoryMiddleware(options: MemoryMiddlewareOptions): PlainMiddleware {
  refuseUnknown("memoryMiddleware", options, ["history", "retriever", "observer"]);
  const open = historyOpener(options.history);
  const { retriever } = options;
  if (retriever !== undefined && typeof retriever?.invoke !== "function") {
    throw new StrataConfigError("memoryMiddleware.retriever", retriever, "a retriever");
  }
  const emit = guardObserver(options.observer);
  const saved = new LRUCache<string, string>({ max: REMEMBERED });
  const failed = (operation: "load" | "save" | "recall", error: unknown): void => {
    const code = StrataError.isInstance(error) ? error.code : "ENGINE";
    emit?.({ type: "history.fault", operation, code, message: error instanceof Error ? error.message : "" });
  };

  async function save(messages: readonly BaseMessage[], runtime: object): Promise<void> {
    try {
      const history = open(scopeOf(runtime));
      if (history === undefined) return;
      const conversation = JSON.stringify([history.ownerId, history.sessionId]);
      const fresh = unsaved(messages, saved.get(conversation));
      if (fresh.length === 0) return;
      await history.addMessages(fresh);
      const last = fresh.at(-1)?.id;
      if (last !== undefined) saved.set(conversation, last);
    } catch (error) {
      failed("save", error);
    }
  }

  async function load(state: readonly BaseMessage[], runtime: object): Promise<BaseMessage[]> {
    try {
      const history = open(scopeOf(runtime));
      return history === undefined ? [] : missing(await history.context({ signal: signalOf(runtime) }), state);
    } catch (error) {
      failed("load", error);
      return [];
    }
  }

  async function recall(messages: readonly BaseMessage[], runtime: object): Promise<readonly DocumentInterface[]> {
    const question = messages.findLast((message) => HumanMessage.isInstance(message))?.text ?? "";
    if (retriever === undefined || question.trim() === "") return [];
    try {
      const signal = signalOf(runtime);
      return await retriever.invoke(question, { configurable: { ...scopeOf(runtime) }, ...(signal && { signal }) });
    } catch (error) {
      failed("recall", error);
      return [];
    }
  }

  return createMiddleware({
    name: "MemoryMiddleware",
    beforeModel: async (state, runtime) => save(state.messages, runtime),
    afterAgent: async (state, runtime) => save(state.messages, runtime),
    wrapModelCall: async (request, handler) => {
      const [history, found] = await Promise.all([
        load(request.messages, request.runtime),
        recall(request.messages, request.runtime),
      ]);
      // What the model is shown anyway need not be recalled: above all the question, which is stored by now and resembles itself.
      const shown = new Set([...history, ...request.messages].flatMap(({ id }) => id ?? []));
      const recalled = found.filter(({ metadata }) => !shown.has(metadata["messageId"] as string));
      if (history.length === 0 && recalled.length === 0) return handler(request);
      const quoted = recalled.length === 0 ? [] : [new HumanMessage(quoteRecalled(recalled))];
      return handler({ ...request, messages: [...quoted, ...history, ...request.messages] });
    },
  });
}

function historyOpener(history: MemoryMiddlewareOptions["history"]): (scope: RunScope) => HybridChatMessageHistory | undefined {
  if (typeof history === "function") return history;
  if (typeof (history as Partial<HybridChatMessageHistory> | undefined)?.addMessages === "function") {
    return () => history as HybridChatMessageHistory;
  }
  const store = history as Partial<ConversationStore> | undefined;
  if (typeof store?.history !== "function") {
    throw new StrataConfigError(
      "memoryMiddleware.history",
      history,
      "a ConversationStore, a history, or a function that gives one",
    );
  }
  return ({ thread_id: sessionId, user_id: ownerId }) => {
    if (sessionId === undefined || sessionId === null) return undefined;
    // Another type than text is a mistake of the caller's, which the store names.
    return (store as ConversationStore).history({
      sessionId: sessionId as string,
      ...(ownerId !== undefined && ownerId !== null && { ownerId: ownerId as string }),
    });
  };
}

/**
 * Messages of the state after the one that was stored last. Where that is not known, those of this turn, from what people said last
 * on: what an old checkpoint holds before is not taken over, since the history may have been cleared.
 */
function unsaved(messages: readonly BaseMessage[], last: string | undefined): BaseMessage[] {
  const known = last === undefined ? -1 : messages.findLastIndex(({ id }) => id === last);
  if (known >= 0) return keepable(messages.slice(known + 1));
  let start = messages.findLastIndex((message) => HumanMessage.isInstance(message));
  while (start > 0 && HumanMessage.isInstance(messages[start - 1])) start--;
  return start < 0 ? [] : keepable(messages.slice(start));
}

/** A system message is the application's, told anew in each run. */
function keepable(messages: readonly BaseMessage[]): BaseMessage[] {
  return messages.filter((message) => !SystemMessage.isInstance(message) && !isSummaryMessage(message));
}

/** Of the history's context what comes before the messages of the state; nothing when the state reaches as far back. */
function missing(context: readonly BaseMessage[], state: readonly BaseMessage[]): BaseMessage[] {
  const held = new Set(state.map(({ id }) => id));
  const said = context.findIndex((message) => !isSummaryMessage(message) && !SystemMessage.isInstance(message));
  if (said === -1 || held.has(context[said]?.id)) return [];
  const overlap = context.findIndex(({ id }) => held.has(id));
  return context.slice(0, overlap === -1 ? context.length : overlap).filter((message) => !SystemMessage.isInstance(message));
}

function scopeOf(runtime: object): RunScope {
  return (runtime as { configurable?: RunScope }).configurable ?? {};
}

function signalOf(runtime: object): AbortSignal | undefined {
  return (runtime as { signal?: AbortSignal }).signal;
}
