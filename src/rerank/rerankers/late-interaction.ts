import { systemClock, type Clock } from "../../core/clock.ts";
import { parseByteSize, parseCount, parseDuration, refuseUnknown, type ByteSize, type Duration } from "../../core/options.ts";
import { MINILM_INFO, minilmSource } from "../../embeddings/local-models.ts";
import { sharedTurns } from "../../embeddings/turns.ts";
import { acceptCall } from "../accepted-call.ts";
import { bestFirst, type Reranker } from "../reranker.ts";
import { chunksOf } from "./chunks.ts";
import { maxSim, TokenVectorModel } from "./token-vectors.ts";

export interface LateInteractionOptions {
  /** Threads for one text; default 1. */
  readonly threads?: number | undefined;
  /** Longest time of one text in the model, its load included; default `"60s"`. */
  readonly deadline?: Duration | undefined;
  /** Memory for vectors of texts that were read; default 64 MiB, some 1,500 paragraphs. Their next comparison takes 1 ms, not 15. */
  readonly maxBytes?: ByteSize | undefined;
  readonly clock?: Clock | undefined;
}

/** Characters a piece: 256 tokens of the model are some 1,000 characters of English or Portuguese. */
const CHUNK = 900;
/** UTF-16 units of a query that are looked at: more than the model reads of any language. */
const LONGEST_QUERY = 4_096;

/**
 * Reranks in this process, offline, with the token vectors of the small model of `langchain-strata-minilm` (needs
 * `onnxruntime-node`): each token of the query is compared with the token of the text that it fits best. English and Portuguese, also
 * across the two. The model runs in a thread of its own. A long text is read in pieces; its best piece counts, of its first 32,768
 * characters.
 * @throws {@link StrataConfigError} naming the option
 */
export function lateInteractionReranker(options: LateInteractionOptions = {}): Reranker & { close(): Promise<void> } {
  refuseUnknown("lateInteractionReranker", options, ["threads", "deadline", "maxBytes", "clock"]);
  const { clock = systemClock } = options;
  const settings = {
    threads: parseCount("lateInteractionReranker.threads", options.threads ?? 1),
    deadlineMs: parseDuration("lateInteractionReranker.deadline", options.deadline ?? "60s"),
  };
  const maxBytes = parseByteSize("lateInteractionReranker.maxBytes", options.maxBytes ?? "64mb");
  const model = new TokenVectorModel(() => minilmSource(settings), maxBytes);
  return {
    name: "late-interaction",
    model: `${MINILM_INFO.model}-maxsim-1`,
    scoreKind: "similarity",
    // Of 0.3 to 1 the best over three sets after BM25 (SciFact, FaQuAD, StackFAQ); flat from 0.75 to 0.9.
    weight: 0.85,
    async rerank(query, texts, call = {}) {
      acceptCall(query, texts, call);
      if (texts.length === 0) return [];
      const asked = await model.of(query.slice(0, LONGEST_QUERY), call.signal);
      const turn = sharedTurns(clock);
      const scores: number[] = [];
      for (const text of texts) {
        let best = text.trim() === "" ? 0 : -1;
        for (const chunk of text.trim() === "" ? [] : chunksOf(text, CHUNK)) {
          const vectors = await model.of(chunk, call.signal);
          call.signal?.throwIfAborted();
          best = Math.max(best, await maxSim(asked, vectors, turn));
        }
        scores.push(best);
      }
      return bestFirst(scores, call.topK);
    },
    close: () => model.close(),
  };
}
