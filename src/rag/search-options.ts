/** What a search in documents may ask for, and what it gives. */
import type { CallOptions } from "../core/abort.ts";
import { StrataConfigError } from "../core/errors.ts";
import { parseCount, parseNumber, refuseUnknown } from "../core/options.ts";
import { toPlain } from "../core/plain.ts";
import type { Scope } from "../core/scope.ts";
import type { Metadata } from "./document-table.ts";

/** Whose documents a call is about, and how long it may go on. */
export interface DocumentCallOptions extends CallOptions {
  /** Default: the store's own. */
  readonly scope?: Scope | "global" | undefined;
}

export interface DocumentSearchOptions extends DocumentCallOptions {
  /** How many chunks at most; 1 to 200, default 5. */
  readonly k?: number | undefined;
  /**
   * What a document's metadata must be equal to. Words are looked for in all documents; by meaning the 1,000 nearest chunks are looked
   * through, so that a filter that leaves few may be served by words alone.
   */
  readonly filter?: Metadata | undefined;
  /** Only chunks whose cosine to the query is at least this, -1 to 1; those found by words alone are left out. Default: none. */
  readonly threshold?: number | undefined;
}

/** What is known of a found chunk, besides its document's metadata and its own. */
export interface FoundMetadata {
  readonly [key: string]: unknown;
  /** The document's id. */
  readonly documentId: string;
  /** Which of its chunks, from 0. */
  readonly chunk: number;
  /** Of the fusion of words and meaning: higher is better, nothing else. */
  readonly score: number;
  /** Cosine to the query; absent for what words alone found. */
  readonly similarity?: number;
}

const MAX_K = 200;
/** Chunks that either search gives to the fusion. */
const LEAST_CANDIDATES = 50;
const CANDIDATES_PER_RESULT = 4;
/** With a filter, which is applied afterwards. */
export const MOST_CANDIDATES = 1_000;

/** @throws {@link StrataConfigError} naming the option */
export function checkSearch(owner: string, options: DocumentSearchOptions): void {
  refuseUnknown(owner, options, ["k", "filter", "threshold", "scope", "signal"]);
  const { k, filter, threshold } = options;
  if (k !== undefined && parseCount(`${owner}.k`, k) > MAX_K) throw new StrataConfigError(`${owner}.k`, k, `at most ${MAX_K}`);
  if (filter !== undefined) toPlain(filter, `${owner}.filter`);
  if (threshold !== undefined) parseNumber(`${owner}.threshold`, threshold, -1, 1);
}

/** How many chunks either search gives to the fusion, for so many results. */
export function candidates(k: number): number {
  return Math.max(LEAST_CANDIDATES, CANDIDATES_PER_RESULT * k);
}

/** Whether metadata is equal to what a filter wants. */
export function matches(metadata: Metadata, filter: Metadata): boolean {
  return Object.entries(filter).every(([name, wanted]) => JSON.stringify(metadata[name]) === JSON.stringify(wanted));
}
