/**
 * Windows and contexts of 1,000 conversations read through `ConversationStore`, as many of them at once as 32 callers hold, each call a
 * whole `getMessages()` of the newest 20 of 200 messages: messages decoded, tool calls kept together. Once from PostgreSQL alone, once
 * with Redis before it. Last, what `context()` saves of a conversation of 1,000 messages.
 *
 * `npm run bench:history-window`. PostgreSQL runs as it ships, Redis with its append-only file synced every second.
 */
import { setTimeout as pause } from "node:timers/promises";
import { AIMessage, HumanMessage, type BaseMessage } from "@langchain/core/messages";
import { ConversationStore, estimateTokens } from "langchain-strata";
import { pgClient } from "langchain-strata/postgres";
import { Pool } from "pg";
import { startPostgres, startRedis } from "../../test/support/servers/routes.ts";
import { seededRandom } from "../../test/support/seeded-random.ts";
import { provenance } from "../harness.ts";

const CONVERSATIONS = 1_000;
const MESSAGES = 200;
const WINDOW = 20;
const CALLERS = 32;
const READS = 20_000;
const WORDS = "the market opened higher today because rates fell and o portfólio foi ajustado depois da reunião".split(" ");
const random = seededRandom(1);

function sentence(): string {
  return Array.from({ length: 40 }, () => WORDS[Math.floor(random() * WORDS.length)]).join(" ");
}

function turns(count: number): BaseMessage[] {
  return Array.from({ length: count }, (_, index) =>
    index % 2 === 0 ? new HumanMessage(sentence()) : new AIMessage(sentence()),
  );
}

/** `calls` times `work`, by so many callers that each waits for the answer before it asks again. */
async function load(calls: number, callers: number, work: (call: number) => Promise<unknown>): Promise<string> {
  const times: number[] = [];
  let next = 0;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let call = next++; call < calls; call = next++) {
        const before = performance.now();
        await work(call);
        times.push(performance.now() - before);
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1_000;
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN).toFixed(2);
  return `${Math.round(calls / seconds).toLocaleString("en")} | ${at(0.5)} | ${at(0.95)} | ${at(0.99)}`;
}

const [redis, postgres] = await Promise.all([
  startRedis({ args: ["--appendonly", "yes", "--appendfsync", "everysec"] }),
  startPostgres({ durability: "shipped" }),
]);
const pool = new Pool({ connectionString: postgres.url, max: 16 });
const sql = pgClient(pool);
const stores = {
  "PostgreSQL alone": new ConversationStore({ sql }),
  "Redis before it": new ConversationStore({ sql, redis: redis.url }),
};
try {
  const filler = stores["PostgreSQL alone"];
  await load(CONVERSATIONS, 8, (talk) => filler.history({ ownerId: "bench", sessionId: `${talk}` }).addMessages(turns(MESSAGES)));
  console.log(provenance());
  console.log(`\n| ${CONVERSATIONS} conversations, ${CALLERS} callers | reads/s | p50 ms | p95 ms | p99 ms |`);
  console.log("| --- | --- | --- | --- | --- |");
  for (const [name, store] of Object.entries(stores)) {
    const historyOf = (call: number) => store.history({ ownerId: "bench", sessionId: `${call % CONVERSATIONS}`, window: WINDOW });
    // A window is made half a second after Redis is asked for it first.
    for (const wait of [0, 600]) {
      await pause(wait);
      await load(CONVERSATIONS, CALLERS, (call) => historyOf(call).getMessages());
    }
    console.log(
      `| \`getMessages()\`, newest ${WINDOW}, ${name} | ${await load(READS, CALLERS, (call) => historyOf(call).getMessages())} |`,
    );
    console.log(`| the same, 4 callers | ${await load(READS, 4, (call) => historyOf(call).getMessages())} |`);
    console.log(`| \`context()\`, ${name}, 4 callers | ${await load(READS / 4, 4, (call) => historyOf(call).context())} |`);
  }

  const summarizer = {
    invoke: async () =>
      new AIMessage(
        turns(7)
          .map(({ text }) => text)
          .join(" "),
      ),
  };
  const long = stores["PostgreSQL alone"].history({ ownerId: "bench", sessionId: "long", window: 10, summarizer });
  const said = turns(1_000);
  await long.addMessages(said);
  await stores["PostgreSQL alone"].drain();
  const tokens = (messages: readonly BaseMessage[]): number =>
    messages.reduce((sum, message) => sum + estimateTokens(message), 0);
  const [whole, context] = [tokens(said), tokens(await long.context())];
  console.log(
    `\ncontext() of 1,000 messages: ${context} of ${whole} tokens, ${((1 - context / whole) * 100).toFixed(1)} % fewer`,
  );
} finally {
  await Promise.all(Object.values(stores).map((store) => store.close()));
  await pool.end();
  await Promise.all([redis.stop(), postgres.stop()]);
}
