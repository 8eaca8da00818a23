import { systemClock, type Clock } from "../../core/clock.ts";
import { parseNumber, refuseUnknown } from "../../core/options.ts";
import { sharedTurns } from "../../embeddings/turns.ts";
import { acceptCall } from "../accepted-call.ts";
import { bestFirst, type Reranker } from "../reranker.ts";
import { Bm25, type Bm25Options } from "./bm25.ts";

export interface LexicalRerankerOptions extends Bm25Options {
  readonly clock?: Clock | undefined;
}

/**
 * Ranks by shared words (BM25 over the texts themselves), in English and Portuguese: no model, no network, a millisecond or two for
 * fifty texts. For the end of a list of rerankers, after those that can fail. Texts that share no word stay as they came.
 * @throws {@link StrataConfigError} naming the option
 */
export function lexicalReranker(options: LexicalRerankerOptions = {}): Reranker {
  refuseUnknown("lexicalReranker", options, ["k1", "b", "clock"]);
  const { clock = systemClock } = options;
  const k1 = parseNumber("lexicalReranker.k1", options.k1 ?? 0.9, 0, 10);
  const b = parseNumber("lexicalReranker.b", options.b ?? 0.4, 0, 1);
  return {
    name: "lexical",
    model: `bm25-${k1}-${b}`,
    scoreKind: "ordinal",
    // How rare a word is, is counted among the texts.
    listwise: true,
    async rerank(query, texts, call = {}) {
      acceptCall(query, texts, call);
      const index = new Bm25({ k1, b });
      const turn = sharedTurns(clock);
      for (const text of texts) {
        await turn();
        call.signal?.throwIfAborted();
        index.add(text);
      }
      return bestFirst(index.scores(query), call.topK);
    },
  };
}
