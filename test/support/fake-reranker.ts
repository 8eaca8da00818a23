/** A reranker whose scores, failures and waits are written down in the test. */
import type { RerankCallOptions, RerankedText, Reranker, ScoreKind } from "../../src/rerank/reranker.ts";

export interface FakeReranker extends Reranker {
  /** What it was asked, call by call. */
  readonly asked: { readonly query: string; readonly texts: readonly string[] }[];
  closed: number;
}

export interface FakeRerankerOptions {
  readonly name?: string;
  readonly scoreKind?: ScoreKind;
  readonly listwise?: boolean;
  /** Default: the number in the text, over 100. */
  readonly score?: (text: string) => number;
  /** In place of an answer, call by call from the first; `undefined` answers. */
  readonly acts?: readonly (((options: RerankCallOptions) => Promise<readonly RerankedText[]>) | undefined)[];
}

export function fakeReranker(options: FakeRerankerOptions = {}): FakeReranker {
  const { name = "fake", scoreKind = "probability", acts = [] } = options;
  const score = options.score ?? ((text: string) => Number(/\d+/.exec(text)?.[0] ?? 0) / 100);
  const asked: { query: string; texts: readonly string[] }[] = [];
  return {
    ...{ name, scoreKind, asked, closed: 0, ...(options.listwise && { listwise: true }) },
    async rerank(query, texts, call = {}) {
      asked.push({ query, texts: [...texts] });
      const act = acts[asked.length - 1];
      if (act !== undefined) return act(call);
      call.onUsage?.({ searches: 1, tokens: 10, cost: 0.002 });
      return texts.map((text, index) => ({ index, score: score(text) })).toSorted((a, b) => b.score - a.score);
    },
    async close() {
      this.closed++;
    },
  };
}
