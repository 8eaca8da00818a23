/**
 * Markdown answers for the compression benchmark, made at run time from text that `npm install` has already brought, so that
 * nothing is downloaded and nobody's text is copied into this repository:
 *
 * - `docs`: consecutive sections of package READMEs, which is how a model answers a programming question: headings, prose, lists
 *   and code about one subject;
 * - `prose`: paragraphs of those READMEs without code, from many packages, so that nothing repeats but the language itself.
 *   This is harder to compress than a real answer, which stays with one subject;
 * - `portuguese`: the compiler's Portuguese messages as headings and lists, likewise of many subjects.
 *
 * Every family is split by source into two halves, `a` and `b`. The preset dictionary was composed without looking at either;
 * the halves show that its gain does not depend on which text is measured.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { serializeGeneration } from "@langchain/core/caches";
import { AIMessage, type AIMessageFields, type UsageMetadata } from "@langchain/core/messages";
import type { ChatGeneration } from "@langchain/core/outputs";
import { encodeAnswer } from "../../src/cache/response-codec.ts";

export type Family = "docs" | "prose" | "portuguese";
export type Half = "a" | "b";
export const FAMILIES: readonly Family[] = ["docs", "prose", "portuguese"];

/** One measured value: what this library's cache stores, and what LangChain's own caches would have stored. */
export interface Sample {
  readonly generation: ChatGeneration;
  readonly payload: Uint8Array;
  /** Bytes of `JSON.stringify([serializeGeneration(generation)])`. */
  readonly langChainBytes: number;
}

/** Blocks of text, one list a source. */
type Sources = ReadonlyArray<{ readonly half: Half; readonly blocks: readonly string[] }>;

/**
 * Makes `count` samples whose answer has about `bytes` bytes; with `reasoning`, the message also carries a chain of thought of
 * twice that, which LangChain stores once and compression therefore gains less on.
 */
export function samples(family: Family, half: Half, bytes: number, count: number, reasoning = false): Sample[] {
  const text = stream(family, half);
  const thoughts = reasoning ? stream("prose", half) : undefined;
  return Array.from({ length: count }, (_, index) => sampleOf(text(bytes), thoughts?.(2 * bytes), index));
}

/** One answer with everything that `ChatDeepSeek` hands to a cache, in its order. */
function sampleOf(answer: string, thought: string | undefined, index: number): Sample {
  const digest = hash(`${index}:${answer}`);
  const input = 200 + index * 17;
  const reasoning = Math.ceil((thought?.length ?? 0) / 4);
  const output = Math.ceil(answer.length / 4) + reasoning;
  const total = input + output;
  const counted: UsageMetadata = {
    output_tokens: output,
    input_tokens: input,
    total_tokens: total,
    input_token_details: { cache_read: 0 },
    output_token_details: thought === undefined ? {} : { reasoning },
  };
  const metadata: Record<string, unknown> = {
    tokenUsage: { promptTokens: input, completionTokens: output, totalTokens: total },
    finish_reason: "stop",
    model_provider: "deepseek",
    model_name: thought === undefined ? "deepseek-chat" : "deepseek-reasoner",
    usage: {
      prompt_tokens: input,
      completion_tokens: output,
      total_tokens: total,
      prompt_tokens_details: { cached_tokens: 0 },
      ...(thought === undefined ? {} : { completion_tokens_details: { reasoning_tokens: reasoning } }),
      prompt_cache_hit_tokens: 0,
      prompt_cache_miss_tokens: input,
    },
    system_fingerprint: `fp_${digest.slice(0, 10)}_prod0820_fp8_kvcache`,
  };
  const fields = {
    content: answer,
    additional_kwargs: thought === undefined ? {} : { reasoning_content: thought },
    response_metadata: metadata,
    usage_metadata: counted,
    id: digest.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"),
  };
  const message = new AIMessage(fields as AIMessageFields);
  const generation: ChatGeneration = { text: answer, message, generationInfo: { finish_reason: "stop" } };
  return {
    generation,
    payload: Buffer.from(JSON.stringify(encodeAnswer([generation]))),
    langChainBytes: Buffer.byteLength(JSON.stringify([serializeGeneration(generation)])),
  };
}

