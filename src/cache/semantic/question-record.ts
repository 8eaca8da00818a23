/**
 * What is remembered of a question: its text, and whose answer answers it. One small value of the store for each question, beside
 * the answers, so that it lives, is shared and is removed like them. An alias is a question that has the answer of another one.
 */
import { StrataError } from "../../core/errors.ts";
import { digest, type Digest } from "../../core/key.ts";

export interface QuestionRecord {
  /** As the user put it. */
  readonly text: string;
  /** The key of the answer; `undefined` when it is only known which answers are wrong. */
  readonly answer?: Digest | undefined;
  /** How it came to have this answer: the model gave it, or it stands for another question's. */
  readonly by: "model" | "verifier" | "feedback";
  /** Keys of answers that people said are wrong for it. */
  readonly wrong?: readonly Digest[] | undefined;
  /** For policies that do not learn: its answer was wrong for a question as near as this, so only nearer ones get it. */
  readonly floor?: number | undefined;
  /** Where its vector lies. */
  readonly partition?: Digest | undefined;
  /** The direction of its vector in coarse steps, for grouping; see `coarse`. */
  readonly direction?: string | undefined;
  readonly tags: readonly string[];
  readonly createdAt: number;
  /** Unix ms; `undefined` = never. */
  readonly expiresAt?: number | undefined;
}

/** All questions that may be compared: one scope, model and context. */
export function familyOf(scope: Digest, model: Digest, context: string, documents: readonly string[]): Digest {
  return digest("semantic-family", scope, model, JSON.stringify(documents.toSorted()), context);
}

/** The name of a question in the vector index, the same in every family. */
export function questionId(text: string): Digest {
  return digest("semantic-question", text.trim().normalize("NFC"));
}

/** The key of its record. An id that an index gives wrongly, from another family, has none here. */
export function recordKey(family: Digest, id: Digest): Digest {
  return digest("semantic-record", family, id);
}

/** Vectors that may be compared: of one family, one embedding model and one number of dimensions. */
export function partitionOf(family: Digest, embeddings: Digest, dimensions: number): Digest {
  return digest("semantic-partition", family, embeddings, String(dimensions));
}

/** A vector's direction in steps of 1/127 of its largest part, one byte each, in base64: enough to group by, not to serve by. */
export function coarse(vector: Float32Array): string {
  let largest = 0;
  for (const value of vector) largest = Math.max(largest, Math.abs(value));
  return Buffer.from(Int8Array.from(vector, (value) => Math.round((value / largest) * 127)).buffer).toString("base64");
}

const VERSION = 1;
/** Greatest time that a `Date` holds, ms. */
const LAST_DATE = 8.64e15;

export function encodeRecord(record: QuestionRecord, family: Digest, id: Digest): Buffer {
  return Buffer.from(JSON.stringify({ v: VERSION, family, id, ...record }));
}

/** A record with its place. */
export interface PlacedRecord {
  readonly family: Digest;
  readonly id: Digest;
  readonly record: QuestionRecord;
}

/** @throws {@link StrataError} `CORRUPT` for what `encodeRecord` did not write */
export function readRecord(payload: Buffer): PlacedRecord {
  const value = JSON.parse(payload.toString("utf8")) as Partial<QuestionRecord> & { v?: unknown; family?: unknown; id?: unknown };
  const { v, family, id, text, by, tags, answer, createdAt, wrong, floor, direction, partition } = value;
  const isRecord =
    v === VERSION &&
    [family, id, text, by].every((part) => typeof part === "string") &&
    [answer, direction, partition].every((part) => part === undefined || typeof part === "string") &&
    Math.abs(createdAt ?? NaN) <= LAST_DATE &&
    (floor === undefined || typeof floor === "number") &&
    areTexts(tags) &&
    (wrong === undefined || areTexts(wrong));
  if (!isRecord) throw new StrataError("CORRUPT", "A stored value is not a question.");
  return { family: family as Digest, id: id as Digest, record: value as QuestionRecord };
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
