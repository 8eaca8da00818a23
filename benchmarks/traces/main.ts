/**
 * Hit rates of the eviction policies on recorded traces, every entry of size 1, at capacities that are shares of the distinct keys.
 *
 *     STRATA_BENCH_DATA=… npx tsx benchmarks/traces/main.ts [--json] [--policy a,b] [--trace text] [--capacity 1,5,10,25]
 *
 * Exits with 1 when the default policy does not keep what it promises.
 */
import { parseArgs } from "node:util";
import { provenance } from "../harness.ts";
import { CONTENDERS, type Contender } from "./contenders.ts";
import { judge, pointsTable, summarize, summaryTable, type Point } from "./report.ts";
import { readTrace, traceNames, type Trace } from "./trace-files.ts";

const { values: asked } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    policy: { type: "string" },
    trace: { type: "string" },
    capacity: { type: "string", default: "1,5,10,25" },
  },
});

const data = process.env["STRATA_BENCH_DATA"];
const names = traceNames(data);
if (data === undefined || names === undefined) {
  console.error(
    `No traces: STRATA_BENCH_DATA is ${data === undefined ? "not set" : `"${data}"`}, and must name a folder with traces/*.i32 ` +
      "(little-endian 32-bit integers, one a request). Nothing was measured.",
  );
} else {
  measure(data, names);
}

function measure(folder: string, all: readonly string[]): void {
  const contenders = chooseContenders(asked.policy);
  const chosen = all.filter((name) => asked.trace === undefined || name.includes(asked.trace));
  if (chosen.length === 0) throw new Error(`--trace ${asked.trace} matches none of: ${all.join(", ")}.`);
  const percents = asked.capacity.split(",").map(Number);
  if (!percents.every((percent) => percent > 0))
    throw new Error(`--capacity ${asked.capacity} is not a list of numbers above 0.`);

  const points: Point[] = [];
  for (const [index, name] of chosen.entries()) {
    const trace = readTrace(folder, name);
    console.error(`${index + 1}/${chosen.length} ${name}: ${trace.ids.length} requests, ${trace.distinct} keys`);
    for (const percent of percents) points.push(measurePoint(contenders, trace, percent));
  }

  const summaries = summarize(contenders, points);
  const verdicts = judge(summaries);
  if (asked.json) {
    console.log(
      JSON.stringify({ provenance: provenance(), policies: contenders.map(({ name }) => name), points, summaries, verdicts }),
    );
  } else {
    console.log(`Hit rates in per cent. ${provenance()}\n\n${pointsTable(contenders, points)}\n\n${summaryTable(summaries)}\n`);
    for (const { promise, kept } of verdicts) console.log(`${kept ? "kept" : "BROKEN"}: ${promise}`);
  }
  if (verdicts.some(({ kept }) => !kept)) process.exitCode = 1;
}

/** Those asked for, and `lru`, with which all are compared. */
function chooseContenders(list: string | undefined): readonly Contender[] {
  if (list === undefined) return CONTENDERS;
  const wanted = ["lru", ...list.split(",")];
  const unknown = wanted.filter((name) => !CONTENDERS.some((contender) => contender.name === name));
  if (unknown.length > 0) {
    throw new Error(`--policy ${unknown.join(",")} is none of: ${CONTENDERS.map(({ name }) => name).join(", ")}.`);
  }
  return CONTENDERS.filter(({ name }) => wanted.includes(name));
}

function measurePoint(contenders: readonly Contender[], trace: Trace, percent: number): Point {
  const capacity = Math.max(1, Math.floor((trace.distinct * percent) / 100));
  const hitRates: number[] = [];
  const nanoseconds: number[] = [];
  for (const contender of contenders) {
    const start = process.hrtime.bigint();
    const hits = contender.hits(trace, capacity);
    nanoseconds.push(Number(process.hrtime.bigint() - start));
    hitRates.push((hits / trace.ids.length) * 100);
  }
  return { trace: trace.name, percent, capacity, requests: trace.ids.length, hitRates, nanoseconds };
}