/** Hands out one text after another, never the same passage twice before all have been used. */
function stream(family: Family, half: Half): (bytes: number) => string {
  const blocks = sourcesOf(family)
    .filter((source) => source.half === half)
    .flatMap((source) => source.blocks);
  let next = 0;
  return (bytes) => {
    let text = "";
    while (text.length < bytes) text += `${text === "" ? "" : "\n\n"}${blocks[next++ % blocks.length] ?? ""}`;
    return Buffer.from(text).subarray(0, bytes).toString("utf8").replace(/�+$/, "");
  };
}

const sourcesByFamily = new Map<Family, Sources>();

function sourcesOf(family: Family): Sources {
  let sources = sourcesByFamily.get(family);
  if (sources === undefined) {
    sources = family === "portuguese" ? portugueseMessages() : readmes(family);
    sourcesByFamily.set(family, sources);
  }
  return sources;
}

const require = createRequire(import.meta.url);
const modules = dirname(dirname(require.resolve("typescript/package.json")));

function readmes(family: "docs" | "prose"): Sources {
  const unique = new Map<string, string>();
  for (const path of readdirSync(modules, { recursive: true, encoding: "utf8" }).toSorted()) {
    if (!/(^|\/)readme\.md$/i.test(path)) continue;
    const text = withoutBadges(readFileSync(join(modules, path), "utf8"));
    if (text.length > 4_000) unique.set(hash(text), text);
  }
  const texts = [...unique].toSorted(([one], [other]) => (one < other ? -1 : 1));
  const whole = texts.map(([digest, text]) => ({ half: halfOf(digest), blocks: family === "docs" ? [text] : paragraphs(text) }));
  return family === "docs" ? whole : shuffled(whole);
}

/** Badges, raw HTML and link definitions: a model's answer has none. */
function withoutBadges(text: string): string {
  return text
    .split("\n")
    .filter((line) => !/^\s*(<|\[!|!\[|\[[^\]]+\]:)/.test(line))
    .join("\n");
}

function paragraphs(text: string): string[] {
  return text
    .replace(/```[\s\S]*?```/g, "")
    .split(/\n{2,}/)
    .filter((block) => block.length > 150 && /^[A-Z]/.test(block) && (block.match(/[a-z ]/gi)?.length ?? 0) > 0.9 * block.length);
}

/** Neighbouring blocks from different packages: the order of their hashes. */
function shuffled(sources: Sources): Sources {
  return (["a", "b"] as const).map((half) => ({ half, blocks: byHash(blocksOf(sources, half)) }));
}

function blocksOf(sources: Sources, half: Half): string[] {
  return sources.filter((source) => source.half === half).flatMap((source) => source.blocks);
}

function portugueseMessages(): Sources {
  const path = join(modules, "typescript/lib/pt-br/diagnosticMessages.generated.json");
  const messages = Object.values(JSON.parse(readFileSync(path, "utf8")) as Record<string, string>);
  const sentences = byHash([...new Set(messages)].filter((message) => message.length > 60));
  return sentences.map((sentence, index) => ({
    half: halfOf(hash(sentence)),
    blocks: [index % 8 === 0 ? `## ${sentence}` : index % 3 === 0 ? sentence : `${(index % 8) + 1}. **${sentence}**`],
  }));
}

function byHash(texts: readonly string[]): string[] {
  return texts
    .map((text) => [hash(text), text] as const)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([, text]) => text);
}

/** The last digit, since the first ones decide the order. */
function halfOf(digest: string): Half {
  return Number.parseInt(digest.slice(-1), 16) % 2 === 0 ? "a" : "b";
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
