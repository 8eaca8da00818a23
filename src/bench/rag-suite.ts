/** A suite for anything that answers questions from documents: how long it takes the first and the second time, and what it finds. */
import type { Document } from "@langchain/core/documents";
import { hitOf } from "../cache/response-codec.ts";
import { StrataConfigError } from "../core/errors.ts";
import { parseClock, parseCount, refuseUnknown } from "../core/options.ts";
import type { Clock } from "../core/clock.ts";
import type { BenchReport } from "./bench-report.ts";
import { thisMachine, timingOf } from "./benchmark.ts";

/** A question, with the ids of the documents that answer it, where they are known. */
export interface RagQuestion {
  readonly question: string;
  readonly relevant?: readonly string[] | undefined;
}

/** What is measured: a retriever, a chain, or both. */
export interface RagSubject {
  /** Finds documents for a question. */
  readonly retrieve?: ((question: string) => Promise<readonly Document[]>) | undefined;
  /** Answers a question; when it gives a LangChain message, hits of the cache are told from it. */
  readonly answer?: ((question: string) => Promise<unknown>) | undefined;
}

export interface RagSuiteOptions {
  readonly title?: string | undefined;
  /** How often every question is asked; the first time is told apart. Default 2. */
  readonly passes?: number | undefined;
  /** Of the documents that are looked at for recall; default 10. */
  readonly k?: number | undefined;
  /** Reads a document's id; default `document.id`, else `metadata.id`, else `metadata.source`. */
  readonly idOf?: ((document: Document) => string | undefined) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Asks every question in passes. The report has a timing for each pass of each part, and among its figures `hitRate` (of answers that say
 * whether they are hits, after the first pass) and `recall@k` (where questions name what is relevant).
 * @throws {@link StrataConfigError} naming the option; what the subject throws
 */
export async function ragSuite(
  subject: RagSubject,
  questions: readonly RagQuestion[],
  options: RagSuiteOptions = {},
): Promise<BenchReport> {
  refuseUnknown("ragSuite", options, ["title", "passes", "k", "idOf", "signal", "onProgress", "clock"]);
  const { retrieve, answer } = subject;
  if (retrieve === undefined && answer === undefined) throw new StrataConfigError("subject", subject, "{ retrieve?, answer? }");
  if (questions.length === 0) throw new StrataConfigError("questions", questions, "at least one question");
  const passes = parseCount("ragSuite.passes", options.passes ?? 2);
  const k = parseCount("ragSuite.k", options.k ?? 10);
  const clock = parseClock(options.clock);
  const taken = new Map<string, number[]>();
  const hits: boolean[] = [];
  const recalls: number[] = [];
  const timed = async <T>(name: string, run: () => Promise<T>): Promise<T> => {
    const start = clock.monotonic();
    const result = await run();
    taken.set(name, [...(taken.get(name) ?? []), clock.monotonic() - start]);
    return result;
  };
  for (let pass = 0; pass < passes; pass++) {
    const suffix = pass === 0 ? "first" : "again";
    for (const [index, { question, relevant }] of questions.entries()) {
      options.signal?.throwIfAborted();
      options.onProgress?.({ done: pass * questions.length + index, total: passes * questions.length });
      if (retrieve !== undefined) {
        const found = await timed(`retrieve, ${suffix}`, () => retrieve(question));
        if (pass === 0 && relevant !== undefined && relevant.length > 0) {
          recalls.push(recallAt(found.slice(0, k).map(options.idOf ?? idOf), relevant));
        }
      }
      if (answer !== undefined) {
        const said = await timed(`answer, ${suffix}`, () => answer(question));
        const isMessage = typeof said === "object" && said !== null && "response_metadata" in said;
        if (pass > 0 && isMessage) hits.push(hitOf(said as never) !== undefined);
      }
    }
  }
  const [first] = taken.values();
  const base = timingOf("", [first ?? []], 0).p50;
  return {
    ...{ version: 1, title: options.title ?? "RAG", at: new Date(clock.now()).toISOString(), machine: thisMachine() },
    timings: [...taken].map(([name, ms]) => timingOf(name, [ms], base)),
    figures: {
      questions: questions.length,
      ...(hits.length > 0 && { hitRate: hits.filter(Boolean).length / hits.length }),
      ...(recalls.length > 0 && { [`recall@${k}`]: recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length }),
    },
  };
}

function idOf({ id, metadata }: Document): string | undefined {
  const found: unknown = id ?? metadata["id"] ?? metadata["source"];
  return typeof found === "string" ? found : undefined;
}

function recallAt(found: readonly (string | undefined)[], relevant: readonly string[]): number {
  return relevant.filter((id) => found.includes(id)).length / relevant.length;
}
