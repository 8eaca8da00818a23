import { randomInt } from "node:crypto";

import { systemClock, type Clock } from "../../core/clock.ts";
import { parseNumber, refuseUnknown } from "../../core/options.ts";
import type { UsageChunk } from "./completion.ts";
import type { StandInFailure } from "./failure.ts";
import { DEEPSEEK_MODELS, type StandInModel } from "./models.ts";
import { NO_DELAY, REALISTIC_DELAY, type StandInDelay } from "./pacing.ts";
import type { ReplyFunction } from "./reply.ts";

export interface DeepSeekStandInOptions {
  /** The port on 127.0.0.1; default 0, a free one. */
  readonly port?: number;
  /** Default: 500 ms to the first token, 4 ms for each, give or take 15 %; 0 answers at once. */
  readonly delay?: 0 | StandInDelay;
  /** Milliseconds between the signs of life that a queued request gets (blank lines, SSE comments); default none are sent. */
  readonly keepAlive?: number;
  /** Default: those of the API, such as `deepseek-chat` and `deepseek-reasoner`; any other name is refused with "Model Not Exist". */
  readonly models?: readonly StandInModel[];
  /** Answers in place of the composer. */
  readonly replies?: ReplyFunction;
  /** What goes wrong, call by call; `null` lets one pass. After the last entry all is well. */
  readonly failures?: ReadonlyArray<StandInFailure | null>;
  /**
   * Whether thinking mode refuses what the live API refuses there: a forced `tool_choice`, and tool calls in the history without
   * their `reasoning_content`. Default `true`. `ChatDeepSeek` 1.1 does not send that content back, so with it a tool loop on
   * `deepseek-reasoner` ends in a 400, here as there.
   */
  readonly strictThinking?: boolean;
  /** Where a stream carries its usage; default `"last"`, as on the live API. */
  readonly usageChunk?: UsageChunk;
  readonly clock?: Clock;
  /** Numbers from 0 to below 1, for ids and jitter. */
  readonly random?: () => number;
}

/** The options with every default in its place. */
export interface StandInSettings {
  readonly delay: Required<StandInDelay>;
  /** `Infinity` where none is sent. */
  readonly keepAlive: number;
  readonly models: readonly StandInModel[];
  readonly replies: ReplyFunction;
  readonly failures: ReadonlyArray<StandInFailure | null>;
  readonly strictThinking: boolean;
  readonly usageChunk: UsageChunk;
  readonly clock: Clock;
  readonly random: () => number;
}

const NAMES = ["port", "delay", "keepAlive", "models", "replies", "failures", "strictThinking", "usageChunk", "clock", "random"];
const LONGEST_WAIT_MS = 3_600_000;

/** @throws {@link StrataConfigError} when an option is not accepted */
export function readSettings(options: DeepSeekStandInOptions): StandInSettings {
  refuseUnknown("startDeepSeekStandIn", options, NAMES);
  const { delay = {}, keepAlive } = options;
  if (options.port !== undefined) parseNumber("port", options.port, 0, 65_535);
  if (keepAlive !== undefined) parseNumber("keepAlive", keepAlive, 1, LONGEST_WAIT_MS);
  return {
    delay: delay === 0 ? NO_DELAY : readDelay(delay),
    keepAlive: keepAlive ?? Infinity,
    models: options.models ?? DEEPSEEK_MODELS,
    replies: options.replies ?? (() => undefined),
    failures: options.failures ?? [],
    strictThinking: options.strictThinking ?? true,
    usageChunk: options.usageChunk ?? "last",
    clock: options.clock ?? systemClock,
    random: options.random ?? (() => randomInt(2 ** 47) / 2 ** 47),
  };
}

function readDelay({ firstToken, perToken, jitter }: StandInDelay): Required<StandInDelay> {
  return {
    firstToken: parseNumber("delay.firstToken", firstToken ?? REALISTIC_DELAY.firstToken, 0, LONGEST_WAIT_MS),
    perToken: parseNumber("delay.perToken", perToken ?? REALISTIC_DELAY.perToken, 0, LONGEST_WAIT_MS),
    jitter: parseNumber("delay.jitter", jitter ?? REALISTIC_DELAY.jitter, 0, 1),
  };
}
