/**
 * A vector for a text in which a model knows nothing: empty, or of another script.
 *
 * All zeros would be refused by indexes and give NaN as a cosine; the model's vector for "unknown" would make all such texts equal,
 * and a semantic cache would answer one with another. So each gets a direction of its own: signs from its SHA-512, of unit length.
 * Equal texts are equal; the cosine of any two others is near 0 (standard deviation 1/√dimensions: 0.06 at 256), as is that to any
 * text which the model does know.
 */
import { createHash } from "node:crypto";

const DIGEST_BYTES = 64;

export function vectorOfUnknown(text: string, dimensions: number): number[] {
  const vector: number[] = [];
  const size = 1 / Math.sqrt(dimensions);
  let digest = Buffer.alloc(0);
  for (let index = 0; index < dimensions; index++) {
    const bit = index % (DIGEST_BYTES * 8);
    if (bit === 0) digest = createHash("sha512").update(`${index}\n${text}`).digest();
    const isUp = ((digest[bit >> 3] ?? 0) >> (bit & 7)) & 1;
    vector.push(isUp === 1 ? size : -size);
  }
  return vector;
}
