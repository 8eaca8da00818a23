import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { pgliteClient } from "../../../src/clients/pglite.ts";
import type { SqlClient } from "../../../src/clients/sql.ts";
import type { StrataEvent } from "../../../src/core/events.ts";
import type { DocumentStoreOptions } from "../../../src/rag/document-places.ts";
import { DocumentStore } from "../../../src/rag/document-store.ts";
import type { PreparedDocument } from "../../../src/rag/prepared-document.ts";
import { flatIndex } from "../../../src/vectors/indexes/flat.ts";
import { CountingEmbeddings } from "../../support/counting-embeddings.ts";

const opened: { close(): Promise<void> }[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "strata-documents-"));
  folders.push(folder);
  return folder;
}

function open(options: DocumentStoreOptions = {}): DocumentStore {
  const store = new DocumentStore(options);
  opened.push(store);
  return store;
}

let shared: SqlClient;

beforeAll(() => {
  shared = pgliteClient();
  return shared.query("SELECT 1 AS one");
}, 240_000);

afterAll(() => shared.close());

let tables = 0;

/** Each way to keep documents, with a second store over the same documents: another process, as far as a store can tell. */
const PLACES: readonly (readonly [name: string, make: () => Promise<DocumentStoreOptions>])[] = [
  ["a folder", async () => ({ path: freshFolder() })],
  [
    "PGlite",
    async () => {
      return { sql: shared, table: `documents_${tables++}`, index: flatIndex() };
    },
  ],
];

function text(id: string, ...chunks: string[]): PreparedDocument {
  return { id, chunks: chunks.map((one) => ({ text: one })), metadata: { topic: id } };
}

const found = (documents: readonly { pageContent: string }[]): string[] => documents.map(({ pageContent }) => pageContent);

describe.each([["memory", async () => ({})] as const, ...PLACES])("documents in %s", (_name, make) => {
  test("are found by their words, with what is known of them", async () => {
    const store = open(await make());
    await store.put([
      text("returns", "Parcels are returned within 30 days.", "Keep the receipt."),
      text("risk", "Risk one percent a trade."),
    ]);
    const [best] = await store.search("how do I return a parcel?");
    expect(best?.pageContent).toBe("Parcels are returned within 30 days.");
    expect(best?.id).toBe("returns#0");
    expect(best?.metadata).toMatchObject({ topic: "returns", documentId: "returns", chunk: 0 });
  });

  test("are replaced and removed whole, by id", async () => {
    const store = open(await make());
    await store.put([text("a", "zebra one", "zebra two", "zebra three")]);
    await store.put([text("a", "giraffe")]);
    expect(found(await store.search("zebra giraffe"))).toEqual(["giraffe"]);
    expect(await store.remove(["a", "absent"])).toBe(1);
    expect(await store.search("zebra giraffe")).toEqual([]);
    expect(await store.list()).toEqual([]);
  });

  test("of one scope are not found from another, and are forgotten with the wider one", async () => {
    const store = open(await make());
    const ana = { tenant: "acme", user: "ana" };
    await store.put([text("note", "zebra of ana")], { scope: ana });
    await store.put([text("note", "zebra of rui")], { scope: { tenant: "other", user: "rui" } });
    expect(await store.search("zebra")).toEqual([]);
    expect(found(await store.search("zebra", { scope: ana }))).toEqual(["zebra of ana"]);
    expect(await store.forget({ tenant: "acme" })).toBe(1);
    expect(await store.search("zebra", { scope: ana })).toEqual([]);
    expect(found(await store.search("zebra", { scope: { tenant: "other", user: "rui" } }))).toEqual(["zebra of rui"]);
  });

  test("come back as they went in, whatever characters they hold", async () => {
    const store = open(await make());
    const odd = 'nul \0, a lone \ud800 surrogate, "quotes", zebra';
    await store.put([
      { id: "odd \0 id", chunks: [{ text: odd, metadata: { page: 3, "ke\0y": ["x"] } }], metadata: { b: 1, a: null } },
    ]);
    const [document] = await store.search("zebra");
    expect(document?.pageContent).toBe(odd);
    expect(document?.metadata).toMatchObject({ documentId: "odd \0 id", page: 3, "ke\0y": ["x"], b: 1, a: null });
  });

  test("have a version that every change moves", async () => {
    const store = open(await make());
    const versions = [await store.version()];
    await store.put([text("a", "one")]);
    versions.push(await store.version());
    await store.remove(["a"]);
    versions.push(await store.version());
    await store.put([text("a", "one")]);
    versions.push(await store.version());
    await store.forget("global");
    versions.push(await store.version());
    expect(new Set(versions).size).toBe(5);
  });

  test("are filtered by the metadata of their document", async () => {
    const store = open(await make());
    await store.put([text("en", "zebra crossing"), text("pt", "zebra de rua")]);
    expect(found(await store.search("zebra", { filter: { topic: "pt" } }))).toEqual(["zebra de rua"]);
  });
});

