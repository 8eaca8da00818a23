import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Document } from "@langchain/core/documents";
import { PDFDocument } from "pdf-lib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DocumentStore } from "../../../src/rag/document-store.ts";
import { ingest, removeIngested, type IngestProgress } from "../../../src/rag/ingest.ts";
import { texts } from "../../support/stored-texts.ts";
import { CountingEmbeddings } from "../../support/counting-embeddings.ts";

let folder = "";
let store = new DocumentStore();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "strata-ingest-"));
  store = new DocumentStore();
});

afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content);
  return path;
}

async function pdf(...pages: string[]): Promise<Uint8Array> {
  const made = await PDFDocument.create();
  for (const text of pages) made.addPage().drawText(text, { size: 12, x: 20, y: 700 });
  return made.save();
}

const ids = async (): Promise<string[]> => (await store.list()).map(({ id }) => id.replace(`${folder}/`, ""));
const topic = (pageContent: string, id?: string): Document => new Document({ pageContent, ...(id !== undefined && { id }) });

describe("reading", () => {
  test("folders give their texts, Markdown, PDFs and knowledge bases, and what each chunk comes from", async () => {
    write("docs/a.txt", "The zebra is striped.");
    write("docs/deep/b.md", "# Lions\n\nThe lion roars.");
    write("docs/c.pdf", await pdf("The first page tells of nothing.", "The giraffe is on page two."));
    write(
      "docs/kb.json",
      JSON.stringify([{ id: "q1", question: "Who has a trunk?", answer: "The elephant.", lang: "en" }, "A bare hippo."]),
    );
    write("docs/picture.png", "not read");
    write("docs/.hidden.txt", "not read");
    const report = await ingest({ store, from: join(folder, "docs") });
    expect(report).toMatchObject({ done: 4, stored: 5, failed: [], stopped: false });
    expect(await ids()).toEqual(["docs/a.txt", "docs/c.pdf", "docs/deep/b.md", "docs/kb.json#2", "docs/kb.json#q1"]);
    const [giraffe] = await store.search("giraffe");
    expect(giraffe?.metadata).toMatchObject({ documentId: `${folder}/docs/c.pdf`, title: "c.pdf", page: 2 });
    const [elephant] = await store.search("trunk");
    expect(elephant?.pageContent).toBe("Who has a trunk?\n\nThe elephant.");
    expect(elephant?.metadata).toMatchObject({ lang: "en", question: "Who has a trunk?" });
  });

  test.each([
    ["an object with one list", { faq: [{ id: 7, text: "zebra" }] }, ["kb.json#7"]],
    ["an object from ids to entries", { one: "zebra", two: { content: "lion" } }, ["kb.json#one", "kb.json#two"]],
    ["one entry", { title: "Zebra", text: "striped" }, ["kb.json#1"]],
  ])("a knowledge base may be %s", async (_form, data, expected) => {
    await ingest({ store, from: write("kb.json", JSON.stringify(data)) });
    expect(await ids()).toEqual(expected);
  });

  test("what cannot be used is named, holds nothing up, and leaves nothing half-written", async () => {
    const good = write("good.txt", "zebra");
    const broken = [
      write("broken.pdf", "%PDF-1.7 and then nothing of a PDF"),
      write("empty.pdf", await pdf("")),
      write("wrong.json", '{"a": '),
      write("entry.json", JSON.stringify(["fine", { note: "no text" }])),
      write(
        "twice.json",
        JSON.stringify([
          { id: 1, text: "a" },
          { id: 1, text: "b" },
        ]),
      ),
      write("latin1.txt", Uint8Array.from([0x63, 0x61, 0xe7, 0x61])),
      write("blank.txt", " \n "),
      join(folder, "absent.txt"),
      write("sheet.xlsx", "x"),
    ];
    const report = await ingest({ store, from: [...broken, good] });
    expect(report.failed.map(({ source }) => source)).toEqual(expect.arrayContaining(broken));
    for (const { source, error } of report.failed) expect(error.message).toContain(source);
    expect(report.failed.find(({ source }) => source.endsWith("entry.json"))?.error.message).toContain("entry 2");
    expect(report).toMatchObject({ done: 10, stored: 1, stopped: false });
    expect(report.failed).toHaveLength(9);
    expect(await ids()).toEqual(["good.txt"]);
  });
});

