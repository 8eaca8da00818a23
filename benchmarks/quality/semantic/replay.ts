/** Replays a stream against a policy as the cache would: what is served is not stored, what is missed is, and its answer teaches. */
import type { SemanticCandidate, SimilarityPolicy } from "../../../src/cache/semantic/similarity-policy.ts";
import type { Neighbours } from "./neighbours.ts";
import type { Stream } from "./streams.ts";

/** Candidates that a policy sees, as in the cache. */
const CANDIDATES = 5;

/** A verifier that errs: shares of wrong answers that it accepts, and of right ones that it rejects. */
export interface Judge {
  readonly falseAccepts: number;
  readonly falseRejects: number;
}

export interface Tally {
  readonly requests: number;
  readonly hits: number;
  readonly wrong: number;
  readonly judged: number;
  /** Hits among the first 1,500 requests. */
  readonly early: number;
  /** Milliseconds of the slowest decide and learn calls at the 99.9th percentile. */
  readonly slowest: number;
}

export function replay(
  policy: SimilarityPolicy,
  { prompts, classes }: Stream,
  neighbours: Neighbours,
  order: Int32Array,
  random: () => number,
  judge?: Judge,
): Tally {
  /** Class of the answer that a stored prompt leads to; -1 while it is not stored. */
  const answers = new Int32Array(prompts.length).fill(-1);
  const entries: string[] = [];
  const population = "stream";
  const times: number[] = [];
  let hits = 0;
  let wrong = 0;
  let judged = 0;
  let early = 0;
  for (const [index, id] of order.entries()) {
    const question = { text: prompts[id]!, population };
    const candidates: SemanticCandidate[] = [];
    const ids: number[] = [];
    for (let at = neighbours.starts[id]!; at < neighbours.starts[id + 1]! && ids.length < CANDIDATES; at++) {
      const other = neighbours.ids[at]!;
      if (answers[other]! < 0) continue;
      ids.push(other);
      candidates.push({ entryId: entries[other]!, text: prompts[other]!, similarity: neighbours.similarities[at]! });
    }
    const start = performance.now();
    const decision = policy.decide(question, candidates);
    const candidate = decision.candidate ?? 0;
    const chosen = ids[candidate];
    const right = chosen !== undefined && answers[chosen] === classes[id];
    let served = decision.action === "serve" && decision.audit !== true;
    let verdict: boolean | undefined;
    if (judge !== undefined && decision.action === "verify" && chosen !== undefined) {
      judged++;
      verdict = right ? random() >= judge.falseRejects : random() < judge.falseAccepts;
      served = verdict;
      policy.learn?.({ question, candidates, candidate, right: verdict, source: "verifier" });
    }
    if (served && chosen !== undefined) {
      hits++;
      if (index < 1_500) early++;
      if (!right) wrong++;
      if (verdict === true) store(id, answers[chosen]!, entries[chosen]!);
    } else {
      store(id, classes[id]!, String(id));
      if (chosen !== undefined && verdict === undefined) {
        policy.learn?.({ question, candidates, candidate, right, source: decision.audit === true ? "audit" : "answer" });
      }
    }
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return { requests: order.length, hits, wrong, judged, early, slowest: times[Math.floor(times.length * 0.999)] ?? 0 };

  function store(id: number, answer: number, entry: string): void {
    answers[id] = answer;
    entries[id] = entry;
  }
}

/** The order of a shuffle, the same for the same source of randomness. */
export function shuffled(length: number, random: () => number): Int32Array {
  const order = Int32Array.from({ length }, (_, index) => index);
  for (let last = length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}