describe.each(PLACES)("documents in %s, seen from two stores", (_name, make) => {
  test("what one writes, replaces and removes, the other finds so", async () => {
    const options = await make();
    // An LMDB folder is opened once a process: the second store stands for a restart.
    const one = open(options);
    await one.put([text("a", "zebra one"), text("b", "zebra two")]);
    if (options.path !== undefined) await one.close();
    const two = open(options);
    expect(found(await two.search("zebra")).toSorted()).toEqual(["zebra one", "zebra two"]);
    await two.put([text("a", "zebra three")]);
    await two.remove(["b"]);
    if (options.path !== undefined) await two.close();
    const three = options.path === undefined ? one : open(options);
    expect(found(await three.search("zebra"))).toEqual(["zebra three"]);
  });
});

describe("meaning", () => {
  test("finds what shares no word, and says how near it is", async () => {
    const embeddings = new CountingEmbeddings();
    // Both kinds of text get the vector of their first word.
    embeddings.embedQuery = async () => (await embeddings.embedDocuments(["near"]))[0] ?? [];
    const store = open({ embeddings, model: "test" });
    await store.put([text("x", "near"), text("y", "far")]);
    const [best] = await store.search("zzz");
    expect(best?.pageContent).toBe("near");
    expect(best?.metadata.similarity).toBeCloseTo(1, 5);
    expect(found(await store.search("zzz", { threshold: 0.99 }))).toEqual(["near"]);
  });

  test("is left out when the embeddings fail: words answer, and an event tells", async () => {
    const events: StrataEvent[] = [];
    const embeddings = new CountingEmbeddings();
    const store = open({ embeddings, model: "test", observer: (event) => events.push(event) });
    await store.put([text("a", "zebra")]);
    embeddings.before = () => {
      throw new Error("provider down");
    };
    expect(found(await store.search("zebra"))).toEqual(["zebra"]);
    expect(events).toEqual([{ type: "rag.fault", part: "embeddings", code: "ENGINE" }]);
  });

  test("is asked of nobody before it is needed", async () => {
    const embeddings = new CountingEmbeddings();
    const store = open({ embeddings, model: "test" });
    await store.list();
    expect(embeddings.calls).toEqual([]);
  });

  test("a batch whose embeddings fail leaves no document behind", async () => {
    const embeddings = new CountingEmbeddings();
    embeddings.before = (texts) => {
      if (texts.includes("two")) throw new Error("provider down");
    };
    const store = open({ embeddings, model: "test" });
    await expect(store.put([text("a", "one"), text("b", "two")])).rejects.toThrow("provider down");
    expect(await store.list()).toEqual([]);
    expect(await store.search("one")).toEqual([]);
  });

  test("vectors that a killed process left without their document are found by nobody", async () => {
    const embeddings = new CountingEmbeddings();
    const index = flatIndex();
    const lost = open({ embeddings, model: "test", index });
    await lost.put([text("a", "orphan")]);
    // The same vectors over an empty table.
    const store = open({ embeddings, model: "test", index });
    expect(await store.search("orphan")).toEqual([]);
  });
});

describe("as a LangChain retriever", () => {
  test("finds in the scope that the call's configuration names, and is refused without one", async () => {
    const store = open({
      scope: ({ config }) =>
        config?.configurable?.["user_id"] === undefined ? undefined : { user: String(config.configurable["user_id"]) },
    });
    await store.put([text("a", "zebra of ana")], { scope: { user: "ana" } });
    const retriever = store.asRetriever({ k: 3 });
    expect(found(await retriever.invoke("zebra", { configurable: { user_id: "ana" } }))).toEqual(["zebra of ana"]);
    expect(await retriever.invoke("zebra", { configurable: { user_id: "rui" } })).toEqual([]);
    await expect(retriever.invoke("zebra")).rejects.toThrow("DocumentStore.scope");
  });
});

test.each([
  [{ embeddings: new CountingEmbeddings() }, "DocumentStore.model"],
  [{ path: "" }, "DocumentStore.path"],
  [{ table: "x" }, "DocumentStore.table"],
  [{ sql: {} as SqlClient }, "DocumentStore.sql"],
  [{ pth: "x" } as DocumentStoreOptions, "DocumentStore.pth"],
])("a wrong option is named: %#", (options, name) => {
  expect(() => new DocumentStore(options as DocumentStoreOptions)).toThrow(name);
});

test("after close() every call is refused", async () => {
  const store = open();
  await store.close();
  await store.close();
  await expect(store.search("x")).rejects.toMatchObject({ code: "CLOSED" });
});
