import type { ScoreKind } from "./reranker.ts";

/** From a reranker's score to one that a threshold can be put on; `undefined` where nothing is known of that reranker's scores. */
export type Calibrate = (rawScore: number, reranker: string) => number | undefined;

/** Where thresholds and calibrated scores of a kind lie; `undefined` where only the order means something. */
export function scaleOf(kind: ScoreKind): readonly [from: number, to: number] | undefined {
  if (kind === "ordinal") return undefined;
  return kind === "similarity" ? [-1, 1] : [0, 1];
}

/** Logits become probabilities; the rest is as it is. */
export function calibrated(kind: ScoreKind, raw: number): number {
  return kind === "logit" ? 1 / (1 + Math.exp(-raw)) : raw;
}
