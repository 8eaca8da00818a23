const SENTENCE_END = /[.!?…。！？]["'”’)\]]*(?=\s|$)|\n\s*\n/gu;

/**
 * The longest beginning of a text that ends with a sentence and that fits.
 * @param fits whether a beginning fits; what fits, fits also when it is shorter
 * @returns `undefined` when not even the first sentence does
 */
export function cutAtSentence(text: string, fits: (beginning: string) => boolean): string | undefined {
  const ends = Array.from(text.matchAll(SENTENCE_END), ({ index, 0: end }) => index + (end.trim() === "" ? 0 : end.length));
  // Halving: a user's counter of tokens may be slow.
  let [fitting, tooLong] = [-1, ends.length];
  while (tooLong - fitting > 1) {
    const middle = Math.floor((fitting + tooLong) / 2);
    if (fits(text.slice(0, ends[middle]))) fitting = middle;
    else tooLong = middle;
  }
  const cut = fitting < 0 ? "" : text.slice(0, ends[fitting]).trimEnd();
  return cut === "" ? undefined : cut;
}
