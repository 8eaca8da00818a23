/**
 * The start of the embedded default, as an application has it: a new process that imports the built package, calls
 * `createStrata()`, and asks what another process has asked before. What it has loaded by then is looked at, too.
 *
 * Ends with exit code 1 when a promise is not kept.
 */
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startDeepSeekStandIn } from "langchain-strata/testing/deepseek-stand-in";
import { provenance } from "../harness.ts";

const ROUNDS = 5;
const PROMISED = { readyMs: 2_000, answerMs: 5_000 } as const;
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MEBIBYTE = 2 ** 20;

/** What a process that only started tells of itself. */
interface Started {
  readonly importMs: number;
  /** From the begin of the import until `createStrata()` resolved. */
  readonly readyMs: number;
  /** From there until the answer, which a former process left on disk. */
  readonly answerMs: number;
  readonly cached: boolean;
  readonly rssReady: number;
  readonly rssAnswered: number;
  /** Where that is watched: which of the engines, clients and models had been loaded by the time the system was ready, and at the end. */
  readonly heavy: readonly string[];
  readonly heavyInTheEnd: readonly string[];
}

/** What `createStrata()` must not load. The last two are loaded by what the program does afterwards, which shows that it is seen. */
const HEAVY = ["onnxruntime-node", "@electric-sql/pglite", "node_modules/pg/", "ioredis", "@langchain/deepseek", "table.i8"];
const LOADED_LATER = ["@langchain/deepseek", "table.i8"];

/** Runs in the loader's own thread, and notes every module that is resolved; which takes its time, so that start is not timed. */
const HOOKS = `
  import { appendFileSync } from "node:fs";
  let log;
  export const initialize = (path) => void (log = path);
  export const resolve = async (specifier, context, next) => {
    const resolved = await next(specifier, context);
    appendFileSync(log, " " + resolved.url);
    return resolved;
  };`;

const PROGRAM = `
  import fs from "node:fs";
  import { register, syncBuiltinESMExports } from "node:module";
  const [folder, url, names, hooks] = process.argv.slice(1);
  const log = folder + "-" + process.pid;
  fs.writeFileSync(log, "");
  if (hooks !== undefined) {
    const { readFile } = fs.promises;
    fs.promises.readFile = (path, ...rest) => (fs.appendFileSync(log, " " + path), readFile(path, ...rest));
    syncBuiltinESMExports();
    register("data:text/javascript," + encodeURIComponent(hooks), { data: log });
  }
  const loaded = () => names.split(" ").filter((name) => fs.readFileSync(log, "utf8").includes(name));

  const t0 = performance.now();
  const { createStrata } = await import("langchain-strata");
  const t1 = performance.now();
  const model = { provider: "deepseek", model: "deepseek-reasoner", apiKey: "none", baseURL: url };
  const strata = await createStrata({ data: folder, model });
  const t2 = performance.now();
  const rssReady = process.memoryUsage.rss();
  const heavy = loaded();
  const t3 = performance.now();
  const { cached } = await strata.chat("What is an order block?");
  const t4 = performance.now();
  const rssAnswered = process.memoryUsage.rss();
  await strata.embeddings.embedQuery("what is heavy");
  const heavyInTheEnd = loaded();
  await strata.close();
  fs.rmSync(log);
  const times = { importMs: t1 - t0, readyMs: t2 - t0, answerMs: t4 - t3 };
  process.stdout.write(JSON.stringify({ ...times, cached, rssReady, rssAnswered, heavy, heavyInTheEnd }));
`;

const folder = mkdtempSync(join(tmpdir(), "strata-start-"));
const standIn = await startDeepSeekStandIn({ delay: 0 });
const start = (...hooks: string[]): Promise<Started> =>
  new Promise((resolve, reject) => {
    const args = ["--input-type=module", "-e", PROGRAM, folder, standIn.url, HEAVY.join(" "), ...hooks];
    execFile("node", args, { cwd: ROOT }, (error, stdout) => {
      if (error !== null) reject(new Error(error.message));
      else resolve(JSON.parse(stdout) as Started);
    });
  });

const watched = await start(HOOKS);
const calls = standIn.calls.length;
const started: Started[] = [];
for (let round = 0; round < ROUNDS; round++) started.push(await start());
const callsAfter = standIn.calls.length;
await standIn.close();
rmSync(folder, { recursive: true, force: true });

const median = (of: (one: Started) => number): number =>
  started.map(of).toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? Number.NaN;
const worst = (of: (one: Started) => number): number => Math.max(...started.map(of));
console.log(`${provenance()}\ncommand: npm run bench:start\n`);
console.log(
  `${ROUNDS} new processes, after one that asked the model (${calls} call of the API, ${callsAfter - calls} more after it)\n`,
);
console.log("| | median | worst |");
console.log("| --- | --- | --- |");
const row = (name: string, of: (one: Started) => number, digits = 0): void =>
  console.log(`| ${name} | ${median(of).toFixed(digits)} | ${worst(of).toFixed(digits)} |`);
row("import of the package, ms", ({ importMs }) => importMs);
row("ready (import and createStrata()), ms", ({ readyMs }) => readyMs);
row("first cached answer after that, ms", ({ answerMs }) => answerMs);
row("RSS when ready, MiB", ({ rssReady }) => rssReady / MEBIBYTE);
row("RSS after the answer, MiB", ({ rssAnswered }) => rssAnswered / MEBIBYTE);

const nodeAlone = Number(execFileSync("node", ["-p", "process.memoryUsage.rss()"], { encoding: "utf8" })) / MEBIBYTE;
console.log(`| RSS of Node alone, MiB | ${nodeAlone.toFixed(0)} | |\n`);
const kept = {
  [`ready in < ${PROMISED.readyMs} ms`]: worst(({ readyMs }) => readyMs) < PROMISED.readyMs,
  [`first cached answer in < ${PROMISED.answerMs} ms, cold`]:
    worst(({ readyMs, answerMs }) => readyMs + answerMs) < PROMISED.answerMs,
  "the answer came from the disk, and no model was asked":
    !watched.cached && started.every(({ cached }) => cached) && callsAfter === calls,
  "no client, engine or model was loaded by the start": watched.heavy.length === 0,
  "what was used later was seen to be loaded": watched.heavyInTheEnd.join() === LOADED_LATER.join(),
};
for (const [promise, isKept] of Object.entries(kept)) console.log(`${isKept ? "kept  " : "BROKEN"} ${promise}`);
if (!Object.values(kept).every(Boolean)) process.exitCode = 1;
