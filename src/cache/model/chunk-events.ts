/**
 * The chunks of a stream as the events of LangChain's content-block protocol (`streamEvents` without a version).
 *
 * LangChain has a bridge of its own (`convertChunksToEvents`), which does not know of reasoning beside the content, and puts a tool
 * call on top of a text that has the same index. Providers with events of their own (OpenAI, Anthropic, Ollama, …) avoid it; so
 * that a replayed answer gives the same events as a fresh one, both are made here.
 */
import { finalizeContentBlock } from "@langchain/core/language_models/compat";
import type { ChatModelStreamEvent, ContentBlockDelta, FinishReason } from "@langchain/core/language_models/event";
import { AIMessageChunk, type AIMessageChunkFields, type ContentBlock } from "@langchain/core/messages";
import type { ToolCallChunk } from "@langchain/core/messages/tool";
import type { ChatGenerationChunk } from "@langchain/core/outputs";
import { finishReason } from "../admission.ts";
import { REASONING_KEYS } from "./stream-replay.ts";

/** Turns chunks into events, one message for the whole stream. */
export async function* eventsOf(chunks: AsyncIterable<ChatGenerationChunk>): AsyncGenerator<ChatModelStreamEvent> {
  const blocks = new Blocks();
  let said = new AIMessageChunk({ content: "" });
  let info: Record<string, unknown> = {};
  let isStarted = false;
  for await (const chunk of chunks) {
    const message = chunk.message as AIMessageChunk;
    if (!isStarted) yield { event: "message-start", ...(message.id !== undefined && { id: message.id }) };
    isStarted = true;
    yield* blocks.add(message);
    const { response_metadata, additional_kwargs, usage_metadata } = message;
    const aside = { content: "", response_metadata, additional_kwargs, usage_metadata } as AIMessageChunkFields;
    said = said.concat(new AIMessageChunk(aside));
    info = { ...info, ...chunk.generationInfo };
    if (usage_metadata !== undefined && said.usage_metadata !== undefined) yield { event: "usage", usage: said.usage_metadata };
  }
  yield* blocks.finish();
  const { prompt: _prompt, completion: _completion, ...rest } = info;
  const reason = finishReason(info, said.response_metadata, said.additional_kwargs);
  yield {
    event: "message-finish",
    ...(reason !== undefined && { reason: standardReason(reason) }),
    ...(said.usage_metadata !== undefined && { usage: said.usage_metadata }),
    responseMetadata: { ...rest, ...said.response_metadata },
  };
}

/** Blocks that say again what the tool call chunks say. */
const TOOL_BLOCKS = new Set([
  "tool_call",
  "tool_call_chunk",
  "invalid_tool_call",
  "tool_use",
  "input_json_delta",
  "functionCall",
]);

type Block = Record<string, unknown>;

/** The blocks of a message under way, by what tells them apart. */
class Blocks {
  readonly #blocks = new Map<string, { readonly index: number; block: Block }>();
  #last = "";

  *add(message: AIMessageChunk): Generator<ChatModelStreamEvent> {
    for (const key of REASONING_KEYS) {
      const reasoning = message.additional_kwargs[key];
      if (typeof reasoning === "string" && reasoning !== "") yield* this.#addReasoning("reasoning", reasoning);
    }
    if (typeof message.content === "string") {
      if (message.content !== "") yield* this.#addText("text", message.content);
    } else {
      for (const block of message.contentBlocks.map(standardBlock)) if (!isToolBlock(block)) yield* this.#addBlock(block);
    }
    const chunks = message.tool_call_chunks ?? [];
    for (const chunk of chunks) yield* this.#addToolCall(chunk);
    if (chunks.length > 0) return;
    for (const call of message.tool_calls ?? []) yield* this.#start(`call ${this.#blocks.size}`, { ...call, type: "tool_call" });
  }

  *finish(): Generator<ChatModelStreamEvent> {
    for (const { index, block } of this.#blocks.values()) {
      yield { event: "content-block-finish", index, content: finalizeContentBlock(block as ContentBlock) };
    }
  }

