/**
 * Documents in a folder: the engine of the disk tier (LMDB, `cache/tiers/disk-folder.ts`), one transaction for a change, so that a
 * process that dies at any point leaves whole documents. Several processes may share the folder.
 *
 * Keys, in one table: `d` scope id-digest = header; `c` key number = chunk; `s` scope = version and wider scopes; `i` = identity of the
 * folder. Digests have 43 characters, so parts need no separator.
 */
import { randomUUID } from "node:crypto";
import type { Digest } from "../../core/key.ts";
import { digest } from "../../core/key.ts";
import { StrataError } from "../../core/errors.ts";
import { copiedBytes, measure, type Engine } from "../../cache/tiers/disk-engine.ts";
import { openFolder } from "../../cache/tiers/disk-folder.ts";
import { transact } from "../../cache/tiers/disk-transaction.ts";
import type { Chunk, DocumentHeader, DocumentTable, StoredDocument, TableScope } from "../document-table.ts";

export interface DiskTableOptions {
  /** Absolute. */
  readonly path: string;
  /** Told when a damaged file was set aside, so that the folder begins anew. */
  readonly onDamage: (error: StrataError) => void;
}

interface ScopeRow {
  readonly version: number;
  readonly within: readonly Digest[];
}

/** Above every byte of a key. */
const END = Buffer.from([0xff]);
/** A page and its neighbours: what a value takes beside its own bytes. */
const OVERHEAD_BYTES = 8_192;
const IDENTITY = Buffer.from("i");

