import { PGVectorStore } from "@langchain/community/vectorstores/pgvector";
import { MemoryVectorStore } from "@langchain/classic/vectorstores/memory";
import { SyntheticEmbeddings } from "@langchain/core/utils/testing";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { qdrantIndex } from "../../src/vectors/indexes/qdrant.ts";
import { vectorStoreIndex } from "../../src/vectors/indexes/vector-store.ts";
import { describeVectorIndex } from "../../src/testing/describe-vector-index.ts";
import { freshDatabase } from "../support/fresh.ts";
import { startQdrantFake, type QdrantFake } from "../support/qdrant-fake.ts";

const DIMENSIONS = 3;
const STORE = { oneDimension: true, counts: false } as const;
const embeddings = new SyntheticEmbeddings({ vectorSize: DIMENSIONS });

describeVectorIndex(
  "vectorStoreIndex on MemoryVectorStore",
  ({ clock }) => vectorStoreIndex(new MemoryVectorStore(embeddings), { dimensions: DIMENSIONS, dialect: "memory", clock }),
  STORE,
);

let pool: Pool | undefined;
let fake: QdrantFake | undefined;
beforeAll(async () => {
  fake = await startQdrantFake();
});
afterAll(async () => {
  await pool?.end();
  await fake?.close();
});

describeVectorIndex(
  "vectorStoreIndex on PGVectorStore",
  async ({ clock, place }) => {
    pool ??= new Pool({ connectionString: await freshDatabase(), max: 4 });
    const store = new PGVectorStore(embeddings, { pool, tableName: `v${place.replaceAll("-", "_")}` });
    await store.ensureTableInDatabase(DIMENSIONS);
    return vectorStoreIndex(store, { dimensions: DIMENSIONS, dialect: "pgvector", clock });
  },
  { ...STORE, persistent: true, shared: true },
);

describeVectorIndex(
  "qdrantIndex on a fake of the server",
  ({ clock, place }) => qdrantIndex({ url: fake?.url ?? "", collection: place, dimensions: DIMENSIONS, clock }),
  { ...STORE, persistent: true, shared: true },
);

const url = process.env["QDRANT_URL"];
if (url !== undefined) {
  describeVectorIndex(
    "qdrantIndex on the server at QDRANT_URL",
    ({ clock, place }) => qdrantIndex({ url, collection: place, dimensions: DIMENSIONS, clock }),
    { ...STORE, persistent: true, shared: true },
  );
}

describe("vectorStoreIndex", () => {
  test("names what it accepts", () => {
    const store = new MemoryVectorStore(embeddings);
    expect(() => vectorStoreIndex({} as never, { dimensions: 1, dialect: "memory" })).toThrow(/vectorStoreIndex\.store/);
    expect(() => vectorStoreIndex(store, { dimensions: 0, dialect: "memory" })).toThrow(/vectorStoreIndex\.dimensions/);
    expect(() => vectorStoreIndex(store, { dimensions: 1, dialect: "x" as never })).toThrow(/vectorStoreIndex\.dialect/);
    expect(() => qdrantIndex({ dimensions: 1 })).toThrow(/qdrantIndex\.url/);
    expect(() => qdrantIndex({ dimensions: 1, url: "http://x", collection: "a/b" })).toThrow(/qdrantIndex\.collection/);
  });
});
