/** What the provider's prompt cache saved, read from the usage that comes with its answers. */
import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { BaseMessage } from "@langchain/core/messages";
import type { LLMResult } from "@langchain/core/outputs";
import type { Serialized } from "@langchain/core/load/serializable";

export interface PromptSavings {
  /** Answers that came with usage. Those that this library's cache gave cost nothing, and are not counted. */
  readonly answers: number;
  /** Tokens that the prompts had. */
  readonly promptTokens: number;
  /** Of those, tokens that the provider had cached, and charges less for. */
  readonly cachedTokens: number;
  /** `cachedTokens / promptTokens`, 0 to 1. */
  readonly rate: number;
}

interface Counts {
  answers: number;
  promptTokens: number;
  cachedTokens: number;
}

/** Runs whose end was never told, such as those of a process that gave them up. */
const MOST_RUNS = 10_000;

export class PromptUsage {
  readonly #counts = new Map<string, Counts>();

  savings(): { readonly all: PromptSavings; readonly prompts: Readonly<Record<string, PromptSavings>> } {
    const all: Counts = { answers: 0, promptTokens: 0, cachedTokens: 0 };
    for (const counts of this.#counts.values()) add(all, counts);
    return {
      all: withRate(all),
      prompts: Object.fromEntries(Array.from(this.#counts, ([name, counts]) => [name, withRate(counts)])),
    };
  }

  /** @param name of the prompt, with its version */
  count(name: string, message: BaseMessage): void {
    const usage = usageOf(message);
    if (usage === undefined) return;
    const counts = this.#counts.get(name) ?? { answers: 0, promptTokens: 0, cachedTokens: 0 };
    this.#counts.set(name, counts);
    add(counts, { answers: 1, ...usage });
  }
}

/** Tells the answers of a library's prompts from others by what the prompts begin with. */
export class PromptUsageHandler extends BaseCallbackHandler {
  readonly name = "strata_prompt_usage";
  override readonly awaitHandlers = true;
  readonly #nameOf: (messages: readonly BaseMessage[]) => string | undefined;
  readonly #usage: PromptUsage;
  readonly #runs = new Map<string, string>();

  constructor(usage: PromptUsage, nameOf: (messages: readonly BaseMessage[]) => string | undefined) {
    super();
    this.#usage = usage;
    this.#nameOf = nameOf;
  }

  override handleChatModelStart(_model: Serialized, messages: BaseMessage[][], runId: string): void {
    const name = this.#nameOf(messages[0] ?? []);
    if (name === undefined) return;
    if (this.#runs.size >= MOST_RUNS) this.#runs.clear();
    this.#runs.set(runId, name);
  }

  override handleLLMEnd(output: LLMResult, runId: string): void {
    const name = this.#runs.get(runId);
    this.#runs.delete(runId);
    const message = (output.generations[0]?.[0] as { message?: BaseMessage } | undefined)?.message;
    if (name !== undefined && message !== undefined) this.#usage.count(name, message);
  }

  override handleLLMError(_error: unknown, runId: string): void {
    this.#runs.delete(runId);
  }
}

/** LangChain's own place first; what DeepSeek calls it, where an integration does not carry it over. */
function usageOf(message: BaseMessage): Omit<Counts, "answers"> | undefined {
  const { usage_metadata: usage, response_metadata: meta } = message as BaseMessage & {
    usage_metadata?: { input_tokens?: number; input_token_details?: { cache_read?: number } };
  };
  if (meta["strata"] !== undefined) return undefined;
  const raw = (meta["usage"] ?? {}) as { prompt_tokens?: unknown; prompt_cache_hit_tokens?: unknown };
  const promptTokens = usage?.input_tokens ?? raw.prompt_tokens;
  const cachedTokens = usage?.input_token_details?.cache_read ?? raw.prompt_cache_hit_tokens ?? 0;
  if (typeof promptTokens !== "number" || promptTokens === 0 || typeof cachedTokens !== "number") return undefined;
  return { promptTokens, cachedTokens };
}

function add(to: Counts, { answers, promptTokens, cachedTokens }: Counts): void {
  to.answers += answers;
  to.promptTokens += promptTokens;
  to.cachedTokens += cachedTokens;
}

function withRate(counts: Counts): PromptSavings {
  return { ...counts, rate: counts.promptTokens === 0 ? 0 : counts.cachedTokens / counts.promptTokens };
}
