import type { SimilarityPolicy } from "../../src/cache/semantic/similarity-policy.ts";

/** Questions that share no words but a few, so that each is near to its own paraphrase alone. */
export function questionOf(number: number): string {
  return `What is the price of ${wordsOf(number)}`;
}

export function aliasOf(number: number): string {
  return `What is the price of ${wordsOf(number)} please`;
}

export function paraphraseOf(number: number): string {
  return `Tell me what is the price of ${wordsOf(number)}`;
}

function wordsOf(number: number): string {
  const letters = Array.from(String(number).padStart(5, "0"), (digit) => String.fromCharCode(97 + Number(digit)));
  return Array.from(
    { length: 8 },
    (_, place) => letters.map((letter) => letter.repeat(1 + ((place * 7) % 5))).join("") + "qxz"[place % 3],
  ).join(" ");
}

/** Sends every near candidate to the verifier; what it learns is a count. */
export function countingPolicy(): SimilarityPolicy & { readonly learned: () => number } {
  let learned = 0;
  return {
    name: "counting",
    learned: () => learned,
    decide: (_question, [nearest]) => {
      if (nearest === undefined || nearest.similarity < 0.9) return { action: "miss", reason: "Too far." };
      return { action: "verify", candidate: 0, reason: "Near." };
    },
    learn: () => void learned++,
    export: () => ({ learned }),
    restore: (state) => {
      learned = (state as { learned: number }).learned;
      return true;
    },
  };
}
