/** For each prompt of a stream its most similar other prompts, nearest first: what a replay filters by what is in the cache. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

export interface Neighbours {
  /** Start of each prompt's list in `ids`, and the end of the last one. */
  readonly starts: Int32Array;
  readonly ids: Int32Array;
  readonly similarities: Float32Array;
}

/** Below this a candidate is never looked at by any of the contenders. */
const FLOOR = 0.6;
const MOST = 256;

/** @param keep a file to keep the result in, or to take it from */
export async function neighboursOf(vectors: () => Promise<readonly Float32Array[]>, keep?: string): Promise<Neighbours> {
  if (keep !== undefined && existsSync(keep)) return unpack(readFileSync(keep));
  const found = search(await vectors());
  if (keep !== undefined) {
    mkdirSync(dirname(keep), { recursive: true });
    writeFileSync(keep, pack(found));
  }
  return found;
}

function search(vectors: readonly Float32Array[]): Neighbours {
  const width = vectors[0]?.length ?? 0;
  const all = new Float32Array(vectors.length * width);
  for (const [row, vector] of vectors.entries()) all.set(vector, row * width);
  const lists = vectors.map(() => [] as { id: number; similarity: number }[]);
  for (let a = 0; a < vectors.length; a++) {
    for (let b = a + 1; b < vectors.length; b++) {
      const similarity = dot(all, a * width, b * width, width);
      if (similarity < FLOOR) continue;
      lists[a]!.push({ id: b, similarity });
      lists[b]!.push({ id: a, similarity });
    }
  }
  for (const list of lists) {
    list.sort((x, y) => y.similarity - x.similarity);
    list.length = Math.min(list.length, MOST);
  }
  const starts = new Int32Array(vectors.length + 1);
  for (const [index, list] of lists.entries()) starts[index + 1] = starts[index]! + list.length;
  const flat = lists.flat();
  return {
    starts,
    ids: Int32Array.from(flat, ({ id }) => id),
    similarities: Float32Array.from(flat, ({ similarity }) => similarity),
  };
}

/** Four sums at once: a processor adds one only every four cycles. */
function dot(all: Float32Array, a: number, b: number, width: number): number {
  let [s, t, u, v] = [0, 0, 0, 0];
  for (let at = 0; at < width; at += 4) {
    s += all[a + at]! * all[b + at]!;
    t += all[a + at + 1]! * all[b + at + 1]!;
    u += all[a + at + 2]! * all[b + at + 2]!;
    v += all[a + at + 3]! * all[b + at + 3]!;
  }
  return s + t + u + v;
}

function pack({ starts, ids, similarities }: Neighbours): Uint8Array {
  return Buffer.concat(
    [Int32Array.of(starts.length, ids.length), starts, ids, similarities].map((part) => Buffer.from(part.buffer)),
  );
}

function unpack(bytes: Buffer): Neighbours {
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const [rows = 0, entries = 0] = new Int32Array(buffer, 0, 2);
  return {
    starts: new Int32Array(buffer, 8, rows),
    ids: new Int32Array(buffer, 8 + rows * 4, entries),
    similarities: new Float32Array(buffer, 8 + (rows + entries) * 4, entries),
  };
}