  *#addBlock(block: Block): Generator<ChatModelStreamEvent> {
    const { type, index, text, reasoning, ...rest } = block;
    const key = this.#keyOf(String(type), index);
    if (type === "text" && typeof text === "string") yield* this.#addText(key, text);
    else if (type === "reasoning" && typeof reasoning === "string") yield* this.#addReasoning(key, reasoning);
    else if (!this.#blocks.has(key)) return yield* this.#start(key, { ...block });
    if (Object.keys(rest).length > 0 && this.#blocks.has(key)) yield this.#update(key, { type: String(type), ...rest });
  }

  /** Blocks without an index go on with the last block of their type, as long as no other comes between. */
  #keyOf(type: string, index: unknown): string {
    if (typeof index === "number" || typeof index === "string") return `${type} ${index}`;
    const goesOn = this.#blocks.get(this.#last)?.block["type"] === type && (type === "text" || type === "reasoning");
    return goesOn ? this.#last : `${type} #${this.#blocks.size}`;
  }

  *#addText(key: string, text: string): Generator<ChatModelStreamEvent> {
    yield* this.#start(key, { type: "text", text: "" });
    yield this.#append(key, "text", text, { type: "text-delta", text });
  }

  *#addReasoning(key: string, reasoning: string): Generator<ChatModelStreamEvent> {
    yield* this.#start(key, { type: "reasoning", reasoning: "" });
    yield this.#append(key, "reasoning", reasoning, { type: "reasoning-delta", reasoning });
  }

  *#addToolCall({ id, name, args = "", index }: ToolCallChunk): Generator<ChatModelStreamEvent> {
    const key = `call ${String(index ?? id ?? "")}`;
    yield* this.#start(key, { type: "tool_call_chunk", id, name, args: "", index });
    const known = this.#blocks.get(key)?.block;
    const fields = { type: "tool_call_chunk", id: known?.["id"] ?? id, name: known?.["name"] ?? name };
    yield this.#update(key, { ...fields, args: textIn(known, "args") + args });
  }

  *#start(key: string, block: Block): Generator<ChatModelStreamEvent> {
    this.#last = key;
    if (this.#blocks.has(key)) return;
    const index = this.#blocks.size;
    this.#blocks.set(key, { index, block });
    yield { event: "content-block-start", index, content: { ...block } as ContentBlock };
  }

  #append(key: string, field: string, text: string, delta: ContentBlockDelta): ChatModelStreamEvent {
    const known = this.#blocks.get(key) as { index: number; block: Block };
    known.block = { ...known.block, [field]: textIn(known.block, field) + text };
    return { event: "content-block-delta", index: known.index, delta };
  }

  #update(key: string, fields: Block & { type: string }): ChatModelStreamEvent {
    const known = this.#blocks.get(key) as { index: number; block: Block };
    known.block = { ...known.block, ...fields };
    return { event: "content-block-delta", index: known.index, delta: { type: "block-delta", fields } };
  }
}

function textIn(block: Block | undefined, field: string): string {
  const text = block?.[field];
  return typeof text === "string" ? text : "";
}

/** Anthropic's signature of a thought comes in a chunk of its own, which LangChain takes for something unknown. */
function standardBlock(block: Block): Block {
  const inner = block["type"] === "non_standard" ? (block["value"] as Block | undefined) : undefined;
  return inner?.["type"] === "thinking" ? { ...inner, type: "reasoning" } : block;
}

function isToolBlock(block: Block): boolean {
  const inner = block["type"] === "non_standard" ? (block["value"] as Block | undefined)?.["type"] : block["type"];
  return TOOL_BLOCKS.has(String(inner));
}

/** The protocol has four reasons; what it does not know, it calls a normal end. */
function standardReason(reason: string): FinishReason {
  if (/length|max_.*tokens|incomplete/i.test(reason)) return "length";
  if (/tool|function/i.test(reason)) return "tool_use";
  return /filter|safety|refusal|recitation|prohibited|blocklist|spii/i.test(reason) ? "content_filter" : "stop";
}
