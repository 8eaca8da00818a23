/**
 * A stored answer as the chunks of a stream: first what the model thought, then what it said, then tool calls, then what belongs
 * to the whole answer. Put together by LangChain (`concat`) the chunks give the stored message again.
 *
 * `concat` joins texts that stand under the same key end to end, so metadata goes into the last chunk alone, except for the two
 * fields by which LangChain reads each chunk, and which it does not join.
 */
import { AIMessageChunk, type AIMessage, type AIMessageChunkFields } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatGeneration } from "@langchain/core/outputs";
import { sleep } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { prepareReplay, type HitMetadata, type StoredAnswer } from "../response-codec.ts";

export type ReplayPace = "instant" | "paced";

export interface ReplayOptions {
  readonly pace: ReplayPace;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  /** How long the model took, ms; a paced replay takes no longer. `undefined` = not known. */
  readonly tookMs: number | undefined;
}

/** Characters in one chunk of an instant replay: an interface that draws each chunk stays responsive. */
const INSTANT_CHARS = 200;
/** About 100 tokens a second: as fast as a quick model, and faster than anybody reads. */
const PACED_CHARS_PER_MS = 0.4;
const PACED_CHARS = 12;

/** Where providers put what the model thought, beside the content. */
export const REASONING_KEYS: readonly string[] = ["reasoning_content", "reasoning"];
/** By these LangChain reads a chunk. */
const FORMAT_KEYS = new Set(["model_provider", "output_version"]);
/** Content blocks that hold a text, and under which key. */
const TEXT_BLOCKS: Readonly<Record<string, string>> = { text: "text", reasoning: "reasoning", thinking: "thinking" };

/**
 * Gives an answer out in chunks.
 * @param generations fresh ones: their parts are given away
 * @throws the signal's reason as soon as it aborts
 */
export async function* replayChunks(
  generations: readonly ChatGeneration[],
  options: ReplayOptions,
): AsyncGenerator<ChatGenerationChunk> {
  const { pace, clock, signal, tookMs } = options;
  const size = pace === "paced" ? PACED_CHARS : INSTANT_CHARS;
  const chunks = generations.flatMap((generation, index) => [...chunksOf(generation, index, size)]);
  const chars = chunks.reduce((sum, chunk) => sum + lengthOf(chunk), 0);
  const msPerChar = Math.min(1 / PACED_CHARS_PER_MS, (tookMs ?? Infinity) / Math.max(1, chars));
  const startedAt = clock.monotonic();
  let told = 0;
  for (const chunk of chunks) {
    signal?.throwIfAborted();
    told += lengthOf(chunk);
    // Each chunk is timed from the start, so that slow timers do not add up.
    const wait = pace === "paced" ? startedAt + told * msPerChar - clock.monotonic() : 0;
    if (wait > 0) await sleep(clock, wait, { signal });
    yield chunk;
  }
}

/**
 * A chunk of the model's own stream, made for somebody else who asked the same: with the id of that caller's hit, and without
 * the usage, which is counted once.
 */
export function sharedChunk(stored: StoredAnswer, hitId: string): ChatGenerationChunk {
  const [generation] = prepareReplay(stored).build({ hit: true, hitId, source: "exact", tier: "coalesced", ms: 0 });
  const { message, text, generationInfo } = generation as ChatGeneration & { message: AIMessageChunk };
  // Said once, by the closing chunk.
  delete message.response_metadata["strata"];
  delete message.usage_metadata;
  return new ChatGenerationChunk({ text, message, ...(generationInfo && { generationInfo }) });
}

/** The end of a stream that was made of `sharedChunk`s. */
export function closingChunk(hit: HitMetadata): ChatGenerationChunk {
  const message = new AIMessageChunk({
    content: "",
    id: `strata-${hit.hitId}`,
    response_metadata: { strata: { ...hit } } as Record<string, unknown>,
    usage_metadata: { input_tokens: 0, output_tokens: 0, total_tokens: 0 },
  } as AIMessageChunkFields);
  return new ChatGenerationChunk({ text: "", message });
}

