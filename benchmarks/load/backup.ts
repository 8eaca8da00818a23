/**
 * Backup and restore at size, under write traffic: entries of a disk tier and messages in PostgreSQL, while others write to both.
 * Then into an empty disk tier and an empty database: every answer is compared byte for byte, every message that was acknowledged
 * before the backup began is looked for.
 *
 *   npm run bench:backup                     1,000,000 entries and 1,000,000 messages
 *   npm run bench:backup -- --entries 5000 --messages 5000
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Pool } from "pg";
import { backup, diskTier, historyPart, postgresLog, restore, tierPart, verifyBackup, type CacheTier } from "../../src/index.ts";
import { pgClient } from "../../src/postgres.ts";
import { seal } from "../../src/core/envelope.ts";
import { digest } from "../../src/core/key.ts";
import { GLOBAL_SCOPE } from "../../src/core/scope.ts";
import { systemClock } from "../../src/core/clock.ts";
import { startPostgres } from "../../test/support/servers/routes.ts";
import { queryOnce } from "../../test/support/servers/probes.ts";
import { withDatabase } from "../../test/support/servers/shared-servers.ts";
import { prose, provenance } from "../harness.ts";

const { values } = parseArgs({ options: { entries: { type: "string" }, messages: { type: "string" } } });
const ENTRIES = Number(values.entries ?? 1_000_000);
const MESSAGES = Number(values.messages ?? 1_000_000);
const ANSWER_BYTES = 1_000;
const MESSAGE_BYTES = 300;
const MB = 1024 ** 2;

const root = mkdtempSync(join(tmpdir(), "strata-bench-backup-"));
const server = await startPostgres();
const key = randomBytes(32);

/** A thousand answers that differ, so that compression has something to do, and not too little. */
const TEXTS = Array.from({ length: 1_000 }, (_, index) => prose(ANSWER_BYTES, `${index} ${randomBytes(300).toString("base64")}`));

function entry(name: string): Parameters<CacheTier["set"]>[0][number] {
  const keyOf = digest("bench", name);
  const payload = Buffer.from(`${name} ${TEXTS[Number(name.replace(/\D/g, "")) % TEXTS.length]}`);
  const head = {
    key: keyOf,
    scope: GLOBAL_SCOPE,
    payload,
    tags: [],
    expiresAt: undefined,
    cost: 1_000,
    createdAt: Date.now(),
    codec: 0,
  };
  return { key: keyOf, value: seal({ ...head, rawLength: payload.byteLength }), scope: GLOBAL_SCOPE, cost: 1_000 };
}

function openDisk(name: string): CacheTier {
  const tier = diskTier({ path: join(root, name), maxBytes: "64gb" });
  tier.attach?.({
    clock: systemClock,
    random: Math.random,
    evicted: () => undefined,
    fault: (_what, error) => console.error(error),
  });
  return tier;
}

async function database(name: string): Promise<Pool> {
  await queryOnce(server.url, `CREATE DATABASE ${name}`);
  return new Pool({ connectionString: withDatabase(server.url, name), max: 6 });
}

/** The heap and what hangs on it; not the file of LMDB, which is mapped, and which the system takes back when it needs the room. */
function heldNow(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The most memory that the process held at a time, looked at ten times a second. */
function watchMemory(): () => number {
  let most = 0;
  const timer = setInterval(() => (most = Math.max(most, heldNow())), 100);
  return () => {
    clearInterval(timer);
    return most;
  };
}

interface Timed<T> {
  readonly result: T;
  readonly seconds: number;
  /** Of this process, all threads. */
  readonly cpuSeconds: number;
  readonly grown: number;
}

async function timed<T>(work: () => Promise<T>): Promise<Timed<T>> {
  globalThis.gc?.();
  const before = heldNow();
  const cpu = process.cpuUsage();
  const peak = watchMemory();
  const start = performance.now();
  const result = await work();
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - start) / 1_000;
  return { result, seconds, cpuSeconds: (user + system) / 1e6, grown: Math.max(0, peak() - before) };
}

