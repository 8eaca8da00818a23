/**
 * The trials of `history-killed.test.ts` in number: `npx tsx test/fault/history-trials.ts [--trials 1000] [--seed 1]
 * [--durability redis|postgres]
 * [--victims postgres,redis]`. Half an hour for a thousand on two cores.
 */
import { parseArgs } from "node:util";
import { runTrials, type Victim } from "../support/history-trials.ts";

const { values } = parseArgs({
  options: {
    trials: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    durability: { type: "string", default: "redis" },
    victims: { type: "string" },
  },
});
const durability = values.durability === "postgres" ? "postgres" : "redis";
const usual: readonly Victim[] = [
  "application",
  "writer",
  "redis",
  "postgres",
  ...(durability === "postgres" ? ["flush" as const] : []),
];
const victims = (values.victims?.split(",") as Victim[] | undefined) ?? usual;
const begin = performance.now();
const report = await runTrials({
  trials: Number(values.trials),
  seed: Number(values.seed),
  durability,
  victims,
  onTrial: (done) => {
    if (done % 50 === 0) console.log(`${done} trials after ${Math.round((performance.now() - begin) / 1_000)} s`);
  },
});
console.log(JSON.stringify(report, undefined, 2));
const { lost, duplicated, reordered, foreign, renumbered, divided } = report;
process.exit(lost + duplicated + reordered + foreign + renumbered + divided === 0 ? 0 : 1);
