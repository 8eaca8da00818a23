/**
 * Ids of messages are made by the caller, before the first attempt to store them: an append whose reply was lost can then be
 * repeated, and is stored once.
 *
 * They are ULIDs (https://github.com/ulid/spec): 48 bits of time, 80 of chance, and texts that sort by time. Those of one maker
 * sort in the order in which they were made, also within a millisecond and when the clock is set back.
 */
import { monotonicFactory } from "ulid";
import type { Clock } from "../core/clock.ts";

/** Makes a maker of ids. @param random from 0 to 1, as `Math.random` */
export function messageIds(clock: Pick<Clock, "now">, random: () => number): () => string {
  const make = monotonicFactory(random);
  return () => make(clock.now());
}
