import { createMetrics, memoryTier, TieredCache } from "../../src/index.ts";
import { withExactHits } from "../../src/core/exact-hits.ts";
import { Histogram } from "../../src/core/histogram.ts";
import { Savings } from "../../src/observability/savings.ts";
import { Prices, DEFAULT_PRICES } from "../../src/observability/prices.ts";
import { fresh, prose } from "../harness.ts";
import { answer, LLM_KEY } from "./sample-answers.ts";
const which = process.argv[2];
const ROUNDS = Number(process.argv[3] ?? 900),
  ENTRIES = 200,
  CALLS = 200;
const h = new Histogram(),
  sv = new Savings(new Prices(DEFAULT_PRICES));
let n = 0;
const metrics = createMetrics();
const observers: Record<string, any> = {
  none: undefined,
  event: () => undefined,
  noop: withExactHits(
    () => undefined,
    () => undefined,
  ),
  count: withExactHits(
    () => undefined,
    () => {
      n++;
    },
  ),
  hist: withExactHits(
    () => undefined,
    (_t, _c, ms) => h.record(ms),
  ),
  sav: withExactHits(
    () => undefined,
    (_t, _c, _ms, savedMs, saved) => {
      if (saved) sv.add(savedMs, saved);
    },
  ),
  touch: withExactHits(
    () => undefined,
    (_t, _c, _ms, _s, saved) => {
      if (saved) n += saved.tokens;
    },
  ),
  metrics: metrics.observer,
};
const tier = memoryTier();
const caches = [undefined, undefined, observers[which]].map((own) => new TieredCache({ tiers: [tier], observer: own }));
const writer = new TieredCache({ tiers: [tier] });
const prompts = Array.from({ length: ENTRIES }, (_, i) => prose(2048, `prompt ${i}`));
for (const [i, p] of prompts.entries()) await writer.update(p, LLM_KEY, answer(i));
const ORDERS = [0, 1, 2].flatMap((f) => [1, 2].map((s) => [f, (f + s) % 3, (f + 2 * s) % 3]));
const r: number[] = [],
  c: number[] = [],
  pl: number[] = [];
for (let round = -100; round < ROUNDS; round++) {
  const ns = [0, 0, 0];
  for (const w of ORDERS[(round + 102) % 6]!) {
    const asked = Array.from({ length: CALLS }, (_, i) => fresh(prompts[i % ENTRIES]!));
    const s = process.cpuUsage();
    for (const p of asked) await caches[w]!.lookup(p, LLM_KEY);
    const { user, system } = process.cpuUsage(s);
    ns[w] = ((user + system) * 1000) / CALLS;
  }
  if (round < 0) continue;
  pl.push((ns[0]! + ns[1]!) / 2);
  r.push((2 * ns[2]!) / (ns[0]! + ns[1]!) - 1);
  c.push(ns[1]! / ns[0]! - 1);
}
const med = (x: number[]) => x.toSorted((a, b) => a - b)[x.length >> 1]!;
console.log(which.padEnd(8), med(pl).toFixed(0), (100 * med(r)).toFixed(2), "noise", (100 * med(c)).toFixed(2));
process.exit(0);
