/**
 * Reading the newest 20 messages of a conversation in an empty database, and with a week of 1,000,000 messages of 5,000 conversations
 * beside it: the 95th percentile may grow by half. Both from PostgreSQL alone; a window in Redis does not depend on what else there is.
 *
 * `npm run bench:history-million [-- --messages N]`. PostgreSQL runs as it ships. The week is made by `INSERT … SELECT`, with the columns
 * and indexes that an append fills, words of search included.
 */
import { HumanMessage } from "@langchain/core/messages";
import { ConversationStore } from "langchain-strata";
import { pgClient } from "langchain-strata/postgres";
import { Pool } from "pg";
import { conversationKey, ownerKey } from "../../src/history/conversation-key.ts";
import { queryOnce } from "../../test/support/servers/probes.ts";
import { startPostgres } from "../../test/support/servers/routes.ts";
import { withDatabase } from "../../test/support/servers/shared-servers.ts";
import { provenance } from "../harness.ts";

const given = process.argv.indexOf("--messages");
const MESSAGES = given === -1 ? 1_000_000 : Number(process.argv[given + 1]);
const IN_EACH = 200;
const CONVERSATIONS = Math.ceil(MESSAGES / IN_EACH);
const MEASURED = 50;
const READS = 4_000;
const CALLERS = 4;
const ROUNDS = 10;

const CONVERSATION_ROWS = `
  INSERT INTO strata_conversations (key, owner_key, owner_id, session_id, last_seq, created_at, updated_at)
  SELECT key, owner, 'week', n::text, ${IN_EACH}, now() - interval '7 days', now()
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t (key, owner, n)`;

// Conversations go on side by side, so the messages of one lie scattered over the table, as they do in a real week.
const MESSAGE_ROWS = `
  INSERT INTO strata_messages (conversation_id, seq, id, role, created_at, text, payload)
  SELECT c.id, seq, 'm' || seq, CASE seq % 2 WHEN 0 THEN 'ai' ELSE 'human' END, now() - interval '7 days' * (1 - seq / ${IN_EACH}.0),
    said, json_build_object('lc', 1, 'type', 'human', 'content', said)::text
  FROM generate_series($1::bigint, $2::bigint) AS seq, strata_conversations c,
    LATERAL (SELECT 'Message ' || seq || ' of ' || c.session_id || repeat(' and the market opened higher today', 4) AS said) AS made
  WHERE c.owner_id = 'week'`;

const WORD_ROWS = `
  INSERT INTO strata_message_words (conversation_id, seq, words)
  SELECT conversation_id, seq, to_tsvector('pg_catalog.english', text) FROM strata_messages m
  WHERE seq BETWEEN $1::bigint AND $2::bigint AND id = 'm' || seq`;

const postgres = await startPostgres({ durability: "shipped" });
const databases = await Promise.all(["empty", "week"].map(open));
const [empty, week] = databases as [Database, Database];

interface Database {
  readonly pool: Pool;
  readonly store: ConversationStore;
  readonly times: number[];
}

/** A database with a few conversations, through which windows are read. */
async function open(name: string): Promise<Database> {
  await queryOnce(postgres.url, `CREATE DATABASE ${name}`);
  const pool = new Pool({ connectionString: withDatabase(postgres.url, name), max: CALLERS });
  const store = new ConversationStore({ sql: pgClient(pool) });
  for (let talk = 0; talk < MEASURED; talk++) {
    const said = Array.from({ length: IN_EACH }, (_, number) => new HumanMessage(`Message ${number} of ${talk}`));
    await store.history({ ownerId: "bench", sessionId: `${talk}` }).addMessages(said);
  }
  await store.drain();
  return { pool, store, times: [] };
}

async function fill({ pool }: Database): Promise<void> {
  const keys = Array.from({ length: CONVERSATIONS }, (_, talk) => conversationKey({ ownerId: "week", sessionId: `${talk + 1}` }));
  await pool.query(CONVERSATION_ROWS, [keys, keys.map(() => ownerKey("week"))]);
  for (let from = 1; from <= IN_EACH; from += 20) {
    await pool.query(MESSAGE_ROWS, [from, from + 19]);
    await pool.query(WORD_ROWS, [from, from + 19]);
  }
}

async function measure({ store, times }: Database, reads: number): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      for (let call = next++; call < reads; call = next++) {
        const before = performance.now();
        await store.history({ ownerId: "bench", sessionId: `${call % MEASURED}`, window: 20 }).getMessages();
        times.push(performance.now() - before);
      }
    }),
  );
}

/** Milliseconds that so many of a hundred reads stay below. */
function percentile({ times }: Database, percent: number): number {
  return times.toSorted((a, b) => a - b)[Math.floor((percent / 100) * (times.length - 1))] ?? Number.NaN;
}

try {
  const startedAt = performance.now();
  await fill(week);
  const seconds = (performance.now() - startedAt) / 1_000;
  for (const { pool } of databases) await pool.query("VACUUM ANALYZE");
  await week.pool.query("CHECKPOINT");
  for (const database of databases) await measure(database, READS / ROUNDS);
  for (const { times } of databases) times.length = 0;
  // In turn, so that whatever else the machine does falls on both.
  for (let round = 0; round < ROUNDS; round++) {
    for (const database of databases) await measure(database, READS / ROUNDS);
  }
  console.log(provenance());
  console.log(`\n| newest 20 of ${IN_EACH} messages, ${CALLERS} callers | messages in the database | p50 ms | p95 ms |`);
  console.log("| --- | --- | --- | --- |");
  for (const [name, database] of [
    ["empty", empty],
    [`a week, made in ${seconds.toFixed(0)} s`, week],
  ] as const) {
    const { rows } = await database.pool.query<{ count: string }>("SELECT count(*) FROM strata_messages");
    const [p50, p95] = [percentile(database, 50).toFixed(2), percentile(database, 95).toFixed(2)];
    console.log(`| ${name} | ${Number(rows[0]?.count).toLocaleString("en")} | ${p50} | ${p95} |`);
  }
  const ratio = percentile(week, 95) / percentile(empty, 95);
  console.log(`\np95 ${ratio.toFixed(2)} times as long; at most 1.5 is promised.`);
} finally {
  for (const { store, pool } of databases) {
    await store.close();
    await pool.end();
  }
  await postgres.stop();
}
