/** A long text in pieces that a model reads whole. */

/** UTF-16 units of a text that local models look at. */
export const LONGEST_READ = 32_768;

/** Where a piece may end: after white space. */
const SPACE = /\s/;

/**
 * Cuts a text into pieces of at most `size` UTF-16 units, at white space where there is some in the last quarter, one overlapping the
 * next by an eighth, so that what is said across a cut is read whole once.
 */
export function chunksOf(text: string, size: number): string[] {
  const read = text.slice(0, LONGEST_READ);
  const chunks: string[] = [];
  for (let from = 0; ;) {
    if (from + size >= read.length) return [...chunks, read.slice(from)];
    let end = from + size;
    while (end > from + size * 0.75 && !SPACE.test(read[end - 1] ?? "")) end--;
    if (end <= from + size * 0.75) end = from + size;
    chunks.push(read.slice(from, end));
    from = end - Math.floor(size / 8);
  }
}
