/**
 * The policy that everyone knows: one threshold on the cosine, and a second one from which an answer is adapted. Hard vetoes come
 * before it. It learns nothing and promises nothing about wrong hits; see `calibratedPolicy` for one that does.
 */
import { StrataConfigError } from "../../../core/errors.ts";
import { parseNumber, refuseUnknown } from "../../../core/options.ts";
import { phraseReader } from "../phrase.ts";
import type { SemanticDecision, SimilarityPolicy } from "../similarity-policy.ts";
import { vetoOf } from "../vetoes.ts";

export interface StaticPolicyOptions {
  /** Cosine from which an answer is served, 0 to 1; default 0.85. Which one is right differs between embedding models. */
  readonly similarity?: number | undefined;
  /** Cosine from which an answer is adapted, where the cache has an adapter; at most `similarity`; default 0.75 or `similarity`. */
  readonly adapt?: number | undefined;
  /** Whether numbers, names, negations and the like forbid a hit; default `true`. */
  readonly vetoes?: boolean | undefined;
}

const SIMILARITY = 0.85;
const ADAPT = 0.75;

/**
 * Serves the nearest candidate at or above a cosine that no veto forbids.
 * @throws {@link StrataConfigError} when a threshold is outside 0 to 1, or `adapt` above `similarity`
 */
export function staticPolicy(options: StaticPolicyOptions = {}): SimilarityPolicy {
  refuseUnknown("staticPolicy", options, ["similarity", "adapt", "vetoes"]);
  const serve = parseNumber("similarity", options.similarity ?? SIMILARITY, 0, 1);
  const adapt = parseNumber("adapt", options.adapt ?? Math.min(ADAPT, serve), 0, 1);
  if (adapt > serve) throw new StrataConfigError("adapt", adapt, `at most \`similarity\`, which is ${serve}`);
  const vetoes: unknown = options.vetoes ?? true;
  if (typeof vetoes !== "boolean") throw new StrataConfigError("vetoes", vetoes, "true or false");
  const read = phraseReader();

  return {
    name: "static",
    decide({ text }, candidates): SemanticDecision {
      if (candidates.length === 0) return { action: "miss", reason: "There is no candidate." };
      let vetoed: SemanticDecision | undefined;
      for (const [candidate, { text: earlier, similarity }] of candidates.entries()) {
        if (!(similarity >= adapt)) continue;
        const veto = vetoes ? vetoOf(read(text), read(earlier)) : undefined;
        const cosine = similarity.toFixed(3);
        if (veto !== undefined) {
          vetoed ??= {
            action: "miss",
            candidate,
            veto,
            reason: `The questions differ in what the veto "${veto}" looks at; similarity ${cosine}.`,
          };
        } else if (similarity >= serve) {
          return { action: "serve", candidate, reason: `Similarity ${cosine} is at or above ${serve}.` };
        } else {
          return { action: "adapt", candidate, reason: `Similarity ${cosine} is at or above ${adapt}, and below ${serve}.` };
        }
      }
      return (
        vetoed ?? {
          action: "miss",
          candidate: 0,
          reason: `Similarity ${candidates[0]!.similarity.toFixed(3)} is below ${adapt}.`,
        }
      );
    },
  };
}
