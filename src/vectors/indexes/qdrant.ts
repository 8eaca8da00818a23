/** `vectorStoreIndex` over `@langchain/qdrant`, with a collection that is made as this library needs it. */
import type { QdrantLibArgs, QdrantVectorStore } from "@langchain/qdrant";
import type { Clock } from "../../core/clock.ts";
import { StrataConfigError, StrataError } from "../../core/errors.ts";
import { parseCount, refuseUnknown } from "../../core/options.ts";
import type { VectorIndex } from "../vector-index.ts";
import { vectorStoreIndex } from "./vector-store.ts";

export interface QdrantIndexOptions {
  /** A `QdrantClient` of `@qdrant/js-client-rest`, which stays the caller's; or `url`. */
  readonly client?: QdrantLibArgs["client"] | undefined;
  readonly url?: string | undefined;
  readonly apiKey?: string | undefined;
  /** Made at the first use, with cosine distance; default `"strata_vectors"`. */
  readonly collection?: string | undefined;
  /** Of all vectors in the collection. */
  readonly dimensions: number;
  /** Whose time ends a vector; default the machine's. */
  readonly clock?: Clock | undefined;
}

const COLLECTION = /^[A-Za-z0-9_-]{1,255}$/;

/**
 * An index in a collection of Qdrant.
 * @throws {@link StrataConfigError} naming the option; calls reject with `MISSING_PEER` where `@langchain/qdrant` is not installed
 */
export function qdrantIndex(options: QdrantIndexOptions): VectorIndex {
  refuseUnknown("qdrantIndex", options, ["client", "url", "apiKey", "collection", "dimensions", "clock"]);
  const { client, url, apiKey, collection = "strata_vectors", clock } = options;
  const dimensions = parseCount("qdrantIndex.dimensions", options.dimensions);
  if (client === undefined && url === undefined) throw new StrataConfigError("qdrantIndex.url", url, "a URL, or else a client");
  if (typeof collection !== "string" || !COLLECTION.test(collection)) {
    throw new StrataConfigError("qdrantIndex.collection", collection, "1 to 255 characters of A-Z a-z 0-9 _ -");
  }
  const collectionConfig = { vectors: { size: dimensions, distance: "Cosine" as const } };
  const place = {
    ...(client !== undefined && { client }),
    ...(url !== undefined && { url }),
    ...(apiKey !== undefined && { apiKey }),
  };
  let opening: Promise<VectorIndex> | undefined;
  let closed = false;

  async function open(): Promise<VectorIndex> {
    if (closed) throw new StrataError("CLOSED", "The vector index is closed.");
    opening ??= make();
    try {
      return await opening;
    } catch (error) {
      // The server may be back at the next call.
      opening = undefined;
      throw error;
    }
  }

  async function make(): Promise<VectorIndex> {
    const Store = await loadStore();
    const store = new Store(noEmbeddings, { ...place, collectionName: collection, collectionConfig });
    // The store makes the collection at whatever call finds none; of two such calls at the same time one fails with 409, Conflict.
    await store.ensureCollection().catch((error: unknown) => {
      if ((error as { status?: unknown }).status !== 409) throw error;
    });
    return vectorStoreIndex(store, { dimensions, dialect: "qdrant", clock });
  }

  return {
    name: "qdrant",
    add: async (...call) => (await open()).add(...call),
    search: async (...call) => (await open()).search(...call),
    remove: async (...call) => (await open()).remove(...call),
    stats: async () => ({ vectors: undefined, bytes: undefined }),
    async close() {
      closed = true;
      await opening?.then((index) => index.close()).catch(() => undefined);
    },
  };
}

async function loadStore(): Promise<typeof QdrantVectorStore> {
  try {
    return (await import("@langchain/qdrant")).QdrantVectorStore;
  } catch (cause) {
    throw new StrataError(
      "MISSING_PEER",
      "The package @langchain/qdrant is needed to reach Qdrant: npm install @langchain/qdrant",
      {
        cause,
      },
    );
  }
}

/** A store asks for embeddings, and uses them only for texts; this index has none. */
const noEmbeddings = {
  embedDocuments: (): Promise<number[][]> => Promise.reject(new StrataError("UNSTORABLE", "A vector index embeds no texts.")),
  embedQuery: (): Promise<number[]> => Promise.reject(new StrataError("UNSTORABLE", "A vector index embeds no texts.")),
};
