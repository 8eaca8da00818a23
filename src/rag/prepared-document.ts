/** A document as it goes into a store: checked, and named by its content. */
import { StrataConfigError } from "../core/errors.ts";
import { digest, type Digest } from "../core/key.ts";
import { toPlain } from "../core/plain.ts";
import type { Chunk, Metadata, StoredDocument } from "./document-table.ts";

/** A document as it goes in, cut up already; `ingest` cuts. */
export interface PreparedDocument {
  /** 1 to 2,048 characters. */
  readonly id: string;
  readonly metadata?: Metadata | undefined;
  readonly chunks: readonly Chunk[];
}

const MAX_ID = 2_048;

/** @throws {@link StrataConfigError} for what is no document */
export function acceptDocument(scope: Digest, model: string, { id, metadata = {}, chunks }: PreparedDocument): StoredDocument {
  if (typeof id !== "string" || id === "" || id.length > MAX_ID)
    throw new StrataConfigError("document.id", id, `a text of 1 to ${MAX_ID} characters`);
  if (!Array.isArray(chunks) || !chunks.every((chunk) => typeof (chunk as Partial<Chunk> | null)?.text === "string")) {
    throw new StrataConfigError("document.chunks", chunks, "a list of { text, metadata }");
  }
  const parts = chunks.map(({ text, metadata: own }) => ({
    text,
    ...(own !== undefined && { metadata: toPlain(own, "metadata") as Metadata }),
  }));
  const plain = toPlain(metadata, "metadata") as Metadata;
  const key = digest("document", scope, id, model, JSON.stringify(plain), JSON.stringify(parts));
  const text = textDigest(parts.map((part) => part.text));
  return { id, key, text, metadata: plain, chunks: parts.length, parts };
}

/** Of a whole text, however it is cut. */
export function textDigest(parts: readonly string[]): Digest {
  return digest("document-text", JSON.stringify(parts));
}
