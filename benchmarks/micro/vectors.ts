/**
 * Vector indexes: time for a search, recall against plain arithmetic, memory, adding, loading from disk. The flat index holds 100,000
 * vectors; Redis and PostgreSQL are measured beside it at 10,000, on the servers at TEST_REDIS_URL and TEST_DATABASE_URL when these are set
 * (`npm run servers` starts both).
 */
import { flatIndex, type VectorIndex } from "langchain-strata";
import { pgClient, pgvectorIndex } from "langchain-strata/postgres";
import { redisVectorSetIndex } from "langchain-strata/redis";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { seededRandom } from "../../test/support/seeded-random.ts";
import { provenance, summarize } from "../harness.ts";

const QUERIES = 300;
const K = 5;
const BATCH = 500;
const CENTRES = 500;
const random = seededRandom(11);

/** A vector of length 1 in a direction that none is preferred to. */
function anyDirection(dimensions: number): Float32Array {
  const raw = Float32Array.from(
    { length: dimensions },
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
  const length = Math.hypot(...raw);
  return raw.map((x) => x / length);
}

type Draw = (dimensions: number) => Float32Array;

/** Random directions are the hardest case: the nearest are hardly nearer than the rest. Texts lie in clusters. */
function clusters(dimensions: number): Draw {
  const centres = Array.from({ length: CENTRES }, () => anyDirection(dimensions));
  return () => {
    const centre = centres[Math.floor(random() * CENTRES)] as Float32Array;
    const noise = anyDirection(dimensions);
    return centre.map((x, each) => x + 0.7 * (noise[each] as number));
  };
}

function truth(all: readonly Float32Array[], query: Float32Array): Set<string> {
  const scored = all.map((vector, each) => {
    let dot = 0;
    let length = 0;
    for (let index = 0; index < vector.length; index++) {
      dot += (vector[index] as number) * (query[index] as number);
      length += (vector[index] as number) ** 2;
    }
    return { id: `v${each}`, similarity: dot / Math.sqrt(length) };
  });
  return new Set(
    scored
      .toSorted((a, b) => b.similarity - a.similarity)
      .slice(0, K)
      .map(({ id }) => id),
  );
}

async function fill(index: VectorIndex, all: readonly Float32Array[]): Promise<number> {
  const start = performance.now();
  for (let from = 0; from < all.length; from += BATCH) {
    await index.add(
      "p",
      all.slice(from, from + BATCH).map((vector, each) => ({ id: `v${from + each}`, vector })),
    );
  }
  return (all.length / (performance.now() - start)) * 1_000;
}

async function measure(index: VectorIndex, all: readonly Float32Array[], draw: Draw, dimensions: number): Promise<string> {
  const queries = Array.from({ length: QUERIES }, () => draw(dimensions));
  const micros: number[] = [];
  let found = 0;
  const checked = 40;
  for (const [each, query] of queries.entries()) {
    const start = performance.now();
    const matches = await index.search("p", query, { k: K });
    micros.push((performance.now() - start) * 1_000);
    if (each >= checked) continue;
    const wanted = truth(all, query);
    found += matches.filter(({ id }) => wanted.has(id)).length;
  }
  const { p50, p99 } = summarize(index.name, micros.slice(10));
  return `${(p50 / 1_000).toFixed(2)} | ${(p99 / 1_000).toFixed(2)} | ${(found / (checked * K)).toFixed(3)}`;
}

console.log(`${provenance()}\ncommand: npm run bench:vectors\n`);
console.log("| index | vectors | set | search p50 ms | p99 ms | recall@5 | added a second | memory | loaded from disk |");
console.log("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
const root = mkdtempSync(join(tmpdir(), "strata-bench-vectors-"));
for (const dimensions of [384, 256]) {
  for (const [set, draw] of [["random", anyDirection] as const, ["clusters", clusters(dimensions)] as const]) {
    const all = Array.from({ length: 100_000 }, () => draw(dimensions));
    const memory = flatIndex();
    const rate = await fill(memory, all);
    const used = ((await memory.stats()).bytes ?? 0) / 2 ** 20;
    const row = await measure(memory, all, draw, dimensions);
    console.log(`| flat | 100,000 x ${dimensions} | ${set} | ${row} | ${rate.toFixed(0)} | ${used.toFixed(0)} MiB | |`);
    await memory.close();
    if (set === "clusters") continue;
    const path = join(root, `${dimensions}`);
    const disk = flatIndex({ path });
    const diskRate = await fill(disk, all);
    await disk.close();
    const start = performance.now();
    const again = flatIndex({ path });
    await again.stats();
    const loaded = performance.now() - start;
    const diskRow = await measure(again, all, draw, dimensions);
    console.log(
      `| flat, with a folder | 100,000 x ${dimensions} | ${set} | ${diskRow} | ${diskRate.toFixed(0)} | | ${loaded.toFixed(0)} ms |`,
    );
    await again.close();
  }
}
rmSync(root, { recursive: true });

const all = Array.from({ length: 10_000 }, () => anyDirection(384));
const flat = flatIndex();
console.log(`| flat | 10,000 x 384 | random | ${await fillAndMeasure(flat)} | | |`);
const { TEST_REDIS_URL: redisUrl, TEST_DATABASE_URL: databaseUrl } = process.env;
if (redisUrl === undefined || databaseUrl === undefined) {
  console.log("\nRedis and PostgreSQL were not measured: set TEST_REDIS_URL and TEST_DATABASE_URL (npm run servers).");
} else {
  const redis = { client: redisUrl, prefix: `strata-bench:${process.pid}` };
  const graph = redisVectorSetIndex(redis);
  console.log(`| redis-vector-set, by its graph | 10,000 x 384 | random | ${await fillAndMeasure(graph)} | | |`);
  const exact = redisVectorSetIndex({ ...redis, exactUpTo: 20_000 });
  console.log(`| redis-vector-set, exactly | 10,000 x 384 | random | ${await measure(exact, all, anyDirection, 384)} | | | |`);
  await exact.remove({ partition: "p" });
  await Promise.all([graph.close(), exact.close()]);
  const pool = new Pool({ connectionString: databaseUrl });
  const sql = pgClient(pool);
  const table = `strata_bench_${process.pid}`;
  console.log(`| pgvector | 10,000 x 384 | random | ${await fillAndMeasure(pgvectorIndex({ sql, table }))} | | |`);
  await sql.query(`DROP TABLE ${table}`);
  await pool.end();
}

async function fillAndMeasure(index: VectorIndex): Promise<string> {
  const rate = await fill(index, all);
  return `${await measure(index, all, anyDirection, 384)} | ${rate.toFixed(0)}`;
}
