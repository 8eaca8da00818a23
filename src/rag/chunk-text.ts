/**
 * Cuts a text into chunks at the best place that there is: before a heading, between paragraphs, lines, sentences, words, in this
 * order. Sizes are characters: no tokenizer is loaded, and a model's own bound is far above.
 */
import { StrataConfigError } from "../core/errors.ts";
import { parseCount, refuseUnknown } from "../core/options.ts";

export interface SplitOptions {
  /** Characters of a chunk at most, at least 50; default 1,000, about 250 tokens of English. */
  readonly size?: number | undefined;
  /** Characters that a chunk repeats of the one before, less than half of `size`; default 100. */
  readonly overlap?: number | undefined;
}

export interface Split {
  readonly size: number;
  readonly overlap: number;
}

/** What a chunk may end before, best first. */
const CUTS: readonly RegExp[] = [/\n(?=#{1,6} )/g, /\n\s*\n/g, /\n/g, /[.!?…]["')\]]*\s+/g, /\s+/g];
const SIZE = 1_000;
const OVERLAP = 100;
const LEAST_SIZE = 50;

/** @throws {@link StrataConfigError} naming the option */
export function parseSplit(option: string, given: SplitOptions | undefined): Split {
  refuseUnknown(option, given ?? {}, ["size", "overlap"]);
  const size = parseCount(`${option}.size`, given?.size ?? SIZE, LEAST_SIZE);
  const overlap = parseCount(`${option}.overlap`, given?.overlap ?? Math.min(OVERLAP, Math.floor(size / 4)), 0);
  if (overlap >= size / 2) throw new StrataConfigError(`${option}.overlap`, overlap, `less than half of \`size\`, ${size / 2}`);
  return { size, overlap };
}

/** The chunks of a text in order, without white space around them; none of a text that is white space alone. */
export function chunkText(text: string, { size, overlap }: Split): string[] {
  const chunks: string[] = [];
  let from = 0;
  while (from < text.length) {
    const to = text.length - from <= size ? text.length : from + cutOf(text.slice(from, from + size));
    const chunk = text.slice(from, to).trim();
    if (chunk !== "") chunks.push(chunk);
    if (to >= text.length) break;
    from = to - overlapOf(text.slice(from, to), overlap);
  }
  return chunks;
}

/** Where to end a piece that is full: at the last place of the best kind in its second half. */
function cutOf(piece: string): number {
  const half = Math.floor(piece.length / 2);
  for (const kind of CUTS) {
    let best: number | undefined;
    for (const match of piece.matchAll(kind)) {
      const end = match.index + match[0].length;
      if (end > half) best = end;
    }
    if (best !== undefined) return best;
  }
  return isHighSurrogate(piece.charCodeAt(piece.length - 1)) ? piece.length - 1 : piece.length;
}

/** How much of a chunk's end the next one repeats: from the begin of a sentence, or else of a word. */
function overlapOf(chunk: string, most: number): number {
  const end = chunk.slice(chunk.length - most);
  for (const kind of CUTS.slice(-2)) {
    for (const match of end.matchAll(kind)) {
      const left = end.length - match.index - match[0].length;
      if (left > 0) return left;
    }
  }
  return 0;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
