import { createHash } from "node:crypto";

import type { ChatRequest } from "./protocol.ts";

/** The stand-in's tokens: 4 characters each. English text takes about 4 characters a token in DeepSeek's own tokeniser. */
const CHARACTERS_PER_TOKEN = 4;

/** The unit that the prompt cache of the API stores and finds: 64 tokens (https://api-docs.deepseek.com/news/news0802). */
const BLOCK_TOKENS = 64;

/** Blocks remembered, over all prompts; the oldest are forgotten first. 100,000 blocks are prompts of 6.4 million tokens. */
const MOST_BLOCKS = 100_000;

/** Cuts a text into tokens; never inside a character. */
export function tokenize(text: string): string[] {
  const characters = Array.from(text);
  const tokens: string[] = [];
  for (let at = 0; at < characters.length; at += CHARACTERS_PER_TOKEN) {
    tokens.push(characters.slice(at, at + CHARACTERS_PER_TOKEN).join(""));
  }
  return tokens;
}

/** The prompt as the model would read it: tools first, then the messages in order. */
export function promptText(request: ChatRequest): string {
  return [...(request.tools ?? []), ...request.messages].map((part) => JSON.stringify(part)).join("\n");
}

/**
 * The context cache of the API: the blocks with which an earlier prompt began need not be read again. A block is known by the
 * digest of itself and all before it, so that only a common beginning can hit.
 */
export class PrefixCache {
  readonly #blocks = new Set<string>();

  /** @returns how many of the prompt's tokens an earlier prompt of the same model began with; remembers the prompt */
  read(model: string, prompt: readonly string[]): number {
    let chain = model;
    let known = 0;
    let matching = true;
    for (let at = 0; at + BLOCK_TOKENS <= prompt.length; at += BLOCK_TOKENS) {
      const block = prompt.slice(at, at + BLOCK_TOKENS).join("");
      chain = createHash("sha256").update(`${chain}\n${block}`).digest("base64");
      matching &&= this.#blocks.has(chain);
      if (matching) known += BLOCK_TOKENS;
      this.#remember(chain);
    }
    return known;
  }

  clear(): void {
    this.#blocks.clear();
  }

  #remember(block: string): void {
    this.#blocks.delete(block);
    this.#blocks.add(block);
    if (this.#blocks.size <= MOST_BLOCKS) return;
    const [oldest] = this.#blocks;
    if (oldest !== undefined) this.#blocks.delete(oldest);
  }
}
