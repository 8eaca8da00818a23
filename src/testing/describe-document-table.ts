/**
 * The contract of `DocumentTable` as tests. This package's own tables are held to it; `test/contract/broken-document-tables.test.ts` shows
 * that it fails those that do not keep it.
 */
import { randomUUID } from "node:crypto";
import { describe, expect, onTestFinished, test } from "vitest";
import type { MaybePromise } from "../core/abort.ts";
import { digest, type Digest } from "../core/key.ts";
import type { Json } from "../core/plain.ts";
import type { ChunkPlace, DocumentTable, StoredDocument, TableScope } from "../rag/document-table.ts";

/**
 * Builds a table over a place: a folder, the beginning of the names of tables. The suite asks for the same place again to open it a second
 * time (`shared`); a place that was not named before must be empty, and different places must never meet.
 */
export type MakeDocumentTable = (context: { readonly place: string }) => MaybePromise<DocumentTable>;

/** What a table can do beyond the minimum; each adds the tests that prove it. */
export interface DocumentTableCapabilities {
  /** Whether a place can be open more than once at a time, and outlives `close()`; default `false`. */
  readonly shared?: boolean;
}

const acme: TableScope = { scope: digest("scope", "acme"), within: [] };
const ada: TableScope = { scope: digest("scope", "acme", "ada"), within: [acme.scope] };
const globex: TableScope = { scope: digest("scope", "globex"), within: [] };

/** A document as the store hands it over: its key is of everything that it was made from. */
function documentOf(
  { scope }: TableScope,
  id: string,
  texts: readonly string[],
  metadata: { [key: string]: Json } = {},
): StoredDocument {
  const parts = texts.map((text, at) => ({ text, metadata: { page: at + 1 } }));
  const key = digest("document", scope, id, JSON.stringify(metadata), JSON.stringify(parts));
  return { id, key, text: digest("text", ...texts), metadata, chunks: parts.length, parts };
}

function headerOf({ parts: _parts, ...header }: StoredDocument): object {
  return header;
}

function placesOf({ key, chunks }: { readonly key: Digest; readonly chunks: number }): ChunkPlace[] {
  return Array.from({ length: chunks }, (_, at) => ({ key, at }));
}

async function idsIn(table: DocumentTable, { scope }: TableScope): Promise<string[]> {
  return (await table.headers(scope)).map(({ id }) => id).toSorted();
}

/** Every document that is listed has all of its chunks. */
async function expectWhole(table: DocumentTable, { scope }: TableScope): Promise<void> {
  for (const header of await table.headers(scope)) {
    const chunks = await table.chunks(scope, placesOf(header));
    expect(chunks.map((chunk) => chunk?.text)).not.toContain(undefined);
  }
}

