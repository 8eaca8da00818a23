/** Streams of requests whose nature changes: what a setting that was right in the morning meets in the evening. */

export interface Workload {
  readonly name: string;
  /** One number a request; equal numbers are equal questions. */
  readonly ids: Int32Array;
  /** Whether it is made to change. */
  readonly changes: boolean;
}

/** Mulberry32 (T. Ettinger, public domain): the same numbers on every machine. */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws ranks 0 to `keys - 1`, the r-th with a weight of 1 / (r + 1)^skew. */
export function zipf(keys: number, skew: number, random: () => number): () => number {
  const sums = new Float64Array(keys);
  let sum = 0;
  for (let rank = 0; rank < keys; rank++) sums[rank] = sum += (rank + 1) ** -skew;
  return () => {
    const drawn = random() * sum;
    let [low, high] = [0, keys - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < drawn) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

type Phase = (at: number) => number;

/** Popular questions, of `keys`; `from` keeps the keys of phases apart. */
export function popular(keys: number, skew: number, from: number, random: () => number): Phase {
  const draw = zipf(keys, skew, random);
  // Ranks are spread over the numbers, so that neighbours in rank are none in number.
  return () => from + ((draw() * 7_919) % keys);
}

/** The same questions in the same order, again and again, as a batch job asks them. */
export function loop(keys: number, from: number): Phase {
  return (at) => from + (at % keys);
}

/** Questions that are popular for a while: the window of what is asked moves on. */
export function drift(window: number, every: number, from: number, random: () => number): Phase {
  return (at) => from + Math.floor(at / every) + Math.floor(window * random() ** 2);
}

/** Phases one after the other, each so many requests long. */
export function inTurn(name: string, phases: readonly (readonly [Phase, number])[]): Workload {
  const ids = new Int32Array(phases.reduce((sum, [, length]) => sum + length, 0));
  let place = 0;
  for (const [phase, length] of phases) for (let at = 0; at < length; at++) ids[place++] = phase(at);
  return { name, ids, changes: phases.length > 1 };
}

/** Workloads for a cache of about `entries`. */
export function changingWorkloads(entries: number, length: number): Workload[] {
  const random = seeded(7);
  const third = Math.floor(length / 3);
  const far = 1_000_000;
  return [
    inTurn("popular, then a loop, then drift", [
      [popular(8 * entries, 0.9, 0, random), third],
      [loop(Math.floor(1.5 * entries), far), third],
      [drift(2 * entries, 4, 2 * far, random), third],
    ]),
    inTurn("drift, then a loop, then popular", [
      [drift(2 * entries, 4, 2 * far, random), third],
      [loop(Math.floor(1.5 * entries), far), third],
      [popular(8 * entries, 0.9, 0, random), third],
    ]),
    inTurn("popular, other questions from the middle on", [
      [popular(8 * entries, 1, 0, random), Math.floor(length / 2)],
      [popular(8 * entries, 0.7, far, random), Math.floor(length / 2)],
    ]),
    inTurn("popular, nothing changes", [[popular(8 * entries, 0.9, 0, random), length]]),
  ];
}
