/**
 * Recall under load: `npm run bench:recall`. Histories of 100 owners with 100,000 messages together (`--messages 1000000` for a
 * longer run), in PGlite and in PostgreSQL when `TEST_DATABASE_URL` names one (`npm run servers` starts one): one recall sees 1 %.
 * LangChain's time-weighted retriever and its memory over a vector store stand beside it, on the messages of one owner, in memory.
 */
import { Pool } from "pg";
import { VectorStoreRetrieverMemory } from "@langchain/classic/memory";
import { TimeWeightedVectorStoreRetriever } from "@langchain/classic/retrievers/time_weighted";
import { MemoryVectorStore } from "@langchain/classic/vectorstores/memory";
import { Document } from "@langchain/core/documents";
import { pgClient } from "../../src/clients/pg.ts";
import { pgliteClient } from "../../src/clients/pglite.ts";
import type { SqlClient } from "../../src/clients/sql.ts";
import { LocalEmbeddings } from "../../src/embeddings/local-embeddings.ts";
import { postgresLog } from "../../src/history/logs/postgres.ts";
import { ConversationStore } from "../../src/history/conversation-store.ts";
import { AdaptiveMemoryRetriever } from "../../src/memory/memory-retriever.ts";
import { prose, provenance, summarize } from "../harness.ts";

const at = process.argv.indexOf("--messages");
const MESSAGES = at === -1 ? 100_000 : Number(process.argv[at + 1]);
const OWNERS = 100;
const EACH = MESSAGES / OWNERS;
const BATCH = 500;
const RECALLS = 300;

const SUBJECTS =
  "invoice flight hotel deadline contract server password garden recipe doctor school music trade budget meeting".split(" ");

function textOf(owner: number, message: number): string {
  return `${SUBJECTS[(owner + message) % SUBJECTS.length]} ${message} ${prose(80, `${owner}.${message}`)}`;
}

async function fill(sql: SqlClient): Promise<void> {
  const log = postgresLog({ sql });
  for (let owner = 0; owner < OWNERS; owner++) {
    for (let from = 0; from < EACH; from += BATCH) {
      const messages = Array.from({ length: Math.min(BATCH, EACH - from) }, (_, index) => {
        const text = textOf(owner, from + index);
        return {
          id: `${from + index}`,
          role: index % 2 ? "ai" : "human",
          createdAt: 1_700_000_000_000 + (from + index) * 60_000,
          text,
          payload: "{}",
        };
      });
      await log.append({ ownerId: `owner-${owner}`, sessionId: `session-${Math.floor(from / BATCH)}` }, messages);
    }
  }
  await log.close();
}

function row(name: string, millis: readonly number[], seconds?: number): void {
  const { p50 } = summarize(name, millis);
  const sorted = millis.toSorted((a, b) => a - b);
  const p95 = sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN;
  console.log(
    `| ${name} | ${p50.toFixed(2)} | ${p95.toFixed(2)} | ${seconds === undefined ? "" : (millis.length / seconds).toFixed(0)} |`,
  );
}

async function timed(calls: number, call: (index: number) => Promise<unknown>): Promise<{ millis: number[]; seconds: number }> {
  const millis: number[] = [];
  const began = performance.now();
  for (let index = 0; index < calls; index++) {
    const start = performance.now();
    await call(index);
    millis.push(performance.now() - start);
  }
  return { millis, seconds: (performance.now() - began) / 1_000 };
}

async function measure(name: string, sql: SqlClient): Promise<void> {
  const began = performance.now();
  await fill(sql);
  const filled = (performance.now() - began) / 1_000;
  const store = new ConversationStore({ sql });
  const memory = new AdaptiveMemoryRetriever({ store, strategy: "hybrid", maxBytes: "1gb" });
  const query = (index: number): string => `what about the ${SUBJECTS[index % SUBJECTS.length]} ${index}?`;
  const cold = await timed(10, (index) => memory.recall(query(index), { ownerId: `owner-${index}` }));
  const warm = await timed(RECALLS, (index) => memory.recall(query(1_000 + index), { ownerId: `owner-${index % 10}` }));
  const cached = await timed(RECALLS, (index) => memory.recall(query(1_000 + (index % 10)), { ownerId: `owner-${index % 10}` }));
  row(`${name}, first recall of an owner (${EACH} messages are read; filled in ${filled.toFixed(0)} s)`, cold.millis);
  row(`${name}, recall`, warm.millis, warm.seconds);
  row(`${name}, recall from the query cache`, cached.millis, cached.seconds);
  await memory.close();
  await store.close();
}

async function timeWeighted(): Promise<void> {
  const embeddings = new LocalEmbeddings();
  const retriever = new TimeWeightedVectorStoreRetriever({
    vectorStore: new MemoryVectorStore(embeddings),
    memoryStream: [],
    k: 10,
  });
  const texts = Array.from({ length: 1_000 }, (_, message) => textOf(0, message));
  await retriever.addDocuments(texts.map((pageContent) => new Document({ pageContent })));
  const run = await timed(50, (index) => retriever.invoke(`what about the ${SUBJECTS[index % SUBJECTS.length]} ${index}?`));
  row(
    "TimeWeightedVectorStoreRetriever over one owner's 1,000, in memory, its vectors made by the same model",
    run.millis,
    run.seconds,
  );
}

/** LangChain's memory over a vector store: recall by meaning alone, of one owner. */
async function vectorStoreMemory(): Promise<void> {
  const embeddings = new LocalEmbeddings();
  const vectorStore = new MemoryVectorStore(embeddings);
  const texts = Array.from({ length: 1_000 }, (_, message) => textOf(0, message));
  await vectorStore.addDocuments(texts.map((pageContent) => new Document({ pageContent })));
  const memory = new VectorStoreRetrieverMemory({ vectorStoreRetriever: vectorStore.asRetriever(10), inputKey: "input" });
  const run = await timed(50, (index) =>
    memory.loadMemoryVariables({ input: `what about the ${SUBJECTS[index % SUBJECTS.length]} ${index}?` }),
  );
  row("VectorStoreRetrieverMemory over the same", run.millis, run.seconds);
}

console.log(`${provenance()}; ${MESSAGES} messages, ${OWNERS} owners\n`);
console.log("| | p50 ms | p95 ms | a second |\n| --- | --- | --- | --- |");
const url = process.env["TEST_DATABASE_URL"];
if (url === undefined) console.log("| PostgreSQL: TEST_DATABASE_URL names none | | | |");
else {
  const pool = new Pool({ connectionString: url, max: 4 });
  await measure("PostgreSQL", pgClient(pool));
  await pool.end();
}
await timeWeighted();
await vectorStoreMemory();
if (MESSAGES <= 100_000) {
  const sql = pgliteClient();
  await measure("PGlite", sql);
  await sql.close();
}
