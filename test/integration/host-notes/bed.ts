/**
 * `docs/host-notes.md` as tests: a file for each of its sections, a probe for each note, by the same names. A probe shows what
 * LangChain does on its own, so that a release that changes it turns a test red, and then what this package does.
 */
import { readFileSync } from "node:fs";
import { InMemoryCache } from "@langchain/core/caches";
import type { BaseMessage } from "@langchain/core/messages";
import { ChatDeepSeek, type ChatDeepSeekInput } from "@langchain/deepseek";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { memoryTier, TieredCache, type HitMetadata, type TieredCacheOptions } from "../../../src/index.ts";
import { startDeepSeekStandIn, type DeepSeekStandIn } from "../../../src/testing/deepseek-stand-in/start.ts";

export const standIn: DeepSeekStandIn = await startDeepSeekStandIn({ delay: 0 });
beforeEach(() => standIn.reset());
afterAll(() => standIn.close());

const PAGE = readFileSync(new URL("../../../docs/host-notes.md", import.meta.url), "utf8");

/** Declares the probes of one section of the page, and that each of its notes has one. */
export function section(title: string, declare: (note: (name: string, probe: () => Promise<void>) => void) => void): void {
  describe(title, () => {
    const probed: string[] = [];
    declare((name, probe) => {
      probed.push(name);
      test(name, probe);
    });
    test("has a probe for each note of the page", () => {
      const [, text] = PAGE.split(`\n## ${title}\n`);
      const [own = ""] = (text ?? "").split("\n## ");
      expect([...own.matchAll(/^### (.+)$/gm)].map(([, note]) => note)).toEqual(probed);
    });
  });
}

/** Where the page says which release it was checked against. */
export function releaseOnPage(): string | undefined {
  return /`@langchain\/core` (\d+\.\d+\.\d+)/.exec(PAGE)?.[1];
}

/** LangChain's own cache. */
export function plainCache(): InMemoryCache {
  return new InMemoryCache(new Map());
}

export function tieredCache(options: TieredCacheOptions = {}): TieredCache {
  return new TieredCache({ tiers: [memoryTier()], ...options });
}

/** LangChain's own cache, writing down what it is asked. */
export class WatchedCache extends InMemoryCache {
  readonly keys: string[] = [];
  readonly prompts: string[] = [];

  constructor() {
    super(new Map());
  }

  override lookup(prompt: string, llmKey: string): ReturnType<InMemoryCache["lookup"]> {
    this.prompts.push(prompt);
    this.keys.push(llmKey);
    return super.lookup(prompt, llmKey);
  }
}

export function deepSeek(fields: Partial<ChatDeepSeekInput>): ChatDeepSeek {
  const configuration = { baseURL: standIn.url };
  return new ChatDeepSeek({ model: "deepseek-chat", apiKey: "sk-secret", maxRetries: 0, configuration, ...fields });
}

export function hitOf(message: BaseMessage): HitMetadata | undefined {
  return message.response_metadata["strata"] as HitMetadata | undefined;
}

/** The types of core 1.2 make `never` of a property that is there. */
export function totalTokens(message: { usage_metadata?: unknown }): number | undefined {
  return (message.usage_metadata as { total_tokens: number } | undefined)?.total_tokens;
}