/** Documents in a folder, which is opened at the first use. */
export function diskTable({ path, onDamage }: DiskTableOptions): DocumentTable {
  let opened: Engine | undefined;
  let closing: Promise<void> | undefined;
  const underWay = new Set<Promise<unknown>>();

  function engine(): Engine {
    if (closing !== undefined) throw new StrataError("CLOSED", "The document store is closed.");
    return (opened ??= openFolder(path, onDamage));
  }

  function read(key: Buffer): unknown {
    const bytes = engine().values.getBinary(key);
    return bytes === undefined ? undefined : (JSON.parse(bytes.toString("utf8")) as unknown);
  }

  const readHeader = (scope: Digest, id: string): DocumentHeader | undefined =>
    read(headerKey(scope, id)) as DocumentHeader | undefined;
  const readScope = (scope: Digest): ScopeRow | undefined => read(scopeKey(scope)) as ScopeRow | undefined;

  function range(prefix: Buffer): { key: Buffer; value: Buffer }[] {
    // A copy of each: LMDB reuses the memory.
    return [...engine().values.getRange({ start: prefix, end: Buffer.concat([prefix, END]) })].map(({ key, value }) => ({
      key: Buffer.from(key),
      value: Buffer.from(value),
    }));
  }

  async function change(bytes: number, keys: number, work: (engine: Engine) => void): Promise<void> {
    const used = engine();
    // The disk may be full: room is made first, by a write that can fail (see `disk-room.ts`).
    const size = measure(used);
    try {
      if (bytes > 0) used.room.toStore(size, bytes + keys * OVERHEAD_BYTES + copiedBytes(size, keys));
      else used.room.toRewrite(size, copiedBytes(size, keys));
    } catch (cause) {
      throw new StrataError("UNAVAILABLE", `The disk has no room for documents in ${path}: ${String(cause)}`, { cause });
    }
    const done = transact(used, () => work(used));
    const ended: Promise<unknown> = done.then(
      () => underWay.delete(ended),
      () => underWay.delete(ended),
    );
    underWay.add(ended);
    await done;
  }

  function touch(used: Engine, { scope, within }: TableScope): void {
    const before = readScope(scope);
    void used.values.put(scopeKey(scope), toBytes({ version: (before?.version ?? 0) + 1, within } satisfies ScopeRow));
  }

  function drop(used: Engine, scope: Digest, header: DocumentHeader): void {
    void used.values.remove(headerKey(scope, header.id));
    for (let at = 0; at < header.chunks; at++) void used.values.remove(chunkKey(header.key, at));
  }

  return {
    name: "disk",
    async put(scope, documents, { signal } = {}) {
      signal?.throwIfAborted();
      const rows = documents.map((document) => rowsOf(scope.scope, document));
      const bytes = rows.flat().reduce((sum, { value }) => sum + value.byteLength, 0);
      let replaced: DocumentHeader[] = [];
      await change(bytes, rows.flat().length, (used) => {
        replaced = [];
        for (const [index, { id, key }] of documents.entries()) {
          const before = readHeader(scope.scope, id);
          if (before !== undefined && before.key !== key) {
            drop(used, scope.scope, before);
            replaced.push(before);
          }
          for (const row of rows[index] ?? []) void used.values.put(row.key, row.value);
        }
        touch(used, scope);
      });
      return replaced;
    },
    async remove(scope, ids, { signal } = {}) {
      signal?.throwIfAborted();
      const find = (): DocumentHeader[] => [...new Set(ids)].flatMap((id) => readHeader(scope.scope, id) ?? []);
      const keys = find().reduce((sum, { chunks }) => sum + chunks + 1, 0);
      let gone: DocumentHeader[] = [];
      await change(0, keys, (used) => {
        gone = find();
        for (const header of gone) drop(used, scope.scope, header);
        touch(used, scope);
      });
      return gone;
    },
    version: (scope) => String(readScope(scope)?.version ?? 0),
    async identity({ signal } = {}) {
      signal?.throwIfAborted();
      if (read(IDENTITY) === undefined) {
        const made = toBytes(randomUUID());
        // Another process may have been faster: the first one counts.
        await change(made.byteLength, 1, (used) => {
          if (read(IDENTITY) === undefined) void used.values.put(IDENTITY, made);
        });
      }
      return read(IDENTITY) as string;
    },
    headers: (scope) => range(Buffer.from(`d${scope}`)).map(({ value }) => JSON.parse(value.toString("utf8")) as DocumentHeader),
    chunks: (_scope, places) => places.map(({ key, at }) => read(chunkKey(key, at)) as Chunk | undefined),
    async forget(scope) {
      const scopes = range(Buffer.from("s")).flatMap(({ key, value }) => {
        const name = key.toString("latin1", 1);
        const { within } = JSON.parse(value.toString("utf8")) as ScopeRow;
        return name === scope || within.includes(scope) ? [{ scope: name, within }] : [];
      });
      const gone: { scope: Digest; documents: number }[] = [];
      for (const each of scopes) {
        const headers = range(Buffer.from(`d${each.scope}`)).map(
          ({ value }) => JSON.parse(value.toString("utf8")) as DocumentHeader,
        );
        await change(
          0,
          headers.reduce((sum, { chunks }) => sum + chunks + 1, 0),
          (used) => {
            for (const header of headers) drop(used, each.scope, header);
            touch(used, each);
          },
        );
        gone.push({ scope: each.scope, documents: headers.length });
      }
      return gone;
    },
    close() {
      closing ??= (async () => {
        while (underWay.size > 0) await Promise.allSettled(underWay);
        opened?.room.close();
        await opened?.environment.close();
      })();
      return closing;
    },
  };
}

function rowsOf(scope: Digest, { parts, ...header }: StoredDocument): { key: Buffer; value: Buffer }[] {
  return [
    { key: headerKey(scope, header.id), value: toBytes(header) },
    ...parts.map((part, at) => ({ key: chunkKey(header.key, at), value: toBytes(part) })),
  ];
}

function toBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function headerKey(scope: Digest, id: string): Buffer {
  return Buffer.from(`d${scope}${digest("document-id", id)}`);
}

function chunkKey(key: Digest, at: number): Buffer {
  return Buffer.from(`c${key}${at}`);
}

function scopeKey(scope: Digest): Buffer {
  return Buffer.from(`s${scope}`);
}
