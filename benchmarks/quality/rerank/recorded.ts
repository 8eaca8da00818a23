/** A strong reranker, recorded on TREC DL19 behind four first stages, replayed: what fusion, policy and depth are worth. */
import { Document } from "@langchain/core/documents";
import {
  adaptivePolicy,
  evaluateRerank,
  RerankCompressor,
  type RerankCase,
  type RerankCompressorOptions,
  type Reranker,
  type RerankEvaluation,
} from "langchain-strata";
import { seededRandom } from "../../../test/support/seeded-random.ts";
import { collection, recorded } from "./data.ts";

const STAGES = [
  ["BM25", "BM25"],
  ["TAS-B", "D_BERT_KD_TASB"],
  ["ada-002", "OPEN_AI_ADA2"],
  ["SPLADE++", "SPLADE_P_P_ENSEMBLE_DISTIL"],
] as const;
const RERANKER = "output_v2_aug_vicuna_7b";
const CANDIDATES = 100;

interface Replay {
  readonly name: string;
  readonly cases: readonly RerankCase[];
  readonly reranker: Reranker;
}

type Evaluate = (replay: Replay, options: Partial<RerankCompressorOptions>) => Promise<RerankEvaluation>;

const evaluate: Evaluate = ({ name, cases, reranker }, options) => {
  const compressor = new RerankCompressor({ reranker, candidates: CANDIDATES, firstStage: name, scoreCache: false, ...options });
  return evaluateRerank({ cases, compressor, random: seededRandom(11) });
};

export async function recordedTables(folder: string): Promise<void> {
  const replays = STAGES.map(([name, file]) => replayOf(folder, name, file));
  console.log("\n#### TREC DL19, a recorded 7B listwise reranker, 100 candidates, nDCG@10 (trec_eval)\n");
  console.log("| first stage | none | replaced | fused (default) | gain, 95 % | hurt: replaced / fused | best order |");
  console.log("| --- | ---: | ---: | ---: | --- | --- | ---: |");
  for (const replay of replays) {
    const replaced = await evaluate(replay, { fusion: { method: "none" } });
    const fused = await evaluate(replay, {});
    const { low, high } = fused.gain.ndcg;
    const cells = [replaced.before, replaced.after, fused.after].map(({ ndcg }) => ndcg.toFixed(4));
    const best = fused.oracle.ndcg.toFixed(4);
    console.log(
      `| ${[replay.name, ...cells, `${low.toFixed(3)} to ${high.toFixed(3)}`, `${replaced.hurt} / ${fused.hurt}`, best].join(" | ")} |`,
    );
  }
  await policyTable(replays);
  await depthTable(replays);
}

/** The best scores of all queries are known to the policy, without any label: what a retriever has seen after a while. */
function warmed(replay: Replay, depth: number): ReturnType<typeof adaptivePolicy> {
  const policy = adaptivePolicy({ share: 0.53, explore: 0, depth, minHistory: 1 });
  policy.restore({ [replay.name]: replay.cases.map(({ documents }) => documents[0]?.metadata["score"] as number) });
  return policy;
}

async function policyTable(replays: readonly Replay[]): Promise<void> {
  console.log("\n#### The adaptive policy there: share 0.53 of the retriever's own queries, depth 100\n");
  console.log("| first stage | order | reranked | always | policy | gain kept | at random | best choice | chance |");
  console.log("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
  for (const method of ["none", "rrf"] as const) {
    for (const replay of replays) {
      const { after, policy } = await evaluate(replay, { fusion: { method }, policy: warmed(replay, CANDIDATES) });
      const shares = [policy.gainKept, policy.randomGainKept, policy.oracleGainKept].map(percent);
      const cells = [
        percent(policy.rerankRate),
        policy.always.toFixed(4),
        after.ndcg.toFixed(4),
        ...shares,
        policy.chance.toFixed(3),
      ];
      console.log(`| ${[replay.name, method === "none" ? "replaced" : "fused", ...cells].join(" | ")} |`);
    }
  }
}

async function depthTable(replays: readonly Replay[]): Promise<void> {
  console.log("\n#### The depth that the policy chooses there, every query reranked\n");
  console.log("| first stage | depth 100 | chosen | documents scored |\n| --- | ---: | ---: | ---: |");
  for (const replay of replays) {
    const { after, policy } = await evaluate(replay, { policy: { share: 1, minHistory: 1, explore: 0 } });
    console.log(`| ${replay.name} | ${policy.always.toFixed(4)} | ${after.ndcg.toFixed(4)} | ${percent(policy.scoredShare)} |`);
  }
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function replayOf(folder: string, name: string, file: string): Replay {
  const { documents, queries } = collection(folder, "trec-dl19");
  const texts = new Map(documents.map(({ id, text }) => [id, text]));
  const first = recorded<[string, number][]>(folder, `first.${file}`) ?? {};
  const orders = recorded<string[]>(folder, `rerank.${file}.${RERANKER}.top${CANDIDATES}`) ?? {};
  // The recorded order knows documents by their ids; the seam knows texts.
  const ranks = new Map<string, Map<string, number>>();
  const cases = queries.map(({ id, text, grades }): RerankCase => {
    const found = (first[id] ?? []).slice(0, CANDIDATES);
    const rank = new Map((orders[id] ?? []).map((document, index) => [document, index]));
    ranks.set(
      text,
      new Map(found.map(([document]) => [`${document} ${texts.get(document) ?? ""}`, rank.get(document) ?? CANDIDATES])),
    );
    return {
      ...{ query: text, grades },
      documents: found.map(([document, score]) => {
        return new Document({ id: document, pageContent: `${document} ${texts.get(document) ?? ""}`, metadata: { score } });
      }),
    };
  });
  const reranker: Reranker = {
    ...{ name: RERANKER, scoreKind: "ordinal", listwise: true },
    async rerank(query, asked) {
      const rank = ranks.get(query);
      const scores = asked.map((text, index) => ({ index, score: -(rank?.get(text) ?? CANDIDATES) }));
      return scores.toSorted((a, b) => b.score - a.score);
    },
  };
  return { name, cases, reranker };
}
