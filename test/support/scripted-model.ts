import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import {
  BaseChatModel,
  type BaseChatModelCallOptions,
  type BaseChatModelParams,
  type BindToolsInput,
} from "@langchain/core/language_models/chat_models";
import type { BaseLanguageModelInput } from "@langchain/core/language_models/base";
import {
  AIMessage,
  AIMessageChunk,
  type AIMessageChunkFields,
  type AIMessageFields,
  type BaseMessage,
} from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";
import type { Runnable } from "@langchain/core/runnables";

/** What one call of a scripted model sees. */
export interface ScriptedCall {
  readonly messages: readonly BaseMessage[];
  readonly options: Readonly<Record<string, unknown>> & { readonly signal?: AbortSignal };
  /** Counts from 1. */
  readonly number: number;
}

/** The fields of a message, more loosely typed than LangChain does. */
export type ScriptedAnswer = AIMessage | string | ({ readonly content: string | readonly object[] } & Record<string, unknown>);

export type ScriptedChunk =
  | ChatGenerationChunk
  | string
  | ({ readonly content: string | readonly object[] } & Record<string, unknown>);

export interface Script extends BaseChatModelParams {
  /** Names the model; without it, it says nothing of itself. */
  readonly model?: string;
  /** The whole answer. */
  readonly reply?: (call: ScriptedCall) => ScriptedAnswer | Promise<ScriptedAnswer>;
  /** The chunks of a streamed answer, each given out when it is there. Without it, the model does not stream. */
  readonly chunks?: (call: ScriptedCall) => AsyncIterable<ScriptedChunk> | Iterable<ScriptedChunk>;
}

/** A chat model that says what a test wants, and notes what it was asked. */
export class ScriptedModel extends BaseChatModel {
  readonly calls: ScriptedCall[] = [];
  readonly #script: Script;
  readonly model: string | undefined;

  constructor(script: Script = {}) {
    const { reply: _reply, chunks, ...fields } = script;
    super(fields);
    this.model = script.model;
    this.#script = script;
    // LangChain takes a model for one that does not stream by this very function.
    if (chunks === undefined)
      Object.assign(this, { _streamResponseChunks: Reflect.get(BaseChatModel.prototype, "_streamResponseChunks") });
  }

  override _llmType(): string {
    return "scripted";
  }

  override bindTools(
    tools: BindToolsInput[],
    kwargs?: Partial<BaseChatModelCallOptions>,
  ): Runnable<BaseLanguageModelInput, AIMessageChunk> {
    return this.withConfig({ ...kwargs, tools } as Partial<BaseChatModelCallOptions>);
  }

  override async _generate(messages: BaseMessage[], options: object): Promise<ChatResult> {
    const given = (await this.#script.reply?.(this.#note(messages, options))) ?? "yes";
    const message = AIMessage.isInstance(given) ? given : new AIMessage(given as AIMessageFields | string);
    return { generations: [{ text: message.text, message }] };
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: object,
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    for await (const given of this.#script.chunks?.(this.#note(messages, options)) ?? []) {
      const chunk = given instanceof ChatGenerationChunk ? given : asChunk(given);
      yield chunk;
      await runManager?.handleLLMNewToken(chunk.text, undefined, undefined, undefined, undefined, { chunk });
    }
  }

  #note(messages: BaseMessage[], options: object): ScriptedCall {
    const call: ScriptedCall = { messages, options: { ...options }, number: this.calls.length + 1 };
    this.calls.push(call);
    return call;
  }
}

function asChunk(given: Exclude<ScriptedChunk, ChatGenerationChunk>): ChatGenerationChunk {
  const message = new AIMessageChunk(typeof given === "string" ? given : ({ ...given } as AIMessageChunkFields));
  return new ChatGenerationChunk({ message, text: typeof message.content === "string" ? message.content : "" });
}

/** A door that a test opens; whoever waits for it goes on then. */
export function door(): { readonly opened: Promise<void>; open(): void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** Rejects when the signal aborts, as a request over a network does. */
export function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal?.aborted) reject(signal.reason as Error);
    signal?.addEventListener("abort", () => reject(signal.reason as Error));
  });
}

/** All pending promise callbacks and immediates. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
