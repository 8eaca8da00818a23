/**
 * Four processes behind one Redis: a mix of hits and misses at full speed, then one prompt asked in all four at once.
 *
 * Each process has memory above Redis, as a server has; 70 % of its requests ask for what is asked often, 30 % for what is new. The
 * model is a stand-in inside the process that takes 5 ms, so that the figure is the cache's and not a provider's.
 */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { startRedis } from "../../test/support/servers/routes.ts";
import { provenance, summarize } from "../harness.ts";
import type { Task, WorkDone } from "./worker.ts";

const PROCESSES = 4;
const SECONDS = 8;

const redis = await startRedis({});
const workers = Array.from({ length: PROCESSES }, () => fork(fileURLToPath(new URL("./worker.ts", import.meta.url))));

function give(worker: ChildProcess, task: Task): Promise<WorkDone> {
  return new Promise((resolve, reject) => {
    worker.once("message", (done) => resolve(done as WorkDone));
    worker.once("exit", (code) => reject(new Error(`A worker ended with code ${code}.`)));
    worker.send(task);
  });
}

console.log(`${provenance()}\ncommand: npm run bench:load\n`);
try {
  await Promise.all(workers.map((worker) => give(worker, { kind: "open", url: redis.url })));
  await Promise.all(workers.map((worker, seed) => give(worker, { kind: "mix", seconds: 2, seed })));
  const mixes = await Promise.all(
    workers.map((worker, seed) => give(worker, { kind: "mix", seconds: SECONDS, seed: seed + 100 })),
  );
  const requests = mixes.reduce((sum, { micros }) => sum + micros.length, 0);
  const calls = mixes.reduce((sum, mix) => sum + mix.calls, 0);
  const errors = mixes.reduce((sum, mix) => sum + mix.errors, 0);
  const hits = summarize(
    "hits",
    mixes.flatMap(({ hitMicros }) => hitMicros),
  );
  const all = summarize(
    "all",
    mixes.flatMap(({ micros }) => micros),
  );
  console.log("| processes | requests/s | hits | p50 | p99 | p99 of hits | errors |");
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  const share = (((requests - calls) / requests) * 100).toFixed(1);
  const ms = (micros: number): string => `${(micros / 1000).toFixed(2)} ms`;
  console.log(
    `| ${PROCESSES} | ${Math.round(requests / SECONDS)} | ${share} % | ${ms(all.p50)} | ${ms(all.p99)} | ${ms(hits.p99)} | ${errors} |`,
  );
  const once = await Promise.all(
    workers.map((worker) => give(worker, { kind: "same", prompt: `the same ${Date.now()}`, times: 50 })),
  );
  const shared = once.reduce((sum, done) => sum + done.calls, 0);
  console.log(
    `\nOne prompt asked 50 times in each of ${PROCESSES} processes at once: ${shared} model call${shared === 1 ? "" : "s"}.`,
  );
} finally {
  for (const worker of workers) worker.kill();
  await redis.stop();
}
