/** A server over a cache in memory, in front of the stand-in of the DeepSeek API; with what its callers need. */
import { onTestFinished } from "vitest";
import { TieredCache } from "../../src/cache/tiered-cache.ts";
import type { TieredCacheOptions } from "../../src/cache/cache-options.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import { startServer, type StrataServer } from "../../src/serve/start-server.ts";
import type { ServeOptions } from "../../src/serve/serve-options.ts";
import { startDeepSeekStandIn, type DeepSeekStandIn } from "../../src/testing/deepseek-stand-in/start.ts";
import type { DeepSeekStandInOptions } from "../../src/testing/deepseek-stand-in/options.ts";

export const SECRET = "a secret of the tests that nobody guesses";

export interface ServeBed {
  readonly server: StrataServer;
  readonly cache: TieredCache;
  readonly api: DeepSeekStandIn;
  /** Asks the proxy; the key is `sk-a` unless another is given, and none for `null`. */
  readonly ask: (body: object, options?: AskOptions) => Promise<Response>;
}

export interface AskOptions {
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export async function serveBed(
  options: Partial<Omit<ServeOptions, "parts">> & {
    readonly api?: DeepSeekStandInOptions;
    readonly cache?: TieredCacheOptions;
    readonly parts?: Partial<ServeOptions["parts"]>;
  } = {},
): Promise<ServeBed> {
  const { api: apiOptions, cache: cacheOptions, parts, ...rest } = options;
  const api = await startDeepSeekStandIn({ delay: 0, ...apiOptions });
  const cache = new TieredCache({ tiers: [memoryTier()], ...cacheOptions });
  const server = await startServer({ upstream: `${api.url}/v1`, secret: SECRET, ...rest, parts: { cache, ...parts } });
  onTestFinished(async () => {
    await server.close();
    await cache.close();
    await api.close();
  });
  return {
    server,
    cache,
    api,
    ask: (body, { key = "sk-a", headers, signal } = {}) =>
      fetch(`${server.url}/v1/chat/completions`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(key !== null && { authorization: `Bearer ${key}` }),
          ...headers,
        },
        body: JSON.stringify(body),
        ...(signal !== undefined && { signal }),
      }),
  };
}

export function question(text: string, more: object = {}): object {
  return { model: "deepseek-reasoner", messages: [{ role: "user", content: text }], ...more };
}

/** The chunks of a stream, without its last word. */
export function chunksIn(text: string): Record<string, unknown>[] {
  const lines = text.split("\n").filter((line) => line.startsWith("data: ") && line !== "data: [DONE]");
  return lines.map((line) => JSON.parse(line.slice(6)) as Record<string, unknown>);
}

/** What a stream says, put together. */
export function said(text: string): { readonly reasoning: string; readonly content: string; readonly finish: unknown } {
  let [reasoning, content]: [string, string] = ["", ""];
  let finish: unknown;
  for (const chunk of chunksIn(text)) {
    const [choice] = chunk["choices"] as { delta: Record<string, string | null>; finish_reason: unknown }[];
    reasoning += choice?.delta["reasoning_content"] ?? "";
    content += choice?.delta["content"] ?? "";
    finish = choice?.finish_reason ?? finish;
  }
  return { reasoning, content, finish };
}
