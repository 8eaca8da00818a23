import type { CallOptions } from "../core/abort.ts";

/** What a local model is and where it comes from: what to store beside its vectors, and to show a lawyer. */
export interface LocalModelInfo {
  /** Name and version; vectors of different models are not comparable. */
  readonly model: string;
  /** Numbers a vector. */
  readonly dimensions: number;
  /** ISO 639-1 codes of the languages that it was trained and measured on; empty when that is not known. */
  readonly languages: readonly string[];
  /** SPDX expression; the notices are in files beside the model. Undefined when the folder does not tell. */
  readonly license: string | undefined;
  /** SHA-256 of the file of weights, in hexadecimal, verified when it is loaded. Undefined when none was given. */
  readonly sha256: string | undefined;
  /** Of a longer text the rest is cut off, silently. Undefined: the first 32,768 characters count, whatever their tokens. */
  readonly maxTokens: number | undefined;
}

/** Texts to vectors of unit length. Loaded at the first call; a load that failed is tried again at the next one. */
export interface TextModel {
  readonly info: LocalModelInfo;
  embed(texts: readonly string[], options?: CallOptions & { readonly kind?: "query" | "document" }): Promise<number[][]>;
  close(): Promise<void>;
}

/** Characters (UTF-16 units) of a text that are looked at; a chunk of a document has a few thousand. What is beyond is cut off. */
export const LONGEST_TEXT = 32_768;
