/** The files of a model: read whole, and refused when they are not the ones that were measured. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { StrataError } from "../core/errors.ts";

/** Name of a file in the model's folder -> SHA-256 of its bytes, in hexadecimal. */
export type Checksums = Readonly<Record<string, string>>;

/**
 * Reads a file of a model. Reading and hashing run beside the event loop.
 * @throws {@link StrataError} `UNAVAILABLE` when it cannot be read; `CORRUPT` when its checksum differs: vectors of another model
 *   are not comparable with those that are stored, and no error would ever say so
 */
export async function readModelFile(folder: string, name: string, checksums: Checksums): Promise<Uint8Array<ArrayBuffer>> {
  const path = join(folder, name);
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(await readFile(path));
  } catch (cause) {
    throw new StrataError("UNAVAILABLE", `The model's file ${path} cannot be read.`, { cause });
  }
  const actual = Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex");
  if (actual !== checksums[name]) throw wrongChecksum(path, actual, checksums[name]);
  return bytes;
}

export function wrongChecksum(path: string, actual: string, expected: string | undefined): StrataError {
  return new StrataError(
    "CORRUPT",
    `The model's file ${path} has the SHA-256 ${actual}, not ${expected}: it is damaged or another model's. Install it again.`,
  );
}