describe("doing it again", () => {
  test("passes over what is unchanged and replaces what is not", async () => {
    const path = write("a.txt", "zebra");
    write("b.txt", "lion");
    await ingest({ store, from: folder });
    writeFileSync(path, "giraffe");
    expect(await ingest({ store, from: folder })).toMatchObject({ stored: 1, unchanged: 1 });
    expect(await store.search("zebra")).toEqual([]);
    expect(await store.search("giraffe")).toHaveLength(1);
    expect(await ingest({ store, from: folder, resume: false })).toMatchObject({ stored: 2, unchanged: 0 });
  });

  test("removes the entries that a knowledge base no longer has", async () => {
    const path = write("kb.json", JSON.stringify({ one: "zebra", two: "lion" }));
    await ingest({ store, from: path });
    writeFileSync(path, JSON.stringify({ two: "lion" }));
    expect(await ingest({ store, from: path })).toMatchObject({ removed: 1, unchanged: 1 });
    expect(await ids()).toEqual(["kb.json#two"]);
    expect(await store.remove([path])).toBe(1);
  });

  test("one text under two ids goes in once; when the first is removed, the next run takes the second", async () => {
    const from = [topic("zebra", "a"), topic("zebra", "b")];
    expect(await ingest({ store, from })).toMatchObject({ stored: 1, duplicates: 1 });
    await store.remove(["a"]);
    expect(await ingest({ store, from: topic("zebra", "b") })).toMatchObject({ stored: 1 });
  });

  test("what is left out as a duplicate is taken when the document that had its text has another one at the end", async () => {
    await ingest({ store, from: topic("zebra", "a") });
    const from = [topic("zebra", "b"), topic("zebra", "c"), topic("lion", "a")];
    expect(await ingest({ store, from })).toMatchObject({ stored: 2, duplicates: 1 });
    expect(await texts(store)).toEqual({ a: "lion", b: "zebra" });
  });

  test("an entry of a knowledge base that only changed its name is kept", async () => {
    const path = write("kb.json", JSON.stringify({ old: "zebra" }));
    await ingest({ store, from: path });
    writeFileSync(path, JSON.stringify({ new: "zebra" }));
    expect(await ingest({ store, from: path })).toMatchObject({ stored: 1, duplicates: 0, removed: 1 });
    expect(await ids()).toEqual(["kb.json#new"]);
    expect(await store.search("zebra")).toHaveLength(1);
  });

  test("a text that two documents came to have stays known when one of them gets another", async () => {
    await ingest({ store, from: [topic("zebra", "a"), topic("lion", "b")] });
    await ingest({ store, from: topic("zebra", "b") });
    const report = await ingest({ store, from: [topic("giraffe", "b"), topic("zebra", "c")] });
    expect(report).toMatchObject({ stored: 1, duplicates: 1 });
    expect(await texts(store)).toEqual({ a: "zebra", b: "giraffe" });
  });

  test("a document without an id is the same document the next time", async () => {
    await ingest({ store, from: topic("zebra") });
    expect(await ingest({ store, from: topic("zebra") })).toMatchObject({ stored: 0, unchanged: 1 });
  });

  test("of one id twice in a run, the last one stays", async () => {
    expect(await ingest({ store, from: [topic("zebra", "a"), topic("lion", "a")] })).toMatchObject({ stored: 2 });
    expect((await store.search("zebra lion")).map(({ pageContent }) => pageContent)).toEqual(["lion"]);
  });
});

