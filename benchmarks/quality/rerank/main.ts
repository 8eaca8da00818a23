/**
 * Reranking, measured: `npm run bench:quality:rerank`, with STRATA_BENCH_DATA naming a folder with rerank/.
 *
 *     npx tsx benchmarks/quality/rerank/main.ts [recorded|pairs|latency|local] [queries of each set, default 100] [sets]
 */
import { provenance } from "../../harness.ts";
import { dataFolder } from "./data.ts";
import { latencyTable, localTables } from "./local.ts";
import { pairTable } from "./pairs.ts";
import { recordedTables } from "./recorded.ts";

const folder = dataFolder();
const [part = "all", queries = "100", ...sets] = process.argv.slice(2);
if (folder === undefined) {
  console.log("No collections: STRATA_BENCH_DATA must name a folder with rerank/{scifact,faquad-pt,stackfaq,trec-dl19}.");
} else {
  console.log(`${provenance()}\n`);
  if (part === "all" || part === "recorded") await recordedTables(folder);
  if (part === "all" || part === "pairs") await pairTable(folder);
  if (part === "all" || part === "latency") await latencyTable(folder);
  if (part === "all" || part === "local") await localTables(folder, Number(queries), sets);
}
