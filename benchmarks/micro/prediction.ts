/**
 * What warming popular questions before their answers run out gains, on a workload whose popular questions change: `npm run
 * bench:prediction`. Time is simulated, so that eight hours take seconds; nothing else is.
 *
 * 20,000 questions over eight hours; at each moment their popularity follows Zipf's law with exponent 1.0 over 1,000 questions, and
 * every 20 minutes each question moves up or down by up to 50 ranks (a fixed seed). Answers live for 30 minutes.
 */
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { keepWarm, manualClock, memoryTier, PopularQuestions, TieredCache, type WarmReport } from "../../src/index.ts";
import { seededRandom } from "../../test/support/seeded-random.ts";
import { provenance } from "../harness.ts";

const QUESTIONS = 1_000;
const REQUESTS = Number(process.env["STRATA_BENCH_REQUESTS"] ?? 20_000);
const HOURS = 8;
const DRIFT_MS = 20 * 60_000;
const DRIFT_RANKS = 50;
const TTL_MS = 30 * 60_000;
const BUDGETS = [0, 5, 20, 50];

interface Outcome {
  readonly hitRate: number;
  readonly waits: number;
  readonly warmed: number;
}

/** The questions in the order of their popularity, moved about as time goes. */
function drifting(random: () => number): (now: number) => readonly number[] {
  let order = Array.from({ length: QUESTIONS }, (_, index) => index);
  let driftedAt = 0;
  return (now) => {
    for (; driftedAt + DRIFT_MS <= now; driftedAt += DRIFT_MS) {
      const moved = order.map((question, rank) => ({ question, rank: rank + (2 * random() - 1) * DRIFT_RANKS }));
      order = moved.toSorted((a, b) => a.rank - b.rank).map(({ question }) => question);
    }
    return order;
  };
}

function zipf(random: () => number): () => number {
  const sums: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= QUESTIONS; rank++) sums.push((sum += 1 / rank));
  return () => {
    const at = random() * sum;
    let [low, high] = [0, QUESTIONS - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

async function run(budget: number): Promise<Outcome> {
  const random = seededRandom(7);
  const clock = manualClock();
  const cache = new TieredCache({ tiers: [memoryTier()], clock, ttl: TTL_MS, storePrompts: true, modelId: "bench", random });
  const popular = new PopularQuestions({ cache, ttl: TTL_MS, clock });
  const responses = ["an answer"];
  const asked = new FakeListChatModel({ responses, cache, callbacks: [popular.callback()] });
  const behind = new FakeListChatModel({ responses, cache });
  let warmed = 0;
  const onRound = ({ filled }: WarmReport): void => void (warmed += filled);
  const warming =
    budget === 0
      ? undefined
      : keepWarm({ cache, popular, model: behind, budget, ahead: "5m", every: "1m", minWeight: 1, onRound, clock });
  const orderAt = drifting(seededRandom(11));
  const rank = zipf(seededRandom(13));
  const pause = (HOURS * 3_600_000) / REQUESTS;
  for (let request = 0; request < REQUESTS; request++) {
    await clock.advance(pause);
    await asked.invoke(`question ${orderAt(request * pause)[rank()]}`);
  }
  await warming?.close();
  const { hits, misses } = cache.stats();
  await cache.close();
  // Warming never looks: it refreshes, so hits and misses are people's alone.
  return { hitRate: hits / (hits + misses), waits: misses, warmed };
}

console.log(`### A drifting workload: ${REQUESTS} questions over ${HOURS} h, answers live for ${TTL_MS / 60_000} min\n`);
console.log(`${provenance()}; \`npm run bench:prediction\`\n`);
console.log(
  "| questions warmed a minute, at most | people's hit rate | gain | people who waited | of those without | model calls in all |",
);
console.log("| --- | --- | --- | --- | --- | --- |");
let base: Outcome | undefined;
for (const budget of BUDGETS) {
  const outcome = await run(budget);
  base ??= outcome;
  const gain = ((outcome.hitRate - base.hitRate) * 100).toFixed(1);
  const share = ((outcome.waits / base.waits) * 100).toFixed(0);
  const { hitRate, waits, warmed } = outcome;
  console.log(
    `| ${budget === 0 ? "none" : budget} | ${(hitRate * 100).toFixed(1)} % | ${budget === 0 ? "" : `+${gain} points`} | ${waits} | ${share} % | ${waits + warmed} |`,
  );
}
