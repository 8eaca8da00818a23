/** The demo's chain, and asking it. */
import type { AIMessage } from "@langchain/core/messages";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { hitOf } from "../../cache/response-codec.ts";
import { staticPolicy } from "../../cache/semantic/policies/static.ts";
import { TieredCache } from "../../cache/tiered-cache.ts";
import { diskTier } from "../../cache/tiers/disk.ts";
import { memoryTier } from "../../cache/tiers/memory.ts";
import { LocalEmbeddings } from "../../embeddings/local-embeddings.ts";
import { StrataError } from "../../core/errors.ts";
import type { DemoSetup } from "./setup.ts";

/** One question, asked once. */
export interface Asked {
  readonly question: string;
  /** Of the whole chain. */
  readonly ms: number;
  /** Of the cache alone. */
  readonly lookupMs: number;
  /** Where the answer came from; `undefined` = the model. */
  readonly tier: string | undefined;
  readonly savedTokens: number;
}

/** Which earlier question's answer was given, and how near it was. */
export interface Rephrased {
  readonly question: string;
  readonly source: "exact" | "semantic" | "adapted" | "model";
  readonly similarity: number | undefined;
  readonly ms: number;
}

export interface AskOptions {
  /** Asked last, and answered by what was asked before in other words. */
  readonly rephrased?: readonly string[];
  /** How often every question is asked, one round after the other. */
  readonly rounds: number;
  readonly onProgress?: (done: number, seconds: number) => void;
}

/** Asks every question in rounds through one chain and one cache, which is closed at the end. */
export async function askAll(
  questions: readonly string[],
  setup: DemoSetup,
  options: AskOptions,
): Promise<{ readonly rounds: Asked[][]; readonly rephrased: Rephrased[] }> {
  const embeddings = new LocalEmbeddings();
  const cache = new TieredCache({
    tiers: [memoryTier(), diskTier({ path: setup.folder })],
    ...(options.rephrased !== undefined && {
      scope: "global",
      semantic: { embeddings, embeddingModel: embeddings.info.model, policy: staticPolicy() },
    }),
  });
  // The embedding model is loaded before the first answer, which waits for it no longer than a cache may.
  if (options.rephrased !== undefined) await embeddings.embedQuery(questions[0] ?? "");
  const model = await makeModel(setup, cache);
  const chain = ChatPromptTemplate.fromMessages([
    ["system", "You are a patient teacher. Answer in the language of the question."],
    ["human", "{question}"],
  ]).pipe(model);

  const rounds: Asked[][] = [];
  for (let round = 0; round < options.rounds; round++) {
    const answers: Asked[] = [];
    for (const question of questions) {
      const start = performance.now();
      const tick = (): void => options.onProgress?.(answers.length, Math.round((performance.now() - start) / 1000));
      const ticking = setInterval(tick, 1000);
      tick();
      try {
        const answer = (await chain.invoke({ question })) as AIMessage;
        answers.push(describe(question, performance.now() - start, answer));
      } finally {
        clearInterval(ticking);
      }
    }
    rounds.push(answers);
  }
  const rephrased: Rephrased[] = [];
  await cache.flush();
  for (const question of options.rephrased ?? []) {
    const start = performance.now();
    const answer = (await chain.invoke({ question })) as AIMessage;
    const hit = hitOf(answer);
    rephrased.push({
      ...{ question, source: hit?.source ?? "model", similarity: hit?.similarity },
      ms: performance.now() - start,
    });
  }
  await cache.close();
  await embeddings.close();
  return { rounds, rephrased };
}

async function makeModel({ apiKey, baseURL }: DemoSetup, cache: TieredCache) {
  const deepseek = await import("@langchain/deepseek").catch((cause: unknown) => {
    throw new StrataError("MISSING_PEER", "The demo needs the package @langchain/deepseek: npm install @langchain/deepseek", {
      cause,
    });
  });
  const configuration = baseURL === undefined ? {} : { configuration: { baseURL } };
  return new deepseek.ChatDeepSeek({ model: "deepseek-reasoner", apiKey, cache, ...configuration });
}

function describe(question: string, ms: number, answer: AIMessage): Asked {
  const hit = hitOf(answer);
  return { question, ms, lookupMs: hit?.ms ?? 0, tier: hit?.tier, savedTokens: hit?.savedUsage.total_tokens ?? 0 };
}
