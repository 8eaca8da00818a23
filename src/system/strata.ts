/** The whole system in one object: what `createStrata` gives. */
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import type { CacheStats } from "../cache/cache-stats.ts";
import type { TieredCache } from "../cache/tiered-cache.ts";
import { StrataError } from "../core/errors.ts";
import type { ConversationStore } from "../history/conversation-store.ts";
import type { AdaptiveMemoryRetriever } from "../memory/memory-retriever.ts";
import type { StrategyStats } from "../memory/strategy-log.ts";
import type { RerankCompressor, RerankStats } from "../rerank/rerank-compressor.ts";
import type { ChatEngine } from "./chat/chat-engine.ts";
import type { ChatOptions } from "./chat/chat-options.ts";
import type { ChatEvent, ChatResult } from "./chat/chat-result.ts";

export interface StrataStats {
  /** Since the start, ms. */
  readonly uptimeMs: number;
  readonly chat: ChatCounts;
  readonly cache: CacheStats;
  readonly memory: StrategyStats;
  readonly rerank: RerankStats | undefined;
  /** Of this process, bytes. */
  readonly residentBytes: number;
}

/** Calls of `chat()` and `stream()`. */
export interface ChatCounts {
  readonly questions: number;
  readonly cached: number;
  readonly failed: number;
  readonly savedTokens: number;
}

/** What a system is made of; each part is also usable alone. */
export interface StrataParts {
  readonly cache: TieredCache;
  readonly embeddings: EmbeddingsInterface;
  readonly conversations: ConversationStore;
  readonly memory: AdaptiveMemoryRetriever;
  readonly rerank: RerankCompressor | undefined;
}

export interface StrataMachinery {
  readonly engine: ChatEngine;
  readonly uptimeMs: () => number;
  readonly close: () => Promise<void>;
}

export class Strata implements StrataParts {
  readonly cache: TieredCache;
  readonly embeddings: EmbeddingsInterface;
  readonly conversations: ConversationStore;
  readonly memory: AdaptiveMemoryRetriever;
  readonly rerank: RerankCompressor | undefined;
  readonly #machinery: StrataMachinery;
  #questions = 0;
  #cached = 0;
  #failed = 0;
  #savedTokens = 0;
  #closing: Promise<void> | undefined;

  /** Made by `createStrata`. */
  constructor(parts: StrataParts, machinery: StrataMachinery) {
    this.cache = parts.cache;
    this.embeddings = parts.embeddings;
    this.conversations = parts.conversations;
    this.memory = parts.memory;
    this.rerank = parts.rerank;
    this.#machinery = machinery;
  }

  /**
   * Answers a question: from the cache, or from the model.
   * @throws {@link StrataConfigError} naming the option; {@link StrataError} `TIMEOUT`, `CLOSED`; else what the model throws
   */
  async chat(question: string, options: ChatOptions = {}): Promise<ChatResult> {
    this.#refuseWhenClosed();
    this.#questions++;
    try {
      return this.#count(await this.#machinery.engine.chat(question, options));
    } catch (error) {
      this.#failed++;
      throw error;
    }
  }

  /** As `chat`, in pieces: reasoning, text, and last of all the result. Leaving the loop ends the call. */
  async *stream(question: string, options: ChatOptions = {}): AsyncGenerator<ChatEvent> {
    this.#refuseWhenClosed();
    this.#questions++;
    try {
      for await (const event of this.#machinery.engine.stream(question, options)) {
        if (event.type === "end") this.#count(event.result);
        yield event;
      }
    } catch (error) {
      this.#failed++;
      throw error;
    }
  }

  /** The model with the cache under it, for chains and agents of your own. */
  async model(): Promise<BaseChatModel> {
    this.#refuseWhenClosed();
    return this.#machinery.engine.model();
  }

  /** What happened so far. */
  async stats(): Promise<StrataStats> {
    return {
      uptimeMs: this.#machinery.uptimeMs(),
      chat: { questions: this.#questions, cached: this.#cached, failed: this.#failed, savedTokens: this.#savedTokens },
      cache: this.cache.stats(),
      memory: await this.memory.stats(),
      rerank: this.rerank?.stats(),
      residentBytes: process.memoryUsage.rss(),
    };
  }

  /** Writes what waits, within a deadline, and closes every part. What the caller handed in stays the caller's. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#machinery.close();
    return this.#closing;
  }

  #count(result: ChatResult): ChatResult {
    if (result.cached) this.#cached++;
    this.#savedTokens += result.savings.tokens;
    return result;
  }

  #refuseWhenClosed(): void {
    if (this.#closing !== undefined) throw new StrataError("CLOSED", "The system is closed.");
  }
}
