/**
 * Questions and answers over the parts of a system.
 *
 * A question that needs nothing but an answer takes the thin way: one message, the cached model, and what the hit says of itself.
 * With documents or an owner's memory, the prompt is built first and the cache sees the whole of it: two askers get the same answer
 * only when they would have sent the model the same text.
 */
import { CallbackManager } from "@langchain/core/callbacks/manager";
import type { DocumentInterface } from "@langchain/core/documents";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { HumanMessage, type AIMessage, type AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { cacheModel } from "../../cache/model/cached-model.ts";
import { hitOf } from "../../cache/response-codec.ts";
import type { TieredCache } from "../../cache/tiered-cache.ts";
import { sleep } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { StrataError } from "../../core/errors.ts";
import type { Emit } from "../../core/events.ts";
import type { Duration } from "../../core/options.ts";
import type { Scope } from "../../core/scope.ts";
import type { HybridChatMessageHistory } from "../../history/chat-history.ts";
import type { ConversationStore, HistoryOptions } from "../../history/conversation-store.ts";
import type { AdaptiveMemoryRetriever } from "../../memory/memory-retriever.ts";
import type { Knowledge } from "../documents/knowledge.ts";
import type { PromptLibrary } from "../../prompts/prompt-library.ts";
import { splitThinking } from "../../prompts/thinking.ts";
import { AnswerPieces } from "./answer-pieces.ts";
import { templateMessages } from "./chat-template.ts";
import { callLimit, type CallLimit } from "./call-limit.ts";
import { readChatRequest, type ChatOptions, type ChatRequest } from "./chat-options.ts";
import { buildPrompt } from "./chat-prompt.ts";
import { NO_SAVINGS, savingsOf, type ChatEvent, type ChatFailure, type ChatResult, type ChatTimings } from "./chat-result.ts";

export interface ChatEngineOptions {
  readonly model: () => Promise<BaseChatModel>;
  readonly cache: TieredCache;
  readonly conversations: ConversationStore;
  readonly memory: AdaptiveMemoryRetriever;
  readonly knowledge: Pick<Knowledge, "contextFor">;
  readonly prompts: PromptLibrary;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly deadline: Duration | undefined;
  readonly system: string | undefined;
  /** How much of a conversation goes with a question. */
  readonly window: HistoryOptions["window"];
  readonly summaries: boolean;
}

/** A question that is ready to be asked. */
interface Prepared {
  readonly messages: BaseMessage[];
  readonly documents: readonly DocumentInterface[] | undefined;
  readonly history: HybridChatMessageHistory | undefined;
  /** Grows with what fails and is passed over. */
  readonly degraded: ChatFailure[];
  readonly contextMs: number;
  readonly memoryMs: number;
}

export class ChatEngine {
  readonly #options: ChatEngineOptions;
  readonly #ending = new AbortController();
  #model: BaseChatModel | undefined;
  #underWay = 0;
  #idle: (() => void) | undefined;

  constructor(options: ChatEngineOptions) {
    this.#options = options;
  }

  async chat(question: string, options: ChatOptions = {}): Promise<ChatResult> {
    const { clock, deadline } = this.#options;
    const startedAt = clock.monotonic();
    const request = readChatRequest(question, options, deadline);
    const limit = this.#begin(request);
    try {
      const model = this.#model ?? (await this.#open());
      const prepared = isPlain(request) ? this.#plain(request) : await this.#prepare(request, limit.signal);
      const askedAt = clock.monotonic();
      const message = (await model.invoke(prepared.messages, this.#config(request, limit.signal))) as AIMessage;
      const answerMs = clock.monotonic() - askedAt;
      return await this.#finish(request, prepared, message, { startedAt, answerMs });
    } finally {
      this.#leave(limit);
    }
  }

  async *stream(question: string, options: ChatOptions = {}): AsyncGenerator<ChatEvent> {
    const { clock, deadline } = this.#options;
    const startedAt = clock.monotonic();
    const request = readChatRequest(question, options, deadline);
    const limit = this.#begin(request);
    try {
      const model = this.#model ?? (await this.#open());
      const prepared = isPlain(request) ? this.#plain(request) : await this.#prepare(request, limit.signal);
      const askedAt = clock.monotonic();
      const pieces = (await model.stream(prepared.messages, this.#config(request, limit.signal)))[Symbol.asyncIterator]();
      const told = new AnswerPieces();
      let whole: AIMessageChunk | undefined;
      let isOver = false;
      // Not `for await`: for a reader who leaves it would wait for the next piece before it let go of the model.
      try {
        for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
          const chunk = next.value;
          whole = whole === undefined ? chunk : whole.concat(chunk);
          yield* told.push(chunk);
        }
        yield* told.end();
        isOver = true;
      } finally {
        if (!isOver) {
          limit.leave();
          pieces.return?.().catch(() => undefined);
        }
      }
      if (whole === undefined) throw new StrataError("BAD_ANSWER", "The model's stream was empty.");
      const answerMs = clock.monotonic() - askedAt;
      yield { type: "end", result: await this.#finish(request, prepared, whole, { startedAt, answerMs }) };
    } finally {
      this.#leave(limit);
    }
  }

  /**
   * Waits for the answers under way, which are then kept and added to their conversations; after `graceMs` it ends those that are left, with
   * `CLOSED`. A stream whose reader stopped in the middle without leaving its loop is such a one.
   */
  async end(graceMs: number): Promise<void> {
    if (this.#underWay === 0) return;
    const over = new AbortController();
    const idle = new Promise<void>((resolve) => (this.#idle = resolve)).finally(() => over.abort());
    await Promise.race([idle, sleep(this.#options.clock, graceMs, { signal: over.signal }).catch(() => undefined)]);
    this.#ending.abort(new StrataError("CLOSED", "The system was closed before the answer was whole."));
    over.abort();
  }

  #begin({ deadlineMs, options }: ChatRequest): CallLimit {
    const limit = callLimit(this.#options.clock, deadlineMs, [options.signal, this.#ending.signal]);
    this.#underWay++;
    return limit;
  }

  #leave(limit: CallLimit): void {
    limit.end();
    this.#underWay--;
    if (this.#underWay === 0) this.#idle?.();
  }

  /** The model with the cache under it, for chains and agents of one's own. */
  async model(): Promise<BaseChatModel> {
    return this.#model ?? this.#open();
  }

  async #open(): Promise<BaseChatModel> {
    this.#model ??= cacheModel(await this.#options.model(), { cache: this.#options.cache });
    return this.#model;
  }

  /** What a template saves of the provider's own prompt cache is read from the model's usage. */
  #config(request: ChatRequest, signal: AbortSignal): RunnableConfig {
    const config = runConfig(request, signal);
    if (request.options.template === undefined) return config;
    const callbacks = CallbackManager._configureSync(config.callbacks, [this.#options.prompts.callback()]);
    return { ...config, ...(callbacks && { callbacks }) };
  }

  #plain({ question, options }: ChatRequest): Prepared {
    const system = options.system ?? this.#options.system;
    const messages =
      system === undefined
        ? [new HumanMessage(question)]
        : buildPrompt({ system, question, conversation: [], recalled: [], context: "" });
    return { messages, documents: undefined, history: undefined, degraded: [], contextMs: 0, memoryMs: 0 };
  }

  async #prepare(request: ChatRequest, signal: AbortSignal): Promise<Prepared> {
    const { clock, knowledge, system } = this.#options;
    const { question, options } = request;
    const history = this.#history(request);
    const degraded: ChatFailure[] = [];
    const startedAt = clock.monotonic();
    const [found, remembered] = await Promise.all([
      request.context === undefined
        ? undefined
        : knowledge
            .contextFor(question, { ...request.context, scope: options.scope, signal })
            .then((value) => ({ ...value, ms: clock.monotonic() - startedAt })),
      this.#remember(request, history, signal, degraded).then((value) => ({ ...value, ms: clock.monotonic() - startedAt })),
    ]);
    const { conversation, recalled } = remembered;
    const parts = { question, conversation, recalled, context: found?.text ?? "", system: options.system ?? system };
    const messages =
      options.template === undefined
        ? buildPrompt(parts)
        : await templateMessages(this.#options.prompts, options.template, options.variables, parts);
    const memoryMs = request.ownerId === undefined ? 0 : remembered.ms;
    return { messages, documents: found?.documents, history, degraded, contextMs: found?.ms ?? 0, memoryMs };
  }

  #history({ keptAs, options }: ChatRequest): HybridChatMessageHistory | undefined {
    const { sessionId } = options;
    if (keptAs === undefined || sessionId === undefined) return undefined;
    const { conversations, window, summaries } = this.#options;
    const summarizer = summaries ? this.#model : undefined;
    return conversations.history({ ownerId: keptAs, sessionId, window, summarizer });
  }

  /**
   * A history or a memory that fails is told of and passed over: the question is still answered. But one that was asked for and can never
   * work, because its package is not installed, is an error before the model is paid: else conversations would be lost from the first day on.
   */
  async #remember(
    { keptAs, usesMemory, question, options }: ChatRequest,
    history: HybridChatMessageHistory | undefined,
    signal: AbortSignal,
    degraded: ChatFailure[],
  ): Promise<{ readonly conversation: readonly BaseMessage[]; readonly recalled: readonly DocumentInterface[] }> {
    const { memory } = this.#options;
    const [conversation, recalled] = await Promise.all([
      history?.context({ signal }).catch((error: unknown) => this.#failed("load", error, degraded, signal, true)),
      usesMemory && keptAs !== undefined
        ? memory
            .recall(question, { ownerId: keptAs, sessionId: options.sessionId, signal })
            .catch((error: unknown) => this.#failed("recall", error, degraded, signal, options.useMemory === true))
        : undefined,
    ]);
    const shown = new Set((conversation ?? []).map(({ id }) => id));
    // Ids are unique within a session alone: what another one says under the same id is not shown yet.
    const isShown = ({ metadata }: DocumentInterface): boolean =>
      metadata["sessionId"] === options.sessionId && shown.has(metadata["messageId"] as string);
    const documents = (recalled?.documents ?? []).filter((document) => !isShown(document));
    return { conversation: conversation ?? [], recalled: documents };
  }

  async #finish(
    request: ChatRequest,
    prepared: Prepared,
    message: AIMessage,
    { startedAt, answerMs }: { readonly startedAt: number; readonly answerMs: number },
  ): Promise<ChatResult> {
    const { clock } = this.#options;
    const { documents, history, degraded, contextMs, memoryMs } = prepared;
    let storeMs = 0;
    if (history !== undefined) {
      const storedAt = clock.monotonic();
      const asked = new HumanMessage(request.question);
      // The deadline of the question is not that of what is kept of it: the answer is there, and paid.
      await history.addMessages([asked, message]).catch((error: unknown) => this.#failed("save", error, degraded));
      storeMs = clock.monotonic() - storedAt;
    }
    const hit = hitOf(message);
    const timings: ChatTimings = {
      ...{ total: clock.monotonic() - startedAt, context: contextMs, memory: memoryMs, answer: answerMs, store: storeMs },
    };
    return {
      ...splitThinking(message),
      ...{ cached: hit !== undefined, source: hit?.source ?? "model", timings },
      savings: hit === undefined ? NO_SAVINGS : savingsOf(hit),
      ...(documents !== undefined && { documents }),
      ...(degraded.length > 0 && { degraded }),
      ...(hit !== undefined && { hitId: hit.hitId, tier: hit.tier }),
      message,
    };
  }

  #failed(operation: ChatFailure, error: unknown, degraded: ChatFailure[], signal?: AbortSignal, isAsked = false): undefined {
    signal?.throwIfAborted();
    const code = StrataError.isInstance(error) ? error.code : "ENGINE";
    if (isAsked && code === "MISSING_PEER") throw error;
    degraded.push(operation);
    this.#options.emit?.({ type: "history.fault", operation, code, message: error instanceof Error ? error.message : "" });
    return undefined;
  }
}

/** Whether the question needs nothing but an answer. */
function isPlain({ ownerId, context, options }: ChatRequest): boolean {
  return ownerId === undefined && context === undefined && options.template === undefined;
}

/** What the cache is to know of the call. An owner's answers are the owner's, whatever the config's scope is. */
function runConfig({ options, ownerId }: ChatRequest, signal: AbortSignal): RunnableConfig {
  const { useCache = true, tags, ttl, config } = options;
  const scope: Scope | undefined =
    ownerId === undefined && options.scope === undefined
      ? undefined
      : { ...options.scope, ...(ownerId !== undefined && { user: ownerId }) };
  const strata = {
    ...(useCache === false && { bypass: true }),
    ...(useCache === "refresh" && { refresh: true }),
    ...(tags !== undefined && { tags }),
    ...(ttl !== undefined && { ttl }),
    ...(scope !== undefined && { scope }),
  };
  return {
    ...config,
    signal,
    configurable: { strata, ...(ownerId !== undefined && { user_id: ownerId }) },
  };
}