describe("batches", () => {
  const many = Array.from({ length: 50 }, (_, index) => topic(`document number ${index}`, `d${index}`));

  test("a signal ends the run with whole documents, and the next run does the rest", async () => {
    const controller = new AbortController();
    const progress: IngestProgress[] = [];
    const stopped = await ingest({
      store,
      from: many,
      batchSize: 10,
      signal: controller.signal,
      onProgress(now) {
        progress.push(now);
        if (now.stored === 20) controller.abort();
      },
    });
    expect(stopped).toMatchObject({ stored: 20, stopped: true });
    expect(await store.list()).toHaveLength(20);
    expect(progress.at(-1)).toMatchObject({ total: 50, chunks: 20 });
    expect(await ingest({ store, from: many, batchSize: 10 })).toMatchObject({ stored: 30, unchanged: 20, stopped: false });
  });

  test("embeddings that fail end the run; what was stored before is not embedded again", async () => {
    const embeddings = new CountingEmbeddings();
    await store.close();
    store = new DocumentStore({ embeddings, model: "test" });
    embeddings.before = () => {
      if (embeddings.calls.length === 3) throw new Error("provider down");
    };
    await expect(ingest({ store, from: many, batchSize: 10 })).rejects.toThrow("provider down");
    expect(await store.list()).toHaveLength(20);
    const before = embeddings.sent;
    await ingest({ store, from: many, batchSize: 10 });
    expect(embeddings.sent - before).toBe(30);
    expect(await store.list()).toHaveLength(50);
  });
});

/** Behaves as LangChain's stores do that know ids. */
class ListStore {
  readonly rows = new Map<string, Document>();
  adds = 0;

  async addDocuments(documents: Document[], options?: { ids?: string[] }): Promise<void> {
    this.adds++;
    for (const [index, document] of documents.entries()) this.rows.set(options?.ids?.[index] ?? "", document);
  }

  async delete({ ids: gone }: { ids: string[] }): Promise<void> {
    for (const id of gone) this.rows.delete(id);
  }
}

describe("into a vector store of LangChain", () => {
  test("goes in batches, is noted in a file, and is replaced and removed with its chunks", async () => {
    const list = new ListStore();
    const resume = join(folder, "state", "ledger.jsonl");
    const split = { size: 50, overlap: 0 };
    const long = Array.from({ length: 30 }, (_, index) => `Sentence ${index}.`).join(" ");
    await ingest({ store: list, from: [topic(long, "long"), topic("short", "short")], resume, split });
    expect(list.adds).toBe(1);
    const size = list.rows.size;
    expect(size).toBeGreaterThan(5);
    // A line that a kill cut off is passed over.
    writeFileSync(resume, `${readFileSync(resume, "utf8")}\n{"id":"cut`);
    expect(await ingest({ store: list, from: [topic(long, "long"), topic("short", "short")], resume, split })).toMatchObject({
      unchanged: 2,
      stored: 0,
    });
    await ingest({ store: list, from: topic("now short as well", "long"), resume, split });
    expect(list.rows.size).toBe(2);
    expect(await removeIngested({ store: list, ids: ["long"], resume })).toBe(1);
    expect([...list.rows.values()].map(({ pageContent }) => pageContent)).toEqual(["short"]);
  });
});

test.each([
  [{ from: "" }, "ingest.from"],
  [{ from: [3] }, "ingest.from"],
  [{ from: "x", batchSize: 0 }, "ingest.batchSize"],
  [{ from: "x", split: { size: 100, overlap: 60 } }, "ingest.split.overlap"],
  [{ from: "x", resume: "ledger" }, "ingest.resume"],
  [{ from: "x", store: {} }, "ingest.store"],
  [{ from: "x", batch: 3 }, "ingest.batch"],
])("a wrong option is named: %#", async (options, name) => {
  await expect(ingest({ store, ...options } as Parameters<typeof ingest>[0])).rejects.toThrow(name);
});
