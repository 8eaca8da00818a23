/** What every reader of files gives, and how it says that a file cannot be used. */
import { StrataError } from "../core/errors.ts";
import type { Metadata } from "./document-table.ts";

/** A text that is to be cut up and stored under an id. */
export interface SourceDocument {
  readonly id: string;
  readonly metadata: Metadata;
  /** Pages, or the whole text as one. */
  readonly parts: readonly { readonly text: string; readonly metadata?: Metadata }[];
}

/** @throws {@link StrataError} `CORRUPT` naming the file, for what is no UTF-8 text */
export function decode(file: string, bytes: Buffer): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!text.includes("\0")) return text;
  } catch {
    // Falls through to the same message.
  }
  throw failure(file, "is no UTF-8 text");
}

/** @param what what is wrong with the file, as the predicate of a sentence */
export function failure(file: string, what: string, cause?: unknown): StrataError {
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  return new StrataError("CORRUPT", `${file} ${what}${reason}`, { cause });
}
