/**
 * Recall under load: `npm run bench:recall`. Histories of 100 owners with 100,000 messages together (`--messages` for
 * another number), in PGlite and in PostgreSQL when `TEST_DATABASE_URL` names one (`npm run servers` starts one): one recall sees 1 %.
 * `-- --scale` runs ten times as many in PostgreSQL after them, a million, and prints how the times compare.
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
import { conversationKey, ownerKey } from "../../src/history/conversation-key.ts";
import { ConversationStore } from "../../src/history/conversation-store.ts";
import { AdaptiveMemoryRetriever } from "../../src/memory/memory-retriever.ts";
import { prose, provenance, summarize } from "../harness.ts";

const at = process.argv.indexOf("--messages");
const MESSAGES = at === -1 ? 100_000 : Number(process.argv[at + 1]);
/** In PostgreSQL alone: so many messages, then ten times as many. */
const isScale = process.argv.includes("--scale");
const OWNERS = 100;
const SESSION = 500;
const RECALLS = 300;

const SUBJECTS =
  "invoice flight hotel deadline contract server password garden recipe doctor school music trade budget meeting".split(" ");
/** Words of ordinary length and rarity: the lower a word's number, the more often it is said. */
const WORDS = prose(2_000, "words")
  .split(/[^a-z]+/i)
  .filter((word) => word.length > 1);

function textOf(owner: number, message: number): string {
  return `${SUBJECTS[(owner + message) % SUBJECTS.length]} ${message} ${prose(80, `${owner}.${message}`)}`;
}

/**
 * Conversations and messages by the server itself, as appends would leave them, but for the words of the full text search: owners of
 * this size are searched in memory.
 */
async function fill(sql: SqlClient, messages: number): Promise<void> {
  const store = new ConversationStore({ sql });
  await store.conversations();
  const each = messages / OWNERS;
  await sql.query("TRUNCATE strata_conversations, strata_messages CASCADE");
  for (let owner = 0; owner < OWNERS; owner++) {
    const ownerId = `owner-${owner}`;
    const sessions = Array.from({ length: Math.ceil(each / SESSION) }, (_, session) => `session-${session}`);
    await sql.query(
      `WITH talks AS (
         INSERT INTO strata_conversations (key, owner_key, owner_id, session_id, last_seq, created_at, updated_at)
         SELECT key, $1, $2, session, least($5::bigint, $6::bigint - $5::bigint * (n - 1)), now(), now()
         FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS t (key, session, n) RETURNING id, session_id, last_seq
       )
       INSERT INTO strata_messages (conversation_id, seq, id, role, created_at, text, payload)
       SELECT talks.id, seq, seq::text, CASE WHEN seq % 2 = 0 THEN 'ai' ELSE 'human' END,
         to_timestamp(1700000000 + (substr(session_id, 9)::bigint * $5::bigint + seq) * 60),
         concat_ws(' ', ($7::text[])[1 + (seq + $9::bigint) % ${SUBJECTS.length}], seq, said.words), '{}'
       FROM talks, generate_series(1, last_seq) AS seq, LATERAL (
         SELECT string_agg(($8::text[])[1 + floor(power(random(), 2) * array_length($8::text[], 1))::int], ' ') AS words
         FROM generate_series(1, 14 + seq * 0)
       ) AS said`,
      [
        ownerKey(ownerId),
        ownerId,
        sessions.map((sessionId) => conversationKey({ ownerId, sessionId })),
        sessions,
        SESSION,
        each,
        SUBJECTS,
        WORDS,
        owner,
      ],
    );
  }
  await sql.query("ANALYZE strata_conversations, strata_messages");
  await store.close();
}

/** Gives the 95th percentile. */
function row(name: string, millis: readonly number[], seconds?: number): number {
  const { p50 } = summarize(name, millis);
  const sorted = millis.toSorted((a, b) => a - b);
  const p95 = sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN;
  console.log(
    `| ${name} | ${p50.toFixed(2)} | ${p95.toFixed(2)} | ${seconds === undefined ? "" : (millis.length / seconds).toFixed(0)} |`,
  );
  return p95;
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

/** Gives the 95th percentiles of a first recall, a recall, and one from the query cache. */
async function measure(name: string, sql: SqlClient, messages: number): Promise<readonly number[]> {
  const began = performance.now();
  await fill(sql, messages);
  const filled = (performance.now() - began) / 1_000;
  const store = new ConversationStore({ sql });
  const memory = new AdaptiveMemoryRetriever({ store, strategy: "hybrid", maxBytes: "1gb" });
  const query = (index: number): string => `what about the ${SUBJECTS[index % SUBJECTS.length]} ${index}?`;
  const cold = await timed(10, (index) => memory.recall(query(index), { ownerId: `owner-${index}` }));
  const warm = await timed(RECALLS, (index) => memory.recall(query(1_000 + index), { ownerId: `owner-${index % 10}` }));
  const cached = await timed(RECALLS, (index) => memory.recall(query(1_000 + (index % 10)), { ownerId: `owner-${index % 10}` }));
  const label = `${name}, ${messages} messages`;
  const each = messages / OWNERS;
  const percentiles = [
    row(`${label}, first recall of an owner (${each} are read; filled in ${filled.toFixed(0)} s)`, cold.millis),
    row(`${label}, recall`, warm.millis, warm.seconds),
    row(`${label}, recall from the query cache`, cached.millis, cached.seconds),
  ];
  await memory.close();
  await store.close();
  return percentiles;
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

/** Ten times as many messages, in the same run on the same server. */
async function compared(name: string, sql: SqlClient): Promise<void> {
  const few = await measure(name, sql, MESSAGES);
  if (!isScale) return;
  const many = await measure(name, sql, 10 * MESSAGES);
  const ratio = many.map((p95, index) => (p95 / (few[index] as number)).toFixed(1));
  console.log(
    `| p95 of ${10 * MESSAGES} over that of ${MESSAGES}: first recall ${ratio[0]}, recall ${ratio[1]}, from the query cache ${ratio[2]} | | | |`,
  );
}

console.log(`${provenance()}; ${MESSAGES} messages, ${OWNERS} owners\n`);
console.log("| | p50 ms | p95 ms | a second |\n| --- | --- | --- | --- |");
const url = process.env["TEST_DATABASE_URL"];
if (url === undefined) console.log("| PostgreSQL: TEST_DATABASE_URL names none | | | |");
else {
  const pool = new Pool({ connectionString: url, max: 4 });
  await compared("PostgreSQL", pgClient(pool));
  await pool.end();
}
if (!isScale) {
  await timeWeighted();
  await vectorStoreMemory();
}
if (!isScale && MESSAGES <= 100_000) {
  const sql = pgliteClient();
  await compared("PGlite", sql);
  await sql.close();
}