/** Declares the tests that every table of documents must pass, under `describe(name)`. Needs `vitest`. */
export function describeDocumentTable(
  name: string,
  make: MakeDocumentTable,
  { shared = false }: DocumentTableCapabilities = {},
): void {
  async function open(place = `place-${randomUUID()}`): Promise<DocumentTable> {
    const table = await make({ place });
    onTestFinished(() => table.close());
    return table;
  }

  describe(name, () => {
    test("gives documents and their chunks back as they went in", async () => {
      const table = await open();
      const returns = documentOf(acme, "returns", ["Within 30 days.", "", "By post."], {
        title: "Returns",
        year: 2026,
        tags: ["a", null],
      });
      const hours = documentOf(acme, "hours", ["Nine to five."]);
      expect(await table.put(acme, [returns, hours])).toEqual([]);
      const headers = await table.headers(acme.scope);
      expect(headers.toSorted((a, b) => (a.id < b.id ? -1 : 1)).map((header) => ({ ...header, parts: undefined }))).toEqual(
        [hours, returns].map((document) => ({ ...document, parts: undefined })),
      );
      expect(await table.chunks(acme.scope, placesOf(returns))).toEqual(returns.parts);
    });

    test("gives chunks in the order of their places, as often as they are named, and none for what is not there", async () => {
      const table = await open();
      const one = documentOf(acme, "one", ["a", "b"]);
      await table.put(acme, [one]);
      const [first, second] = placesOf(one) as [ChunkPlace, ChunkPlace];
      const nowhere = { key: digest("document", "nowhere"), at: 0 };
      const found = await table.chunks(acme.scope, [second, nowhere, first, { key: one.key, at: 2 }, second]);
      expect(found.map((chunk) => chunk?.text)).toEqual(["b", undefined, "a", undefined, "b"]);
      expect(await table.chunks(acme.scope, [])).toEqual([]);
    });

    test("keeps whatever characters a text or an id holds, and the order of the keys of metadata", async () => {
      const table = await open();
      const texts = ["nul \0, quote ' \" \\, line\nbreak", "Ação 😀 \u2028 عربى", " leading and trailing ", "$1 :name ?"];
      const ids = ["a'b", 'a"b', "a\0b", "ação 😀", "a/../b#1", "A", "a", "%_"];
      const documents = ids.map((id) => documentOf(acme, id, texts, { z: 1, a: { y: "\0", b: [] }, __proto: "x" }));
      await table.put(acme, documents);
      expect(await idsIn(table, acme)).toEqual(ids.toSorted());
      for (const header of await table.headers(acme.scope)) {
        expect(JSON.stringify(header.metadata)).toBe(JSON.stringify(documents[0]?.metadata));
        expect((await table.chunks(acme.scope, placesOf(header))).map((chunk) => chunk?.text)).toEqual(texts);
      }
    });

    test("holds a thousand documents of one call", async () => {
      const table = await open();
      const documents = Array.from({ length: 1_000 }, (_, at) => documentOf(acme, `d${at}`, [`text ${at}`, "more"]));
      await table.put(acme, documents);
      expect((await table.headers(acme.scope)).length).toBe(1_000);
      const chunks = await table.chunks(acme.scope, documents.flatMap(placesOf));
      expect(chunks.map((chunk) => chunk?.text)).toEqual(documents.flatMap(({ parts }) => parts.map(({ text }) => text)));
    });

    test("puts a document in the place of the one with its id, which is gone with its chunks and given back", async () => {
      const table = await open();
      const [before, after] = [documentOf(acme, "a", ["1", "2", "3"]), documentOf(acme, "a", ["new"])];
      await table.put(acme, [before, documentOf(acme, "b", ["other"])]);
      expect((await table.put(acme, [after])).map(({ key, chunks }) => ({ key, chunks }))).toEqual([
        { key: before.key, chunks: 3 },
      ]);
      expect(await idsIn(table, acme)).toEqual(["a", "b"]);
      expect(await table.chunks(acme.scope, placesOf(before))).toEqual([undefined, undefined, undefined]);
      expect((await table.chunks(acme.scope, placesOf(after)))[0]?.text).toBe("new");
    });

    test("puts the same again, and nothing was replaced", async () => {
      const table = await open();
      const one = documentOf(acme, "a", ["1", "2"]);
      await table.put(acme, [one]);
      expect(await table.put(acme, [one])).toEqual([]);
      expect((await table.headers(acme.scope)).map(({ key }) => key)).toEqual([one.key]);
      expect((await table.chunks(acme.scope, placesOf(one))).map((chunk) => chunk?.text)).toEqual(["1", "2"]);
    });

    test("removes documents with their chunks, and gives those that were there, once", async () => {
      const table = await open();
      const [a, b] = [documentOf(acme, "a", ["1", "2"]), documentOf(acme, "b", ["3"])];
      await table.put(acme, [a, b]);
      const gone = await table.remove(acme, ["a", "a", "nobody"]);
      expect(gone.map(({ id, key, chunks }) => ({ id, key, chunks }))).toEqual([{ id: "a", key: a.key, chunks: 2 }]);
      expect(await table.chunks(acme.scope, [...placesOf(a), ...placesOf(b)])).toEqual([undefined, undefined, b.parts[0]]);
      expect(await table.remove(acme, ["a"])).toEqual([]);
      expect(await idsIn(table, acme)).toEqual(["b"]);
    });

    test("keeps scopes apart: equal ids are other documents", async () => {
      const table = await open();
      const [ours, hers, theirs] = [acme, ada, globex].map((scope) => documentOf(scope, "same", [`of ${scope.scope}`])) as [
        StoredDocument,
        StoredDocument,
        StoredDocument,
      ];
      await table.put(acme, [ours]);
      await table.put(ada, [hers]);
      await table.put(globex, [theirs]);
      for (const [scope, document] of [
        [acme, ours],
        [ada, hers],
        [globex, theirs],
      ] as const) {
        expect((await table.headers(scope.scope)).map(({ key }) => key)).toEqual([document.key]);
      }
      await table.remove(globex, ["same"]);
      expect(await idsIn(table, acme)).toEqual(["same"]);
      expect(await idsIn(table, ada)).toEqual(["same"]);
    });

    test("has a version that every change of its scope moves, that stays otherwise, and that never comes again", async () => {
      const table = await open();
      const seen: string[] = [];
      const note = async (): Promise<void> => {
        const version = await table.version(acme.scope);
        expect(await table.version(acme.scope)).toBe(version);
        seen.push(version);
      };
      await note();
      for (const texts of [["1"], ["2"], ["1"]]) {
        await table.put(acme, [documentOf(acme, "a", texts)]);
        await note();
      }
      await table.remove(acme, ["a"]);
      await note();
      await table.put(acme, [documentOf(acme, "a", ["1"])]);
      await note();
      await table.forget(acme.scope);
      await note();
      await table.put(acme, [documentOf(acme, "a", ["1"])]);
      await note();
      expect(new Set(seen).size).toBe(seen.length);
      await table.put(globex, [documentOf(globex, "a", ["1"])]);
      expect(await table.version(acme.scope)).toBe(seen.at(-1));
    });

    test("has an identity that no other place has, and that no change moves", async () => {
      const [table, other] = [await open(), await open()];
      const identity = await table.identity();
      expect(identity).not.toBe("");
      expect(await other.identity()).not.toBe(identity);
      await table.put(acme, [documentOf(acme, "a", ["1"])]);
      await table.forget(acme.scope);
      expect(await table.identity()).toBe(identity);
      expect(await idsIn(table, acme)).toEqual([]);
    });

    test("forgets a scope with those that lie within it, says how many, and leaves the others", async () => {
      const table = await open();
      const hers = documentOf(ada, "a", ["x", "y"]);
      await table.put(acme, [documentOf(acme, "a", ["1"]), documentOf(acme, "b", ["2"])]);
      await table.put(ada, [hers]);
      await table.put(globex, [documentOf(globex, "a", ["1"])]);
      const gone = await table.forget(acme.scope);
      const counted = Object.fromEntries(gone.map(({ scope, documents }) => [scope, documents]));
      expect(counted).toMatchObject({ [acme.scope]: 2, [ada.scope]: 1 });
      expect(await idsIn(table, acme)).toEqual([]);
      expect(await idsIn(table, ada)).toEqual([]);
      expect(await table.chunks(ada.scope, placesOf(hers))).toEqual([undefined, undefined]);
      expect(await idsIn(table, globex)).toEqual(["a"]);
      const again = await table.forget(acme.scope);
      expect(again.reduce((sum, { documents }) => sum + documents, 0)).toBe(0);
    });

    test("forgets a narrower scope alone", async () => {
      const table = await open();
      await table.put(acme, [documentOf(acme, "a", ["1"])]);
      await table.put(ada, [documentOf(ada, "a", ["1"])]);
      await table.forget(ada.scope);
      expect(await idsIn(table, acme)).toEqual(["a"]);
      expect(await idsIn(table, ada)).toEqual([]);
    });

    test("changes nothing for who had left before", async () => {
      const table = await open();
      await table.put(acme, [documentOf(acme, "a", ["1"])]);
      const version = await table.version(acme.scope);
      const signal = AbortSignal.abort(new Error("left"));
      await expect(table.put(acme, [documentOf(acme, "a", ["2"]), documentOf(acme, "b", ["3"])], { signal })).rejects.toThrow(
        "left",
      );
      await expect(table.remove(acme, ["a"], { signal })).rejects.toThrow("left");
      expect(await idsIn(table, acme)).toEqual(["a"]);
      expect(await table.version(acme.scope)).toBe(version);
    });

    test("of many changes at once none is lost, and every document is whole", async () => {
      const table = await open();
      const changes = Array.from({ length: 20 }, (_, at) =>
        table.put(acme, [
          documentOf(acme, `own ${at}`, ["1", "2"]),
          documentOf(acme, "same", [`${at}`, "x", "y"].slice(0, 1 + (at % 3))),
        ]),
      );
      const replaced = (await Promise.all(changes)).flat();
      expect(await idsIn(table, acme)).toEqual([...Array.from({ length: 20 }, (_, at) => `own ${at}`), "same"].toSorted());
      expect(new Set(replaced.map(({ key }) => key)).size).toBe(19);
      await expectWhole(table, acme);
    });

    test("may be closed twice", async () => {
      const table = await open();
      await table.put(acme, [documentOf(acme, "a", ["1"])]);
      await table.close();
      await table.close();
    });

    if (shared) sharedContract(open);
  });
}

