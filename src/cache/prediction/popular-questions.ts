/**
 * The questions that people ask most, and when the answers to them run out: seen by a callback on the model, so that hits count as
 * well as misses. Their texts are in this process's memory and nowhere else.
 */
import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { Serialized } from "@langchain/core/load/serializable";
import type { BaseMessage } from "@langchain/core/messages";
import type { LLMResult } from "@langchain/core/outputs";
import type { Clock } from "../../core/clock.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { digest } from "../../core/key.ts";
import { parseClock, parseCount, parseDuration, refuseUnknown, type Duration } from "../../core/options.ts";
import { hitOf } from "../response-codec.ts";
import { keepsPrompts } from "../stored-prompt.ts";
import type { TieredCache } from "../tiered-cache.ts";
import { DecayedCounts } from "./decayed-counts.ts";

export interface PopularQuestionsOptions {
  /** Whose questions; it has to be made with `storePrompts: true`, since their texts are kept. */
  readonly cache: TieredCache;
  /** How long the answers of that cache live, so that it is known when one runs out. */
  readonly ttl: Duration;
  /** After so long a question counts half; default `"1h"`. */
  readonly halfLife?: Duration | undefined;
  /** Questions remembered; default 1,000. */
  readonly capacity?: number | undefined;
  /** For tests; default the machine's. */
  readonly clock?: Clock | undefined;
}

export interface PopularQuestion {
  readonly question: string;
  /** Times asked, those of long ago as fractions; too high by at most the weight of the rarest that is remembered. */
  readonly weight: number;
  /** Ms until its answer runs out; negative when it has, `undefined` when nobody saw it being made. */
  readonly expiresInMs: number | undefined;
}

interface Seen {
  readonly question: string;
  /** Of the monotonic clock. */
  readonly answeredAt: number | undefined;
}

const OPTIONS = ["cache", "ttl", "halfLife", "capacity", "clock"];
/** Longer ones are not asked twice by chance, and memory is bounded. */
const LONGEST_QUESTION = 4_096;
const MOST_RUNS = 10_000;

/** Remembers what is asked. @example `new ChatDeepSeek({ cache, callbacks: [popular.callback()] })` */
export class PopularQuestions {
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #counts: DecayedCounts<Seen>;
  readonly #handler: BaseCallbackHandler;

  /** @throws {@link StrataConfigError} naming the option; also for a cache that does not store prompts */
  constructor(options: PopularQuestionsOptions) {
    refuseUnknown("PopularQuestions", options, OPTIONS);
    if (!keepsPrompts(options.cache)) {
      throw new StrataConfigError(
        "PopularQuestions.cache",
        options.cache,
        "a TieredCache with `storePrompts: true`: the texts of questions are kept",
      );
    }
    this.#clock = parseClock(options.clock);
    this.#ttlMs = parseDuration("PopularQuestions.ttl", options.ttl);
    this.#counts = new DecayedCounts({
      halfLifeMs: parseDuration("PopularQuestions.halfLife", options.halfLife ?? "1h"),
      capacity: parseCount("PopularQuestions.capacity", options.capacity ?? 1_000),
    });
    this.#handler = new QuestionHandler(this);
  }

  /** Counts a question. @param isNew whether its answer was made just now, and not found in the cache */
  see(question: string, isNew: boolean): void {
    if (typeof question !== "string" || question.trim() === "" || question.length > LONGEST_QUESTION) return;
    const now = this.#clock.monotonic();
    this.#counts.count(digest("question", question), now, (before) => ({
      question,
      answeredAt: isNew ? now : before?.answeredAt,
    }));
  }

  /** The most popular, most popular first. */
  top(n: number): PopularQuestion[] {
    const now = this.#clock.monotonic();
    return this.#counts.top(parseCount("top.n", n), now).map(({ thing: { question, answeredAt }, weight }) => ({
      question,
      weight,
      expiresInMs: answeredAt === undefined ? undefined : answeredAt + this.#ttlMs - now,
    }));
  }

  /** Notes that an answer was made anew without anybody having asked. @internal */
  renewed(question: string): void {
    const name = digest("question", question);
    const now = this.#clock.monotonic();
    this.#counts.update(name, (before) => ({ ...before, answeredAt: now }));
  }

  /** A callback that sees what is asked: conversations of one user message, with a system message before it or not. */
  callback(): BaseCallbackHandler {
    return this.#handler;
  }

  /** Forgets all of them. */
  clear(): void {
    this.#counts.clear();
  }
}

class QuestionHandler extends BaseCallbackHandler {
  readonly name = "strata_popular_questions";
  override readonly awaitHandlers = true;
  readonly #questions: PopularQuestions;
  readonly #runs = new Map<string, string>();

  constructor(questions: PopularQuestions) {
    super();
    this.#questions = questions;
  }

  override handleChatModelStart(_model: Serialized, messages: BaseMessage[][], runId: string): void {
    const said = (messages[0] ?? []).filter((message) => message.getType() !== "system");
    const [only] = said;
    // In a conversation the words alone are not the question.
    if (said.length !== 1 || only?.getType() !== "human" || typeof only.content !== "string") return;
    if (this.#runs.size >= MOST_RUNS) this.#runs.clear();
    this.#runs.set(runId, only.content);
  }

  override handleLLMEnd(output: LLMResult, runId: string): void {
    const question = this.#runs.get(runId);
    this.#runs.delete(runId);
    const message = (output.generations[0]?.[0] as { message?: Parameters<typeof hitOf>[0] } | undefined)?.message;
    if (question !== undefined && message !== undefined) this.#questions.see(question, hitOf(message) === undefined);
  }

  override handleLLMError(_error: unknown, runId: string): void {
    this.#runs.delete(runId);
  }
}
