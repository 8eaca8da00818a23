/** A cache that follows its traffic: advice first, then steps within a budget, on trial; and the way back. */
import { manualClock, memoryTier, TieredCache } from "langchain-strata";

// Time is moved by hand, so that an hour of traffic takes a second. A service leaves `clock` out.
const clock = manualClock();
const tier = memoryTier({ maxBytes: "256kb", eviction: "lru" });
const cache = new TieredCache({
  tiers: [tier],
  clock,
  tuning: { mode: "advise", every: "1m" },
  observer: (event) => {
    if (event.type === "tuning.decision") console.log(`${event.action}: ${event.from} -> ${event.to}`);
  },
});

/** A batch job that asks the same 300 questions in the same order; a cache with `lru` has room for 200 and hits none. */
async function run(requests: number): Promise<string> {
  let hits = 0;
  for (let at = 0; at < requests; at++) {
    const key = `question ${at % 300}`;
    if ((await cache.get(key)) === undefined) await cache.set(key, "an answer ".repeat(20));
    else hits++;
    if (at % 100 === 99) await clock.advance(3_000);
  }
  return `${Math.round((100 * hits) / requests)} % hits with ${tier.stats().eviction}`;
}

console.log(`advice only: ${await run(12_000)}`);

await cache.configure({ autoTune: "apply" });
console.log(`while it is applied: ${await run(18_000)}`);
console.log(`afterwards: ${await run(6_000)}`);
console.log(cache.tuning.decisions().find(({ action }) => action === "step")?.reason);

cache.tuning.revert();
console.log(`as given: ${tier.stats().eviction}, mode ${cache.tuning.mode}`);
await cache.close();