function sharedContract(open: (place?: string) => Promise<DocumentTable>): void {
  test("what one writes, replaces, removes and forgets, another who has it open sees", async () => {
    const place = `place-${randomUUID()}`;
    const [one, other] = [await open(place), await open(place)];
    const [first, second] = [documentOf(acme, "a", ["1", "2"]), documentOf(acme, "a", ["3"])];
    await one.put(acme, [first]);
    const version = await other.version(acme.scope);
    expect((await other.chunks(acme.scope, placesOf(first))).map((chunk) => chunk?.text)).toEqual(["1", "2"]);
    expect((await other.put(acme, [second])).map(({ key }) => key)).toEqual([first.key]);
    expect(await one.version(acme.scope)).not.toBe(version);
    expect((await one.headers(acme.scope)).map((header) => header.key)).toEqual([second.key]);
    expect((await one.remove(acme, ["a"])).map(({ key }) => key)).toEqual([second.key]);
    expect(await idsIn(other, acme)).toEqual([]);
  });

  test("what was written is there for who opens it later", async () => {
    const place = `place-${randomUUID()}`;
    const one = await open(place);
    const document = documentOf(acme, "a", ["1", "2"], { title: "A" });
    await one.put(acme, [document]);
    const version = await one.version(acme.scope);
    await one.close();
    const later = await open(place);
    expect((await later.headers(acme.scope)).map((header) => headerOf({ ...header, parts: [] }))).toEqual([headerOf(document)]);
    expect(await later.chunks(acme.scope, placesOf(document))).toEqual(document.parts);
    expect(await later.version(acme.scope)).toBe(version);
  });

  test("has one identity for all who have it open at a time, and for who opens it later", async () => {
    const place = `place-${randomUUID()}`;
    const tables = [await open(place), await open(place)] as const;
    const [one, other] = await Promise.all(tables.map((table) => table.identity()));
    expect(other).toBe(one);
    for (const table of tables) await table.close();
    expect(await (await open(place)).identity()).toBe(one);
  });

  test("changes of two who have it open do not lose each other", async () => {
    const place = `place-${randomUUID()}`;
    const tables = [await open(place), await open(place)] as const;
    const changes = Array.from({ length: 20 }, (_, at) =>
      (tables[at % 2] as DocumentTable).put(acme, [documentOf(acme, `own ${at}`, ["1"]), documentOf(acme, "same", [`${at}`])]),
    );
    const replaced = (await Promise.all(changes)).flat();
    expect((await idsIn(tables[0], acme)).length).toBe(21);
    expect(new Set(replaced.map(({ key }) => key)).size).toBe(19);
    for (const table of tables) await expectWhole(table, acme);
  });
}