function* chunksOf(generation: ChatGeneration, index: number, size: number): Generator<ChatGenerationChunk> {
  const message = generation.message as AIMessage;
  const { content, id, usage_metadata } = message;
  const metadata = Object.entries(message.response_metadata as Record<string, unknown>);
  const common = Object.fromEntries(metadata.filter(([name]) => FORMAT_KEYS.has(name)));
  const place = { prompt: 0, completion: index };
  const chunk = (fields: object, text = ""): ChatGenerationChunk => {
    const given = { content: "", response_metadata: { ...common }, ...fields, ...(id !== undefined && { id }) };
    return new ChatGenerationChunk({
      text,
      message: new AIMessageChunk(given),
      generationInfo: { ...place },
    });
  };

  const kwargs = { ...message.additional_kwargs };
  for (const key of REASONING_KEYS) {
    const reasoning = kwargs[key];
    if (typeof reasoning !== "string") continue;
    delete kwargs[key];
    for (const piece of piecesOf(reasoning, size)) yield chunk({ additional_kwargs: { [key]: piece } });
  }
  if (typeof content === "string") {
    for (const piece of piecesOf(content, size)) yield chunk({ content: piece }, piece);
  } else {
    for (const block of blocksOf(content, size)) {
      const { type, text } = block;
      yield chunk({ content: [block] }, type === "text" && typeof text === "string" ? text : "");
    }
  }
  const calls = toolCalls(message);
  if (calls !== undefined) yield chunk(calls);
  const last = chunk({
    content: typeof content === "string" ? "" : [],
    additional_kwargs: kwargs,
    response_metadata: message.response_metadata,
    ...(usage_metadata !== undefined && { usage_metadata }),
  });
  last.generationInfo = { ...place, ...generation.generationInfo };
  yield last;
}

type Block = Readonly<Record<string, unknown>>;

/** Blocks in order, long texts in pieces; `concat` puts pieces with the same `index` together. */
function* blocksOf(content: readonly Block[], size: number): Generator<Block> {
  const areNumbered = content.some((block) => block["index"] !== undefined);
  for (const [at, block] of content.entries()) {
    const { type, index = areNumbered ? undefined : at } = block;
    const key = TEXT_BLOCKS[String(type)];
    const text = key === undefined ? undefined : block[key];
    const pieces = typeof text === "string" ? [...piecesOf(text, size)] : [];
    if (key === undefined || index === undefined || pieces.length < 2) {
      yield block;
      continue;
    }
    // The block's other fields come once: `concat` would join them, too.
    for (const [number, piece] of pieces.entries()) yield { ...(number === 0 ? block : { type }), index, [key]: piece };
  }
}

function toolCalls(message: AIMessage): object | undefined {
  const { tool_calls: calls = [], invalid_tool_calls: invalid = [] } = message;
  if (AIMessageChunk.isInstance(message) && (message.tool_call_chunks ?? []).length > 0) {
    return { tool_call_chunks: message.tool_call_chunks ?? [] };
  }
  if (calls.length + invalid.length === 0) return undefined;
  // Without an id, LangChain takes a chunk for a malformed call; such calls are passed as they are.
  if (calls.some((call) => call.id === undefined)) return { tool_calls: calls };
  const all = [
    ...calls.map((call) => ({ ...call, args: argumentsOf(call) })),
    ...invalid.map(({ name, args, id }) => ({ name, args, id })),
  ];
  return { tool_call_chunks: all.map((call, index) => ({ ...call, index, type: "tool_call_chunk" })) };
}

function argumentsOf(call: { readonly args: Record<string, unknown>; readonly isCustomTool?: boolean }): string {
  return call.isCustomTool === true ? String(call.args["input"]) : JSON.stringify(call.args);
}

/** Pieces of at most about `size` characters, cut behind white space where there is some, and never inside a character. */
function* piecesOf(text: string, size: number): Generator<string> {
  let from = 0;
  while (text.length - from > size) {
    let to = from + size;
    while (to > from && !isSpace(text.charCodeAt(to - 1))) to--;
    if (to === from) to = from + size;
    if (isLowSurrogate(text.charCodeAt(to))) to++;
    yield text.slice(from, to);
    from = to;
  }
  if (from < text.length) yield text.slice(from);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a;
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}

function lengthOf({ message: { content, additional_kwargs: kwargs } }: ChatGenerationChunk): number {
  const said = typeof content === "string" ? [content] : content.map((block) => block[TEXT_BLOCKS[block.type] ?? ""]);
  const thought = REASONING_KEYS.map((key) => kwargs[key]);
  return [...said, ...thought].reduce((sum: number, text) => sum + (typeof text === "string" ? text.length : 0), 0);
}