try {
  console.log(`Filling ${ENTRIES} entries and ${MESSAGES} messages …`);
  const disk = openDisk("from");
  for (let from = 0; from < ENTRIES; from += 1_000) {
    await disk.set(Array.from({ length: Math.min(1_000, ENTRIES - from) }, (_, index) => entry(`e${from + index}`)));
  }
  const pool = await database("bench_from");
  const sql = pgClient(pool);
  const log = postgresLog({ sql });
  await log.read({ ownerId: "o", sessionId: "s" });
  await sql.query(
    `INSERT INTO strata_conversations (key, owner_key, owner_id, session_id, last_seq, created_at, updated_at)
     SELECT 'k' || n, 'o' || n % 1000, 'owner ' || n % 1000, 's' || n, 100, now(), now() FROM generate_series(1, $1::bigint) n`,
    [Math.ceil(MESSAGES / 100)],
  );
  await sql.query(
    `INSERT INTO strata_messages (conversation_id, seq, id, role, created_at, text, payload)
     SELECT 1 + n / 100, 1 + n % 100, 'm' || n, 'human', now(), t, json_build_object('data', json_build_object('content', t))::text
     FROM generate_series(0, $1::bigint - 1) n, LATERAL (SELECT substr($2, 1 + (n * 37 % 2000)::int, $3::int) AS t) x`,
    [MESSAGES, prose(3_000, "message"), MESSAGE_BYTES],
  );

  let running = true;
  let [writtenEntries, writtenMessages] = [0, 0];
  const traffic = [
    (async () => {
      for (; running; writtenEntries++) {
        await disk.set([entry(`traffic${writtenEntries}`)]);
        await new Promise((go) => setTimeout(go, 5));
      }
    })(),
    (async () => {
      for (; running; writtenMessages++) {
        const text = "written meanwhile";
        const message = { id: `t${writtenMessages}`, role: "human", createdAt: Date.now(), text, payload: JSON.stringify(text) };
        await log.append({ ownerId: "traffic", sessionId: String(writtenMessages % 50) }, [message]);
        await new Promise((go) => setTimeout(go, 5));
      }
    })(),
  ];
  const to = join(root, "bench.backup");
  const written = await timed(() => backup({ to, parts: [tierPart(disk), historyPart({ sql })], key }));
  running = false;
  await Promise.all(traffic);
  const bytes = written.result.parts.reduce((sum, part) => sum + part.bytes, 0);

  const verified = await timed(() => verifyBackup({ from: to, key }));
  const target = openDisk("to");
  const targetPool = await database("bench_to");
  const targetSql = pgClient(targetPool);
  const restored = await timed(() => restore({ from: to, parts: [tierPart(target), historyPart({ sql: targetSql })], key }));

  let [missing, different] = [0, 0];
  for (let from = 0; from < ENTRIES; from += 1_000) {
    const keys = Array.from({ length: Math.min(1_000, ENTRIES - from) }, (_, index) => digest("bench", `e${from + index}`));
    const [had, has] = [await disk.get(keys), await target.get(keys)];
    for (const [index, old] of had.entries()) {
      const copy = has[index];
      if (copy === undefined || old === undefined) missing++;
      else if (Buffer.compare(Buffer.from(old.value), Buffer.from(copy.value)) !== 0) different++;
    }
  }
  const fingerprint = `SELECT count(*)::int AS n, coalesce(sum(hashtextextended(concat_ws('|', c.key, m.seq, m.id, m.role, m.created_at, m.text, m.payload), 0)), 0)::text AS sum
    FROM strata_messages m JOIN strata_conversations c ON c.id = m.conversation_id WHERE c.owner_id <> 'traffic'`;
  const [had, has] = [(await pool.query(fingerprint)).rows[0], (await targetPool.query(fingerprint)).rows[0]] as [
    { n: number; sum: string },
    { n: number; sum: string },
  ];

  const row = (what: string, { seconds, cpuSeconds, grown }: Timed<unknown>): string =>
    `| ${what} | ${seconds.toFixed(1)} | ${cpuSeconds.toFixed(1)} | ${(bytes / MB / seconds).toFixed(0)} | ${(grown / MB).toFixed(0)} |`;
  console.log(`\n### Backup of ${ENTRIES} entries and ${MESSAGES} messages, under writes\n\n${provenance()}\n`);
  console.log(`${(bytes / MB).toFixed(0)} MB of records, ${(statSync(to).size / MB).toFixed(0)} MB in the file, signed;`);
  console.log(`meanwhile ${writtenEntries} entries and ${writtenMessages} messages were written.\n`);
  console.log("| | s | CPU s | MB/s | memory grew by, MB |\n| --- | --- | --- | --- | --- |");
  console.log([row("backup", written), row("verify", verified), row("restore, verified first", restored)].join("\n"));
  console.log(
    `\nEntries missing: ${missing}; different: ${different}. Messages: ${had.n} and ${has.n}, ${had.sum === has.sum ? "equal" : "DIFFERENT"}.`,
  );
  const isWhole = missing === 0 && different === 0 && had.n === MESSAGES && had.sum === has.sum;
  if (!isWhole) process.exitCode = 1;
  await log.close();
  await Promise.all([disk.close(), target.close(), pool.end(), targetPool.end()]);
} finally {
  await server.stop();
  rmSync(root, { recursive: true, force: true });
}
