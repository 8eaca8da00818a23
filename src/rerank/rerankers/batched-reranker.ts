/**
 * What all remote rerankers have in common, whatever carries their requests: texts go in batches that the provider takes, never an empty
 * one, every answer is checked, and the batches are put together. Each request is tried once: trying again, deadlines and the breaker
 * are the compressor's.
 */
import { StrataError } from "../../core/errors.ts";
import { acceptCall } from "../accepted-call.ts";
import { bestFirst, type RerankCallOptions, type Reranker } from "../reranker.ts";

export interface BatchedProvider extends Omit<Reranker, "rerank"> {
  /** Texts of one request at most. */
  readonly batchSize: number;
  /** UTF-16 units of a text that are sent. */
  readonly maxCharacters: number;
  /** Requests at a time for one call. */
  readonly concurrency: number;
  /** Scores in the order of the texts, none of which is empty. The query and the texts are cut and well-formed. */
  readonly ask: (query: string, texts: readonly string[], call: RerankCallOptions) => Promise<readonly number[]>;
}

/** UTF-16 units of the texts of one request: less than the 600,000 tokens that Voyage takes, and a body that is written in milliseconds. */
const MOST_CHARACTERS = 1_000_000;

export function batchedReranker({ batchSize, maxCharacters, concurrency, ask, ...own }: BatchedProvider): Reranker {
  const cut = (text: string): string => text.slice(0, maxCharacters).toWellFormed();

  /** Indices of the texts of each request. */
  function batchesOf(texts: readonly string[]): number[][] {
    const batches: number[][] = [];
    let characters = Infinity;
    for (const [index, text] of texts.entries()) {
      // Providers refuse a request with an empty text in it.
      if (text === "") continue;
      const last = batches.at(-1);
      characters += text.length;
      if (last === undefined || last.length === batchSize || characters > MOST_CHARACTERS) {
        batches.push([index]);
        characters = text.length;
      } else last.push(index);
    }
    return batches;
  }

  return {
    ...own,
    async rerank(query, texts, call = {}) {
      acceptCall(query, texts, call);
      const sent = texts.map((text) => (BLANK.test(text.slice(0, maxCharacters)) ? "" : cut(text)));
      const scores = Array.from<number>({ length: texts.length }).fill(0);
      const batches = batchesOf(sent);
      const asks = cut(query);
      const ending = new AbortController();
      const signal = call.signal === undefined ? ending.signal : AbortSignal.any([call.signal, ending.signal]);
      const work = async (): Promise<void> => {
        for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
          const asked = batch.map((index) => sent[index] as string);
          const answered = await ask(asks, asked, { ...call, signal });
          for (const [at, index] of batch.entries()) scores[index] = answered[at] as number;
        }
      };
      try {
        await Promise.all(Array.from({ length: Math.min(concurrency, batches.length) }, work));
      } catch (error) {
        // The other requests are for nobody.
        ending.abort();
        call.signal?.throwIfAborted();
        throw error;
      }
      const least = Math.min(0, ...scores);
      for (const [index, text] of sent.entries()) if (text === "") scores[index] = least;
      return bestFirst(scores, call.topK);
    },
  };
}

const BLANK = /^\s*$/;

/**
 * Scores in the order of the texts, from the rows of an answer.
 * @throws {@link StrataError} `BAD_ANSWER` for whatever is not one row for each text, with an index and a finite score
 */
export function scoresOfRows(name: string, rows: unknown, key: string, count: number): number[] {
  if (!Array.isArray(rows)) throw badAnswer(name, "no list of results");
  const scores = Array.from<number | undefined>({ length: count });
  for (const row of rows as readonly unknown[]) {
    const { index, [key]: score } = (row ?? {}) as Record<string, unknown>;
    if (typeof index !== "number" || !Number.isInteger(index) || index < 0 || index >= count)
      throw badAnswer(name, "an index that was not asked for");
    if (scores[index] !== undefined) throw badAnswer(name, "the same index twice");
    if (typeof score !== "number" || !Number.isFinite(score)) throw badAnswer(name, "a score that is no number");
    scores[index] = score;
  }
  if (rows.length !== count) throw badAnswer(name, `scores for ${rows.length} of ${count} texts`);
  return scores as number[];
}

export function badAnswer(name: string, what: string): StrataError {
  return new StrataError("BAD_ANSWER", `The reranker ${name} answered with ${what}.`);
}
