import { randomUUID } from "node:crypto";
import type { Digest } from "../../core/key.ts";
import type { Chunk, DocumentHeader, DocumentTable, StoredDocument, TableScope } from "../document-table.ts";

interface Drawer {
  readonly byId: Map<string, StoredDocument>;
  readonly byKey: Map<Digest, StoredDocument>;
  within: readonly Digest[];
  version: number;
}

/** Documents in this process, for as long as it lives. */
export function memoryTable(): DocumentTable {
  const drawers = new Map<Digest, Drawer>();
  const identity = randomUUID();

  function drawer({ scope, within }: TableScope): Drawer {
    const found = drawers.get(scope) ?? { byId: new Map(), byKey: new Map(), within, version: 0 };
    drawers.set(scope, found);
    found.version++;
    return found;
  }

  return {
    name: "memory",
    async put(scope, documents, { signal } = {}) {
      signal?.throwIfAborted();
      const { byId, byKey } = drawer(scope);
      const replaced: DocumentHeader[] = [];
      for (const document of documents) {
        const before = byId.get(document.id);
        if (before !== undefined && before.key !== document.key) {
          replaced.push(before);
          byKey.delete(before.key);
        }
        byId.set(document.id, document);
        byKey.set(document.key, document);
      }
      return replaced;
    },
    async remove(scope, ids, { signal } = {}) {
      signal?.throwIfAborted();
      const { byId, byKey } = drawer(scope);
      return [...new Set(ids)].flatMap((id) => {
        const document = byId.get(id);
        if (document === undefined) return [];
        byId.delete(id);
        byKey.delete(document.key);
        return [document];
      });
    },
    version: (scope) => String(drawers.get(scope)?.version ?? 0),
    identity: () => identity,
    headers: (scope) => [...(drawers.get(scope)?.byId.values() ?? [])],
    chunks: (scope, places) => places.map(({ key, at }): Chunk | undefined => drawers.get(scope)?.byKey.get(key)?.parts[at]),
    async forget(scope) {
      const gone = [...drawers].filter(([name, { within }]) => name === scope || within.includes(scope));
      return gone.map(([name, found]) => {
        const documents = found.byId.size;
        // The drawer stays, so that its version never comes again.
        found.byId.clear();
        found.byKey.clear();
        found.version++;
        return { scope: name, documents };
      });
    },
    close: () => Promise.resolve(),
  };
}
