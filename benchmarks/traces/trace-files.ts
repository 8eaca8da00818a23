/**
 * Recorded traces: files of little-endian 32-bit integers, one a request, in `$STRATA_BENCH_DATA/traces`. Keys become digests, as a
 * tier sees them, and dense numbers, for the simulations.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const SUFFIX = ".i32";

export interface Trace {
  readonly name: string;
  /** Number of distinct keys; `ids` holds 0 up to this. */
  readonly distinct: number;
  readonly ids: Int32Array;
  readonly keys: readonly string[];
}

/** The names of the traces in a data folder; `undefined` when there is no such folder, or none in it. */
export function traceNames(data: string | undefined): readonly string[] | undefined {
  if (data === undefined || !existsSync(join(data, "traces"))) return undefined;
  const files = readdirSync(join(data, "traces")).filter((file) => file.endsWith(SUFFIX));
  return files.length === 0 ? undefined : files.map((file) => file.slice(0, -SUFFIX.length)).toSorted();
}

export function readTrace(data: string, name: string): Trace {
  const bytes = readFileSync(join(data, "traces", `${name}${SUFFIX}`));
  const numbers = new Map<number, number>();
  const digests: string[] = [];
  const ids = new Int32Array(bytes.length / 4);
  for (let at = 0; at < ids.length; at++) {
    const key = bytes.readInt32LE(at * 4);
    let id = numbers.get(key);
    if (id === undefined) {
      id = numbers.size;
      numbers.set(key, id);
      digests.push(createHash("sha256").update(String(key)).digest("hex"));
    }
    ids[at] = id;
  }
  return { name, distinct: numbers.size, ids, keys: Array.from(ids, (id) => digests[id]!) };
}
