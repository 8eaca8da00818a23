/** A reranking as a run in LangChain's traces, beneath the retriever that asked for it. */
import { CallbackManager, type Callbacks } from "@langchain/core/callbacks/manager";
import type { Document } from "@langchain/core/documents";
import type { RerankRun } from "./rerank-run.ts";
import type { Reranker } from "./reranker.ts";

const NAME = "RerankCompressor";
const SERIALIZED = { lc: 1, type: "not_implemented", id: ["langchain-strata", NAME] } as const;

export interface TracedCall {
  readonly query: string;
  /** Documents that came in. */
  readonly candidates: number;
  readonly firstStage: string;
  /** In the order in which they are asked. */
  readonly rerankers: readonly Reranker[];
}

/** What a run shows when it ends, beside the documents. */
export interface RerankTrace {
  readonly outcome: RerankRun["outcome"];
  /** Why the policy decided so. */
  readonly reason: string;
  /** The one that gave the scores. */
  readonly reranker?: string;
  /** Whether another one than the first, or none, served although reranking was wanted. */
  readonly fallback: boolean;
  readonly candidates: number;
  readonly depth: number;
  readonly kept: number;
  readonly asked: number;
  readonly cached: number;
  readonly cost: number;
  readonly faults: RerankRun["faults"];
}

/**
 * Runs `work` as a run named `RerankCompressor`: what is asked at its start, with `first_stage` and `rerankers` as metadata; at its end the
 * documents and a {@link RerankTrace}. Without callbacks, and none set by the environment, nothing but `work` happens.
 */
export async function traced(
  call: TracedCall,
  callbacks: Callbacks | undefined,
  work: () => Promise<{ readonly run: RerankRun; readonly documents: Document[] }>,
): Promise<Document[]> {
  const { query, candidates, firstStage, rerankers } = call;
  const metadata = { first_stage: firstStage, rerankers: rerankers.map(({ name }) => name) };
  const manager = CallbackManager.configure(callbacks, undefined, undefined, undefined, undefined, metadata);
  if (manager === undefined) return (await work()).documents;
  const started = await manager.handleChainStart(
    { ...SERIALIZED, id: [...SERIALIZED.id] },
    { query, candidates },
    ...([undefined, undefined, undefined, undefined, NAME] as const),
  );
  try {
    const { run, documents } = await work();
    await started.handleChainEnd({ documents, rerank: traceOf(run, rerankers, documents.length) });
    return documents;
  } catch (error) {
    await started.handleChainError(error);
    throw error;
  }
}

function traceOf(run: RerankRun, [first]: readonly Reranker[], kept: number): RerankTrace {
  const { outcome, decision, reranker, placed, asked, cached, usage, faults } = run;
  return {
    ...{
      outcome,
      reason: decision.reason,
      fallback: outcome === "failed" || (reranker !== undefined && reranker !== first?.name),
    },
    ...(reranker !== undefined && { reranker }),
    ...{ candidates: placed.length, depth: decision.depth, kept, asked, cached, cost: usage.cost, faults },
  };
}
