/** Documents as data: what is stored of what a retriever found, and how it comes back equal. Nothing stored is ever run or revived. */
import { Document, type DocumentInterface } from "@langchain/core/documents";
import { toPlain, type Json } from "../core/plain.ts";
import type { Metadata } from "./document-table.ts";

interface StoredDocument {
  readonly text: string;
  readonly metadata: Metadata;
  readonly id?: string;
}

/** @throws {@link StrataError} `UNSTORABLE`, naming the place, for metadata that JSON does not give back equal, such as dates */
export function toStored(documents: readonly DocumentInterface[]): Json {
  return documents.map(({ pageContent, metadata, id }, index) => ({
    text: pageContent,
    metadata: toPlain(metadata ?? {}, `documents[${index}].metadata`) as Metadata,
    ...(id !== undefined && { id }),
  }));
}

/** Fresh documents over the given data, which becomes theirs; `undefined` for what {@link toStored} did not make. */
export function fromStored(stored: Json | undefined): Document[] | undefined {
  if (!Array.isArray(stored) || !stored.every(isStored)) return undefined;
  return stored.map(({ text, metadata, id }) => new Document({ pageContent: text, metadata, ...(id !== undefined && { id }) }));
}

function isStored(value: unknown): value is StoredDocument {
  const { text, metadata, id } = (value ?? {}) as Partial<StoredDocument>;
  const isNamed = id === undefined || typeof id === "string";
  return typeof text === "string" && typeof metadata === "object" && metadata !== null && isNamed;
}
