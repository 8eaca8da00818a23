/**
 * Every place of the library that keeps something of a person, opened over real servers, and filled with a canary: a text that is
 * then looked for in the raw bytes. Vectors are made of the canary's own bytes, so that they are found too.
 */
import { join } from "node:path";
import { Embeddings } from "@langchain/core/embeddings";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { Pool } from "pg";
import { cacheModel } from "../../src/cache/model/cached-model.ts";
import { staticPolicy } from "../../src/cache/semantic/policies/static.ts";
import { TieredCache } from "../../src/cache/tiered-cache.ts";
import type { CacheTier } from "../../src/cache/tier.ts";
import { archiveTier } from "../../src/cache/tiers/archive.ts";
import { diskTier } from "../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import { redisTier } from "../../src/cache/tiers/redis.ts";
import { pgClient } from "../../src/clients/pg.ts";
import type { SqlClient } from "../../src/clients/sql.ts";
import { CachedEmbeddings } from "../../src/embeddings/cached-embeddings.ts";
import type { EncryptionOptions } from "../../src/encryption/key-ring.ts";
import { ConversationStore } from "../../src/history/conversation-store.ts";
import { historyTables } from "../../src/history/tables/history-tables.ts";
import { AdaptiveMemoryRetriever } from "../../src/memory/memory-retriever.ts";
import type { BackupPart } from "../../src/maintenance/backup/backup-part.ts";
import { historyPart } from "../../src/maintenance/backup/parts/history-part.ts";
import { tierPart } from "../../src/maintenance/backup/parts/tier-part.ts";
import { CountingEmbeddings } from "./counting-embeddings.ts";
import { ScriptedModel } from "./scripted-model.ts";

export interface OwnerStoresSetup {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Begins keys in Redis, and names a table. Letters only. */
  readonly name: string;
  readonly folder: string;
  readonly encryption?: EncryptionOptions | undefined;
}

/** 16 numbers whose bytes are the text's. */
class TextAsVector extends Embeddings {
  constructor() {
    super({});
  }

  async embedDocuments(texts: string[]): Promise<number[][]> {
    return texts.map(vectorOf);
  }

  async embedQuery(text: string): Promise<number[]> {
    return vectorOf(text);
  }
}

function vectorOf(text: string): number[] {
  // ASCII alone: no four bytes of it are NaN or infinite.
  const bytes = Buffer.from(
    text
      .replaceAll(/[^ -~]/g, "_")
      .padEnd(64)
      .slice(0, 64),
    "latin1",
  );
  return Array.from({ length: 16 }, (_, index) => bytes.readFloatLE(index * 4));
}

export interface OwnerStores {
  /** Writes something of an owner into every place. Resolves when all is accepted; not before it is everywhere. */
  fill(owner: string, canary: string, round: number): Promise<void>;
  /** Everything accepted is where it belongs. */
  settle(): Promise<void>;
  /** As the guide on privacy says. */
  forget(owner: string): Promise<void>;
  readonly sql: SqlClient;
  /** Of the cache, memory left out. */
  readonly tiers: readonly CacheTier[];
  readonly parts: readonly BackupPart[];
  close(): Promise<void>;
}

export function openOwnerStores({ databaseUrl, redisUrl, name, folder, encryption }: OwnerStoresSetup): OwnerStores {
  const pool = new Pool({ connectionString: databaseUrl, max: 6 });
  // A server that is killed says so on idle connections, too.
  pool.on("error", () => undefined);
  const sql = pgClient(pool);
  const embeddings = new TextAsVector();
  const tiers: CacheTier[] = [
    memoryTier(),
    diskTier({ path: join(folder, "cache") }),
    redisTier({ client: redisUrl, prefix: `${name}:cache`, deadline: "5s" }),
    archiveTier({ sql, table: `strata_archive_${name}`, deadline: "5s", writes: "behind" }),
  ];
  // Its vectors are not encrypted, so these say nothing of the canary.
  const semantic = {
    embeddings: new CountingEmbeddings(),
    policy: staticPolicy({ similarity: 0.85 }),
    embeddingModel: "counting",
  };
  const cache = new TieredCache({
    tiers,
    compression: "none",
    scope: "global",
    encryption,
    semantic,
  });
  const kept = new Map<string, CachedEmbeddings>();
  const embeddingsOf = (owner: string): CachedEmbeddings => {
    let made = kept.get(owner);
    if (made === undefined) {
      const path = join(folder, "embeddings", owner);
      made = new CachedEmbeddings({ embeddings, model: "m", tiers: [diskTier({ path })], scope: { user: owner }, encryption });
      kept.set(owner, made);
    }
    return made;
  };
  const store = new ConversationStore({
    ...{ sql, redis: redisUrl, prefix: `${name}:history`, durability: "redis" as const, encryption },
    ...(encryption === undefined && { embeddings, embeddingModel: "text-as-vector" }),
  });
  const memory = new AdaptiveMemoryRetriever({ store, embeddings, logTo: sql });
  const tables = historyTables("ownerStores", { sql });

  return {
    sql,
    async fill(owner, canary, round) {
      const scope = { tenant: "acme", user: owner };
      const text = `${canary} ${round}`;
      await cache.set(`key-${owner}-${round}`, text, { scope, tags: [`round-${round}`] });
      await fillSemantic(cache, owner, text);
      await embeddingsOf(owner).embedDocuments([`${text} embedded`]);
      const summarizer = new FakeListChatModel({ responses: [`They spoke of ${text}.`] });
      const history = store.history({ sessionId: `s-${round % 3}`, ownerId: owner, window: 4, summarizer, metadata: { round } });
      const said = Array.from({ length: 4 }, (_, turn) => [
        new HumanMessage({ content: `${text} asked ${turn}`, name: canary }),
        new AIMessage(`${text} answered ${turn}`),
      ]);
      await history.addMessages(said.flat());
      await memory.recall(text, { ownerId: owner, sessionId: `s-${round % 3}` });
      await tables.ready();
      const letter = { place: `stream ${owner} ${round}`, ownerId: owner, error: new Error("refused") };
      await tables.bury({ ...letter, entry: encryption === undefined ? JSON.stringify({ text }) : "ciphertext" });
    },
    async settle() {
      await Promise.all([cache.flush(), store.drain()]);
      for (const one of kept.values()) await one.flush();
    },
    async forget(owner) {
      const receipt = await cache.forget({ user: owner });
      if (!receipt.complete) throw new Error(`The cache did not forget: ${JSON.stringify(receipt.failed)}`);
      await embeddingsOf(owner).clear();
      await store.forget({ ownerId: owner });
      await memory.forget({ ownerId: owner });
    },
    tiers: tiers.slice(1),
    parts: [...tiers.slice(1).map((tier) => tierPart(tier)), historyPart({ sql })],
    async close() {
      await Promise.all([cache.close(), memory.close(), store.close(), ...[...kept.values()].map((one) => one.close())]);
      await pool.end();
    },
  };
}

/** An answer through the semantic step, which keeps the question in clear, and a vector of it. */
async function fillSemantic(cache: TieredCache, owner: string, text: string): Promise<void> {
  const model = cacheModel(new ScriptedModel({ model: "scripted", reply: () => `${text} answered by a model` }), {
    cache,
    scope: { tenant: "acme", user: owner },
  });
  await model.invoke(`What is ${text}?`);
}
