import { createHash } from "node:crypto";
import type { EvictionName } from "../../src/cache/eviction.ts";
import { createEviction, EVICTION_NAMES } from "../../src/cache/evictions/create-eviction.ts";
import { optimalHits } from "../../src/testing/eviction-contract/optimum.ts";
import { replay } from "../../src/testing/eviction-contract/replay.ts";
import type { Simulate } from "./simulation.ts";
import { arc } from "./simulations/arc.ts";
import { fifo } from "./simulations/fifo.ts";
import { plainLfu } from "./simulations/lfu.ts";
import { sieve } from "./simulations/sieve.ts";
import { wTinyLfu } from "./simulations/w-tiny-lfu.ts";
import type { Trace } from "./trace-files.ts";

/** Something that hits or misses on a trace. */
export interface Contender {
  readonly name: string;
  /** `"package"`: offered by the package, by this name. `"comparison"`: only here. `"bound"`: knows the future. */
  readonly kind: "package" | "comparison" | "bound";
  hits(trace: Trace, capacity: number): number;
  /** Nanoseconds of a hit among {@link HIT_KEYS} resident keys. */
  hitTime?(): number;
}

const SIMULATIONS: Record<string, Simulate> = { FIFO: fifo, LFU: plainLfu, SIEVE: sieve, ARC: arc, "W-TinyLFU": wTinyLfu };

export const CONTENDERS: readonly Contender[] = [
  ...EVICTION_NAMES.map((name): Contender => ({
    name,
    kind: "package",
    hits: (trace, capacity) => replay(createEviction(name), trace.keys, { capacity }),
    hitTime: () => measureHits(name),
  })),
  ...Object.entries(SIMULATIONS).map(([name, simulate]): Contender => ({
    name,
    kind: "comparison",
    hits: (trace, capacity) => simulatedHits(simulate, trace, capacity),
  })),
  { name: "optimum", kind: "bound", hits: (trace, capacity) => optimalHits(trace.keys, capacity) },
];

function simulatedHits(simulate: Simulate, trace: Trace, capacity: number): number {
  const simulation = simulate(capacity, trace.distinct);
  let hits = 0;
  for (const id of trace.ids) if (simulation.request(id)) hits++;
  return hits;
}

const HIT_KEYS = 10_000;
const HITS = 1_000_000;
const ROUNDS = 5;
/** A prime above the number of keys: the keys are asked in an order that no prefetch of the processor guesses. */
const STRIDE = 7_919_111;

function measureHits(name: EvictionName): number {
  const policy = createEviction(name);
  policy.resize(HIT_KEYS);
  const keys = Array.from({ length: HIT_KEYS }, (_, index) => createHash("sha256").update(String(index)).digest("hex"));
  for (const key of keys) policy.admit(key, 1, 1);
  const asked = Array.from({ length: HITS }, (_, index) => keys[(index * STRIDE) % HIT_KEYS]!);
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (const key of asked) policy.hit(key);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / HITS);
  }
  return best;
}
