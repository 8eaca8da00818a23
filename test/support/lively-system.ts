/** A small system with everything that a dashboard shows, and traffic: for browser tests and for the screenshots of the guide. */
import { Document } from "@langchain/core/documents";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { TieredCache } from "../../src/cache/tiered-cache.ts";
import { staticPolicy } from "../../src/cache/semantic/policies/static.ts";
import { diskTier } from "../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import type { CacheTier } from "../../src/cache/tier.ts";
import { pgliteClient } from "../../src/clients/pglite.ts";
import { ConversationStore } from "../../src/history/conversation-store.ts";
import { AdaptiveMemoryRetriever } from "../../src/memory/memory-retriever.ts";
import { alerts } from "../../src/observability/alerts.ts";
import { createMetrics } from "../../src/observability/create-metrics.ts";
import { fanOut } from "../../src/observability/fan-out.ts";
import type { DashboardSource } from "../../src/observability/dashboard/dashboard-source.ts";
import type { Metrics } from "../../src/observability/metrics.ts";
import { recentEvents, type RecentEvents } from "../../src/observability/recent-events.ts";
import { RerankCompressor } from "../../src/rerank/rerank-compressor.ts";
import { lexicalReranker } from "../../src/rerank/rerankers/lexical.ts";
import { chatAnswer, llmKey } from "./model-answers.ts";
import { WordEmbeddings } from "./semantic-bed.ts";

export interface LivelySystem {
  readonly source: Omit<DashboardSource, "metrics"> & {
    readonly metrics: Metrics;
    readonly events: RecentEvents;
    readonly cache: TieredCache;
  };
  /** Asks as a chain does: looks up, and stores an answer after a miss. Gives whether it was a hit. */
  ask(question: string, answer?: string): Promise<boolean>;
  /** One recall and one reranking, and a conversation with a few messages. */
  converse(): Promise<void>;
  close(): Promise<void>;
}

export interface LivelyOptions {
  readonly folder: string;
  /** In front of the disk; default a memory tier. */
  readonly tiers?: readonly CacheTier[];
  readonly conversations?: boolean;
}

const KEY = llmKey();

export function livelySystem({
  folder,
  tiers = [memoryTier({ maxBytes: "8mb" })],
  conversations = false,
}: LivelyOptions): LivelySystem {
  const metrics = createMetrics({ folders: [folder] });
  const events = recentEvents();
  const observer = fanOut(metrics.observer, events.observer);
  const cache = new TieredCache({
    tiers: [...tiers, diskTier({ path: folder, maxBytes: "512mb" })],
    scope: "global",
    storePrompts: true,
    coalesce: false,
    semantic: { embeddings: new WordEmbeddings(), policy: staticPolicy({ similarity: 0.8 }) },
    observer,
  });
  const unwatch = metrics.watch(cache);
  const watching = alerts(undefined, { metrics });
  const sql = conversations ? pgliteClient() : undefined;
  const store = sql && new ConversationStore({ sql, observer });
  const memory = store && new AdaptiveMemoryRetriever({ store, embeddings: new WordEmbeddings(), observer });
  const rerank = new RerankCompressor({ reranker: lexicalReranker(), observer });
  return {
    source: {
      ...{ name: "trading-assistant", metrics, events, cache },
      ...(store !== undefined && { conversations: store }),
      alerts: watching,
    },
    async ask(question, answer = `An answer to: ${question}`) {
      const prompt = `Human: ${question}`;
      const found = await cache.lookup(prompt, KEY);
      if (found !== null) return true;
      const usage_metadata = { input_tokens: 24, output_tokens: 420, total_tokens: 444 };
      await cache.update(
        prompt,
        KEY,
        chatAnswer(answer, { usage_metadata, response_metadata: { model_name: "deepseek-reasoner" } }),
      );
      return false;
    },
    async converse() {
      for (const owner of ["ana", "bruno"]) {
        const history = store?.history({ ownerId: owner, sessionId: `${owner}-monday`, feature: "chat" });
        await history?.addMessages([
          new HumanMessage("What is an order block?"),
          new AIMessage("The last opposite candle before a move."),
        ]);
        await memory?.recall("order block", { ownerId: owner, sessionId: `${owner}-monday` });
      }
      const documents = [
        "A stop loss bounds a loss.",
        "An order block is the last opposite candle.",
        "Tokens prove who a user is.",
        "Risk one percent.",
      ].map((pageContent, index) => new Document({ pageContent, id: `doc-${index}`, metadata: { score: 0.9 - index / 10 } }));
      await rerank.compressDocuments(documents, "what is an order block");
      events.report(await rerank.explain("what is an order block", documents));
    },
    async close() {
      unwatch();
      await watching.close();
      metrics.close();
      await cache.close();
      await memory?.close();
      await store?.close();
      await sql?.close();
    },
  };
}
