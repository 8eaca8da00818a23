/** "The same id again replaces it", whatever other documents say, in every kind of table and in a vector store of LangChain. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Document } from "@langchain/core/documents";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import { pgliteClient } from "../../src/clients/pglite.ts";
import { DocumentStore } from "../../src/rag/document-store.ts";
import { ingest } from "../../src/rag/ingest.ts";
import { freshDatabase } from "../support/fresh.ts";
import { texts } from "../support/stored-texts.ts";

const root = mkdtempSync(join(tmpdir(), "strata-ingest-replaces-"));
const embedded = pgliteClient();
let pool: pg.Pool;

beforeAll(async () => {
  pool = new pg.Pool({ connectionString: await freshDatabase(), max: 4 });
  await embedded.query("SELECT 1");
}, 240_000);

afterAll(async () => {
  await Promise.all([pool.end(), embedded.close()]);
  rmSync(root, { recursive: true });
});

const document = (id: string, pageContent: string): Document => new Document({ id, pageContent });

describe.each<readonly [string, (place: string) => DocumentStore]>([
  ["in memory", () => new DocumentStore()],
  ["in a folder", (place) => new DocumentStore({ path: join(root, place) })],
  ["in PGlite", (place) => new DocumentStore({ sql: embedded, table: place })],
  ["in PostgreSQL", (place) => new DocumentStore({ sql: pgClient(pool), table: place })],
])("a DocumentStore %s", (_name, make) => {
  test("replaces a document by the text that another one has, also when asked to do it all again", async () => {
    const store = make("same_text");
    await ingest({ store, from: [document("a", "zebra"), document("b", "lion")] });
    expect(await ingest({ store, from: document("a", "lion") })).toMatchObject({ stored: 1, duplicates: 0 });
    expect(await texts(store)).toEqual({ a: "lion", b: "lion" });
    expect(await ingest({ store, from: document("a", "lion") })).toMatchObject({ stored: 0, unchanged: 1 });
    await store.close();
  });

  test.each([1, 256])("lets documents exchange their texts within one run, in batches of %i", async (batchSize) => {
    const store = make(`exchanged_${batchSize}`);
    await ingest({ store, from: [document("a", "zebra"), document("b", "lion"), document("c", "giraffe")] });
    const from = [document("a", "lion"), document("b", "giraffe"), document("c", "zebra")];
    expect(await ingest({ store, from, batchSize })).toMatchObject({ stored: 3, duplicates: 0 });
    expect(await texts(store)).toEqual({ a: "lion", b: "giraffe", c: "zebra" });
    await store.close();
  });

  test("takes a new document whose text was another's until that one got another", async () => {
    const store = make("moved_on");
    await ingest({ store, from: document("a", "zebra") });
    const report = await ingest({ store, from: [document("b", "zebra"), document("a", "lion")] });
    expect(report).toMatchObject({ stored: 2, duplicates: 0 });
    expect(await texts(store)).toEqual({ a: "lion", b: "zebra" });
    await store.close();
  });
});

test("a vector store of LangChain with a file to note it in is given the replaced text too", async () => {
  const held = new Map<string, Document>();
  const store = {
    addDocuments: async (documents: Document[], { ids = [] }: { ids?: string[] } = {}) =>
      documents.forEach((each, at) => held.set(ids[at] ?? "", each)),
    delete: async ({ ids }: { ids: string[] }) => ids.forEach((id) => held.delete(id)),
  };
  const resume = join(root, "ledger.jsonl");
  await ingest({ store, resume, from: [document("a", "zebra"), document("b", "lion")] });
  await ingest({ store, resume, from: [document("a", "lion"), document("b", "giraffe")] });
  expect([...held.values()].map(({ metadata, pageContent }) => [metadata["documentId"] as string, pageContent])).toEqual([
    ["a", "lion"],
    ["b", "giraffe"],
  ]);
});
