/** How long a server takes to answer the smallest question. */
import { formatMs } from "../table.ts";
import { ok, warn, type Finding } from "./finding.ts";

/** An odd number, so that the median is one of them. */
const TRIES = 5;
/** A model takes seconds; a lookup of 20 ms is still worth it, though a server in the same network answers in under 1 ms. */
const SLOW_MS = 20;

/** @param ask is called a few times, one after the other */
export async function checkLatency(name: string, ask: () => Promise<unknown>): Promise<Finding> {
  const times: number[] = [];
  for (let count = 0; count < TRIES; count++) {
    const start = performance.now();
    await ask();
    times.push(performance.now() - start);
  }
  const median = times.toSorted((a, b) => a - b)[(TRIES - 1) / 2] ?? 0;
  const detail = `${formatMs(median)}, the median of ${TRIES}`;
  if (median <= SLOW_MS) return ok(name, detail);
  return warn(name, detail, "every lookup waits that long: move the server nearer, or see what keeps it busy");
}
