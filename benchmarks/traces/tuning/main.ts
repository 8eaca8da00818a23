/**
 * What auto-tuning gains and loses: the settings as they are given, the same with tuning, and the best fixed ones in hindsight, on recorded
 * traces (`STRATA_BENCH_DATA`, left out where it is not set) and on workloads that change. Real caches, a manual clock.
 *
 *     STRATA_BENCH_DATA=… npm run bench:tuning [-- --requests 120000] [--only "Two tiers"] [--verbose]
 *
 * Exits with 1 when tuning loses more than it promises, or gains nothing where the workload changes.
 */
import { parseArgs } from "node:util";
import { provenance } from "../../harness.ts";
import { readTrace, traceNames } from "../trace-files.ts";
import { judge, printTable, type Row } from "./report.ts";
import { evictionRow, sizeRow } from "./rows.ts";
import { compressionRow } from "./packing.ts";
import { ttlRow } from "./lives.ts";
import { changingWorkloads, type Workload } from "./workloads.ts";

const { values: asked } = parseArgs({
  options: {
    requests: { type: "string", default: "120000" },
    verbose: { type: "boolean", default: false },
    only: { type: "string" },
  },
});
const ENTRIES = 1_000;
const requests = Number(asked.requests);
const data = process.env["STRATA_BENCH_DATA"];
const changing = changingWorkloads(ENTRIES, requests);
const traces = readTraces();

const rows: Row[] = [];
async function section(title: string, makers: Iterable<() => Promise<Row>>): Promise<void> {
  if (asked.only !== undefined && !title.includes(asked.only)) return;
  const own: Row[] = [];
  for (const make of makers) {
    const row = await make();
    own.push(row);
    if (asked.verbose)
      for (const { action, reason, at } of row.decisions) console.error(`  ${row.name}: ${at} ${action}: ${reason}`);
  }
  rows.push(...own);
  printTable(title, own);
}

console.log(`Hit rates in per cent. ${provenance()}\ncommand: npm run bench:tuning\n`);
await section(
  "Eviction, begun with the default",
  [...changing, ...traces].map((load) => () => evictionRow(load, roomFor(load), "adaptive")),
);
await section(
  "Eviction, begun with `lru`",
  [...changing, ...traces].map((load) => () => evictionRow(load, roomFor(load), "lru")),
);
await section(
  "Two tiers, one budget: sizes, eviction, movement",
  [...changing, ...traces].map((load) => () => sizeRow(load, roomFor(load))),
);
await section("Lives, between 1 and 12 minutes", [() => ttlRow(requests)]);
await section("Compression of a disk tier, values of 2 KB", [() => compressionRow(requests / 4)]);

if (rows.length === 0) throw new Error(`--only ${asked.only} is the title of no table.`);
for (const { promise, kept } of judge(rows)) {
  console.log(`${kept ? "kept" : "BROKEN"}: ${promise}`);
  if (!kept) process.exitCode = 1;
}

/** A tenth of the keys of a trace; the workloads are made for a room. */
function roomFor({ ids, name }: Workload): number {
  if (changing.some((load) => load.name === name)) return ENTRIES;
  return Math.max(64, Math.round(new Set(ids).size / 10));
}

function readTraces(): Workload[] {
  const names = traceNames(data);
  if (data === undefined || names === undefined) {
    console.error(
      "No traces: STRATA_BENCH_DATA names no folder with traces/*.i32. Only workloads that are made here are measured.",
    );
    return [];
  }
  return names.map((name) => {
    const { ids } = readTrace(data, name);
    return { name, ids: ids.length > 2 * requests ? ids.slice(0, 2 * requests) : ids, changes: false };
  });
}
