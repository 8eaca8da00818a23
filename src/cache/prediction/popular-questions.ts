/**
 * The questions that people ask most, and when the answers to them run out: seen by a callback on the model, so that hits count as
 * well as misses. Their texts are in this process's memory, and in the tiers of the cache where `save()` has put them.
 */
import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { Serialized } from "@langchain/core/load/serializable";
import type { BaseMessage } from "@langchain/core/messages";
import type { LLMResult } from "@langchain/core/outputs";
import type { Clock } from "../../core/clock.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { digest } from "../../core/key.ts";
import type { Json } from "../../core/plain.ts";
import { scopeDigest, type Scope } from "../../core/scope.ts";
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
  /**
   * Whose questions these are, where they are kept over a restart ({@link PopularQuestions.save}): they are forgotten with that scope.
   * Default: the cache's own scope.
   */
  readonly scope?: Scope | "global" | undefined;
  /** Names them among others in the tiers of the cache: processes that share a tier and count by themselves differ in it. Default `"popular"`. */
  readonly name?: string | undefined;
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

/** As it is stored. */
interface Kept {
  readonly question: string;
  readonly weight: number;
  /** Unix ms; a monotonic clock begins anew with the process. */
  readonly answeredAt?: number;
}

const OPTIONS = ["cache", "ttl", "halfLife", "scope", "name", "capacity", "clock"];
/** Kept for so many half-lives: a thousandth is left of each count then. */
const KEPT_HALF_LIVES = 10;
/** Longer ones are not asked twice by chance, and memory is bounded. */
const LONGEST_QUESTION = 4_096;
const MOST_RUNS = 10_000;

/** Remembers what is asked. @example `new ChatDeepSeek({ cache, callbacks: [popular.callback()] })` */
export class PopularQuestions {
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #halfLifeMs: number;
  readonly #capacity: number;
  readonly #cache: TieredCache;
  readonly #key: string;
  readonly #scope: { readonly scope?: Scope | "global" };
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
    this.#halfLifeMs = parseDuration("PopularQuestions.halfLife", options.halfLife ?? "1h");
    this.#capacity = parseCount("PopularQuestions.capacity", options.capacity ?? 1_000);
    this.#counts = new DecayedCounts({ halfLifeMs: this.#halfLifeMs, capacity: this.#capacity });
    const { name = "popular", scope } = options;
    if (typeof name !== "string" || name === "")
      throw new StrataConfigError("PopularQuestions.name", name, "a text that is not empty");
    if (scope !== undefined && scope !== "global") scopeDigest(scope);
    this.#cache = options.cache;
    this.#key = `strata:questions:${name}`;
    this.#scope = scope === undefined ? {} : { scope };
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

  /**
   * Keeps what is remembered in the tiers of the cache, where a restart finds it: as one value, compressed and encrypted as others are.
   * @throws {@link StrataError} `CLOSED` when the cache is
   */
  async save(): Promise<void> {
    const [now, wall] = [this.#clock.monotonic(), this.#clock.now()];
    const questions = this.#counts.top(this.#capacity, now).map(({ thing: { question, answeredAt }, weight }): Kept => ({
      ...{ question, weight },
      ...(answeredAt !== undefined && { answeredAt: wall - (now - answeredAt) }),
    }));
    const ttl = this.#halfLifeMs * KEPT_HALF_LIVES;
    await this.#cache.set(this.#key, { at: wall, questions: questions as unknown as Json }, { ...this.#scope, ttl });
  }

  /**
   * Adds what {@link save} kept, faded by the time since then, to what is remembered. Gives how many questions; 0 where there is nothing that
   * it can read.
   */
  async load(): Promise<number> {
    const kept = await this.#cache.get<{ readonly at?: unknown; readonly questions?: unknown }>(this.#key, this.#scope);
    if (typeof kept?.at !== "number" || !Array.isArray(kept.questions)) return 0;
    const [now, wall] = [this.#clock.monotonic(), this.#clock.now()];
    const faded = 2 ** (-Math.max(0, wall - kept.at) / this.#halfLifeMs);
    const questions = (kept.questions as unknown[]).filter(isKept);
    for (const { question, weight, answeredAt } of questions) {
      const seen = { question, answeredAt: answeredAt === undefined ? undefined : now - Math.max(0, wall - answeredAt) };
      this.#counts.add(digest("question", question), now, weight * faded, seen);
    }
    return questions.length;
  }

  /** Forgets all of them; what was saved is forgotten by the next {@link save}, or with its scope. */
  clear(): void {
    this.#counts.clear();
  }
}

function isKept(value: unknown): value is Kept {
  const { question, weight, answeredAt } = (value ?? {}) as Partial<Kept>;
  const isTime = answeredAt === undefined || typeof answeredAt === "number";
  return typeof question === "string" && typeof weight === "number" && weight > 0 && isTime;
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
