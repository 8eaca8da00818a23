/** What is popular changes so often in a trace, so that a policy that never lets go of the first favourites shows. */
const PHASES = 4;

/** Requests for keys of which few are asked often: that of rank r with a probability proportional to 1/r. */
export function changingZipf(length: number, keys: number, random: () => number): string[] {
  const cumulative: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= keys; rank++) {
    sum += 1 / rank;
    cumulative.push(sum);
  }
  return Array.from({ length }, (_, at) => {
    const point = random() * sum;
    let low = 0;
    for (let high = keys - 1; low < high;) {
      const middle = (low + high) >> 1;
      if (cumulative[middle]! < point) low = middle + 1;
      else high = middle;
    }
    const phase = Math.floor((at * PHASES) / length);
    return `key-${(low + phase * Math.floor(keys / PHASES)) % keys}`;
  });
}

/** Hits of a cache that evicts at random. */
export function randomHits(trace: readonly string[], capacity: number, random: () => number): number {
  const places: string[] = [];
  const resident = new Set<string>();
  let hits = 0;
  for (const key of trace) {
    if (resident.has(key)) {
      hits++;
      continue;
    }
    resident.add(key);
    const place = places.length < capacity ? places.length : Math.floor(random() * capacity);
    const victim = places[place];
    if (victim !== undefined) resident.delete(victim);
    places[place] = key;
  }
  return hits;
}

/** The same numbers in [0, 1) for the same seed: mulberry32 (Tommy Ettinger, public domain). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
