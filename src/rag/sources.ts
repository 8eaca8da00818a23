/**
 * What `ingest` reads: documents as they are, files, folders. A file that cannot be read is one failure with its name, and the rest
 * goes on; it is read as a whole before anything of it is stored.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, extname, join, posix, sep } from "node:path";
import type { DocumentInterface } from "@langchain/core/documents";
import { StrataError } from "../core/errors.ts";
import { digest } from "../core/key.ts";
import { toPlain } from "../core/plain.ts";
import type { Metadata } from "./document-table.ts";
import { readKnowledgeBase } from "./read-json.ts";
import { readPdf } from "./read-pdf.ts";
import { decode, failure, type SourceDocument } from "./source-file.ts";

/** What came of one file or document. */
export type ReadSource =
  | { readonly source: string; readonly documents: readonly SourceDocument[]; readonly holdsMany: boolean }
  | Unusable;

/** A document, or the path of a file or a folder. */
export type IngestSource = string | DocumentInterface;

/** What cannot be used, and why. */
interface Unusable {
  readonly source: string;
  readonly error: Error;
}

type Reader = (file: string, id: string, bytes: Buffer) => Promise<readonly SourceDocument[]> | readonly SourceDocument[];

const READERS: Readonly<Record<string, Reader>> = {
  ".txt": readText,
  ".md": readText,
  ".markdown": readText,
  ".pdf": readPdf,
  ".json": readKnowledgeBase,
};

/** Larger ones are a mistake more often than a document, and are held in memory whole. */
const MOST_BYTES = 256 * 1024 * 1024;

/**
 * The files behind the given paths, in order: a folder's are sorted by name, to any depth, those whose names begin with a dot and
 * those of other kinds left out; links are not followed.
 */
export async function listSources(from: readonly IngestSource[]): Promise<(IngestSource | Unusable)[]> {
  const all: (IngestSource | Unusable)[] = [];
  for (const source of from) {
    if (typeof source !== "string") all.push(source);
    else {
      try {
        all.push(...((await stat(source)).isDirectory() ? await filesIn(source) : [source]));
      } catch (cause) {
        all.push(unreadable(source, cause));
      }
    }
  }
  return all;
}

function unreadable(path: string, cause: unknown): Unusable {
  return { source: idOf(path), error: failure(path, "cannot be read", cause) };
}

/** Never rejects. */
export async function readSource(source: IngestSource): Promise<ReadSource> {
  if (typeof source !== "string") return readDocument(source);
  const id = idOf(source);
  const reader = READERS[extname(source).toLowerCase()];
  try {
    if (reader === undefined) throw failure(source, `is of a kind that is not read: ${Object.keys(READERS).join(", ")}`);
    const { size } = await stat(source);
    if (size > MOST_BYTES) throw failure(source, `has ${size} bytes; at most ${MOST_BYTES} are read`);
    const documents = await reader(source, id, await readFile(source));
    return { source: id, documents, holdsMany: reader === readKnowledgeBase };
  } catch (cause) {
    return { source: id, error: cause instanceof StrataError ? cause : failure(source, "cannot be read", cause) };
  }
}

/** A document without an id has one made of what it is, so that it is the same the next time. */
function readDocument(document: DocumentInterface): ReadSource {
  const { pageContent, metadata, id } = document ?? {};
  const source = typeof id === "string" ? id : "a document";
  try {
    if (typeof pageContent !== "string") throw new StrataError("UNSTORABLE", `${source}: \`pageContent\` is no text.`);
    const plain = toPlain(metadata ?? {}, "metadata") as Metadata;
    const name = id ?? digest("ingested", pageContent, JSON.stringify(plain));
    return { source: name, documents: [{ id: name, metadata: plain, parts: [{ text: pageContent }] }], holdsMany: false };
  } catch (error) {
    return { source, error: error as Error };
  }
}

async function filesIn(folder: string): Promise<(string | Unusable)[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const lists = await Promise.all(
    entries
      .filter(({ name }) => !name.startsWith("."))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(async (entry) => {
        const path = join(folder, entry.name);
        // A folder that may not be looked into is one failure; those beside it go on.
        if (entry.isDirectory()) return filesIn(path).catch((cause: unknown) => [unreadable(path, cause)]);
        return entry.isFile() && extname(path).toLowerCase() in READERS ? [path] : [];
      }),
  );
  return lists.flat();
}

function readText(file: string, id: string, bytes: Buffer): readonly SourceDocument[] {
  return [{ id, metadata: { source: id, title: basename(file) }, parts: [{ text: decode(file, bytes) }] }];
}

/** A path as the caller gave it, the same on every system. */
function idOf(path: string): string {
  return posix.normalize(path.split(sep).join("/"));
}
