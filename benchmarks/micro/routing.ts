/**
 * What choosing a strategy costs by itself: the time that a query may name, the certain rules, the trained model. The queries are the
 * labelled ones that the model is trained and tested with.
 */
import { findTimeExpression } from "../../src/memory/time/time-expression.ts";
import { recallRouter } from "../../src/memory/routers/recall-router.ts";
import { trainedRouter } from "../../src/memory/routers/trained-router.ts";
import { patterns } from "../../training/router/labelled-queries.ts";
import { prose, provenance, summarize, table, type Timing } from "../harness.ts";

const TIMES = 5;

const route = recallRouter({ model: trainedRouter(), random: () => 0.5, exploration: 0.02 });
const now = Date.UTC(2026, 4, 20, 12);

function chosen(query: string): void {
  const time = findTimeExpression(query, { now, zone: "America/Sao_Paulo" });
  route({ query, time: time?.text, hasSession: true, standing: () => 1 });
}

function timed(name: string, queries: readonly string[]): Timing {
  for (const query of queries) chosen(query);
  const micros: number[] = [];
  for (let time = 0; time < TIMES; time++) {
    for (const query of queries) {
      const start = performance.now();
      chosen(query);
      micros.push((performance.now() - start) * 1_000);
    }
  }
  return summarize(name, micros);
}

console.log(`${provenance()}\ncommand: npm run bench:routing\n`);
const english = timed(
  "English",
  patterns("en").flatMap(({ queries }) => queries),
);
const portuguese = timed(
  "Portuguese",
  patterns("pt").flatMap(({ queries }) => queries),
);
const page = timed(
  "a pasted page, 4 kB",
  Array.from({ length: 100 }, (_, at) => prose(4_000, `${at}`)),
);
const longest = timed(
  "the longest that is read, 32 kB",
  Array.from({ length: 20 }, (_, at) => prose(32_768, `${at}`)),
);
console.log(table("Choosing a strategy", [english, portuguese, page, longest], "English"));
