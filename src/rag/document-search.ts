/**
 * Chunks by words and by meaning, in one list: reciprocal rank fusion (Cormack, Clarke & Büttcher, "Reciprocal Rank Fusion outperforms
 * Condorcet and individual Rank Learning Methods", SIGIR 2009). Ranks, because the meaning search knows the scores of its nearest only,
 * so that there is no mean and no spread to bring both signals to one scale.
 */
import type { ChunkPlace } from "./document-table.ts";

/** Of the paper; any value from 20 to 100 orders the head of the lists alike. */
const K = 60;

export interface FoundPlace extends ChunkPlace {
  /** Fused; only its order means something. */
  readonly score: number;
  /** Cosine to the query, where the meaning search found it. */
  readonly similarity: number | undefined;
}

/** Both lists are best first; of equal scores the order is fixed, so that the same search gives the same list. */
export function fuse(
  byWords: readonly ChunkPlace[],
  byMeaning: readonly (ChunkPlace & { readonly similarity: number })[],
): FoundPlace[] {
  const found = new Map<string, { place: ChunkPlace; score: number; similarity: number | undefined }>();
  for (const [list, similarityOf] of [
    [byWords, () => undefined],
    [byMeaning, (rank: number) => byMeaning[rank]?.similarity],
  ] as const) {
    for (const [rank, { key, at }] of list.entries()) {
      const name = placeName({ key, at });
      const entry = found.get(name) ?? { place: { key, at }, score: 0, similarity: undefined };
      entry.score += 1 / (K + rank + 1);
      entry.similarity ??= similarityOf(rank);
      found.set(name, entry);
    }
  }
  return [...found.values()]
    .map(({ place, score, similarity }) => ({ ...place, score, similarity }))
    .toSorted((a, b) => b.score - a.score || comparePlaces(a, b));
}

/** The name of a chunk in a vector index. */
export function placeName({ key, at }: ChunkPlace): string {
  return `${key}-${at}`;
}

const DIGEST_LENGTH = 43;

/** @returns `undefined` for what {@link placeName} did not make */
export function readPlaceName(name: string): ChunkPlace | undefined {
  const at = Number(name.slice(DIGEST_LENGTH + 1));
  return name[DIGEST_LENGTH] === "-" && Number.isSafeInteger(at) ? { key: name.slice(0, DIGEST_LENGTH), at } : undefined;
}

/** An order that depends on nothing but the places themselves. */
export function comparePlaces(a: ChunkPlace, b: ChunkPlace): number {
  if (a.key === b.key) return a.at - b.at;
  return a.key < b.key ? -1 : 1;
}
