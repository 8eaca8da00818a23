/** Collections in the layout of BEIR, and recorded runs. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

export interface Collection {
  /** In the order of the file. */
  readonly documents: readonly { readonly id: string; readonly text: string }[];
  /** Those with grades. */
  readonly queries: readonly { readonly id: string; readonly text: string; readonly grades: Readonly<Record<string, number>> }[];
}

const root = process.env["STRATA_BENCH_DATA"];

/** `undefined` without the data. */
export function dataFolder(): string | undefined {
  const folder = join(root ?? "", "rerank");
  return root !== undefined && existsSync(join(folder, "scifact", "corpus.jsonl.gz")) ? folder : undefined;
}

export function collection(folder: string, name: string): Collection {
  const grades = new Map<string, Record<string, number>>();
  for (const line of readFileSync(join(folder, name, "qrels.tsv"), "utf8")
    .trim()
    .split("\n")
    .slice(1)) {
    const [query = "", document = "", grade = "0"] = line.split("\t");
    grades.set(query, { ...grades.get(query), [document]: Number(grade) });
  }
  const documents = rows<{ _id: string; title?: string; text: string }>(
    gunzipSync(readFileSync(join(folder, name, "corpus.jsonl.gz"))),
  );
  const queries = rows<{ _id: string; text: string }>(readFileSync(join(folder, name, "queries.jsonl")));
  return {
    documents: documents.map(({ _id: id, title = "", text }) => ({ id, text: title === "" ? text : `${title} ${text}` })),
    queries: queries.flatMap(({ _id: id, text }) => (grades.has(id) ? [{ id, text, grades: grades.get(id) ?? {} }] : [])),
  };
}

export function recorded<T>(folder: string, name: string): Readonly<Record<string, T>> | undefined {
  const file = join(folder, "trec-dl19", "runs", `${name}.json.gz`);
  return existsSync(file) ? (JSON.parse(gunzipSync(readFileSync(file)).toString()) as Record<string, T>) : undefined;
}

function rows<T>(bytes: Buffer): T[] {
  return bytes
    .toString("utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
}

/** So many queries, spread evenly over all. */
export function sample<T>(all: readonly T[], count: number): T[] {
  const step = Math.max(1, all.length / count);
  return Array.from({ length: Math.min(count, all.length) }, (_, index) => all[Math.floor(index * step)] as T);
}
