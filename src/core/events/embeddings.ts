/** What is embedded, and what of it was known. */
import type { StrataErrorCode } from "../errors.ts";

/** Somebody who asked `CachedEmbeddings` has the vectors. */
export interface EmbeddingsLookupEvent {
  readonly type: "embeddings.lookup";
  readonly kind: "query" | "document";
  /** Texts asked for, repeats included. */
  readonly texts: number;
  /** Distinct texts that a tier had. */
  readonly hits: number;
  /** Distinct texts that took the vector of a nearly equal one. */
  readonly near: number;
  /** Distinct texts that were awaited from another caller's call. */
  readonly coalesced: number;
  /** Time of the provider that was not needed. */
  readonly savedMs: number;
  readonly ms: number;
}

/** One call to the provider of embeddings has ended, tries included. */
export interface EmbeddingsCallEvent {
  readonly type: "embeddings.call";
  readonly kind: "query" | "document";
  readonly outcome: "ok" | "failed";
  /** Of a failure: the code of our error, or `ENGINE` for what the provider threw. */
  readonly code?: StrataErrorCode | "ENGINE";
  readonly texts: number;
  readonly ms: number;
}
