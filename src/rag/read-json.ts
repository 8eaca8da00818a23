/**
 * Knowledge bases in JSON: a list of entries; an object that holds one list; or an object from ids to entries. An entry is a text, or
 * an object whose text is under one of the names that people use; a question or title goes before it, since it holds the words that
 * will be asked for.
 */
import { basename } from "node:path";
import { isJsonObject, type Json, toPlain } from "../core/plain.ts";
import type { Metadata } from "./document-table.ts";
import { decode, failure, type SourceDocument } from "./source-file.ts";

const LISTS = ["documents", "entries", "items", "articles", "faq", "faqs", "questions", "data"];
const TEXTS = ["text", "content", "pageContent", "page_content", "body", "answer"];
const HEADS = ["question", "title"];
const IDS = ["id", "key", "slug"];

/** @throws {@link StrataError} `CORRUPT` naming the file and the entry; then nothing of the file is used */
export function readKnowledgeBase(file: string, id: string, bytes: Buffer): readonly SourceDocument[] {
  let data: Json;
  try {
    data = toPlain(JSON.parse(decode(file, bytes)) as unknown, basename(file));
  } catch (cause) {
    throw failure(file, "is no JSON", cause);
  }
  const seen = new Set<string>();
  return entriesOf(file, data).map(([name, entry], index) => {
    const document = readEntry(file, id, name, entry, index);
    if (seen.has(document.id)) throw failure(file, `has two entries with the id "${document.id.slice(id.length + 1)}"`);
    seen.add(document.id);
    return document;
  });
}

function entriesOf(file: string, data: Json): (readonly [name: string | undefined, entry: Json])[] {
  if (Array.isArray(data)) return data.map((entry) => [undefined, entry as Json]);
  if (typeof data !== "object" || data === null) throw failure(file, "holds neither a list of entries nor an object of them");
  const lists = LISTS.filter((name) => Array.isArray((data as Metadata)[name]));
  const list = lists.length === 1 ? (data as Metadata)[lists[0] ?? ""] : undefined;
  if (Array.isArray(list)) return list.map((entry) => [undefined, entry as Json]);
  if (isJsonObject(data) && textOf(data) !== undefined) return [[undefined, data]];
  return Object.entries(data);
}

function readEntry(file: string, id: string, name: string | undefined, entry: Json, index: number): SourceDocument {
  const fields = typeof entry === "string" ? { text: entry } : entry;
  const text = isJsonObject(fields) ? textOf(fields) : undefined;
  if (!isJsonObject(fields) || text === undefined) {
    throw failure(
      file,
      `has no text in entry ${name ?? index + 1}; accepted: a text, or an object with one of ${TEXTS.join(", ")}`,
    );
  }
  const head = HEADS.map((field) => fields[field]).find((value) => typeof value === "string");
  const own = IDS.map((field) => fields[field]).find((value) => typeof value === "string" || typeof value === "number");
  const rest = Object.fromEntries(Object.entries(fields).filter(([field]) => !TEXTS.includes(field) && !IDS.includes(field)));
  const { metadata, ...others } = rest;
  return {
    id: `${id}#${String(name ?? own ?? index + 1)}`,
    metadata: { ...(isJsonObject(metadata) ? metadata : {}), ...others, source: id },
    parts: [{ text: head === undefined ? text : `${head}\n\n${text}` }],
  };
}

function textOf(fields: Metadata): string | undefined {
  return TEXTS.map((field) => fields[field]).find((value): value is string => typeof value === "string");
}
